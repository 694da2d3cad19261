//! What it costs to keep fingerprints: accepted events a second without and with one each, chatter's own in one commit of
//! 500, and a million read at a start. `cargo run --release -p townkeeper-store --example prints`
#![expect(clippy::unwrap_used, reason = "a measurement ends where it cannot go on")]

use std::io::Write as _;
use std::time::Instant;

use tokio::task::JoinSet;
use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_fakes::postgres::Cluster;
use townkeeper_store::{Accept, NewEvent, Print, Store};

const WRITERS: u64 = 64;
const EVENTS: u64 = 200;
const W: &str = "main";

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(true);
    for (engine, store) in [
        ("SQLite", Store::open(folder.path()).await.unwrap()),
        ("PostgreSQL", Store::connect(&cluster.database("prints")).await.unwrap()),
    ] {
        for round in 0..3 {
            let without = accepted(&store, round, 0).await;
            let with = accepted(&store, round, 1).await;
            say(&format!("{engine}: {without:.0} events a second, with a fingerprint each {with:.0}"));
        }
        let began = Instant::now();
        for page in 0..2_000 {
            let prints = (page * 500..page * 500 + 500).map(print).collect();
            store.keep_prints(W, "chatter", prints).await.unwrap();
        }
        say(&format!("{engine}: a million fingerprints, 500 a commit: {:.1} µs each", began.elapsed().as_secs_f64()));
        let (began, mut read, mut rows) = (Instant::now(), 0, 0);
        loop {
            let page = store.prints_after(W, "chatter", read, 5_000).await.unwrap();
            let Some((last, _)) = page.last() else { break };
            (read, rows) = (*last, rows + page.len());
        }
        say(&format!("{engine}: {rows} read in {:.1} s", began.elapsed().as_secs_f64()));
        let began = Instant::now();
        store.prune_prints(W, i64::MAX).await.unwrap();
        say(&format!("{engine}: all pruned in {:.1} s", began.elapsed().as_secs_f64()));
        store.close().await;
    }
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// Events a second, with so many fingerprints each.
async fn accepted(store: &Store, round: u64, prints: u64) -> f64 {
    let began = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..EVENTS {
                store
                    .accept(accept(&format!("{round}-{prints}-{writer}-{n}"), prints, writer * EVENTS + n))
                    .await
                    .unwrap();
            }
        });
    }
    writers.join_all().await;
    f64::from(u32::try_from(WRITERS * EVENTS).unwrap()) / began.elapsed().as_secs_f64()
}

fn print(n: u64) -> Print {
    Print {
        account: "telegram:main".to_owned(),
        place: "-1001234567890".to_owned(),
        message: format!("-1001234567890:{n}"),
        person: (500_000_000 + n % 5_000).to_string(),
        print: n.wrapping_mul(0x9e37_79b9_7f4a_7c15).cast_signed(),
        at_ms: 1_700_000_000_000,
    }
}

fn accept(event: &str, prints: u64, n: u64) -> Accept {
    let inbound = Inbound {
        event: EventKey::from(event),
        account: AccountId::from("telegram:main"),
        place: Place { id: PlaceId::from("-1001234567890"), kind: PlaceKind::Group, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from("500000001"), name: "Robin".to_owned(), handle: None, bot: false },
        at_ms: 1,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo("-1001234567890".to_owned()),
        body: Body::Message { text: "how do I migrate from a hardware wallet?".to_owned() },
    };
    Accept {
        workspace: W.to_owned(),
        account: "telegram:main".to_owned(),
        events: vec![NewEvent { inbound, conversation: event.to_owned(), turn: event.to_owned() }],
        cases: Vec::new(),
        prints: (0..prints).map(|_| print(n)).collect(),
        cursor: None,
        node: "n1".to_owned(),
        lease: None,
        now_ms: 1,
    }
}
