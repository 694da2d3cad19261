//! What only a message's place tells: an edit that adds a link, a very quick answer to somebody who asks for help.

use super::evidence;
use crate::found::{Found, Host};
use crate::message::{Message, Tier};
use crate::score::Weights;
use crate::verdict::Signal;

/// People who help need longer to read the question.
const QUICK_S: u32 = 90;

/// `unknown`: hosts that nobody knows; `lures`: the text wants its reader elsewhere.
pub(crate) fn judge(
    message: &Message<'_>,
    found: &Found,
    unknown: &[&Host],
    lures: bool,
    weights: &Weights,
) -> Vec<Signal> {
    let mut signals = Vec::new();
    if message.author.tier > Tier::Member {
        return signals;
    }
    let added = |before: &str| {
        let before = before.to_ascii_lowercase();
        unknown.iter().find(|host| !before.contains(&host.name))
    };
    if let Some(host) = message.before.and_then(added) {
        signals.push(Signal {
            id: "edited_in_link",
            weight: weights.of("edited_in_link"),
            source: "rules".into(),
            evidence: evidence(message.text, host.range.clone()),
            why: "An edit put the link in after others had read the message.".to_owned(),
        });
    }
    let quick = message.reply.filter(|reply| reply.asks_help && reply.after_s <= QUICK_S);
    if let Some(reply) = quick.filter(|_| lures || !unknown.is_empty() || !found.invites.is_empty()) {
        signals.push(Signal {
            id: "quick_help",
            weight: weights.of("quick_help"),
            source: "rules".into(),
            evidence: evidence(message.text, 0..message.text.len()),
            why: format!("Answers a call for help within {} seconds and leads elsewhere.", reply.after_s),
        });
    }
    signals
}
