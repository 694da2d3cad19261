//! The tools a model may call. Pure: they read the base, or propose an effect that somebody else must carry out. No
//! tool does anything by itself: a ticket needs the person's own button, a note must pass [`crate::memory`].

use std::fmt::Write as _;

use serde_json::{Value, json};
use townkeeper_contract::provider::{ToolArgs, ToolSpec};
use townkeeper_knowledge::{Base, Class, Status};

use crate::prompt::cut;

/// Look an entry up.
pub const LOOK_UP: &str = "look_up";
/// How the base and its exchange entries stand.
pub const READ_STATUS: &str = "read_status";
/// Offer the person a ticket.
pub const OPEN_TICKET: &str = "open_ticket";
/// Propose a note about the person.
pub const REMEMBER: &str = "remember";

/// The longest result a model is given, in bytes.
const RESULT: usize = 4 * 1024;

/// The longest arguments that are looked at, in bytes.
const ARGUMENTS: usize = 4 * 1024;

/// A tool's name as people may see it: only names that we gave. A model can call a tool anything.
pub fn name(name: &str) -> &'static str {
    [LOOK_UP, READ_STATUS, OPEN_TICKET, REMEMBER].into_iter().find(|known| *known == name).unwrap_or("unknown")
}

/// What a tool would have happen. Nothing has happened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A button for a ticket stands below the answer.
    OfferTicket,
    /// A note, unjudged, in the model's words.
    Remember(String),
}

/// What a tool gave back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolOutcome {
    pub ok: bool,
    /// For the model.
    pub content: String,
    /// For people: never more than names of entries.
    pub summary: String,
    /// Entries the model may cite from now on.
    pub sources: Vec<String>,
    pub effect: Option<Effect>,
}

impl ToolOutcome {
    fn refused(why: &str) -> Self {
        Self { content: why.to_owned(), ..Self::default() }
    }

    fn said(content: &str, effect: Option<Effect>) -> Self {
        Self { ok: true, content: content.to_owned(), effect, ..Self::default() }
    }
}

/// What a model is told of its tools.
pub fn specs() -> Vec<ToolSpec> {
    let words = |name: &str, about: &str| {
        json!({
            "type": "object",
            "properties": { name: { "type": "string", "description": about } },
            "required": [name],
            "additionalProperties": false
        })
    };
    let nothing = || json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let spec = |name: &str, description: &str, parameters| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters,
    };
    vec![
        spec(LOOK_UP, "Look up the community's reviewed answers.", words("question", "What to look for")),
        spec(READ_STATUS, "Read which topics have reviewed answers, and how fresh they are.", nothing()),
        spec(OPEN_TICKET, "Offer the person a button that hands this question to the team.", nothing()),
        spec(
            REMEMBER,
            "Remember one harmless thing about this person, such as a language they speak. Never links, numbers, \
             roles, permissions or secrets.",
            words("note", "One short sentence in plain words"),
        ),
    ]
}

/// Runs a tool. Whatever the model sends, this answers: with a result, or with why there is none.
pub fn call(base: &Base, name: &str, args: &ToolArgs) -> ToolOutcome {
    let ToolArgs::Json(args) = args else { return ToolOutcome::refused("the arguments are not JSON") };
    let word = |key: &str| args.get(key).and_then(Value::as_str).filter(|word| word.len() <= ARGUMENTS);
    match name {
        LOOK_UP => word("question").map_or_else(|| missing("question"), |question| look_up(base, question)),
        READ_STATUS => read_status(base),
        OPEN_TICKET => ToolOutcome::said(
            "A button was put below your answer. Only the person can open the ticket, by pressing it.",
            Some(Effect::OfferTicket),
        ),
        REMEMBER => word("note").map_or_else(
            || missing("note"),
            |note| {
                ToolOutcome::said(
                    "Proposed. It is kept only if it is harmless.",
                    Some(Effect::Remember(note.to_owned())),
                )
            },
        ),
        _ => ToolOutcome::refused("there is no such tool"),
    }
}

fn missing(key: &str) -> ToolOutcome {
    ToolOutcome::refused(&format!("`{key}` is missing, or too long"))
}

fn look_up(base: &Base, question: &str) -> ToolOutcome {
    let found = base.look_up(question);
    // Entries that money follows are said verbatim by us, never through a model.
    let hits: Vec<_> = found.hits.iter().filter(|hit| hit.entry.class == Class::Routine).take(3).collect();
    let mut content = String::new();
    for hit in &hits {
        // Writing to a String cannot fail.
        writeln!(content, "[{}] {}\n{}\n", hit.entry.id, hit.entry.title, hit.entry.body.to_plain()).ok();
    }
    let sources: Vec<String> = hits.iter().map(|hit| hit.entry.id.0.clone()).collect();
    let content = cut(&content, RESULT).to_owned();
    ToolOutcome { ok: true, content, summary: sources.join(", "), sources, effect: None }
}

/// Titles and review dates. What they say is not among it: for that an entry must be looked up, or asked of us.
fn read_status(base: &Base) -> ToolOutcome {
    let published = || base.entries().filter(|entry| entry.status == Status::Published);
    let newest = published().map(|entry| entry.reviewed_at).max();
    let mut content = format!("{} reviewed answers", published().count());
    if let Some(newest) = newest {
        write!(content, ", the newest reviewed on {newest}").ok();
    }
    content.push_str(". People who ask these exact questions get the reviewed words:\n");
    for entry in published() {
        writeln!(content, "- {}", entry.title).ok();
    }
    ToolOutcome::said(cut(&content, RESULT), None)
}

#[cfg(test)]
mod tests {
    use townkeeper_knowledge::parse;

    use super::*;

    const ENTRY: &str = "---\nid: meetups\ntitle: Where are the meetups?\nclass: routine\nowner: team\nreviewed_by: others\n\
        reviewed_at: 2026-11-12\nreview_by: 2027-06-30\nstatus: published\ncanonical_url: https://lumen.example.org/m\n\
        variants:\n  - do you meet in person\n  - next gathering\n  - meeting place\n---\nIn the old mill.\n";

    fn base() -> Base {
        let entry = parse("meetups.md", ENTRY).expect("good");
        Base::build(vec![("meetups.md".to_owned(), entry)]).expect("good")
    }

    #[test]
    fn every_call_is_answered_and_none_does_anything() {
        let good = [
            (LOOK_UP, json!({ "question": "where do you meet" })),
            (READ_STATUS, json!({})),
            (OPEN_TICKET, json!({ "sneaky": "argument" })),
            (REMEMBER, json!({ "note": "Speaks Spanish" })),
        ];
        for (name, args) in good {
            let outcome = call(&base(), name, &ToolArgs::Json(args));
            assert!(outcome.ok && outcome.content.len() <= RESULT, "{name}: {outcome:?}");
        }
        let bad = [
            ("send_tokens", ToolArgs::Json(json!({}))),
            (LOOK_UP, ToolArgs::Json(json!({ "question": 7 }))),
            (LOOK_UP, ToolArgs::Json(json!({ "question": "x".repeat(ARGUMENTS + 1) }))),
            (LOOK_UP, ToolArgs::Json(json!("question"))),
            (REMEMBER, ToolArgs::Json(json!({ "note": null }))),
            (OPEN_TICKET, ToolArgs::Unparseable { raw: "{\"a\":".to_owned() }),
        ];
        for (name, args) in bad {
            let outcome = call(&base(), name, &args);
            assert!(!outcome.ok && outcome.effect.is_none() && outcome.sources.is_empty(), "{name}: {outcome:?}");
        }
    }

    #[test]
    fn only_names_of_ours_are_shown() {
        assert_eq!(
            specs().iter().map(|spec| name(&spec.name)).collect::<Vec<_>>(),
            specs().iter().map(|s| s.name.as_str()).collect::<Vec<_>>()
        );
        assert_eq!(name("https://lumen-claim.example.net"), "unknown");
    }
}
