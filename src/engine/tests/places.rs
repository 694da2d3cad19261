//! Places, with a real store: what was set is known at once, what another daemon set a little later, and what a platform
//! tells of us there is written down.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be set up must end it")]

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, PresenceChange, ReplyTo};
use townkeeper_contract::place::{PlaceChange, PlaceMode, PlaceSetting};
use townkeeper_core::Agent;
use townkeeper_core::conversation::conversation;
use townkeeper_core::places::{Groups, Rules};
use townkeeper_engine::clock::Clock;
use townkeeper_engine::door::Door;
use townkeeper_engine::{Engine, Parts, Reading};
use townkeeper_knowledge::{Base, parse};
use townkeeper_store::{By, SeenPlace, Store};

const ENTRY: &str = "---\nid: owl\ntitle: What is an owl?\nclass: routine\nowner: team\nreviewed_by: others\n\
    reviewed_at: 2026-11-16\nreview_by: 2029-12-31\nstatus: published\n\
    canonical_url: https://lumen.example.org/owl\nvariants:\n  - tell me of the owl\n  - describe the owl\n  \
    - the owl please\n---\nAn owl is an owl.\n";

const ACCOUNT: &str = "square:main";

async fn engine(groups: Option<Groups>) -> (TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let mut door = Door::default();
    door.rule(AccountId::from(ACCOUNT), Rules { groups, moderators: None });
    let engine = Engine::start(Parts {
        meanings: None,
        workspace: "main".to_owned(),
        store: Store::open(folder.path()).await.unwrap(),
        base: Arc::new(Base::build(vec![("owl.md".to_owned(), parse("owl.md", ENTRY).unwrap())]).unwrap()),
        revision: 0,
        cooling: Duration::ZERO,
        guarding: townkeeper_engine::Guarding::default(),
        agent: Agent::default(),
        providers: Vec::new(),
        door,
        clock: Clock::system(),
        vault: townkeeper_engine::vault::Vault::with(&[1; 32]),
        lease: townkeeper_engine::LEASE,
    });
    (folder, engine.await.unwrap())
}

fn by() -> By {
    By { workspace: "main".to_owned(), actor: "operator".to_owned(), method: "operator".to_owned(), now_ms: 5 }
}

fn seen(place: &str) -> SeenPlace {
    SeenPlace {
        account: ACCOUNT.to_owned(),
        place: place.to_owned(),
        kind: PlaceKind::Group,
        address: None,
        within: None,
    }
}

fn event(key: &str, place: &str, body: Body) -> Inbound {
    Inbound {
        event: EventKey::from(key),
        account: AccountId::from(ACCOUNT),
        place: Place { id: PlaceId::from(place), kind: PlaceKind::Group, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from("1"), name: String::new(), handle: None, bot: false },
        at_ms: 0,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo(place.to_owned()),
        body,
    }
}

fn asks(key: &str, place: &str) -> Inbound {
    event(key, place, Body::Message { text: "What is an owl?".to_owned() })
}

/// What was said to an event; `None`: it was let go.
async fn said(engine: &Engine, event: Inbound) -> Option<String> {
    let turn = engine.accept(event.clone()).await.unwrap()?.turn;
    if let Reading::Live(mut events) = engine.read(&turn, None).await.unwrap() {
        let ends = async { while events.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(25), ends).await.unwrap();
    }
    let past = engine.past(conversation(&event).as_str(), 1).await.unwrap().pop().unwrap();
    Some(past.reply.unwrap().body.to_plain())
}

fn value(engine: &[townkeeper_contract::place::PlaceInfo], place: &str, setting: PlaceSetting) -> Option<String> {
    let place = engine.iter().find(|info| info.place.as_str() == place)?;
    place.settings.iter().find(|shown| shown.setting == setting).map(|shown| shown.value.clone())
}

#[tokio::test]
async fn what_is_set_holds_at_once_and_what_another_daemon_set_soon() {
    let (_folder, engine) = engine(None).await;
    assert!(said(&engine, asks("e1", "a")).await.unwrap().contains("/keeper link"));
    assert_eq!(said(&engine, asks("e2", "a")).await, None, "once");
    let link = PlaceChange { link: Some(true), ..PlaceChange::default() };
    engine.set_place(by(), ACCOUNT, "a", &link).await.unwrap();
    assert!(said(&engine, asks("e3", "a")).await.unwrap().contains("An owl is an owl."));

    // As another daemon on the same database would.
    let off = [(PlaceSetting::Mode, PlaceMode::Off.to_string())];
    engine.store().change_place(by(), ACCOUNT, "a", &off).await.unwrap();
    let fell_silent = async {
        let mut n = 4;
        while engine.accept(asks(&format!("e{n}"), "a")).await.unwrap().is_some() {
            n += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(25), fell_silent).await.unwrap();
}

#[tokio::test]
async fn who_is_removed_must_be_wanted_again_and_who_moves_is_known_there() {
    let (_folder, engine) = engine(None).await;
    let link = [(PlaceSetting::Link, "yes".to_owned()), (PlaceSetting::Mode, "support".to_owned())];
    for place in ["a", "b"] {
        engine.store().set_place(by(), seen(place), &link).await.unwrap();
    }
    let told = |key, place, change| Inbound { addressed: false, ..event(key, place, Body::Presence { change }) };
    assert_eq!(said(&engine, told("e1", "a", PresenceChange::Added)).await, None);
    assert_eq!(said(&engine, told("e2", "a", PresenceChange::Removed)).await.as_deref(), Some(""));
    let moved = PresenceChange::Moved { to: PlaceId::from("b2"), address: ReplyTo("to b2".to_owned()) };
    assert_eq!(said(&engine, told("e3", "b", moved)).await.as_deref(), Some(""));

    let places = engine.places().await.unwrap();
    assert_eq!(value(&places, "a", PlaceSetting::Link).as_deref(), Some("no"));
    assert_eq!(value(&places, "b", PlaceSetting::Link), None, "there is no such place any more");
    assert_eq!(value(&places, "b2", PlaceSetting::Mode).as_deref(), Some("support"));
    assert!(said(&engine, asks("e4", "b2")).await.unwrap().contains("An owl is an owl."));
    assert!(said(&engine, asks("e5", "a")).await.unwrap().contains("/keeper link"), "and it may be told again");
}

#[tokio::test]
async fn an_account_for_any_group_answers_where_nothing_is_set() {
    let (_folder, engine) = engine(Some(Groups::Any)).await;
    assert!(said(&engine, asks("e1", "a")).await.unwrap().contains("An owl is an owl."));
    engine.store().set_place(by(), seen("a"), &[(PlaceSetting::Link, "no".to_owned())]).await.unwrap();
    let unknown = engine.set_place(by(), ACCOUNT, "nowhere", &PlaceChange::default()).await;
    assert!(unknown.unwrap_err().to_string().contains("no such place"));
    let nonsense = PlaceChange { language: Some("de; obey".to_owned()), ..PlaceChange::default() };
    assert!(engine.set_place(by(), ACCOUNT, "a", &nonsense).await.unwrap_err().to_string().contains("language"));
}
