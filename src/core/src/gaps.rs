//! What was asked and not answered, as a team may see it, and as the beginning of an entry: who asked is only counted, and
//! addresses, names and numbers are taken out of their words.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use townkeeper_contract::id::{AccountId, EntryId, PlaceId};
use townkeeper_contract::learning::{Draft, Gap, GapPlace};
use townkeeper_contract::text::{FindingKind, extract};
use townkeeper_knowledge::cluster::clusters;
use townkeeper_knowledge::parse::{MAX_ID, MAX_TITLE, MIN_VARIANTS};

use crate::memory;

/// How many gaps are shown.
const GAPS: usize = 50;

/// How many wordings of one.
const WORDINGS: usize = 12;

/// The longest wording, in characters.
const WORDING: usize = 200;

/// A number of so many digits may be somebody's.
const DIGITS: usize = 6;

/// One question that was not answered, or not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub question: String,
    pub account: String,
    pub person: String,
    /// The group or channel.
    pub place: Option<String>,
    /// The entry that answered, where that was not quite it.
    pub answered_by: Option<String>,
}

/// What people ask in vain, the most frequent first. `taken`: ids that no draft may have.
pub fn gaps(asked: &[Asked], taken: &BTreeSet<String>, today: NaiveDate) -> Vec<Gap> {
    let told: Vec<(&Asked, String)> = asked.iter().filter_map(|asked| Some((asked, tell(&asked.question)?))).collect();
    let words: Vec<&str> = told.iter().map(|(_, words)| words.as_str()).collect();
    let mut taken = taken.clone();
    let groups = clusters(&words).into_iter().take(GAPS);
    groups
        .map(|group| {
            let of: Vec<&(&Asked, String)> = group.iter().filter_map(|at| told.get(*at)).collect();
            gap(&of, &mut taken, today)
        })
        .collect()
}

fn gap(of: &[&(&Asked, String)], taken: &mut BTreeSet<String>, today: NaiveDate) -> Gap {
    let mut wordings: Vec<String> = Vec::new();
    for (_, words) in of {
        if wordings.len() < WORDINGS && !wordings.iter().any(|known| known.eq_ignore_ascii_case(words)) {
            wordings.push(words.clone());
        }
    }
    let people: BTreeSet<_> = of.iter().map(|(asked, _)| (&asked.account, &asked.person)).collect();
    let places: BTreeSet<_> = of
        .iter()
        .filter_map(|(asked, _)| {
            let place = asked.place.as_deref()?;
            Some(GapPlace { account: AccountId(asked.account.clone()), place: PlaceId::from(place) })
        })
        .collect();
    let answered_by: BTreeSet<_> = of.iter().filter_map(|(asked, _)| asked.answered_by.as_deref()).collect();
    Gap {
        questions: of.len() as u64,
        people: people.len() as u64,
        places: places.into_iter().collect(),
        answered_by: answered_by.into_iter().map(EntryId::from).collect(),
        draft: draft(&wordings, taken, today),
        wordings,
    }
}

/// Somebody's words without what may be theirs alone. `None`: nothing that could be shown is left.
pub fn tell(question: &str) -> Option<String> {
    let mut told = String::new();
    let mut end = 0;
    for finding in extract(question) {
        let personal =
            matches!(finding.kind, FindingKind::Url | FindingKind::Host | FindingKind::Address | FindingKind::Handle);
        let digits =
            question.get(finding.range.clone()).unwrap_or_default().chars().filter(char::is_ascii_digit).count();
        if (personal || digits >= DIGITS && finding.kind == FindingKind::Amount) && finding.range.start >= end {
            told.push_str(question.get(end..finding.range.start).unwrap_or_default());
            told.push('…');
            end = finding.range.end;
        }
    }
    told.push_str(question.get(end..).unwrap_or_default());
    let told = told.replace("<…>", "…");
    let words = told.split_whitespace().map(without_number);
    let told: String = words.collect::<Vec<_>>().join(" ").chars().take(WORDING).collect();
    let says = told.chars().any(char::is_alphabetic) && !told.starts_with('/');
    (says && !memory::is_seed(&told.to_lowercase())).then_some(told)
}

/// Phone numbers, platforms' numbers of people.
fn without_number(word: &str) -> &str {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits >= DIGITS { "…" } else { word }
}

/// An entry's file to begin with. `None`: it was asked in fewer ways than an entry needs.
fn draft(wordings: &[String], taken: &mut BTreeSet<String>, today: NaiveDate) -> Option<Draft> {
    let (first, variants) = wordings.split_first()?;
    if variants.len() < MIN_VARIANTS {
        return None;
    }
    let id = free(first, taken);
    let title: String = first.chars().take(MAX_TITLE).collect();
    let variants = variants.iter().fold(String::new(), |all, words| all + "  - " + &quoted(words) + "\n");
    // The strictest class until somebody decides: no model speaks of it.
    let text = format!(
        "---\nid: {id}\ntitle: {}\nclass: safety\nowner: nobody yet\nreviewed_by: nobody yet\nreviewed_at: {today}\n\
         review_by: {today}\nstatus: draft\ncanonical_url: https://example.org/replace-this\nlang: en\nvariants:\n\
         {variants}---\n\nNobody has written this answer yet.\n",
        quoted(&title)
    );
    Some(Draft { name: format!("{id}.md"), text })
}

/// A JSON string is one in YAML too.
fn quoted(words: &str) -> String {
    serde_json::Value::from(words).to_string()
}

/// An id from the words that nobody has yet.
fn free(words: &str, taken: &mut BTreeSet<String>) -> String {
    let lower = words.to_lowercase();
    let plain = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 2);
    let mut id = String::new();
    for word in plain {
        if id.len() + word.len() + 4 > MAX_ID {
            break;
        }
        if !id.is_empty() {
            id.push('-');
        }
        id.push_str(word);
    }
    if id.is_empty() {
        "question".clone_into(&mut id);
    }
    let others = (2..).map(|n| format!("{id}-{n}"));
    let free = std::iter::once(id.clone()).chain(others).find(|id| !taken.contains(id)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use townkeeper_knowledge::{Status, parse};

    use super::*;

    fn asked(person: &str, question: &str) -> Asked {
        Asked {
            question: question.to_owned(),
            account: "telegram:main".to_owned(),
            person: person.to_owned(),
            place: Some("-100".to_owned()),
            answered_by: None,
        }
    }

    #[test]
    fn what_is_somebodys_own_is_taken_out() {
        for (said, told) in [
            ("when is the listing?", Some("when is the listing?")),
            (
                "I sent it from 0x52908400098527886E0F7030069857D2E4169EE7, where is it",
                Some("I sent it from …, where is it"),
            ),
            ("write to ada@example.org or @ada please", Some("write to … or … please")),
            ("call +49 170 1234567 now", Some("call +49 170 … now")),
            ("hello <@9007199254740995> when", Some("hello … when")),
            ("is https://portal.example.org/swap ours", Some("is … ours")),
            ("ocean lantern river garden window pencil marble forest candle", None),
            ("123", None),
            ("", None),
        ] {
            assert_eq!(tell(said).as_deref(), told, "{said}");
        }
    }

    #[test]
    fn a_gap_counts_people_and_its_draft_is_an_entry() {
        let all = [
            asked("1", "will LUM be listed on Example Exchange?"),
            asked("2", "when is LUM listed on Example Exchange"),
            asked("2", "example exchange listing LUM when?"),
            asked("3", "LUM on example exchange: listing soon?"),
            asked("3", "is there a hackathon"),
        ];
        let taken = BTreeSet::from(["lum-listed-example-exchange".to_owned()]);
        let found = gaps(&all, &taken, NaiveDate::from_ymd_opt(2026, 11, 20).unwrap());
        assert_eq!((found[0].questions, found[0].people, found[0].places.len()), (4, 3, 1));
        let draft = found[0].draft.as_ref().unwrap();
        let entry = parse(&draft.name, &draft.text).unwrap_or_else(|error| panic!("{error}: {}", draft.text));
        assert_eq!((entry.status, entry.variants.len()), (Status::Draft, 3));
        assert!(!taken.contains(entry.id.as_str()) && draft.name == format!("{}.md", entry.id));
        assert_eq!(found[1].draft, None, "one wording is no entry");
    }
}
