//! Answers that are shown while they are written: one message that grows, one end, whatever happens in between.

use std::time::Duration;

use serde_json::Value;
use townkeeper_client::Client;
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};
use townkeeper_fakes::telegram::{Call, Fault, SentMessage, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE};
use crate::model::SMALL_TALK;

const TOKEN: &str = "123456:abcDEF";
const PERSON: i64 = 42;

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
    let model = ModelServer::start(Script::always(reply)).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TOKEN);
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
        assert_eq!((&paint.body["parse_mode"], &paint.body["link_preview_options"]["is_disabled"]), (&Value::Null, &Value::Bool(true)));
    }
}
