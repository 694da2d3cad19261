//! What is said where an answer was given whose entry says something else by now.

use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::{Block, Origin, RichText, Run};
use townkeeper_knowledge::Entry;

use super::{canonical, notice};

/// The entry as it holds now, in the place of an older wording. `None`: nothing holds now.
pub fn correction(now: Option<&Entry>) -> Reply {
    let Some(entry) = now else {
        return notice(
            "Correction: the answer that I gave here no longer holds, and there is no new one yet. Please do not act on \
             it, and ask me again later.",
        );
    };
    let mut reply = canonical(entry);
    let mut body = RichText::default();
    body.push(marked("Correction: an earlier answer of mine no longer holds. This holds now:"));
    body.extend(std::mem::take(&mut reply.body));
    Reply { body, ..reply }
}

/// The same where one can still see the older words, which lead nowhere any more.
pub fn replaced(old: &Reply, now: Option<&Entry>) -> Reply {
    let mut reply = correction(now);
    reply.body.push(marked("Before, I said:"));
    reply.body.push(struck(&old.body.to_plain()));
    reply
}

/// Whether these are the entry's own words, as they hold now.
pub fn is_current(said: &Reply, entry: &Entry) -> bool {
    let cited = said.citation.as_ref().map(|citation| &citation.revision);
    cited == Some(&entry.revision) || said.kind == ReplyKind::Canonical && said.body == entry.body
}

fn marked(text: &str) -> Block {
    Block::paragraph(vec![Run::plain(text, Origin::System).bold()])
}

fn struck(text: &str) -> Block {
    let mut run = Run::plain(text.replace('\n', " "), Origin::Data);
    run.style.strike = true;
    Block::paragraph(vec![run])
}
