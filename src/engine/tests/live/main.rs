//! What leaves for a platform and when, under a driven clock: storms, answers that grow, drafts, edited questions.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what cannot be set up must end it")]

mod square;
mod storm;

use townkeeper_contract::inbound::Body;
use townkeeper_contract::outbound::{Act, LimitScope};
use townkeeper_contract::platform::PlatformFacts;

use square::{HARBOUR, KNOWN, SMALL_TALK, Stage, T0, Weather, facts, says, stage};

const BEGINNING: &str = "The lantern burns in the evening, ";
const MIDDLE: &str = "and the keeper walks along the river, ";
const END: &str = "and so on.";

/// An answer of the model whose beginning is shown, at `T0 + 700`.
async fn begun(facts: PlatformFacts) -> Stage {
    let stage = stage(facts).await;
    stage.asks("ada", SMALL_TALK).await;
    stage.square.until(|calls| calls.iter().any(|call| call.act == Act::Typing)).await;
    stage.muse.says(BEGINNING);
    stage.clock.set(T0 + 700);
    stage.square.until(|calls| calls.iter().any(|call| call.act != Act::Typing)).await;
    stage
}

/// The first words of an answer that came at once are shown no sooner.
#[tokio::test]
async fn nothing_is_shown_before_its_time() {
    let stage = stage(facts()).await;
    stage.asks("ada", SMALL_TALK).await;
    stage.muse.says(BEGINNING);
    stage.square.until(|calls| calls.iter().any(|call| call.act == Act::Typing)).await;
    stage.clock.set(T0 + 699);
    stage.muse.says(END);
    stage.muse.ends();
    stage.rows("sent", 1).await;
    let said = stage.square.said();
    assert_eq!((said.len(), said[0].text()), (1, format!("{BEGINNING}{END}")));
}

#[tokio::test]
async fn an_answer_throttled_in_the_middle_ends_when_it_may_and_once() {
    for retry_after_ms in [35_000, 149_000] {
        let stage = begun(facts()).await;
        stage.rows("sent", 1).await;
        stage.square.weather(Weather { storm: Some((retry_after_ms, None)), ..Weather::default() });
        stage.muse.says(MIDDLE);
        stage.clock.set(T0 + 2_000);
        stage.square.until(|calls| calls.iter().any(|call| matches!(call.act, Act::Edit { .. }))).await;
        stage.square.weather(Weather::default());
        stage.muse.says(END);
        stage.muse.ends();
        stage.rows("ready", 1).await;
        let may = T0 + 2_000 + i64::try_from(retry_after_ms).unwrap();
        stage.clock.set(may - 1);
        // Somebody else's answer is tried, and waits as well.
        stage.asks("bob", KNOWN).await;
        stage.rows("ready", 2).await;
        let before = stage.square.calls().len();
        stage.clock.set(may);
        stage.rows("sent", 3).await;
        let calls = stage.square.calls();
        assert!(calls[before..].iter().all(|call| call.at_ms == may && call.done), "{calls:?}");
        let whole = format!("{BEGINNING}{MIDDLE}{END}");
        let ends: Vec<&square::Call> = calls.iter().filter(|call| call.text() == whole).collect();
        assert_eq!(ends.len(), 1);
        assert!(matches!(&ends[0].act, Act::Edit { message, .. } if message.as_str() == "m1"), "{ends:?}");
    }
}

#[tokio::test]
async fn a_place_that_must_rest_holds_up_no_other() {
    let stage = stage(facts()).await;
    stage.square.weather(Weather { storm: Some((60_000, Some(LimitScope::Place))), ..Weather::default() });
    stage.asks("ada", KNOWN).await;
    stage.rows("ready", 1).await;
    stage.square.weather(Weather::default());
    stage.asks("bob", KNOWN).await;
    stage.rows("sent", 1).await;
    assert_eq!(stage.square.said().iter().map(|call| call.to.as_str()).collect::<Vec<_>>(), ["ada", "bob"]);
    stage.clock.set(T0 + 60_000);
    stage.rows("sent", 2).await;
}

/// A platform may say with what it did that this was the last for a while.
#[tokio::test]
async fn a_hint_is_heeded() {
    let stage = stage(facts()).await;
    let hint = townkeeper_contract::outbound::LimitHint { scope: LimitScope::Account, wait_ms: 9_000 };
    stage.square.weather(Weather { hint: Some(hint), ..Weather::default() });
    stage.asks("ada", KNOWN).await;
    stage.rows("sent", 1).await;
    stage.clock.set(T0 + 8_999);
    stage.asks("bob", KNOWN).await;
    stage.rows("ready", 1).await;
    assert_eq!(stage.square.said().len(), 1);
    stage.clock.set(T0 + 9_000);
    stage.rows("sent", 2).await;
}

#[tokio::test]
async fn a_draft_is_kept_alive_and_the_answer_is_a_message_of_its_own() {
    let stage = begun(PlatformFacts { drafts: true, ..facts() }).await;
    stage.clock.set(T0 + 700 + 20_000);
    stage.square.until(|calls| calls.iter().filter(|call| call.act != Act::Typing).count() == 2).await;
    let drafts = stage.square.said();
    assert!(matches!(drafts[0].act, Act::Draft { draft, .. } if draft != 0), "{drafts:?}");
    assert_eq!(drafts[0].act, drafts[1].act, "the same once more, before it vanishes");
    assert_eq!(
        stage.engine.store().ledger(square::W).await.unwrap().sends.len(),
        0,
        "a draft is nothing that was said"
    );
    stage.muse.says(END);
    stage.muse.ends();
    stage.rows("sent", 1).await;
    let said = stage.square.said();
    let messages: Vec<String> =
        said.iter().filter(|call| matches!(call.act, Act::Message { .. })).map(square::Call::text).collect();
    assert_eq!(messages, [format!("{BEGINNING}{END}")]);
    assert!(!said.iter().any(|call| matches!(call.act, Act::Edit { .. })));
}

/// What is seen in the end: what was said, changed, and taken down.
fn in_the_end(stage: &Stage) -> Vec<(String, Act)> {
    stage.square.said().into_iter().map(|call| (call.text(), call.act)).collect()
}

/// A request may take longer than the end of an answer waits for it.
#[tokio::test]
async fn first_words_that_land_after_the_end_are_taken_down() {
    let stage = stage(facts()).await;
    stage.asks("ada", SMALL_TALK).await;
    stage.square.until(|calls| calls.iter().any(|call| call.act == Act::Typing)).await;
    stage.square.weather(Weather { slow: true, ..Weather::default() });
    stage.muse.says(BEGINNING);
    stage.clock.set(T0 + 700);
    stage.square.under_way(1).await;
    stage.muse.says(END);
    stage.muse.ends();
    let store = stage.engine.store();
    stage.time_passes(async || store.outbox_count(square::W, "ready").await.unwrap() == 1).await;
    stage.square.weather(Weather::default());
    stage.rows("sent", 3).await;
    let seen = in_the_end(&stage);
    assert!(seen[0].0.starts_with("The lantern burns") && seen[1].0 == format!("{BEGINNING}{END}"), "{seen:?}");
    assert!(matches!(&seen[2].1, Act::Delete { message } if message.as_str() == "m1"), "{seen:?}");
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn an_edit_that_lands_after_the_end_changes_nothing_that_stays() {
    let stage = begun(facts()).await;
    stage.rows("sent", 1).await;
    stage.square.weather(Weather { slow: true, ..Weather::default() });
    stage.muse.says(MIDDLE);
    stage.clock.set(T0 + 2_000);
    stage.square.under_way(1).await;
    stage.muse.says(END);
    stage.muse.ends();
    stage.time_passes(async || stage.square.slow() == 2).await;
    stage.square.weather(Weather::default());
    stage.rows("sent", 3).await;
    let seen = in_the_end(&stage);
    let whole = format!("{BEGINNING}{MIDDLE}{END}");
    assert!(seen.iter().any(|(text, act)| *text == whole && matches!(act, Act::Message { .. })), "{seen:?}");
    let last = seen.last().unwrap();
    assert!(matches!(&last.1, Act::Delete { message } if message.as_str() == "m1"), "{seen:?}");
}

fn edited(person: &str, n: u32, text: &str) -> townkeeper_contract::inbound::Inbound {
    says(person, n, Body::Edited { text: text.to_owned() })
}

/// The texts of what people see, and whether it was a new message.
fn seen(stage: &Stage) -> Vec<(bool, String)> {
    let said = stage.square.said().into_iter();
    said.map(|call| (matches!(call.act, Act::Message { .. }), call.text().lines().next().unwrap().to_owned())).collect()
}

const NOTHING: &str = "I don't have a reviewed answer to that, and I won't guess. Shall I open a ticket for the team?";

#[tokio::test]
async fn an_edited_question_has_its_answer_replaced() {
    let stage = stage(facts()).await;
    stage.asks("ada", "is the wallet safe?").await;
    stage.rows("sent", 1).await;
    stage.clock.set(T0 + 60_000);
    stage.engine.accept(edited("ada", 2, KNOWN)).await.unwrap().unwrap();
    stage.rows("sent", 2).await;
    // And once more: it is still that message.
    stage.engine.accept(edited("ada", 3, "is the wallet really safe?")).await.unwrap().unwrap();
    stage.rows("sent", 3).await;
    let expected = [(true, NOTHING), (false, HARBOUR), (false, NOTHING)];
    assert_eq!(seen(&stage), expected.map(|(new, text)| (new, text.to_owned())));
    let said = stage.square.said();
    for edit in &said[1..] {
        assert!(matches!(&edit.act, Act::Edit { message, .. } if message.as_str() == "m1"), "{edit:?}");
    }
}

/// What may not be replaced is answered anew.
#[tokio::test]
async fn an_edit_that_comes_late_or_is_nobodys_question_is_answered_anew() {
    let stage = stage(facts()).await;
    stage.asks("ada", KNOWN).await;
    stage.rows("sent", 1).await;
    stage.engine.accept(edited("bob", 1, KNOWN)).await.unwrap().unwrap();
    stage.rows("sent", 2).await;
    stage.clock.set(T0 + 15 * 60_000 + 1);
    stage.engine.accept(edited("ada", 2, KNOWN)).await.unwrap().unwrap();
    stage.rows("sent", 3).await;
    assert!(seen(&stage).iter().all(|(new, _)| *new), "{:?}", seen(&stage));
}

#[tokio::test]
async fn an_answer_in_doubt_is_not_replaced() {
    let stage = stage(facts()).await;
    stage.square.weather(Weather { silent: true, ..Weather::default() });
    stage.asks("ada", KNOWN).await;
    stage.rows("unknown", 1).await;
    stage.square.weather(Weather::default());
    stage.engine.accept(edited("ada", 2, KNOWN)).await.unwrap().unwrap();
    stage.rows("sent", 1).await;
    assert_eq!(seen(&stage), [(true, HARBOUR.to_owned()), (true, HARBOUR.to_owned())]);
}

/// In a group an edit that does not mention us is chatter; one that does is a question.
#[tokio::test]
async fn an_edit_is_for_us_when_it_is_addressed() {
    let stage = stage(facts()).await;
    let mut chatter = edited("ada", 1, KNOWN);
    chatter.addressed = false;
    assert!(stage.engine.accept(chatter).await.unwrap().is_none());
    stage.engine.accept(edited("ada", 2, KNOWN)).await.unwrap().unwrap();
    stage.rows("sent", 1).await;
    assert_eq!(seen(&stage), [(true, HARBOUR.to_owned())]);
}
