//! What the shield remembers outlives the daemon, is every node's, and is the same when an event is handed in again: whoever
//! confirms a lure, whenever, its copies go.

use serde_json::json;
use townkeeper_client::Client;
use townkeeper_contract::case::CaseWord;
use townkeeper_contract::id::PersonId;
use townkeeper_contract::moderation::{ModerationAct, NewModeration, Verb};
use townkeeper_fakes::postgres::Cluster;
use townkeeper_fakes::telegram::{Fault, TelegramServer};
use townkeeper_store::{Member, Store};

use crate::cases::{
    GROUP, LURE, MODERATOR, OFFICE, RIGHTS, SCAMMER, TOKEN, card, cases, deleted, home, is_deleted, judged, press,
    says, set_up, stage, writes,
};
use crate::daemon::{Daemon, PATIENCE, WORKSPACE};
use crate::nodes::on;
use crate::reports::reports;
use crate::wave;

/// Where members report scams.
const REPORTS: i64 = -1_005_555;

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

/// The words are the same, and what they are said for is not: only the plain copy goes with the lure.
#[tokio::test]
async fn a_sweep_leaves_alone_who_warns_or_moderates_and_what_is_reported() {
    let (telegram, home, daemon) = stage("flag").await;
    for person in [0, MODERATOR] {
        telegram.promote(REPORTS, person, &RIGHTS);
    }
    says(&telegram, REPORTS, "/keeper channel reports", "scams are talked about here").await;
    let admin = 70;
    telegram.promote(GROUP, admin, &RIGHTS);
    let lure = writes(&telegram, SCAMMER, wave::LURE);
    writes(&telegram, admin, &format!("SCAM: {}", wave::LURE));
    writes(&telegram, 71, &format!("Reported scam: \"{}\"", wave::LURE));
    telegram.push_message(REPORTS, 72, &format!("SCAM: {}", wave::LURE));
    telegram.push_message(OFFICE, 73, &format!("SCAM: {}", wave::LURE));
    let copy = writes(&telegram, 74, &format!("SCAM: {}", wave::LURE));
    judged(&telegram).await;
    let client = daemon.operator(&home);
    let found = cases(&client, |cases| cases.iter().any(|case| case.person.as_str() == "66")).await;
    let number = found.iter().find(|case| case.person.as_str() == "66").unwrap().number;
    let told = client.say_of_case(number, CaseWord::Content).await.unwrap();
    assert!(told.undone.is_empty(), "{:?}", told.undone);
    let acts = client.moderation().await.unwrap().acts;
    let removed = |act: &ModerationAct| act.message.as_ref().map(|message| message.0.clone()).unwrap_or_default();
    let removed: Vec<String> = acts.iter().rev().map(removed).collect();
    assert_eq!(removed.len(), 2, "{removed:?}");
    is_deleted(&telegram, 2).await;
    assert_eq!(deleted(&telegram), [lure, copy]);
}

/// Of whoever has been here for days, and is shown to moderators, a word of warning is enough to be left to them; of whoever is
/// new it is not.
#[tokio::test]
async fn a_paste_that_is_only_marked_is_left_to_a_human_where_its_author_is_known() {
    let (telegram, home, mut daemon) = stage("flag").await;
    daemon.signal("TERM").await;
    daemon.gone().await;
    let store = Store::open(&home.data()).await.unwrap();
    let known = Member {
        account: "telegram:main".to_owned(),
        person: "75".to_owned(),
        first_ms: 1_000,
        said: 50,
        // Lately, whatever the clock says.
        seen_ms: 4_000_000_000_000,
    };
    store.keep_members(WORKSPACE, vec![known]).await.unwrap();
    store.close().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    let marked = format!("⚠️ SCAM: {}", wave::LURE);
    let lure = writes(&telegram, SCAMMER, wave::LURE);
    let left = writes(&telegram, 75, &marked);
    let copy = writes(&telegram, 76, &marked);
    let found = cases(&client, |cases| cases.len() == 3).await;
    let of = |person: &str| found.iter().find(|case| case.person.as_str() == person).unwrap();
    client.say_of_case(of("66").number, CaseWord::Content).await.unwrap();
    is_deleted(&telegram, 2).await;
    judged(&telegram).await;
    let gone = deleted(&telegram);
    assert!(gone.contains(&json!(lure)) && gone.contains(&json!(copy)) && !gone.contains(&json!(left)), "{gone:?}");
    // It waits for a human, whose word takes it down.
    client.say_of_case(of("75").number, CaseWord::Content).await.unwrap();
    is_deleted(&telegram, 3).await;
}

/// Whom only the platform knows as a moderator it is asked about once, however many copies there are.
#[tokio::test]
async fn a_sweep_asks_once_what_a_moderator_may() {
    let (telegram, home, daemon) = stage("flag").await;
    let lure = writes(&telegram, SCAMMER, wave::LURE);
    let shown = card(&telegram, "Case 1").await;
    for person in 80..92 {
        writes(&telegram, person, wave::LURE);
    }
    judged(&telegram).await;
    let asked = || telegram.calls("getChatMember").iter().filter(|call| call.body["user_id"] == MODERATOR).count();
    let before = asked();
    // Nothing leaves: what is asked about later acts before they do is not counted here.
    telegram.break_down("deleteMessage", Fault::Refuse { code: 502, description: "Bad Gateway".to_owned() });
    press(&telegram, MODERATOR, &shown, "Scam: content");
    let client = daemon.operator(&home);
    let ordered = async { while client.moderation().await.unwrap().acts.len() < 13 {} };
    tokio::time::timeout(PATIENCE, ordered).await.expect("not all are ordered");
    // For the word, for the case's own message, for all copies; and each time that one is tried again.
    assert!(asked() - before < 8, "{}", asked() - before);
    assert!(deleted(&telegram).iter().all(|message| *message == lure), "the first holds the line");
}

/// What follows from a case cannot be done for a while; a moderator's own word does not stand behind it.
#[tokio::test]
async fn a_moderator_does_not_wait_behind_a_sweep() {
    let (telegram, home, daemon) = stage("flag").await;
    telegram.break_down("deleteMessage", Fault::Refuse { code: 502, description: "Bad Gateway".to_owned() });
    let lure = writes(&telegram, SCAMMER, LURE);
    let client = daemon.operator(&home);
    let number = cases(&client, |cases| cases.len() == 1).await[0].number;
    client.say_of_case(number, CaseWord::Content).await.unwrap();
    is_deleted(&telegram, 1).await;
    let quiet = NewModeration {
        verb: Verb::Restrict,
        account: "telegram:main".into(),
        place: GROUP.to_string().into(),
        message: None,
        person: Some(PersonId("80".to_owned())),
        for_ms: None,
        reason: String::new(),
        key: None,
    };
    client.moderate(&quiet).await.unwrap();
    let restricted = telegram.wait_calls("restrictChatMember", 1);
    tokio::time::timeout(PATIENCE, restricted).await.expect("it waits behind what cannot be done");
    assert!(deleted(&telegram).iter().all(|message| *message == lure), "the twin: it is tried, and not done");
}

/// A death leaves a sweep to be made up for, and the platform does not answer: cards are shown all the same.
#[cfg(feature = "faults")]
#[tokio::test]
async fn cards_do_not_wait_for_what_is_made_up_for() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = home().with_telegram(telegram.base_url(), TOKEN);
    let mut daemon = Daemon::start_with_fault(&home, "case.said:1").await.expect("it starts");
    set_up(&telegram, "flag").await;
    writes(&telegram, SCAMMER, LURE);
    let client = daemon.operator(&home);
    let number = cases(&client, |cases| cases.len() == 1).await[0].number;
    client.say_of_case(number, CaseWord::Content).await.expect_err("it died of it");
    daemon.gone().await;
    let asked = telegram.call_count("getChatMember");
    telegram.break_down("getChatMember", Fault::Stall);
    let _daemon = Daemon::start(&home).await;
    let at_it = telegram.wait_calls("getChatMember", asked + 1);
    tokio::time::timeout(PATIENCE, at_it).await.expect("it is not made up for");
    writes(
        &telegram,
        67,
        "Send 1 SOL and get 2 SOL back instantly, doubling is live: https://claim-lumen.example.net/x",
    );
    card(&telegram, "Case 2").await;
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
