//! Answers that are shown while they are written: one message that grows, one end, whatever happens in between.

use std::time::Duration;

use serde_json::Value;
use townkeeper_contract::access::Role;
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};
use townkeeper_fakes::telegram::{Call, Fault, SentMessage, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE};
use crate::model::SMALL_TALK;
use crate::people::with_role;

const TOKEN: &str = "123456:abcDEF";
const PERSON: i64 = 42;

/// As the Bot API words it.
const NOT_FOUND: &str = "Bad Request: message to edit not found";

/// The first words are enough to be shown; the last ones are too few to be shown before the end.
const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";

/// What the story's first pieces are, up to the point where it is shown.
const SHOWN: &str = "The lantern burns in the evening,";

/// An answer of some length, without anything that money follows.
fn tale() -> String {
    "The keeper walks along the river and lights the lanterns again. ".repeat(8).trim_end().to_owned()
}

struct Stage {
    model: ModelServer,
    telegram: TelegramServer,
    home: Home,
    daemon: Daemon,
}

async fn stage(reply: Reply) -> Stage {
    impatient_stage(reply, PATIENCE).await
}

async fn impatient_stage(reply: Reply, idle: Duration) -> Stage {
    let model = ModelServer::start(Script::always(reply)).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_impatience(&model.base_url(), idle).with_telegram(telegram.base_url(), TOKEN);
    let daemon = Daemon::start(&home).await;
    Stage { model, telegram, home, daemon }
}

/// Waits for a fact; a hang ends the test.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it does not come to this")
}

/// Waits until the only message reads like this.
async fn reads(telegram: &TelegramServer, fact: impl Fn(&str) -> bool) -> SentMessage {
    in_time(telegram.wait_message(|message| fact(&message.text))).await
}

impl Stage {
    /// Somebody asks, the model begins, and what it began with is shown.
    async fn shown(&self) -> SentMessage {
        self.telegram.push_message(PERSON, PERSON, SMALL_TALK);
        self.model.release_many(words(SHOWN).len());
        let message = reads(&self.telegram, |text| text.ends_with('…')).await;
        assert_eq!(message.text, format!("{SHOWN} …"));
        message
    }

    /// The model says the rest.
    fn finish(&self) {
        self.model.release_many(words(STORY).len());
    }

    /// Everything that was asked of Telegram so far, but to read.
    fn left(&self) -> usize {
        let calls = ["sendMessage", "sendChatAction", "editMessageText", "deleteMessage"];
        calls.iter().map(|method| self.telegram.calls(method).len()).sum()
    }

    async fn unknown(&self) -> i64 {
        self.daemon.client().ready().await.unwrap().unknown_deliveries
    }

    /// What people see: every message of the bot, oldest first.
    fn eyes(&self) -> Vec<String> {
        self.telegram.sent().into_iter().filter(|message| !message.deleted).map(|message| message.text).collect()
    }
}

fn text_of(call: &Call) -> &str {
    call.body["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_quick_answer_is_one_message() {
    let stage = stage(Reply::text(STORY)).await;
    stage.telegram.push_message(PERSON, PERSON, SMALL_TALK);
    let message = reads(&stage.telegram, |_| true).await;
    assert_eq!(message.text, STORY);
    in_time(stage.telegram.wait_calls("sendChatAction", 1)).await;
    // The next answer ends after everything of this one.
    stage.telegram.push_message(PERSON, PERSON, "when does the migration end?");
    in_time(stage.telegram.wait_sent(2)).await;
    assert_eq!((stage.telegram.calls("sendMessage").len(), stage.telegram.calls("editMessageText").len()), (2, 0));
}

#[tokio::test]
async fn a_long_answer_grows_once_a_second_and_ends_whole() {
    let (tale, gap) = (tale(), Duration::from_millis(60));
    let stage = stage(Reply::Paced { deltas: words(&tale), gap }).await;
    stage.telegram.push_message(PERSON, PERSON, SMALL_TALK);
    reads(&stage.telegram, |text| text == tale).await;
    let (sends, edits) = (stage.telegram.calls("sendMessage"), stage.telegram.calls("editMessageText"));
    assert_eq!(sends.len(), 1, "one message, and it grows");
    let (last, painted) = edits.split_last().unwrap();
    assert_eq!(text_of(last), tale);
    assert!(painted.len() >= 2, "it was hardly shown while it was written: {}", painted.len());
    let mut before = &sends[0];
    for paint in painted {
        let apart = paint.at.duration_since(before.at);
        assert!(apart >= Duration::from_secs(1), "{apart:?} after the one before");
        before = paint;
    }
    let mut length = 0;
    for paint in sends.iter().chain(painted) {
        let shown = text_of(paint).strip_suffix(" …").expect("nobody may take it for whole");
        assert!(tale.starts_with(shown) && shown.len() > length, "{shown}");
        length = shown.len();
        assert_eq!(
            (&paint.body["parse_mode"], &paint.body["link_preview_options"]["is_disabled"]),
            (&Value::Null, &Value::Bool(true))
        );
    }
}

#[tokio::test]
async fn an_answer_longer_than_a_message_ends_in_several() {
    let words: Vec<String> =
        (0..60).map(|n| format!("{} and then, ", "so it went on and on ".repeat(4 + n % 3))).collect();
    let whole = words.concat();
    let stage = stage(Reply::Paced { deltas: words, gap: Duration::from_millis(40) }).await;
    stage.telegram.push_message(PERSON, PERSON, SMALL_TALK);
    let pieces = whole.len().div_ceil(4096);
    in_time(stage.telegram.wait_sent(pieces)).await;
    reads(&stage.telegram, |text| !text.ends_with('…')).await;
    let eyes = stage.eyes();
    assert_eq!((eyes.len(), stage.telegram.calls("sendMessage").len()), (pieces, pieces));
    assert!(text_of(&stage.telegram.calls("sendMessage")[0]).ends_with('…'), "it was not shown while it was written");
    let joined = eyes.join(" ");
    assert_eq!(joined.split_whitespace().collect::<Vec<_>>(), whole.split_whitespace().collect::<Vec<_>>());
}

/// Who is told to wait for longer than ten seconds shows nothing more until the end, and the end waits as long.
#[tokio::test]
async fn a_throttled_edit_is_not_tried_again_and_the_end_comes_when_it_may() {
    let (tale, gap) = (tale(), Duration::from_millis(60));
    let stage = stage(Reply::Paced { deltas: words(&tale), gap }).await;
    stage.telegram.fault("editMessageText", Fault::TooMany { retry_after: 12 });
    stage.telegram.push_message(PERSON, PERSON, SMALL_TALK);
    reads(&stage.telegram, |text| text == tale).await;
    let edits = stage.telegram.calls("editMessageText");
    assert_eq!((edits.len(), stage.telegram.calls("sendMessage").len()), (2, 1));
    let apart = edits[1].at.duration_since(edits[0].at);
    assert!(apart >= Duration::from_secs(12), "{apart:?}");
    let typing = stage.telegram.calls("sendChatAction");
    assert!(typing.iter().all(|call| call.at < edits[0].at || call.at > edits[0].at + Duration::from_secs(12)));
}

#[tokio::test]
async fn a_throttled_end_is_said_once_and_not_before_it_may() {
    let stage = stage(Reply::gated(STORY)).await;
    stage.shown().await;
    stage.telegram.fault("editMessageText", Fault::TooMany { retry_after: 2 });
    stage.finish();
    reads(&stage.telegram, |text| text == STORY).await;
    let edits = stage.telegram.calls("editMessageText");
    assert_eq!((edits.len(), stage.eyes().len()), (2, 1));
    assert!(edits[1].at.duration_since(edits[0].at) >= Duration::from_secs(2));
}

#[tokio::test]
async fn an_end_whose_message_is_gone_is_said_anew() {
    let stage = stage(Reply::gated(STORY)).await;
    stage.shown().await;
    stage.telegram.fault("editMessageText", Fault::Refuse { code: 400, description: NOT_FOUND.to_owned() });
    stage.finish();
    reads(&stage.telegram, |text| text == STORY).await;
    assert_eq!(stage.eyes(), [format!("{SHOWN} …"), STORY.to_owned()]);
    assert_eq!(stage.unknown().await, 0);
}

/// An edit is the same when it is done twice: in doubt it is done again.
#[tokio::test]
async fn an_end_in_doubt_is_edited_again() {
    let stage = stage(Reply::gated(STORY)).await;
    stage.shown().await;
    stage.telegram.fault("editMessageText", Fault::DropResponse);
    stage.finish();
    in_time(stage.telegram.wait_calls("editMessageText", 2)).await;
    assert_eq!((stage.eyes(), stage.unknown().await), (vec![STORY.to_owned()], 0));
}

#[tokio::test]
async fn first_words_in_doubt_are_listed_and_the_answer_comes_whole() {
    let stage = stage(Reply::gated(STORY)).await;
    stage.telegram.fault("sendMessage", Fault::DropResponse);
    stage.shown().await;
    stage.finish();
    reads(&stage.telegram, |text| text == STORY).await;
    assert_eq!(stage.eyes(), [format!("{SHOWN} …"), STORY.to_owned()]);
    assert_eq!((stage.unknown().await, stage.telegram.calls("editMessageText").len()), (1, 0));
}

/// First words that certainly did not arrive are nothing to anybody.
#[tokio::test]
async fn first_words_that_are_throttled_are_taken_back() {
    let stage = stage(Reply::gated(STORY)).await;
    stage.telegram.fault("sendMessage", Fault::TooMany { retry_after: 1 });
    stage.shown().await;
    stage.finish();
    reads(&stage.telegram, |text| text == STORY).await;
    let sends = stage.telegram.calls("sendMessage");
    assert_eq!((sends.len(), stage.eyes().len(), stage.unknown().await), (2, 1, 0));
    assert!(sends[1].at.duration_since(sends[0].at) >= Duration::from_secs(1));
}

#[tokio::test]
async fn words_that_the_gate_stops_take_back_those_before_them() {
    let lie = format!("{SHOWN} and you send it to https://lumen-claim.example.net today.");
    let stage = stage(Reply::gated(&lie)).await;
    stage.shown().await;
    stage.model.release_many(words(&lie).len());
    let message = reads(&stage.telegram, |text| !text.ends_with('…')).await;
    assert!(message.text.starts_with("I don't have a reviewed answer"), "{}", message.text);
    let edits = stage.telegram.calls("editMessageText");
    let button = &edits[0].body["reply_markup"]["inline_keyboard"][0][0];
    assert_eq!(button["text"], "Open a ticket", "{button}");
    let said = [stage.telegram.calls("sendMessage"), edits].concat();
    assert!(said.iter().all(|call| !text_of(call).contains("example.net")));
    assert_eq!(stage.eyes().len(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_left_looking_whole() {
    let stage = impatient_stage(Reply::Stall { after: words(SHOWN) }, Duration::from_secs(2)).await;
    stage.telegram.push_message(PERSON, PERSON, SMALL_TALK);
    reads(&stage.telegram, |text| text.ends_with('…')).await;
    let message = reads(&stage.telegram, |text| !text.ends_with('…')).await;
    assert!(message.text.starts_with("Sorry, I could not finish that answer"), "{}", message.text);
    assert_eq!(stage.eyes().len(), 1);
}

#[tokio::test]
async fn what_was_said_before_a_stop_stays_and_says_so() {
    let stage = stage(Reply::gated(STORY)).await;
    stage.shown().await;
    stage.telegram.push_message(PERSON, PERSON, "/stop");
    reads(&stage.telegram, |text| text == format!("{SHOWN}\n\nStopped.")).await;
    in_time(stage.telegram.wait_sent(2)).await;
    assert_eq!(stage.eyes()[1], "Stopped.");
    in_time(stage.model.dropped(1)).await;
}

#[tokio::test]
async fn a_freeze_in_the_middle_stops_the_painting_and_takes_the_words_back_after_the_thaw() {
    let stage = stage(Reply::gated(STORY)).await;
    let (_, ada) = with_role(&stage.daemon, &stage.home, "Ada", Role::Owner).await;
    let (_, bob) = with_role(&stage.daemon, &stage.home, "Bob", Role::Moderator).await;
    stage.shown().await;
    assert!(bob.freeze("drill").await.unwrap().frozen);
    let left = stage.left();
    stage.finish();
    in_time(stage.model.dropped(1)).await;
    let later = stage.telegram.push_message(PERSON, PERSON, "when does the migration end?");
    in_time(stage.telegram.wait_confirmed(later)).await;
    assert_eq!((stage.left(), stage.eyes()), (left, vec![format!("{SHOWN} …")]));
    ada.thaw().await.unwrap();
    assert_eq!(stage.left(), left, "one is not enough");
    assert!(!bob.thaw().await.unwrap().frozen);
    // The red twin: thawed, the same thing leaves.
    let message = reads(&stage.telegram, |text| !text.ends_with('…')).await;
    assert!(message.text.starts_with("I was paused before"), "{}", message.text);
    assert_eq!(stage.eyes().len(), 1);
}

#[tokio::test]
async fn an_answer_goes_on_in_its_message_after_a_death() {
    let tale = tale();
    let Stage { model, telegram, home, daemon } = stage(Reply::gated(&tale)).await;
    telegram.push_message(PERSON, PERSON, SMALL_TALK);
    model.release_many(10);
    reads(&telegram, |text| text.ends_with('…')).await;
    model.release_many(10);
    // What is edited has been written down.
    in_time(telegram.wait_calls("editMessageText", 1)).await;
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    in_time(model.arrived(2)).await;
    model.release_many(2 * words(&tale).len());
    reads(&telegram, |text| text == tale).await;
    assert_eq!((telegram.sent().len(), telegram.calls("sendMessage").len()), (1, 1));
    assert_eq!(daemon.client().ready().await.unwrap().unknown_deliveries, 0);
}

/// Who takes it up once too often does not go on, and does not leave the beginning looking as if somebody did.
#[tokio::test]
async fn an_answer_that_is_taken_up_too_often_ends_in_its_message() {
    let stage = stage(Reply::gated(&tale())).await;
    stage.telegram.push_message(PERSON, PERSON, SMALL_TALK);
    stage.model.release_many(10);
    reads(&stage.telegram, |text| text.ends_with('…')).await;
    // What is edited has been written down.
    stage.model.release_many(10);
    in_time(stage.telegram.wait_calls("editMessageText", 1)).await;
    let Stage { model, telegram, home, mut daemon } = stage;
    for life in 2..=11 {
        daemon.kill().await;
        daemon = Daemon::start(&home).await;
        if life < 11 {
            in_time(model.arrived(life)).await;
        }
    }
    reads(&telegram, |text| text.starts_with("Sorry, I could not finish that answer")).await;
    assert_eq!((telegram.sent().len(), telegram.calls("sendMessage").len()), (1, 1));
}

/// One life with a fault point armed, in which an answer begins; then a clean one, in which it ends. What people see, and
/// what nobody knows.
#[cfg(feature = "faults")]
async fn dies_at(point: &str) -> (Vec<String>, i64) {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TOKEN);
    let mut daemon = Daemon::start_with_fault(&home, point).await.expect("it dies later");
    telegram.push_message(PERSON, PERSON, SMALL_TALK);
    model.release_many(words(SHOWN).len());
    if point.starts_with("live.settle") {
        reads(&telegram, |text| text.ends_with('…')).await;
        model.release_many(words(STORY).len());
    }
    daemon.gone().await;
    let daemon = Daemon::start(&home).await;
    model.release_many(2 * words(STORY).len());
    reads(&telegram, |text| text == STORY).await;
    let texts = telegram.sent().into_iter().map(|message| message.text).collect();
    (texts, daemon.client().ready().await.unwrap().unknown_deliveries)
}

#[cfg(feature = "faults")]
#[tokio::test]
async fn a_death_before_the_first_words_leave_is_in_doubt_and_the_answer_comes_whole() {
    assert_eq!(dies_at("live.committed:1").await, (vec![STORY.to_owned()], 1));
}

#[cfg(feature = "faults")]
#[tokio::test]
async fn a_death_after_the_first_words_left_is_in_doubt_and_the_answer_comes_whole() {
    assert_eq!(dies_at("live.sent:1").await, (vec![format!("{SHOWN} …"), STORY.to_owned()], 1));
}

#[cfg(feature = "faults")]
#[tokio::test]
async fn a_death_before_the_end_is_settled_leaves_one_message() {
    assert_eq!(dies_at("live.settle:1").await, (vec![STORY.to_owned()], 0));
}
