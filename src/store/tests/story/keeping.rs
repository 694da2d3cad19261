//! What is kept, copied, forgotten: retention, erasure, backup, milestones.

use std::path::Path;

use tokio::task::JoinSet;
use townkeeper_store::{
    Allowance, By, Cost, NewFeedback, Reserve, Reserved, Retention, Store, Verdict, backup, budget_scope, node_lease,
};

use crate::home::{Home, stories};
use crate::town::{ACCOUNT, W, accept, ack, answer, answer_with, button, sent, ticket, turn, walk};

const DAY: i64 = 24 * 60 * 60 * 1000;

stories!(
    what_is_old_goes_and_what_is_open_stays,
    retention_waits_for_its_day,
    an_erased_person_is_in_no_byte,
    every_table_with_a_person_is_erased,
    everything_acknowledged_before_a_backup_began_is_in_it,
    what_was_on_its_way_is_parked,
    a_milestone_is_reached_once,
    only_lives_of_dead_nodes_are_crashes,
);

/// Rows of each table that retention touches.
async fn pruned(store: &Store, now_ms: i64) -> Vec<(&'static str, u64)> {
    store.prune(W, &Retention::default(), now_ms).await.unwrap()
}

async fn what_is_old_goes_and_what_is_open_stays(home: &Home) {
    let store = home.open().await;
    // Long enough that more than one batch is needed.
    for n in 0..450 {
        walk(&store, "1", &format!("old{n}"), "wen", "soon", 1).await;
    }
    walk(&store, "22", "ticketed", "help", "a ticket", 2).await;
    ticket(&store, "22", "ticketed", "help", 3).await;
    accept(&store, "333", "open", "never answered", 4).await;
    accept(&store, "4444", "doubt", "wen", 5).await;
    let buttons = vec![button("4444", "doubt")];
    let doubt = answer_with(&store, "4444", "doubt", "wen", "soon", buttons, 5).await;
    ack(&store, &doubt, Verdict::Unknown { detail: "lost".to_owned() }, 6).await;
    walk(&store, "1", "fresh", "wen", "soon", 999 * DAY).await;
    for day in [1, 2, 999] {
        store.reserve_cost(reserve(&day.to_string(), "1", day)).await.unwrap();
        store.settle_cost(W, &day.to_string(), Cost::default()).await.unwrap();
    }

    let gone = pruned(&store, 1_000 * DAY).await;
    let gone: Vec<u64> = gone.into_iter().map(|(_, rows)| rows).collect();
    // attempt, outbox, action, feedback, correction, moderation, inbox (the doubtful event itself was answered), ticket, turn,
    // conversation (1 wrote again), waves, budget (two old days, of 1 and of all).
    assert_eq!(gone, [451, 451, 1, 0, 0, 0, 452, 0, 450, 0, 0, 0, 0, 0, 0, 0, 4]);

    let ledger = store.ledger(W).await.unwrap();
    let left: Vec<&str> = ledger.events.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(left, ["333/open", "1/fresh"]);
    let states: Vec<(&str, &str)> = ledger.sends.iter().map(|s| (s.dest.as_str(), s.state.as_str())).collect();
    assert_eq!(states, [("1", "sent"), ("4444", "unknown")]);
    assert_eq!(ledger.turns, 3, "the fresh one, the doubtful one, and the one with an open ticket");
    assert_eq!(ledger.tickets.len(), 1);
    // What was open goes when it is not any more; its answer is new and stays.
    answer(&store, "333", "open", "never answered", "now", 1_000 * DAY).await;
    assert_eq!(pruned(&store, 1_000 * DAY).await.iter().map(|(_, rows)| rows).sum::<u64>(), 1);
    assert!(pruned(&store, 1_000 * DAY).await.iter().all(|(_, rows)| *rows == 0));
}

async fn retention_waits_for_its_day(home: &Home) {
    let store = home.open().await;
    walk(&store, "1", "a", "wen", "soon", DAY).await;
    assert!(pruned(&store, 31 * DAY).await.iter().all(|(_, rows)| *rows == 0));
    let gone = pruned(&store, 31 * DAY + 1).await;
    let gone: Vec<_> = gone.into_iter().filter(|(_, rows)| *rows > 0).collect();
    assert_eq!(gone, [("attempt", 1), ("outbox", 1), ("inbox", 1)]);
    // The question is answered from its turn for longer; and what is kept for ever, is.
    assert_eq!(store.ledger(W).await.unwrap().turns, 1);
    let forever = Retention { inbox_days: 0, turn_days: 0, outbox_days: 0, attempt_days: 0, ticket_days: 0 };
    walk(&store, "1", "b", "wen", "soon", DAY).await;
    assert!(store.prune(W, &forever, 9_999 * DAY).await.unwrap().iter().all(|(_, rows)| *rows == 0));
    assert_eq!(pruned(&store, 91 * DAY + 1).await.iter().find(|(table, _)| *table == "turn"), Some(&("turn", 2)));
}

/// A person of whom nothing may stay, and words of theirs and to them.
pub(crate) const NOBODY: &str = "7770001234";
pub(crate) const CANARY: &str = "canary-4b1d-of-a-person";

/// How often the canaries stand in everything that the database left on disk, or in its dump.
pub(crate) async fn found(home: &Home) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let files = match home {
        Home::Sqlite(folder) => ["townkeeper.db", "townkeeper.db-wal"].map(|file| folder.path().join(file)).to_vec(),
        Home::Postgres(url) => {
            let dump = folder.path().join("dump.sql");
            backup::dump_postgres(url, &dump).await.unwrap();
            vec![dump]
        }
    };
    let bytes: Vec<u8> = files.iter().filter_map(|file| std::fs::read(file).ok()).flatten().collect();
    assert!(bytes.len() > 1_000, "there is something to search");
    let all = |needle: &str| bytes.windows(needle.len()).filter(|window| *window == needle.as_bytes()).count();
    all(CANARY) + all(NOBODY)
}

async fn an_erased_person_is_in_no_byte(home: &Home) {
    let store = home.open().await;
    for n in 0..40 {
        let long = format!("{CANARY} {n} {}", "and more ".repeat(n * 30));
        walk(&store, NOBODY, &format!("a{n}"), &long, &long, 1).await;
        walk(&store, "somebody", &format!("b{n}"), "wen", "soon", 1).await;
    }
    ticket(&store, NOBODY, "a0", CANARY, 2).await;
    let kept = ticket(&store, "somebody", "b0", "help me", 2).await;
    // Under way while they are erased: a question without an answer, and an answer that is being sent.
    accept(&store, NOBODY, "open", CANARY, 3).await;
    accept(&store, NOBODY, "sending", CANARY, 3).await;
    let buttons = vec![button(NOBODY, "sending")];
    let late = answer_with(&store, NOBODY, "sending", CANARY, CANARY, buttons, 4).await;
    store.rate(helped("a0")).await.unwrap().unwrap();
    models_were_asked(&store).await;
    assert!(found(home).await > 100, "the red twin: without the erasure they are found");

    let report = store.erase_person(by(W), ACCOUNT, NOBODY).await.unwrap();
    let rows: Vec<(&str, u64)> =
        report.tables.iter().map(|table| (table.table, table.rows)).filter(|(_, rows)| *rows > 0).collect();
    let expected = [
        ("attempt", 41),
        ("outbox", 41),
        ("action", 1),
        ("ticket", 1),
        ("turn", 41),
        ("inbox", 42),
        ("feedback", 1),
        ("budget_hold", 1),
        ("budget", 1),
        ("conversation", 1),
    ];
    assert_eq!(rows, expected);
    assert_eq!(found(home).await, 0);

    // What was under way finds nothing, and brings nothing back.
    let verdict = townkeeper_store::Ack { workspace: W.to_owned(), id: late, attempt: 1, verdict: sent(), now_ms: 5 };
    assert!(!store.ack(verdict).await.unwrap());
    store.settle_cost(W, "under way", USED).await.unwrap();
    let whole = store.spent_on(W, "", 0).await.unwrap();
    assert_eq!((whole.spent, whole.held), (Cost { tokens: 10, micros: 10 }, Cost::default()), "the town has paid");
    assert_eq!(found(home).await, 0);
    // The other one has lost nothing; counts of what happened stay true.
    let ledger = store.ledger(W).await.unwrap();
    assert_eq!((ledger.events.len(), ledger.sends.len(), ledger.turns), (40, 40, 81));
    let tickets = store.tickets(W, 10).await.unwrap();
    let of = |number: i64| tickets.iter().find(|ticket| ticket.number == number).unwrap();
    assert_eq!((of(kept).question.as_str(), of(kept).person.as_str()), ("help me", "somebody"));
    assert_eq!((of(1).question.as_str(), of(1).person.as_str()), ("", townkeeper_store::ERASED));
    assert_eq!(store.past_turns(W, "c-somebody", 99).await.unwrap().len(), 40);
    // They may come back, as anybody.
    walk(&store, NOBODY, "again", "hello", "hello", 9).await;
    // Somebody of that number elsewhere is somebody else.
    assert_eq!(store.erase_person(by("elsewhere"), ACCOUNT, NOBODY).await.unwrap().rows(), 0);
    assert_eq!(store.erase_person(by(W), "discord:main", NOBODY).await.unwrap().rows(), 0);
    assert_eq!(store.ledger(W).await.unwrap().events.len(), 41);
}

/// What a model used.
const USED: Cost = Cost { tokens: 5, micros: 5 };

/// What models cost the person: one request that is over, one under way.
async fn models_were_asked(store: &Store) {
    for id in ["over", "under way"] {
        assert_eq!(store.reserve_cost(reserve(id, NOBODY, 0)).await.unwrap(), Reserved::Held);
    }
    store.settle_cost(W, "over", USED).await.unwrap();
}

/// What a request of a person may cost on a day.
fn reserve(id: &str, person: &str, day: i64) -> Reserve {
    let cost = Cost { tokens: 10, micros: 10 };
    let limit = Cost { tokens: 1_000, micros: 1_000 };
    let (workspace, person) = (W.to_owned(), budget_scope(ACCOUNT, person));
    let allowance = Allowance { workspace, person, day, workspace_limit: limit, person_limit: limit };
    Reserve { id: id.to_owned(), allowance, cost, now_ms: 4, expires_ms: 1_000 }
}

fn helped(event: &str) -> NewFeedback {
    NewFeedback {
        workspace: W.to_owned(),
        turn: turn(NOBODY, event),
        conversation: format!("c-{NOBODY}"),
        account: ACCOUNT.to_owned(),
        person: NOBODY.to_owned(),
        helped: true,
        now_ms: 4,
    }
}

fn by(workspace: &str) -> By {
    let (actor, method) = ("operator".to_owned(), "operator".to_owned());
    By { workspace: workspace.to_owned(), actor, method, now_ms: 5 }
}

async fn every_table_with_a_person_is_erased(home: &Home) {
    let store = home.open().await;
    let tables = store.tables_with_persons().await.unwrap();
    assert!(tables.contains(&"ticket".to_owned()) && tables.contains(&"conversation".to_owned()), "{tables:?}");
    let erased = Store::erased_tables();
    let missing: Vec<_> = tables.iter().filter(|table| !erased.contains(&table.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?} hold persons: give each a line in RULES of src/store/src/erase.rs");
}

/// A copy of the home, made beside whoever writes.
async fn copy(home: &Home, to: &Path) {
    match home {
        Home::Sqlite(folder) => backup::copy_sqlite(folder.path(), &to.join("townkeeper.db")).await.unwrap(),
        Home::Postgres(url) => backup::dump_postgres(url, &to.join("dump.sql")).await.unwrap(),
    }
}

/// A store on such a copy.
async fn restored(home: &Home, from: &Path) -> Store {
    match home {
        Home::Sqlite(_) => Store::open(from).await.unwrap(),
        Home::Postgres(url) => {
            let empty = format!("{}_restored?{}", url.split('?').next().unwrap(), url.split('?').nth(1).unwrap());
            let name = empty.split(['/', '?']).find(|part| part.ends_with("_restored")).unwrap();
            let socket = url.split("host=").nth(1).unwrap();
            let made = std::process::Command::new("createdb").args(["-h", socket, "-U", "postgres", name]).status();
            assert!(made.unwrap().success());
            backup::load_postgres(&empty, &from.join("dump.sql")).await.unwrap();
            let again = backup::load_postgres(&empty, &from.join("dump.sql")).await;
            assert!(matches!(again, Err(backup::BackupError::NotEmpty)), "{again:?}");
            Store::connect(&empty).await.unwrap()
        }
    }
}

async fn everything_acknowledged_before_a_backup_began_is_in_it(home: &Home) {
    let store = home.open().await;
    let (stop, mut load) = (townkeeper_contract::Stop::new(), JoinSet::new());
    let (acknowledged, seen) = tokio::sync::watch::channel(0_u32);
    for writer in 0..8 {
        let (store, stop, acknowledged) = (store.clone(), stop.clone(), acknowledged.clone());
        load.spawn(async move {
            let mut n = 0;
            while !stop.is_cancelled() {
                walk(&store, &format!("p{writer}"), &format!("w{writer}-{n}"), "wen", "soon", 1).await;
                n += 1;
                acknowledged.send_modify(|all| *all += 1);
            }
        });
    }
    let folder = tempfile::tempdir().unwrap();
    seen.clone().wait_for(|all| *all >= 100).await.unwrap();
    let before = i64::from(*seen.borrow());
    copy(home, folder.path()).await;
    let after = i64::from(*seen.borrow());
    stop.cancel();
    load.join_all().await;

    let copied = restored(home, folder.path()).await;
    let ledger = copied.ledger(W).await.unwrap();
    let answered = ledger.turns;
    assert!(answered >= before, "{answered} of {before} that were acknowledged before");
    assert!(after >= before && store.ledger(W).await.unwrap().turns >= after);
    // One moment of the original: an event that is done has its turn and its message, always.
    assert!(ledger.events.iter().all(|event| event.open == (event.terminals == 0)));
    assert_eq!(ledger.sends.len(), usize::try_from(answered).unwrap());
}

async fn what_was_on_its_way_is_parked(home: &Home) {
    let store = home.open().await;
    walk(&store, "1", "done", "wen", "soon", 1).await;
    accept(&store, "22", "sending", "wen", 2).await;
    answer(&store, "22", "sending", "wen", "soon", 2).await;
    accept(&store, "22", "ready", "wen now", 3).await;
    answer(&store, "22", "ready", "wen now", "soon", 3).await;
    accept(&store, "333", "open", "and me?", 4).await;
    let by = crate::people::by;
    store.add_person(by(1), "ada", "Ada", &[]).await.unwrap();
    let [link, hash, workspace] = ["used", "session", W].map(str::to_owned);
    store.new_login(by(2), "ada", link.clone(), 99).await.unwrap();
    store
        .open_session(townkeeper_store::OpenSession { workspace, link, hash, expires_ms: 99, now_ms: 3 })
        .await
        .unwrap();
    store.new_login(by(4), "ada", "unused".to_owned(), 99).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy(home, folder.path()).await;

    let copied = restored(home, folder.path()).await;
    let lets_in = async || {
        (copied.session(W, "session", 49).await.unwrap().is_some(), copied.may_log_in(W, "unused", 49).await.unwrap())
    };
    assert_eq!(lets_in().await, (true, true));
    assert_eq!(copied.park(50).await.unwrap(), backup::Parked { sends: 2, events: 1 });
    assert_eq!(lets_in().await, (false, false), "who has signed out since would be signed in again");
    assert_eq!(copied.park(51).await.unwrap(), backup::Parked::default(), "parking is done once");
    let left = copied.take_over(W, "n3", vec![ACCOUNT.to_owned()], 52).await.unwrap();
    assert!(left.events.is_empty() && left.in_doubt == 0, "{left:?}");
    assert!(copied.claim(W, "n1", 53, 99).await.unwrap().rows.is_empty(), "nothing old is sent");
    assert_eq!(copied.outbox_count(W, "unknown").await.unwrap(), 2, "and all of it can be seen");
    let ended = copied.ended_turn(W, "t-3-open").await.unwrap().unwrap();
    assert!(matches!(ended.outcome, townkeeper_contract::stream::Outcome::Failed { .. }));
    // Life goes on behind what was parked.
    walk(&copied, "22", "new", "wen", "soon", 60).await;

    // The red twin: an unparked copy would send what the original has sent already.
    let left = store.take_over(W, "n4", vec![ACCOUNT.to_owned()], 52).await.unwrap();
    assert_eq!((left.events.len(), store.claim(W, "n1", 53, 99).await.unwrap().rows.len()), (1, 1));
}

async fn a_milestone_is_reached_once(home: &Home) {
    let store = home.open().await;
    assert!(store.reach(W, "first_start", 5).await.unwrap());
    assert!(!store.reach(W, "first_start", 9).await.unwrap());
    assert!(store.reach(W, "first_answer", 7).await.unwrap());
    let reached: Vec<(String, i64)> =
        store.milestones(W).await.unwrap().into_iter().map(|m| (m.name, m.at_ms)).collect();
    assert_eq!(reached, [("first_start".to_owned(), 5), ("first_answer".to_owned(), 7)]);
    assert!(store.milestones("elsewhere").await.unwrap().is_empty());

    store.acquire(W, &node_lease("node-04"), "node-04", 60_000).await.unwrap().unwrap();
    for (id, clean) in [("01", true), ("02", false), ("03", true), ("04", false)] {
        store.run_began(W, id, &format!("node-{id}"), 10).await.unwrap();
        store.run_ready(W, id, 11).await.unwrap();
        if clean {
            store.run_ended(W, id, 12).await.unwrap();
        }
    }
    let runs = store.runs(W, 0).await.unwrap();
    assert_eq!((runs.started, runs.ready, runs.ended, runs.clean), (4, 4, 3, 2), "the newest may still run");
    assert_eq!(store.runs(W, 11).await.unwrap().started, 0);
}

/// Another node's life is no crash: what tells them apart is whether its lease lasts.
async fn only_lives_of_dead_nodes_are_crashes(home: &Home) {
    let store = home.open().await;
    for (id, node) in [("01", "a"), ("02", "b"), ("03", "c")] {
        store.run_began(W, id, node, 10).await.unwrap();
    }
    let crashed = async || store.runs(W, 0).await.unwrap().ended;
    if matches!(home, Home::Sqlite(_)) {
        // A node is alone there, and has no lease.
        return assert_eq!(crashed().await, 2, "all but the newest");
    }
    let first = store.acquire(W, &node_lease("a"), "a", 60_000).await.unwrap().unwrap();
    store.acquire(W, &node_lease("b"), "b", 60_000).await.unwrap().unwrap();
    assert_eq!(crashed().await, 1, "two live, however old; the newest does not");
    store.release(&first).await.unwrap();
    assert_eq!(crashed().await, 2);
}
