//! Several daemons on one PostgreSQL, and the way there from SQLite.

use std::time::Duration;
use townkeeper_contract::stream::Event;

use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::postgres::Cluster;
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_store::Store;

use crate::daemon::{Daemon, Ear, Home, PATIENCE, WORKSPACE, http, press, question, say};

const TOKEN: &str = "7000000001:made-up-for-the-loopback-fake";
const SANE: &str = "how do I migrate from a hardware wallet?";
const STRANGE: &str = "what is the airspeed of a swallow?";

/// Tells a home to keep its ledger there.
pub(crate) fn on(home: Home, url: &str, lease_s: f64) -> Home {
    let file = home.folder().join("postgres.url");
    std::fs::write(&file, url).unwrap();
    home.with(&format!("[store]\nurl_file = \"{}\"\nlease_s = {lease_s:?}\n", file.display()))
}

#[tokio::test]
async fn an_installation_moves_to_postgres_whole() {
    let cluster = Cluster::start(false);
    let url = cluster.database("moved");
    let home = Home::new();
    let mut daemon = Daemon::start(&home).await;
    let known = say(&daemon.client(), &question(SANE)).await;
    let strange = say(&daemon.client(), &question(STRANGE)).await;
    let offer = strange.reply().offers.last().unwrap().action.clone();
    say(&daemon.client(), &press(&offer, &strange.conversation)).await;

    let running = home.run(&["migrate", "--to", &url]).await;
    let words = String::from_utf8_lossy(&running.stderr).into_owned();
    assert!(!running.status.success() && words.contains("stop the daemon first"), "{words}");
    daemon.signal("TERM").await;
    daemon.gone().await;

    let wrong = home.run(&["migrate", "--to", "nonsense:hunter2@"]).await;
    let words = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && words.contains("postgres://") && !words.contains("hunter2"), "{words}");
    let moved = home.run(&["migrate", "--to", &url, "--json"]).await;
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let moved: serde_json::Value = serde_json::from_slice(&moved.stdout).unwrap();
    assert_eq!((moved["tables"]["inbox"].as_u64(), moved["tables"]["ticket"].as_u64()), (Some(3), Some(1)), "{moved}");
    let again = home.run(&["migrate", "--to", &url]).await;
    assert!(!again.status.success(), "nothing is moved on top of something");

    let home = on(home, &url, 10.0);
    let daemon = Daemon::start(&home).await;
    assert_eq!(daemon.operator(&home).tickets().await.unwrap().tickets.len(), 1);
    // Numbers go on where they were, and what was asked is still known by its key.
    let strange = say(&daemon.client(), &question("what do owls eat at noon?")).await;
    let offer = strange.reply().offers.last().unwrap().action.clone();
    say(&daemon.client(), &press(&offer, &strange.conversation)).await;
    let numbers: Vec<i64> =
        daemon.operator(&home).tickets().await.unwrap().tickets.iter().map(|ticket| ticket.number).collect();
    assert_eq!(numbers, [2, 1]);
    let store = Store::connect(&url).await.unwrap();
    assert_eq!(store.ledger(WORKSPACE).await.unwrap().events.len(), 5);
    assert!(store.past_turns(WORKSPACE, "none", 1).await.unwrap().is_empty());
    drop(known);
}

/// What one node says, the other knows; and a reader may come to the wrong one.
#[tokio::test]
async fn a_reader_finds_a_turn_on_the_other_node() {
    let cluster = Cluster::start(false);
    let url = cluster.database("both");
    let model = ModelServer::start(Script::always(Reply::Stall { after: vec!["slow ".to_owned()] })).await;
    let (a, b) = (on(Home::new().with_model(&model.base_url()), &url, 2.0), on(Home::new(), &url, 2.0));
    let (first, second) = (Daemon::start(&a).await, Daemon::start(&b).await);
    let heard = say(&first.client(), &question(SANE)).await;
    let url = format!("{}/v1/turns/{}/events", second.url, heard.envelopes.first().unwrap().turn);
    let again = http().get(url.replace("//v1", "/v1")).send().await.unwrap().text().await.unwrap();
    assert!(again.contains(&serde_json::to_string(heard.reply()).unwrap()), "{again}");

    // A turn under way on a node that dies: its reader, at the other one, hears how it ends.
    let mut ear = Ear::ask(&first.client(), &question("tell me a tale of slow boats")).await;
    ear.until(|event| matches!(event, Event::TurnStarted { .. })).await;
    ear.hang_up();
    let client = second.client();
    let reading = async {
        while !ear.resume(&client).await {}
        ear.rest().await
    };
    let (heard, ()) = tokio::join!(reading, first.kill());
    assert!(heard.reply.is_some());
}

/// The account goes to the other node when its holder dies, and nothing that people wrote is lost or answered twice.
#[tokio::test]
async fn an_account_goes_to_the_node_that_lives() {
    let cluster = Cluster::start(false);
    let url = cluster.database("account");
    let telegram = TelegramServer::start(TOKEN).await;
    let home = || on(Home::new().with_telegram(telegram.base_url(), TOKEN), &url, 2.0);
    let (a, b) = (home(), home());
    let first = Daemon::start(&a).await;
    let ask = |n: i64| telegram.push_message(n, n, SANE);
    ask(1);
    telegram.wait_sent(1).await;
    let second = Daemon::start(&b).await;
    ask(2);
    telegram.wait_sent(2).await;
    first.kill().await;
    ask(3);
    tokio::time::timeout(PATIENCE, telegram.wait_sent(3)).await.expect("nobody took the account over");
    drop(second);
    assert_eq!(telegram.sent().len(), 3);
}

/// A node that stood still for longer than its lease finds everything taken over when it comes to, and writes nothing.
#[tokio::test]
async fn a_node_that_stood_still_writes_nothing() {
    let cluster = Cluster::start(false);
    let url = cluster.database("paused");
    let telegram = TelegramServer::start(TOKEN).await;
    let model = ModelServer::start(Script::always(Reply::gated("It was a calm evening at the lake."))).await;
    let home = || on(Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TOKEN), &url, 2.0);
    let (a, b) = (home(), home());
    let mut first = Daemon::start(&a).await;
    telegram.push_message(1, 1, "tell me a tale of slow boats");
    model.arrived(1).await;
    let second = Daemon::start(&b).await;
    first.signal("STOP").await;
    // The other one takes the turn over: it asks the model again, and answers.
    tokio::time::timeout(PATIENCE, model.arrived(2)).await.expect("the model is not asked again");
    model.release_many(1_000);
    tokio::time::timeout(PATIENCE, telegram.wait_sent(1)).await.expect("nobody took the turn over");
    first.signal("CONT").await;
    telegram.push_message(2, 2, SANE);
    tokio::time::timeout(PATIENCE, telegram.wait_sent(2)).await.expect("nobody answers any more");
    first.signal("TERM").await;
    first.gone().await;
    drop(second);
    let store = Store::connect(&url).await.unwrap();
    let ledger = store.ledger(WORKSPACE).await.unwrap();
    assert_eq!(telegram.sent().len(), 2, "the one that stood still said it again");
    assert_eq!(ledger.events.iter().map(|event| event.terminals).collect::<Vec<_>>(), [1, 1]);
    assert!(ledger.events.iter().any(|event| event.attempt > 1), "the turn was not taken over at all");
}

/// What another node has finished is not painted over by the one that began it and stood still.
#[tokio::test]
async fn a_node_that_stood_still_paints_nothing() {
    let cluster = Cluster::start(false);
    let url = cluster.database("painted");
    let telegram = TelegramServer::start(TOKEN).await;
    let slow = Reply::Paced { deltas: vec!["the lake is calm and ".to_owned(); 60], gap: Duration::from_millis(200) };
    let whole = "It was a calm evening at the lake.";
    let model = ModelServer::start(Script::new().then(slow).then(Reply::text(whole))).await;
    let home = || on(Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TOKEN), &url, 2.0);
    let (a, b) = (home(), home());
    let mut first = Daemon::start(&a).await;
    telegram.push_message(1, 1, "tell me a tale of slow boats");
    // What is edited has been written down.
    tokio::time::timeout(PATIENCE, telegram.wait_calls("editMessageText", 1)).await.expect("it is not painted");
    let second = Daemon::start(&b).await;
    first.signal("STOP").await;
    let ended = telegram.wait_message(|message| message.text == whole);
    tokio::time::timeout(PATIENCE, ended).await.expect("nobody took the turn over");
    first.signal("CONT").await;
    // It goes on hearing the model, to the end.
    let heard = async {
        while !model.written().iter().any(|piece| (piece.request, piece.piece) == (0, 59)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("nobody listens to the model any more");
    first.signal("TERM").await;
    first.gone().await;
    drop(second);
    assert_eq!(telegram.sent()[0].text, whole, "the one that stood still painted over it");
}
