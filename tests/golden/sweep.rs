//! What the shield remembers outlives the daemon, is every node's, and is the same when an event is handed in again: whoever
//! confirms a lure, whenever, its copies go.

use townkeeper_client::Client;
use townkeeper_contract::case::CaseWord;
use townkeeper_fakes::postgres::Cluster;
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_store::{Member, Store};

use crate::cases::{LURE, SCAMMER, TOKEN, cases, deleted, home, is_deleted, judged, set_up, stage, writes};
use crate::daemon::{Daemon, PATIENCE, WORKSPACE};
use crate::nodes::on;
use crate::reports::reports;

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

/// Whoever another node has known for long is known here soon: a word of theirs opens a case.
#[tokio::test]
async fn who_is_trusted_on_one_node_is_trusted_on_the_other() {
    let cluster = Cluster::start(false);
    let url = cluster.database("trusted");
    let telegram = TelegramServer::start(TOKEN).await;
    let home = on(home().with_telegram(telegram.base_url(), TOKEN), &url, 10.0);
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    let reported = async |person: i64| {
        let at = telegram.sent_count();
        reports(&telegram, person);
        tokio::time::timeout(PATIENCE, telegram.wait_sent_count(at + 1)).await.expect("nobody answers");
        !client.cases().await.unwrap().cases.is_empty()
    };
    assert!(!reported(100).await && !reported(101).await, "the twin: nobody knows them");
    let known = |n: i64| Member {
        account: "telegram:main".to_owned(),
        person: n.to_string(),
        first_ms: 1_000,
        said: 500,
        // Lately, whatever the clock says.
        seen_ms: 4_000_000_000_000,
    };
    // As the other node would write them.
    let store = Store::connect(&url).await.unwrap();
    store.keep_members(WORKSPACE, (1_000..5_000).map(known).collect()).await.unwrap();
    for person in 1_000..5_000 {
        if reported(person).await {
            return;
        }
    }
    panic!("nobody is known here");
}

/// The database refuses what was found, and the platform hands the event in again, and again.
#[tokio::test]
async fn what_is_handed_in_again_is_judged_the_same_and_counts_once() {
    let cluster = Cluster::start(false);
    let url = cluster.database("again");
    let telegram = TelegramServer::start(TOKEN).await;
    let home = on(home().with_telegram(telegram.base_url(), TOKEN), &url, 10.0);
    let mut daemon = Daemon::start(&home).await;
    set_up(&telegram, "flag").await;
    cluster.psql(
        "again",
        "CREATE SEQUENCE tries; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('tries') < 6 THEN RAISE EXCEPTION 'not now'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON scam_case FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    writes(&telegram, SCAMMER, LURE);
    let case = cases(&daemon.operator(&home), |cases| !cases.is_empty()).await.remove(0);
    let signals = case.verdict["signals"].as_array().unwrap();
    // A second message would be no first one, and a copy of the first.
    assert!(signals.iter().any(|signal| signal["id"] == "first_link"), "{signals:?}");
    daemon.signal("TERM").await;
    daemon.gone().await;
    assert_ne!(cluster.psql("again", "SELECT last_value FROM tries").trim(), "1", "it was never refused");
    let store = Store::connect(&url).await.unwrap();
    let members = store.members(WORKSPACE, 0).await.unwrap();
    let said: Vec<i64> = members.iter().filter(|member| member.person == "66").map(|member| member.said).collect();
    assert_eq!(said, [1]);
    let mut prints = Vec::new();
    for node in store.print_nodes(WORKSPACE).await.unwrap() {
        prints.extend(store.prints_after(WORKSPACE, &node, 0, 99).await.unwrap());
    }
    assert_eq!(prints.iter().filter(|(_, print)| print.person == "66").count(), 1);
}
