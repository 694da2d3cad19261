//! Judging what is finished by where each of its words came from, whatever path it came by.
//!
//! | origin | may hold |
//! |---|---|
//! | a model | what the cited entry holds, and in an answer of a model only |
//! | a person | what the base holds; other links and addresses are shown so that nobody opens them by accident |
//! | a quotation | the same, and none of its links are links, ours neither |
//! | the base, ourselves, what is recorded | anything |

use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::extract::deceives;
use townkeeper_contract::text::{Allowed, FindingKind, Origin, RichText, Run, defang, extract};
use townkeeper_knowledge::Base;

use super::facts::{Facts, Foreign, LookAlike, Stopped};

/// A reply as it may leave.
///
/// # Errors
/// It must not leave; and what of ours it nearly holds, if anything.
pub fn leaving(reply: Reply, base: &Base) -> Result<Reply, Option<LookAlike>> {
    if let Some(foreign) = foreign(&reply, base) {
        return Err(foreign.look_alike(base));
    }
    Ok(Reply { body: defanged(reply.body, base.allowed()), ..reply })
}

fn foreign(reply: &Reply, base: &Base) -> Option<Foreign> {
    let allowed = base.allowed();
    // What stands on a button is ours, or a title of the base.
    let on_buttons = reply.offers.iter().flat_map(|offer| extract(&offer.label));
    let mut strange = on_buttons.filter(|finding| leads_somewhere(finding.kind) && !allowed.holds(finding));
    if let Some(finding) = strange.next() {
        return Some(Foreign { why: Stopped::Fact(finding.kind), finding: Some(finding) });
    }
    if reply.kind != ReplyKind::Model {
        let pretends = reply.body.runs().any(|run| run.origin == Origin::Model);
        return pretends.then(|| Stopped::Disguise.into());
    }
    let cited = reply.citation.as_ref().and_then(|citation| base.get(&citation.entry));
    let facts = cited.map(Facts::of).unwrap_or_default();
    let masked = |run: &Run| run.link.as_deref().is_some_and(|link| deceives(&run.text, link));
    if reply.body.runs().any(masked) {
        return Some(Stopped::Masked.into());
    }
    let links = reply.body.runs().filter_map(|run| run.link.as_deref());
    links.chain([reply.body.to_plain().as_str()]).find_map(|text| facts.foreign("", text))
}

/// What people wrote, so that it opens nothing that is not `allowed`.
pub fn defanged(mut body: RichText, allowed: &Allowed) -> RichText {
    let nothing = Allowed::default();
    for run in body.blocks.iter_mut().flat_map(|block| &mut block.runs) {
        let allowed = match run.origin {
            Origin::Person => allowed,
            Origin::Quote => &nothing,
            Origin::Canonical(_) | Origin::System | Origin::Data | Origin::Model => continue,
        };
        run.text = defang(&run.text, allowed);
        let opens = |link: &String| extract(link).iter().all(|finding| allowed.holds(finding));
        run.link =
            run.link.take().filter(|link| opens(link) && !deceives(&run.text, link) && !extract(link).is_empty());
    }
    body
}

fn leads_somewhere(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::Url | FindingKind::Host | FindingKind::Address | FindingKind::Invite | FindingKind::Encoded
    )
}
