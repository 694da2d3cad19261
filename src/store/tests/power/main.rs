//! Simulated power cuts: what the store acknowledged is on the disk, whatever of the unsynced bytes the disk forgets.
//!
//! `strace` records every write and every sync of a process that accepts and settles events, and its acknowledgements in
//! the same order. The disk is then rebuilt as of a random moment: what was synced is there; of what was only written,
//! each write is kept, lost or torn by lot. Today's code opens that folder, also in mid-migration, and everything
//! acknowledged before that moment must be in it. Run by `tests/power.sh`; ignored otherwise, for it needs `strace`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what cannot be set up must end it")]

mod disk;
mod trace;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use disk::{Disk, Faith};
use tokio::task::JoinSet;
use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::stream::Outcome;
use townkeeper_store::backup::check_sqlite;
use townkeeper_store::{Accept, NewEvent, Settle, Store};
use trace::Step;

const W: &str = "main";
const ACCOUNT: &str = "web";

/// Writers at once, and events of each: enough for group commits and for checkpoints of the log.
const WRITERS: u32 = 8;
const EVENTS: u32 = 120;

#[expect(clippy::disallowed_methods, reason = "a switch for this test, not a setting of the daemon")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The recorded process: not a test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is run under strace by the test below"]
async fn writer() {
    let Some(folder) = setting("TOWNKEEPER_POWER_FOLDER") else { return };
    let store = Store::open(&Path::new(&folder).join("data")).await.unwrap();
    let acknowledged = std::fs::File::create(Path::new(&folder).join("acknowledged")).unwrap();
    let acknowledged = Arc::new(acknowledged);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
        writers.spawn(async move {
            for n in 0..EVENTS {
                walk(&store, &format!("{writer}-{n}"), &acknowledged).await;
            }
        });
    }
    writers.join_all().await;
    // No word of farewell: the log is left as it is.
    #[expect(clippy::exit, reason = "a daemon that is cut off says nothing either")]
    std::process::exit(0);
}

/// Accepts and settles an event; says so after each, in one write.
async fn walk(store: &Store, event: &str, mut acknowledged: &std::fs::File) {
    let inbound = Inbound {
        event: EventKey::from(event),
        account: AccountId::from(ACCOUNT),
        place: Place { id: PlaceId::from(event), kind: PlaceKind::Private, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from("1"), name: String::new(), handle: None, bot: false },
        at_ms: 1,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo(String::new()),
        body: Body::Message { text: "x".repeat(300) },
    };
    let new = NewEvent { inbound: inbound.clone(), conversation: "c".to_owned(), turn: format!("t-{event}") };
    let (workspace, account) = (W.to_owned(), ACCOUNT.to_owned());
    store
        .accept(Accept {
            workspace,
            account,
            events: vec![new],
            cases: Vec::new(),
            prints: Vec::new(),
            cursor: None,
            node: "n1".to_owned(),
            lease: None,
            now_ms: 1,
        })
        .await
        .unwrap();
    acknowledged.write_all(format!("accepted {event}\n").as_bytes()).unwrap();
    let settle = Settle {
        node: "n1".to_owned(),
        workspace: W.to_owned(),
        turn: format!("t-{event}"),
        conversation: "c".to_owned(),
        inbound,
        attempt: 1,
        question: "x".repeat(300),
        last_seq: 1,
        started_ms: 1,
        now_ms: 2,
        outcome: Outcome::Completed,
        reply: None,
        say: Vec::new(),
        actions: Vec::new(),
        once: None,
        forsakes: false,
    };
    store.settle(Arc::new(settle)).await.unwrap();
    acknowledged.write_all(format!("settled {event}\n").as_bytes()).unwrap();
}

/// Records one run of [`writer`].
fn record(folder: &Path) -> Vec<Step> {
    std::fs::create_dir(folder.join("data")).unwrap();
    let log = folder.join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-xx", "-s", "70000", "-o"]).arg(&log);
    strace.args(["-e", "trace=pwrite64,write,ftruncate,fsync,fdatasync,unlink"]);
    strace.arg(std::env::current_exe().unwrap()).args(["--exact", "writer", "--ignored", "--nocapture"]);
    let ran = strace.env("TOWNKEEPER_POWER_FOLDER", folder).stdout(Stdio::null()).status();
    assert!(ran.expect("strace is not installed (Debian: strace)").success(), "strace could not run the writer");
    trace::read(&std::fs::read_to_string(log).unwrap())
}

/// What of the acknowledged is not there after a cut before step `at`; a database that does not open has lost all.
async fn lost(steps: &[Step], at: usize, faith: Faith, rng: &mut fastrand::Rng) -> usize {
    let mut disk = Disk::new(faith);
    let mut acknowledged = BTreeSet::new();
    for step in &steps[..at] {
        match step {
            Step::Acknowledged(what) => {
                acknowledged.insert(what.as_str());
            }
            step => disk.apply(step),
        }
    }
    let folder = tempfile::tempdir().unwrap();
    disk.cut(folder.path(), rng);
    let Ok(store) = Store::open(folder.path()).await else { return acknowledged.len().max(1) };
    let ledger = store.ledger(W).await.unwrap_or_default();
    store.close().await;
    if check_sqlite(&folder.path().join("townkeeper.db")).await.is_err() {
        return acknowledged.len().max(1);
    }
    for event in &ledger.events {
        acknowledged.remove(format!("accepted {}", event.event).as_str());
        if !event.open && event.terminals == 1 {
            acknowledged.remove(format!("settled {}", event.event).as_str());
        }
    }
    acknowledged.len()
}

#[tokio::test]
#[ignore = "needs strace; run by tests/power.sh"]
async fn nothing_acknowledged_is_lost_when_the_power_goes() {
    let cuts: usize = setting("TOWNKEEPER_CUTS").and_then(|cuts| cuts.parse().ok()).unwrap_or(100);
    let seed = setting("TOWNKEEPER_SEED").and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("TOWNKEEPER_CUTS={cuts} TOWNKEEPER_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let steps = record(folder.path());
    let acknowledgements = steps.iter().filter(|step| matches!(step, Step::Acknowledged(_))).count();
    assert_eq!(acknowledgements, (WRITERS * EVENTS * 2) as usize, "every acknowledgement was recorded");
    let syncs = steps.iter().filter(|step| matches!(step, Step::SyncEnds { .. })).count();

    let (mut gone, mut early) = (0, 0);
    let first = steps.iter().position(|step| matches!(step, Step::Acknowledged(_))).unwrap();
    for n in 0..cuts {
        // One in ten while the schema is still being made.
        let at = if n % 10 == 0 { rng.usize(1..first) } else { rng.usize(first..=steps.len()) };
        early += usize::from(at < first);
        let lost = lost(&steps, at, Faith::Honest, &mut rng).await;
        assert_eq!(lost, 0, "cut {n} before step {at} of {}: {lost} acknowledged are lost (seed {seed})", steps.len());
        gone += lost;
    }
    println!(
        "power| {cuts} cuts ({early} in mid-migration) | {acknowledgements} acknowledgements | {syncs} syncs | {gone} lost |"
    );

    // The red twin: a disk that says it has synced and has not, which is what `synchronous=OFF` makes of any disk.
    let mut gone = 0;
    for _ in 0..20 {
        let at = rng.usize(first..=steps.len());
        gone += lost(&steps, at, Faith::NoSyncs, &mut rng).await;
    }
    println!("red twin, without syncs| 20 cuts | {gone} lost |");
    assert!(gone > 0, "without syncs something must be lost, or this simulates nothing");
}
