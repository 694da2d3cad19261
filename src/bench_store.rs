//! The store alone, for `townkeeper bench`: what the disk can do, and what the ledger makes of it.

use std::sync::Arc;
use std::time::Instant;

use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::stream::Outcome;
use townkeeper_core::say;
use townkeeper_fakes::postgres::Cluster;
use townkeeper_store::{Accept, NewEvent, Settle, Store};

use crate::bench::count;

/// Plain group commits a second: the least that a durable answer needs, with nothing around it.
pub(crate) async fn raw_group(tasks: usize, units: usize) -> anyhow::Result<f64> {
    let home = tempfile::tempdir()?;
    let (tasks, units) = (u32::try_from(tasks)?, u32::try_from(units)?);
    apart(move || async move {
        let took = Store::raw_group_commits(home.path(), tasks, units).await?;
        Ok(f64::from(units / tasks * tasks) / took.as_secs_f64())
    })
    .await
}

/// How many times a second so many tasks commit an answer (accept, then settle), with nothing around the store.
pub(crate) async fn on_the_store(tasks: usize, total: usize) -> anyhow::Result<f64> {
    let home = tempfile::tempdir()?;
    apart(move || async move { rate(Store::open(home.path()).await?, tasks, total, true).await }).await
}

/// Accepted events a second on SQLite and on PostgreSQL, each syncing to this disk.
pub(crate) async fn accepts(tasks: usize) -> anyhow::Result<(f64, f64)> {
    const EVENTS: usize = 12_800;
    let home = tempfile::tempdir()?;
    let sqlite =
        apart(move || async move { rate(Store::open(home.path()).await?, tasks, EVENTS, false).await }).await?;
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(true)).await?;
    let url = cluster.database("bench");
    let postgres = apart(move || async move { rate(Store::connect(&url).await?, tasks, EVENTS, false).await }).await?;
    tokio::task::spawn_blocking(move || drop(cluster)).await?;
    Ok((sqlite, postgres))
}

/// On a runtime of its own, with as many threads as the daemon has.
async fn apart<T: Send + 'static, F: Future<Output = anyhow::Result<T>>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> anyhow::Result<T> {
    let measured = move || -> anyhow::Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(work())
    };
    tokio::task::spawn_blocking(measured).await?
}

async fn rate(store: Store, tasks: usize, total: usize, whole: bool) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let store = store.clone();
        set.spawn(async move {
            for n in 0..total / tasks {
                ledger_entry(&store, &format!("{task}-{n}"), whole).await?;
            }
            anyhow::Ok(())
        });
    }
    for done in set.join_all().await {
        done?;
    }
    let rate = count(total / tasks * tasks) / began.elapsed().as_secs_f64();
    store.close().await;
    Ok(rate)
}

/// One accepted event; with its answer's end, if `whole`.
async fn ledger_entry(store: &Store, id: &str, whole: bool) -> anyhow::Result<()> {
    let inbound = Inbound {
        event: EventKey::from(id),
        account: AccountId::from("web"),
        place: Place { id: PlaceId::from(id), kind: PlaceKind::Private, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from(id), name: String::new(), handle: None, bot: false },
        at_ms: 1,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo(id.to_owned()),
        body: Body::Message { text: "how do I migrate from a hardware wallet?".to_owned() },
    };
    let event = NewEvent { inbound: inbound.clone(), conversation: id.to_owned(), turn: id.to_owned() };
    let accept = Accept {
        workspace: "main".to_owned(),
        account: "web".to_owned(),
        events: vec![event],
        cases: Vec::new(),
        prints: Vec::new(),
        cursor: None,
        node: "bench".to_owned(),
        lease: None,
        now_ms: 1,
    };
    store.accept(accept).await?;
    if !whole {
        return Ok(());
    }
    let settle = Settle {
        workspace: "main".to_owned(),
        turn: id.to_owned(),
        conversation: id.to_owned(),
        inbound,
        attempt: 1,
        node: "bench".to_owned(),
        question: "how do I migrate from a hardware wallet?".to_owned(),
        last_seq: 3,
        started_ms: 1,
        now_ms: 1,
        outcome: Outcome::Completed,
        reply: Some(say::help("Lumen Keeper")),
        say: Vec::new(),
        actions: Vec::new(),
        once: None,
        forsakes: false,
    };
    store.settle(Arc::new(settle)).await?;
    Ok(())
}
