//! When the database fails: it goes away, is full, takes no writes, or is slow. Nothing is acknowledged that is not kept,
//! nothing is lost, nobody restarts anything.

use serde_json::json;
use townkeeper_contract::stream::ReplyKind;
use townkeeper_fakes::postgres::Cluster;
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_store::Store;

use crate::daemon::{Daemon, Home, PATIENCE, WORKSPACE, http, question, say};

const TOKEN: &str = "7000000001:made-up-for-the-loopback-fake";
const SANE: &str = "how do I migrate from a hardware wallet?";

fn on(home: Home, url: &str) -> Home {
    let file = home.folder().join("postgres.url");
    std::fs::write(&file, url).unwrap();
    home.with(&format!("[store]\nurl_file = \"{}\"\nlease_s = 2.0\n", file.display()))
}

/// Asks once; the status of the answer.
async fn status(daemon: &Daemon) -> u16 {
    let ask = http().post(format!("{}/v1/chat", daemon.url.trim_end_matches('/'))).json(&json!({ "text": SANE }));
    ask.send().await.unwrap().status().as_u16()
}

/// Asks until it is answered again.
async fn until_answered(daemon: &Daemon) {
    let again = async {
        while status(daemon).await != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the daemon does not recover");
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back() {
    let cluster = Cluster::start(false);
    let url = cluster.database("away");
    let telegram = TelegramServer::start(TOKEN).await;
    let home = on(Home::new().with_telegram(telegram.base_url(), TOKEN), &url);
    let mut daemon = Daemon::start(&home).await;
    telegram.push_message(1, 1, SANE);
    telegram.wait_sent(1).await;

    cluster.halt();
    assert_eq!(status(&daemon).await, 503, "what cannot be kept is not accepted");
    let ready = http().get(format!("{}/readyz", daemon.url.trim_end_matches('/'))).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let asked = telegram.push_message(2, 2, SANE);
    assert!(telegram.confirmed() <= asked, "an update was confirmed that nobody keeps");

    cluster.boot();
    until_answered(&daemon).await;
    tokio::time::timeout(PATIENCE, telegram.wait_sent(2)).await.expect("what came meanwhile is not answered");
    daemon.signal("TERM").await;
    daemon.gone().await;
    let ledger = Store::connect(&url).await.unwrap().ledger(WORKSPACE).await.unwrap();
    assert_eq!(telegram.sent().len(), 2, "something was said twice");
    assert!(ledger.events.iter().all(|event| event.terminals == 1), "{:?}", ledger.events);
}

#[tokio::test]
async fn a_database_that_takes_no_writes() {
    let cluster = Cluster::start(false);
    let url = cluster.database("readonly");
    let home = on(Home::new(), &url);
    let daemon = Daemon::start(&home).await;
    assert_eq!(status(&daemon).await, 200);
    cluster.psql("postgres", "ALTER DATABASE readonly SET default_transaction_read_only = on");
    // As a fail-over would: sessions end, and new ones find a standby.
    cluster.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'readonly'");
    let refused = async { while status(&daemon).await != 503 {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("something was accepted that cannot be kept");
    cluster.psql("postgres", "ALTER DATABASE readonly RESET default_transaction_read_only");
    cluster.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'readonly'");
    until_answered(&daemon).await;
}

#[tokio::test]
async fn a_database_that_is_slow() {
    let cluster = Cluster::start(false);
    let url = cluster.database("slow");
    let home = on(Home::new(), &url);
    let daemon = Daemon::start(&home).await;
    // Somebody works on the table for longer than a lock is waited for: the write fails once, and is tried again.
    let lock = "BEGIN; LOCK TABLE inbox; SELECT pg_sleep(7); COMMIT";
    let (locked, (first, health)) = tokio::join!(
        tokio::task::spawn_blocking({
            let cluster = std::sync::Arc::new(cluster);
            move || {
                cluster.psql("slow", lock);
                cluster
            }
        }),
        async {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            let health = http().get(format!("{}/healthz", daemon.url.trim_end_matches('/'))).send().await.unwrap();
            (status(&daemon).await, health.status().as_u16())
        }
    );
    assert_eq!((first, health), (200, 200), "answered late, and the process lived meanwhile");
    drop(locked.unwrap());
}

#[tokio::test]
async fn a_database_that_is_full() {
    let home = Home::new().with("[store]\nmax_mb = 1\n");
    let daemon = Daemon::start(&home).await;
    let mut accepted = 0;
    while status(&daemon).await == 200 {
        accepted += 1;
        assert!(accepted < 5_000, "it is never full");
    }
    // A little room may come back when the log is folded in; then it is full again.
    let refused = loop {
        match daemon.client().chat(&question(SANE)).await {
            Err(refused) => break refused.to_string(),
            Ok(_) => accepted += 1,
        }
        assert!(accepted < 5_000, "it is never full");
    };
    assert!(refused.contains("nothing was lost"), "{refused}");
    let health = http().get(format!("{}/healthz", daemon.url.trim_end_matches('/'))).send().await.unwrap();
    assert_eq!(health.status(), 200);
    drop(daemon);
    // With room again it goes on, and finishes what it had accepted.
    let home = home.replacing("max_mb = 1", "max_mb = 100");
    let mut daemon = Daemon::start(&home).await;
    let heard = say(&daemon.client(), &question(SANE)).await;
    assert_eq!(heard.reply().kind, ReplyKind::Canonical);
    daemon.signal("TERM").await;
    daemon.gone().await;
    let ledger = Store::open(&home.data()).await.unwrap().ledger(WORKSPACE).await.unwrap();
    assert_eq!(ledger.events.iter().filter(|event| event.terminals == 1).count(), ledger.events.len());
    assert!(ledger.events.len() > accepted, "{} of {accepted}", ledger.events.len());
}

/// More than can be worked on is refused and counted, and tickets go first.
#[tokio::test]
async fn what_is_too_much_is_told_to_come_again_and_tickets_are_not() {
    let cluster = std::sync::Arc::new(Cluster::start(false));
    let url = cluster.database("busy");
    let home = on(Home::new(), &url);
    let daemon = Daemon::start(&home).await;
    let strange = say(&daemon.client(), &question("what is the airspeed of a swallow?")).await;
    let offer = strange.reply().offers.last().unwrap().action.clone();
    // The database stands still: what is accepted waits for it.
    let locker = std::sync::Arc::clone(&cluster);
    let locked = tokio::task::spawn_blocking(move || {
        locker.psql("busy", "BEGIN; LOCK TABLE inbox; SELECT pg_sleep(4); COMMIT");
    });
    while cluster.psql(
        "busy",
        "SELECT COUNT(*) FROM pg_locks WHERE relation = 'inbox'::regclass AND granted \
        AND mode = 'AccessExclusiveLock'",
    ) != "1"
    {}
    let statuses = futures_util::future::join_all((0..400).map(|_| status(&daemon)));
    let ticket = daemon.client();
    let body = crate::daemon::press(&offer, &strange.conversation);
    let (statuses, ticket) = tokio::join!(statuses, say(&ticket, &body));
    locked.await.unwrap();
    let shed = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count() + shed, 400);
    assert!((200..400).contains(&shed), "{shed}");
    assert!(ticket.text().contains('1'), "{}", ticket.text());
    let metrics = http().get(format!("{}/metrics", daemon.url.trim_end_matches('/'))).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = metrics.lines().find(|line| line.contains("shed_total") && line.contains("overload")).unwrap();
    assert!(counted.ends_with(&format!(" {shed}")), "{counted}, and {shed} were shed");
    until_answered(&daemon).await;
}
