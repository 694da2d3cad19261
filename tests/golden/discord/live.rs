//! Answers that grow on Discord while they are written: once a second at most, to one end, whatever the gateway does.

use std::time::Duration;

use serde_json::{Value, json};
use townkeeper_fakes::discord::{DiscordServer, DiscordState, Message};
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};

use super::{ADA, ASKED_TOO, BOT, CHANNEL, EDITS, SENDS, nth, ready, said, stage_at, to_us, when, write};
use crate::daemon::{Daemon, Home};
use crate::model::SMALL_TALK;

/// The first words are enough to be shown; the last ones are too few to be shown before the end.
pub(super) const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";
pub(super) const SHOWN: &str = "The lantern burns in the evening,";

pub(super) struct Stage {
    pub(super) model: ModelServer,
    pub(super) discord: DiscordServer,
    pub(super) home: Home,
    pub(super) daemon: Daemon,
}

pub(super) async fn stage(reply: Reply) -> Stage {
    let model = ModelServer::start(Script::always(reply)).await;
    let (discord, home) = stage_at(Home::new().with_model(&model.base_url())).await;
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    Stage { model, discord, home, daemon }
}

impl Stage {
    /// Somebody asks in private, the model begins, and what it began with is shown.
    pub(super) async fn shown(&self) -> Message {
        let direct = self.discord.direct(BOT, ADA);
        write(&self.discord, direct, SMALL_TALK);
        self.model.release_many(words(SHOWN).len());
        let message = nth(&self.discord, 1).await;
        assert_eq!(message.content, format!("{SHOWN} …"));
        message
    }
}

/// Every request that wrote words of ours, oldest first.
fn strokes(state: &DiscordState) -> Vec<(std::time::Instant, Value)> {
    let of_words = state.calls.iter().filter(|call| [SENDS, EDITS].contains(&call.route));
    of_words.map(|call| (call.at, call.body.clone())).collect()
}

#[tokio::test]
async fn a_long_answer_grows_once_a_second_ends_whole_and_pings_nobody() {
    let tale = "The keeper walks along the river and lights the lanterns again. ".repeat(9);
    let reply = Reply::Paced { deltas: words(tale.trim_end()), gap: Duration::from_millis(60) };
    let Stage { discord, daemon: _daemon, home: _home, model: _model } = stage(reply).await;
    let direct = discord.direct(BOT, ADA);
    write(&discord, direct, SMALL_TALK);
    when(&discord, |s| s.by(BOT).iter().any(|m| !m.content.is_empty() && !m.content.ends_with('…'))).await;
    let message = nth(&discord, 1).await;
    assert_eq!(message.content.matches("lanterns again.").count(), 9, "{}", message.content);
    assert_eq!(message.pings, Vec::<String>::new());
    let strokes = discord.look(strokes);
    let (last, painted) = strokes.split_last().unwrap();
    assert_eq!(discord.look(|s| s.calls_of(SENDS).len()), 1, "one message, and it grows");
    assert!(painted.len() >= 3, "it was hardly shown while it was written: {}", painted.len());
    for (one, next) in painted.iter().zip(painted.iter().skip(1)) {
        let apart = next.0.duration_since(one.0);
        assert!(apart >= Duration::from_secs(1), "{apart:?} after the one before");
    }
    for (_, body) in painted {
        assert!(body["content"].as_str().unwrap().ends_with('…'), "nobody may take it for whole: {body}");
    }
    assert!(!last.1["content"].as_str().unwrap().ends_with('…'));
    for (_, body) in &strokes {
        assert_eq!(body["allowed_mentions"], json!({ "parse": [], "replied_user": false }));
        assert_eq!(body["flags"].as_u64().unwrap() & 1 << 2, 1 << 2, "links do not unfold");
    }
}

/// In a server the same, half as often; a quick answer is one message.
#[tokio::test]
async fn a_quick_answer_is_one_message_and_says_that_we_are_typing() {
    let Stage { discord, daemon: _daemon, home: _home, model: _model } = stage(Reply::text(STORY)).await;
    write(&discord, CHANNEL, &to_us(SMALL_TALK));
    assert_eq!(nth(&discord, 1).await.content, STORY);
    when(&discord, |s| s.typing.get(&(BOT, CHANNEL)).is_some_and(|typed| *typed > 0)).await;
    write(&discord, CHANNEL, &to_us(ASKED_TOO.0));
    nth(&discord, 2).await;
    assert_eq!(discord.look(|s| s.calls_of(EDITS).len()), 0);
}

/// The gateway is cut in mid-answer: the answer ends once, and what was asked meanwhile is answered after the RESUME.
#[tokio::test]
async fn an_answer_outlives_a_cut_of_the_gateway_and_the_session_is_resumed() {
    let stage = stage(Reply::gated(STORY)).await;
    let Stage { model, discord, .. } = &stage;
    let shown = stage.shown().await;
    discord.close_sessions(1006);
    // Asked while nobody listens.
    write(discord, CHANNEL, &to_us(ASKED_TOO.0));
    model.release_many(words(STORY).len());
    when(discord, |s| s.message(shown.id).is_some_and(|m| m.content == STORY)).await;
    when(discord, |s| s.by(BOT).iter().any(|m| m.content.contains(ASKED_TOO.1))).await;
    let direct = discord.direct(BOT, ADA);
    write(discord, direct, ASKED_TOO.0);
    let all = said(discord, 3).await;
    assert_eq!((all.len(), all[0].content.as_str()), (3, STORY));
    assert!(all[1].content.contains(ASKED_TOO.1) && all[2].content.contains(ASKED_TOO.1));
    assert_eq!(discord.look(|s| (s.identifies.len(), s.resumes.len())), (1, 1));
    assert_eq!(stage.daemon.client().ready().await.unwrap().unknown_deliveries, 0);
}
