//! A freeze holds where the store cannot be written, and one that another daemon made is seen.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be set up must end it")]

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use townkeeper_contract::access::Role;
use townkeeper_core::Agent;
use townkeeper_engine::clock::Clock;
use townkeeper_engine::door::Door;
use townkeeper_engine::{Engine, Parts};
use townkeeper_knowledge::{Base, parse};
use townkeeper_store::{By, Store};

const ENTRY: &str = "---\nid: owl\ntitle: What is an owl?\nclass: routine\nowner: team\nreviewed_by: others\n\
    reviewed_at: 2026-11-16\nreview_by: 2029-12-31\nstatus: published\n\
    canonical_url: https://lumen.example.org/owl\nvariants:\n  - tell me of the owl\n  - describe the owl\n  \
    - the owl please\n---\nAn owl is an owl.\n";

async fn engine() -> (TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(Parts {
        meanings: None,
        workspace: "main".to_owned(),
        store: Store::open(folder.path()).await.unwrap(),
        base: Arc::new(Base::build(vec![("owl.md".to_owned(), parse("owl.md", ENTRY).unwrap())]).unwrap()),
        revision: 0,
        cooling: Duration::ZERO,
        guarding: townkeeper_engine::Guarding::default(),
        agent: Agent { name: "Keeper".to_owned(), persona: String::new(), ..Agent::default() },
        providers: Vec::new(),
        door: Door::default(),
        clock: Clock::system(),
        vault: townkeeper_engine::vault::Vault::with(&[1; 32]),
        lease: townkeeper_engine::LEASE,
    });
    (folder, engine.await.unwrap())
}

fn by(actor: &str) -> By {
    By { workspace: "main".to_owned(), actor: actor.to_owned(), method: "operator".to_owned(), now_ms: 5 }
}

#[tokio::test]
async fn a_freeze_holds_where_the_store_cannot_be_written() {
    let (_folder, engine) = engine().await;
    engine.store().close().await;
    let state = engine.freeze(by("operator"), "the store is away").await;
    assert!(state.frozen && engine.is_frozen(), "{state:?}");
    assert!(engine.thaw(by("operator")).await.is_err() && engine.is_frozen(), "nor can it be thawed");
}

#[tokio::test]
async fn a_freeze_by_another_daemon_is_seen_and_its_end_too() {
    let (_folder, engine) = engine().await;
    let becomes = async |frozen: bool| {
        let seen = async {
            while engine.is_frozen() != frozen {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(25), seen).await.unwrap();
    };
    // As another daemon on the same database would.
    engine.store().freeze(by("operator"), "seen elsewhere").await.unwrap();
    becomes(true).await;
    assert_eq!(engine.frozen().reason, "seen elsewhere");
    engine.store().add_person(by("operator"), "ada", "Ada", &[Role::Owner]).await.unwrap();
    engine.store().thaw(by("operator")).await.unwrap();
    assert!(!engine.store().thaw(by("person:ada")).await.unwrap().frozen);
    becomes(false).await;
    engine.stop().await;
}
