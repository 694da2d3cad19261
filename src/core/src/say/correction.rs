//! What is said where an answer was given whose entry says something else by now.

use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::{Block, Origin, RichText, Run};
use townkeeper_knowledge::language::detect;
use townkeeper_knowledge::{Entry, Translation};

use super::{canonical_in, notice};

/// The entry as it holds now, in the place of an older wording. `None`: nothing holds now.
pub fn correction(now: Option<&Entry>) -> Reply {
    correction_in(now, None)
}

/// The same in one of the entry's languages.
pub fn correction_in(now: Option<&Entry>, lang: Option<&str>) -> Reply {
    let Some(entry) = now else {
        return notice(
            "Correction: the answer that I gave here no longer holds, and there is no new one yet. Please do not act on \
             it, and ask me again later.",
        );
    };
    let mut reply = canonical_in(entry, lang);
    let mut body = RichText::default();
    body.push(marked("Correction: an earlier answer of mine no longer holds. This holds now:"));
    body.extend(std::mem::take(&mut reply.body));
    Reply { body, ..reply }
}

/// The same where one can still see the older words, which lead nowhere any more.
pub fn replaced(old: &Reply, now: Option<&Entry>) -> Reply {
    let mut reply = correction_in(now, now.map(|entry| language_of(old, entry)));
    reply.body.push(marked("Before, I said:"));
    reply.body.push(struck(&old.body.to_plain()));
    reply
}

/// Whether these are the entry's own words, as they hold now.
pub fn is_current(said: &Reply, entry: &Entry) -> bool {
    let cited = said.citation.as_ref().map(|citation| &citation.revision);
    cited == Some(&entry.revision) || said.kind == ReplyKind::Canonical && has_words_of(said, entry)
}

/// Whether an answer is in words that the entry still has, in any of its languages; or in its first, below a line of ours.
pub fn has_words_of(said: &Reply, entry: &Entry) -> bool {
    let others = entry.translations.iter().map(|block| &block.body);
    let ours = |block: &Block| block.runs.iter().all(|run| run.origin == Origin::System);
    let below = said.body.blocks.split_first().filter(|(line, _)| ours(line)).map(|(_, blocks)| blocks);
    std::iter::once(&entry.body).chain(others).any(|body| *body == said.body) || below == Some(&entry.body.blocks)
}

/// The language in which an answer from this entry was given, as a tag of one of its blocks: by its title, else by its words.
pub fn language_of<'e>(said: &Reply, entry: &'e Entry) -> &'e str {
    let title = said.citation.as_ref().map(|citation| citation.title.as_str());
    let titled = |block: &&Translation| Some(block.title.as_str()) == title;
    let block = entry.translations.iter().find(titled).map(|block| block.lang.as_str());
    let told = || entry.said_in(detect(&said.body.to_plain())?).map(|said| said.lang);
    let first = (title == Some(entry.title.as_str())).then_some(entry.lang.as_str());
    first.or(block).or_else(told).unwrap_or(&entry.lang)
}

fn marked(text: &str) -> Block {
    Block::paragraph(vec![Run::plain(text, Origin::System).bold()])
}

fn struck(text: &str) -> Block {
    let mut run = Run::plain(text.replace('\n', " "), Origin::Data);
    run.style.strike = true;
    Block::paragraph(vec![run])
}

#[cfg(test)]
mod tests {
    use townkeeper_knowledge::parse;

    use super::*;

    const ENTRY: &str = "---\nid: owl\ntitle: What is the owl?\nclass: routine\nowner: o\nreviewed_by: r\n\
        reviewed_at: 2026-11-01\nreview_by: 2027-01-01\nstatus: published\ncanonical_url: https://lumen.example.org/owl\n\
        variants:\n  - the owl\n  - what owl\n  - owl what\n---\nIt flies.\n\nAt night.\n\n--- lang: de\ntitle: Was ist \
        die Eule?\nreviewed_by: r\nreviewed_at: 2026-11-20\nreview_by: 2027-01-01\nvariants:\n  - die eule\n  - welche \
        eule\n  - eule was\n---\nSie fliegt.\n";

    #[test]
    fn a_correction_is_in_the_language_of_the_answer_and_none_is_needed_where_its_words_are_the_same() {
        let old = parse("owl.md", ENTRY).unwrap();
        let reviewed = parse("owl.md", &ENTRY.replace("owner: o", "owner: p")).unwrap();
        let shorter = parse("owl.md", &ENTRY.replace("It flies.\n\n", "")).unwrap();
        for (lang, of) in [("en", "en"), ("de", "de"), ("fr", "en")] {
            let said = canonical_in(&old, Some(lang));
            assert!(has_words_of(&said, &reviewed) && is_current(&said, &reviewed), "{lang}");
            assert_eq!(language_of(&said, &reviewed), of, "{lang}");
            // What was said above the words that are left is no line of ours.
            assert_eq!(has_words_of(&said, &shorter), lang == "de", "{lang}");
        }
        let german = replaced(&canonical_in(&old, Some("de")), Some(&shorter)).body.to_plain();
        assert!(german.contains("holds now:\n\nSie fliegt."), "{german}");
    }
}
