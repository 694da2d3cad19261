//! The stream contract as files: one golden JSON per variant and the JSON Schema, in `docs/stream/v1/`. A change of a
//! type that changes the wire fails here. After a deliberate one: `TOWNKEEPER_BLESS=1 cargo nextest run -p
//! townkeeper-contract`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what cannot be set up must end it")]

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use townkeeper_contract::api::{ChatBody, ErrorBody, Ready, TicketList};
use townkeeper_contract::id::{ActionId, CallId, ConversationId, EntryId, TurnId};
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::outbound::Outbound;
use townkeeper_contract::provider::ToolArgs;
use townkeeper_contract::stream::{
    CancelledBy, Channel, Citation, Envelope, ErrorClass, Event, MemoryPhase, Offer, Outcome, PartText, Reply,
    ReplyKind, ResumePoint, StreamError, Usage, UsageSource, VERSION,
};
use townkeeper_contract::text::{Block, Origin, RichText, Run};
use townkeeper_contract::verify::{Verifier, Violation};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/stream/v1"))
}

/// Compares with the checked-in file, or writes it where that was asked for.
fn golden(name: &str, value: &Value) {
    let path = folder().join(name);
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("TOWNKEEPER_BLESS").is_some() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} is missing", path.display()));
    // As values: another crate of the same build may make maps keep their order.
    let checked_in: Value = serde_json::from_str(&checked_in).unwrap();
    assert!(
        checked_in == *value,
        "{} is not what the types say; compare with TOWNKEEPER_BLESS=1 and git diff",
        path.display()
    );
}

fn envelope(seq: u64, event: Event) -> Envelope {
    Envelope { v: VERSION, turn: TurnId::from("01M80H04P5W3SE6K84A6DRW09V"), attempt: 1, seq, t_ms: 7, event }
}

fn reply() -> Reply {
    let mut body = RichText::default();
    let origin = Origin::Canonical("official-link".to_owned());
    let link =
        Run::plain("https://lumen.example.org/migrate", origin.clone()).linked("https://lumen.example.org/migrate");
    body.push(Block::paragraph(vec![Run::plain("There is one page: ", origin).bold(), link]));
    Reply {
        kind: ReplyKind::Canonical,
        body,
        citation: Some(Citation {
            entry: EntryId::from("official-link"),
            title: "What is the official link?".to_owned(),
            url: "https://lumen.example.org/migrate".to_owned(),
            revision: "0123456789ab".to_owned(),
            as_of: "2026-11-12".to_owned(),
        }),
        offers: vec![Offer {
            action: ActionId::from("ticket:01M80H04P5W3SE6K84A6DRW09V"),
            label: "Open a ticket".to_owned(),
        }],
    }
}

/// One example of every variant, in an order that the rules allow.
fn examples() -> Vec<(&'static str, Event)> {
    let call = CallId::from("01M80H04P5W3SE6K84A6DRW0CA");
    let error = StreamError {
        retry_after_ms: Some(1500),
        status: Some(429),
        ..StreamError::new(ErrorClass::RateLimited, true, "too many requests")
    };
    let usage = Usage { input: 120, output: 8, source: UsageSource::Reported, ..Usage::default() };
    let delta = |part, channel, delta: &str| Event::StreamChunk { part, channel, delta: delta.to_owned() };
    vec![
        ("turn-started", Event::TurnStarted { conversation: ConversationId::from("0MXQ3JTHKTF9MRZH5R0F36SQSJ") }),
        ("step-started", Event::StepStarted { step: 1, provider: "openai".to_owned(), model: "small".to_owned() }),
        ("stream-chunk", delta(0, Channel::Text, "Calm ")),
        (
            "tool-call-delta",
            Event::ToolCallDelta { part: 1, call: call.clone(), name: Some("look_up".to_owned()), args_delta: None },
        ),
        (
            "tool-call-ready",
            Event::ToolCallReady {
                part: 1,
                call: call.clone(),
                name: "look_up".to_owned(),
                args: Some(ToolArgs::Json(json!({"question": "meetups"}))),
            },
        ),
        ("tool-result", Event::ToolResult { call, ok: true, summary: "meetups".to_owned() }),
        (
            "memory-write",
            Event::MemoryWriteEvent {
                write: "01M80H04P5W3SE6K84A6DRW0ME".to_owned(),
                key: "language".to_owned(),
                phase: MemoryPhase::Committed,
                reason: None,
            },
        ),
        ("part-ended", Event::PartEnded { part: 0, complete: true }),
        ("usage", Event::Usage(usage)),
        (
            "snapshot",
            Event::Snapshot {
                parts: vec![PartText { part: 0, channel: Channel::Text, text: "Calm ".to_owned() }],
                open_parts: vec![],
            },
        ),
        ("turn-ended-completed", Event::TurnEnded { outcome: Outcome::Completed, reply: Some(Box::new(reply())) }),
        (
            "turn-ended-cancelled",
            Event::TurnEnded { outcome: Outcome::Cancelled { by: CancelledBy::Person }, reply: None },
        ),
        ("turn-ended-failed", Event::TurnEnded { outcome: Outcome::Failed { error }, reply: None }),
    ]
}

#[test]
fn every_variant_is_as_checked_in_and_reads_back() {
    for (seq, (name, event)) in (0..).zip(examples()) {
        let envelope = envelope(seq, event);
        let value = serde_json::to_value(&envelope).unwrap();
        golden(&format!("{name}.json"), &value);
        assert_eq!(serde_json::from_value::<Envelope>(value).unwrap(), envelope);
    }
}

#[test]
fn the_schema_is_as_checked_in_and_every_example_obeys_it() {
    let schema = serde_json::to_value(schemars::schema_for!(Envelope)).unwrap();
    golden("envelope.schema.json", &schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, event) in examples() {
        let value = serde_json::to_value(envelope(0, event)).unwrap();
        assert!(validator.is_valid(&value), "{name} breaks the schema");
    }
    let wrong = json!({"v": 1, "turn": "t", "attempt": 1, "seq": "first", "t_ms": 0, "event": {"type": "Usage"}});
    assert!(!validator.is_valid(&wrong), "the schema lets anything through");
}

#[test]
fn the_other_bodies_have_schemas_too() {
    golden("chat-body.schema.json", &serde_json::to_value(schemars::schema_for!(ChatBody)).unwrap());
    golden("error-body.schema.json", &serde_json::to_value(schemars::schema_for!(ErrorBody)).unwrap());
    golden("ready.schema.json", &serde_json::to_value(schemars::schema_for!(Ready)).unwrap());
    golden("tickets.schema.json", &serde_json::to_value(schemars::schema_for!(TicketList)).unwrap());
    golden("inbound.schema.json", &serde_json::to_value(schemars::schema_for!(Inbound)).unwrap());
    golden("outbound.schema.json", &serde_json::to_value(schemars::schema_for!(Outbound)).unwrap());
}

fn check(events: Vec<(u64, Event)>) -> Result<(), Violation> {
    let mut verifier = Verifier::new();
    for (seq, event) in events {
        verifier.check(&envelope(seq, event))?;
    }
    verifier.finish()
}

fn started() -> Event {
    Event::TurnStarted { conversation: ConversationId::from("c") }
}

fn chunk(part: u32, delta: &str) -> Event {
    Event::StreamChunk { part, channel: Channel::Text, delta: delta.to_owned() }
}

fn ended() -> Event {
    Event::TurnEnded { outcome: Outcome::Completed, reply: None }
}

fn snapshot() -> Event {
    Event::Snapshot { parts: vec![], open_parts: vec![0] }
}

#[test]
fn the_verifier_knows_good_from_bad() {
    let part_ended = || Event::PartEnded { part: 0, complete: true };
    assert_eq!(check(vec![(0, started()), (1, chunk(0, "a")), (2, part_ended()), (3, ended())]), Ok(()));
    assert_eq!(check(vec![(7, snapshot()), (8, chunk(0, "b")), (9, ended())]), Ok(()));
    assert_eq!(check(vec![(0, started()), (9, snapshot()), (10, ended())]), Ok(()));

    assert_eq!(check(vec![(0, started()), (1, chunk(0, "a"))]), Err(Violation::NoEnd));
    assert_eq!(check(vec![(0, started()), (2, ended())]), Err(Violation::Gap { seq: 2, expected: 1 }));
    assert_eq!(check(vec![(0, started()), (1, ended()), (2, ended())]), Err(Violation::AfterEnd { seq: 2 }));
    assert_eq!(check(vec![(0, started()), (1, started())]), Err(Violation::Restarted { seq: 1 }));
    assert_eq!(check(vec![(0, chunk(0, "a"))]), Err(Violation::First { seq: 0 }));
    assert_eq!(check(vec![(0, started()), (1, chunk(0, ""))]), Err(Violation::EmptyDelta { seq: 1 }));
    let late = vec![(0, started()), (1, chunk(0, "a")), (2, part_ended()), (3, chunk(0, "b"))];
    assert_eq!(check(late), Err(Violation::ClosedPart { seq: 3, part: 0 }));
    let back = vec![(0, started()), (1, chunk(0, "a")), (2, chunk(0, "b")), (1, snapshot())];
    assert_eq!(check(back), Err(Violation::Gap { seq: 1, expected: 3 }));
}

#[test]
fn a_later_attempt_replaces_an_earlier_one() {
    let mut verifier = Verifier::new();
    verifier.check(&envelope(0, started())).unwrap();
    verifier.check(&envelope(1, chunk(0, "half an ans"))).unwrap();
    let again = |seq, event| Envelope { attempt: 2, ..envelope(seq, event) };
    verifier.check(&again(5, snapshot())).unwrap();
    assert_eq!(
        verifier.check(&envelope(6, ended())),
        Err(Violation::OtherTurn { seq: 6 }),
        "the first has been replaced"
    );
    verifier.check(&again(6, ended())).unwrap();
    verifier.finish().unwrap();
}

#[test]
fn a_resume_point_reads_back_and_nonsense_does_not() {
    let envelope = envelope(12, started());
    let point = ResumePoint::parse(&envelope.resume_id()).unwrap();
    assert_eq!((point.turn, point.attempt, point.seq), (envelope.turn, 1, 12));
    for wrong in ["", ".", "a.1", "a:1", ".1:2", "a.x:1", "a.1:-1", "a.1:99999999999999999999"] {
        assert_eq!(ResumePoint::parse(wrong), None, "{wrong:?}");
    }
}
