//! A freeze where several daemons share one PostgreSQL: it is acknowledged when all of them are quiet, or says that it is
//! not sure.

use townkeeper_contract::stream::{CancelledBy, Outcome};
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::postgres::Cluster;
use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Ear, Home, PATIENCE, question, say};
use crate::model::SMALL_TALK;
use crate::nodes::on;

const TOKEN: &str = "123456:abcDEF";
const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";
const KNOWN: &str = "how do I migrate from a hardware wallet?";
const STRANGER: i64 = 43;

/// How long a node is believed to live, in seconds.
const LEASE: f64 = 2.0;

/// Two nodes: people talk with `theirs`, the team with `ours`.
struct Pair {
    model: ModelServer,
    telegram: TelegramServer,
    home: Home,
    ours: Daemon,
    theirs: Daemon,
    _there: Home,
    cluster: Cluster,
}

/// With one guard of each taken away, where one is named.
async fn pair(ours: Option<&str>, theirs: Option<&str>) -> Pair {
    let cluster = Cluster::start(false);
    let url = cluster.database("frozen");
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = on(Home::new(), &url, LEASE);
    let there = on(Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TOKEN), &url, LEASE);
    let start = async |home: &Home, without: Option<&str>| {
        let mut command = home.command(&["serve"]);
        if let Some(guard) = without {
            command.env("TOWNKEEPER_FAULT", format!("{guard}:off"));
        }
        Daemon::spawned(command).await
    };
    let (ours, theirs) = (start(&home, ours).await, start(&there, theirs).await);
    Pair { model, telegram, home, ours, theirs, _there: there, cluster }
}

impl Pair {
    /// Somebody in a browser in the middle of the other node's answer, and somebody on Telegram whose answer has begun.
    async fn mid_answer(&self) -> Ear {
        let mut ear = Ear::ask(&self.theirs.client(), &question(SMALL_TALK)).await;
        self.model.release();
        ear.words().await;
        self.telegram.push_message(STRANGER, STRANGER, SMALL_TALK);
        let begun = async { tokio::join!(self.model.arrived(2), self.telegram.wait_calls("sendChatAction", 1)) };
        tokio::time::timeout(PATIENCE, begun).await.expect("the second answer does not begin");
        ear
    }

    /// Everything that left: requests to the model, and calls to Telegram but those that read.
    fn left(&self) -> (usize, usize) {
        let calls = ["sendMessage", "sendChatAction", "editMessageText", "deleteMessage", "answerCallbackQuery"];
        (self.model.requests().len(), calls.iter().map(|method| self.telegram.calls(method).len()).sum())
    }
}

#[tokio::test]
async fn a_freeze_on_one_node_is_acknowledged_when_the_other_is_quiet_too() {
    let pair = pair(None, None).await;
    let ear = pair.mid_answer().await;
    let frozen = pair.ours.operator(&pair.home).freeze("drill").await.unwrap();
    let left = pair.left();
    assert!(frozen.frozen && !frozen.unconfirmed, "{frozen:?}");
    // What was under way over there has ended, and what comes now is taken and not answered.
    assert_eq!(ear.rest().await.outcome, Outcome::Cancelled { by: CancelledBy::Freeze });
    tokio::time::timeout(PATIENCE, pair.model.dropped(2)).await.unwrap();
    pair.model.release_many(1_000);
    let last = pair.telegram.push_message(STRANGER, STRANGER, KNOWN);
    tokio::time::timeout(PATIENCE, pair.telegram.wait_confirmed(last)).await.unwrap();
    let told = say(&pair.theirs.client(), &question(SMALL_TALK)).await;
    assert_eq!(told.outcome, Outcome::Cancelled { by: CancelledBy::Freeze });
    assert_eq!(pair.left(), left, "something left after the freeze was acknowledged");
}

/// The red twin: were the acknowledgement not confirmed, something would leave a node that has not seen the freeze yet.
#[tokio::test]
async fn red_twin_without_the_confirmation_something_leaves_after_the_acknowledgement() {
    let pair = pair(Some("freeze.confirmed"), Some("freeze.look")).await;
    let _ear = pair.mid_answer().await;
    let frozen = pair.ours.operator(&pair.home).freeze("drill").await.unwrap();
    let left = pair.left();
    assert!(frozen.frozen && !frozen.unconfirmed, "{frozen:?}");
    pair.model.release_many(1_000);
    let sent = tokio::time::timeout(PATIENCE, pair.telegram.wait_sent(1)).await.expect("nothing leaves");
    assert_eq!(sent[0].text, STORY);
    assert!(pair.left() > left);
}

/// A node that lives and does not see the freeze: the acknowledgement does not claim what it does not know.
#[tokio::test]
async fn a_freeze_that_a_live_node_does_not_confirm_says_so() {
    let pair = pair(None, Some("freeze.look")).await;
    let told = pair.home.run(&["freeze", "drill"]).await;
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("FROZEN since") && told.contains("something may still leave"), "{told}");
    let frozen = pair.ours.operator(&pair.home).freeze("again").await.unwrap();
    assert!(frozen.frozen && frozen.unconfirmed, "{frozen:?}");
}

/// The dead send nothing; one that stood still finds the town frozen before it sends anything.
#[tokio::test]
async fn a_node_that_stands_still_is_waited_for_until_its_lease_is_over_and_then_sends_nothing() {
    let mut pair = pair(None, None).await;
    let _ear = pair.mid_answer().await;
    pair.theirs.signal("STOP").await;
    let frozen = pair.ours.operator(&pair.home).freeze("drill").await.unwrap();
    assert!(frozen.frozen && !frozen.unconfirmed, "{frozen:?}");
    let live = "SELECT COUNT(*) FROM lease WHERE name LIKE 'node:%' \
                AND expires_ms > EXTRACT(EPOCH FROM clock_timestamp()) * 1000";
    assert_eq!(pair.cluster.psql("frozen", live), "1", "it was acknowledged before the other's lease was over");
    let left = pair.left();
    pair.model.release_many(1_000);
    pair.theirs.signal("CONT").await;
    let last = pair.telegram.push_message(STRANGER, STRANGER, KNOWN);
    tokio::time::timeout(PATIENCE, pair.telegram.wait_confirmed(last)).await.unwrap();
    let told = say(&pair.theirs.client(), &question(SMALL_TALK)).await;
    // Whether it has looked yet or not.
    assert_ne!(told.outcome, Outcome::Completed);
    assert_eq!(pair.left(), left, "something left after the freeze was acknowledged");
}
