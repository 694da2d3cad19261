//! What the shield remembers outlives the daemon, and is every node's: whoever confirms a lure, whenever, its copies go.

use townkeeper_client::Client;
use townkeeper_contract::case::CaseWord;
use townkeeper_fakes::postgres::Cluster;
use townkeeper_fakes::telegram::TelegramServer;

use crate::cases::{LURE, SCAMMER, TOKEN, cases, deleted, home, is_deleted, judged, set_up, stage, writes};
use crate::daemon::Daemon;
use crate::nodes::on;

/// A lure and its copies, by an account each, are judged and written down.
async fn posted(telegram: &TelegramServer) -> Vec<i64> {
    let mut messages = vec![writes(telegram, SCAMMER, LURE)];
    for (person, ending) in [(67, "! 🚀"), (68, ", 2x")] {
        messages.push(writes(telegram, person, &format!("{LURE}{ending}")));
    }
    judged(telegram).await;
    messages
}

/// A moderator confirms the first of them, and all are gone.
async fn swept(client: &Client, telegram: &TelegramServer, messages: &[i64]) {
    assert!(deleted(telegram).is_empty(), "nothing is done by itself");
    let found = cases(client, |cases| cases.iter().any(|case| case.person.as_str() == "66")).await;
    let number = found.iter().find(|case| case.person.as_str() == "66").unwrap().number;
    client.say_of_case(number, CaseWord::Content).await.unwrap();
    is_deleted(telegram, messages.len()).await;
    let mut gone: Vec<i64> = deleted(telegram).iter().filter_map(serde_json::Value::as_i64).collect();
    gone.sort_unstable();
    assert_eq!(gone, messages);
}

#[tokio::test]
async fn copies_go_after_a_restart() {
    let (telegram, home, mut daemon) = stage("flag").await;
    let messages = posted(&telegram).await;
    daemon.signal("TERM").await;
    daemon.gone().await;
    let daemon = Daemon::start(&home).await;
    swept(&daemon.operator(&home), &telegram, &messages).await;
}

#[tokio::test]
async fn copies_go_after_a_death() {
    let (telegram, home, daemon) = stage("flag").await;
    let messages = posted(&telegram).await;
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    swept(&daemon.operator(&home), &telegram, &messages).await;
}

/// One node has the account and takes everything in; a moderator speaks to the other.
#[tokio::test]
async fn copies_go_that_another_node_took_in() {
    let cluster = Cluster::start(false);
    let url = cluster.database("swept");
    let telegram = TelegramServer::start(TOKEN).await;
    let home = || on(home().with_telegram(telegram.base_url(), TOKEN), &url, 10.0);
    let (a, b) = (home(), home());
    let first = Daemon::start(&a).await;
    set_up(&telegram, "flag").await;
    let second = Daemon::start(&b).await;
    let messages = posted(&telegram).await;
    swept(&second.operator(&b), &telegram, &messages).await;
    drop(first);
}
