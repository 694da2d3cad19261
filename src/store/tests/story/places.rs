//! Places: what is set for them stays set, moves with them, and every change is an act.

use std::sync::Arc;

use townkeeper_contract::id::PlaceId;
use townkeeper_contract::inbound::{PlaceKind, ReplyTo};
use townkeeper_contract::place::PlaceSetting::{self, Link, Mode, Notices};
use townkeeper_core::places::Place;
use townkeeper_store::{Accept, By, Denied, NewEvent, Once, SeenPlace, Settle, Store};

use crate::home::{Home, stories};
use crate::people::{by, by_whom, denied};
use crate::town::{ACCOUNT, W, accept, ack, answer, end, inbound, sent, turn};

stories!(
    what_is_set_stays_set_and_is_an_act,
    a_place_is_told_once_and_in_one_commit_with_the_notice,
    leaving_a_place_unlinks_it_and_refuses_what_waits,
    leaving_a_server_is_leaving_its_channels,
    a_place_that_moves_keeps_what_is_set_and_what_waits,
    places_of_one_workspace_are_not_anothers,
    who_set_something_can_be_erased,
);

fn seen(place: &str) -> SeenPlace {
    let address = Some(ReplyTo(format!("to {place}")));
    SeenPlace { account: ACCOUNT.to_owned(), place: place.to_owned(), kind: PlaceKind::Group, address, within: None }
}

fn said(now_ms: i64) -> By {
    By { method: "chat:telegram:42".to_owned(), ..by_whom("moderator:telegram:42", now_ms) }
}

async fn set(store: &Store, place: &str, what: &[(PlaceSetting, &str)], now_ms: i64) -> Place {
    let what: Vec<_> = what.iter().map(|(setting, value)| (*setting, (*value).to_owned())).collect();
    store.set_place(said(now_ms), seen(place), &what).await.unwrap()
}

async fn acts(store: &Store) -> Vec<String> {
    assert!(store.verify_audit(W).await.unwrap().whole);
    let (_, records) = store.audit(W, 100).await.unwrap();
    records.iter().rev().map(|record| format!("{} {} {}", record.actor, record.action, record.subject)).collect()
}

async fn states(store: &Store) -> Vec<(String, String)> {
    let sends = store.ledger(W).await.unwrap().sends;
    sends.into_iter().map(|send| (send.dest, send.state)).collect()
}

async fn what_is_set_stays_set_and_is_an_act(home: &Home) {
    let store = home.open().await;
    assert_eq!((store.places(W).await.unwrap().len(), store.place_changes(W).await.unwrap()), (0, 0));
    let unknown = store.change_place(by(1), ACCOUNT, "-1", &[(Mode, "off".to_owned())]).await;
    assert_eq!(denied(unknown), Denied::NotThere("place"));
    assert_eq!(acts(&store).await.len(), 0, "a refusal is no act");

    set(&store, "-1", &[(Link, "yes")], 10).await;
    set(&store, "-1", &[(Link, "yes")], 11).await;
    store
        .change_place(by(12), ACCOUNT, "-1", &[(Mode, "support".to_owned()), (Notices, "here".to_owned())])
        .await
        .unwrap();
    let places = store.places(W).await.unwrap();
    let place = &places[0];
    assert_eq!((places.len(), place.id.as_str(), place.kind), (1, "-1", PlaceKind::Group));
    assert_eq!(place.address, Some(ReplyTo("to -1".to_owned())));
    let link = &place.set[&Link];
    assert_eq!((link.value.as_str(), link.by.as_str(), link.at_ms), ("yes", "moderator:telegram:42", 10));
    assert_eq!((place.value(Mode), place.set[&Mode].by.as_str()), (Some("support"), "operator"));
    let subject = format!("{ACCOUNT}/-1");
    assert_eq!(
        acts(&store).await,
        [
            format!("moderator:telegram:42 place.link {subject}"),
            format!("operator place.mode {subject}"),
            format!("operator place.notices {subject}")
        ]
    );
    assert_eq!(store.place_changes(W).await.unwrap(), 3);
}

/// Ends the turn of an event in a place with the notice that is said once; whether it was said.
async fn tell(store: &Store, place: &str, event: &str) -> bool {
    accept(store, place, event, "wen", 5).await;
    let (otherwise, now_ms) = (None, 6);
    let once = Some(Once { place: seen(place), otherwise });
    let settle = Settle { once, ..end(place, event, "wen", "not here", now_ms) };
    let send = store.settle(Arc::new(settle)).await.unwrap().send;
    for row in &send {
        ack(store, &row.id, sent(), 7).await;
    }
    !send.is_empty()
}

async fn a_place_is_told_once_and_in_one_commit_with_the_notice(home: &Home) {
    let store = home.open().await;
    accept(&store, "-1", "e0", "wen", 5).await;
    let late = Settle {
        attempt: 2,
        once: Some(Once { place: seen("-1"), otherwise: None }),
        ..end("-1", "e0", "wen", "x", 6)
    };
    assert!(store.settle(Arc::new(late)).await.is_err(), "not this attempt's to end");
    assert!(store.places(W).await.unwrap().is_empty(), "what was not said was not told");
    assert!(tell(&store, "-1", "e1").await);
    assert!(!tell(&store, "-1", "e2").await);
    assert!(tell(&store, "-2", "e4").await);
    let otherwise = end("-1", "e3", "wen", "hush", 6).say.pop();
    let id = otherwise.as_ref().map(|say| say.id.clone());
    accept(&store, "-1", "e3", "wen", 5).await;
    let settle = Settle { once: Some(Once { place: seen("-1"), otherwise }), ..end("-1", "e3", "wen", "not here", 6) };
    store.settle(Arc::new(settle)).await.unwrap();
    let said = store.ledger(W).await.unwrap().sends;
    assert!(said.iter().any(|send| Some(&send.id) == id.as_ref()), "what is done instead");
    // It is asked whether to be told; that is no act, and nothing is set.
    assert_eq!(acts(&store).await.len(), 0);
    assert!(store.places(W).await.unwrap()[0].set.is_empty());
}

async fn leaving_a_place_unlinks_it_and_refuses_what_waits(home: &Home) {
    let store = home.open().await;
    tell(&store, "-1", "told-e1").await;
    set(&store, "-1", &[(Link, "yes"), (Mode, "support")], 10).await;
    // The first is under way, the second waits, a third waits elsewhere behind its own first.
    for (place, event) in [("-1", "a"), ("-1", "b"), ("-12", "c"), ("-12", "d")] {
        accept(&store, place, event, "wen", 20).await;
        answer(&store, place, event, "wen", "soon", 21).await;
    }
    assert_eq!(store.account_deliveries(W, ACCOUNT).await.unwrap(), (4, 0));
    assert_eq!(store.leave_place(by(30), ACCOUNT, "-1").await.unwrap(), 1);
    let refused = states(&store).await.into_iter().filter(|(_, state)| state == "refused").collect::<Vec<_>>();
    assert_eq!(refused, [("-1".to_owned(), "refused".to_owned())]);
    let place = store.places(W).await.unwrap().remove(0);
    assert_eq!((place.value(Link), place.value(Mode), place.told.as_deref()), (None, Some("support"), None));
    assert_eq!(store.leave_place(by(31), ACCOUNT, "-1").await.unwrap(), 0, "once");
    tell(&store, "-2", "told-e2").await;
    store.leave_place(by(32), ACCOUNT, "-2").await.unwrap();
    assert_eq!(store.places(W).await.unwrap().len(), 1, "where nothing is set, nothing is kept");
    assert_eq!(store.leave_place(by(32), ACCOUNT, "-3").await.unwrap(), 0, "where we never were");
    assert!(acts(&store).await.iter().any(|act| act.contains("place.left")));
}

async fn leaving_a_server_is_leaving_its_channels(home: &Home) {
    let store = home.open().await;
    let within = Some(PlaceId::from("server"));
    let part = |place: &str| SeenPlace { within: within.clone(), ..seen(place) };
    set(&store, "server", &[(Link, "yes")], 10).await;
    store.set_place(by(10), part("-1"), &[(Link, "yes".to_owned()), (Mode, "off".to_owned())]).await.unwrap();
    store.set_place(by(10), part("-2"), &[(Link, "yes".to_owned())]).await.unwrap();
    set(&store, "-12", &[(Link, "yes")], 10).await;
    // Known again without saying where it is, it stays where it was.
    set(&store, "-1", &[(Mode, "support")], 11).await;
    for (place, event, server) in [("-1", "a", true), ("-1", "b", true), ("-12", "c", false), ("-12", "d", false)] {
        accept_within(&store, place, event, within.clone().filter(|_| server)).await;
        answer(&store, place, event, "wen", "soon", 21).await;
    }
    assert_eq!(store.leave_place(by(30), ACCOUNT, "server").await.unwrap(), 1);
    let refused = states(&store).await.into_iter().filter(|(_, state)| state == "refused").collect::<Vec<_>>();
    assert_eq!(refused, [("-1".to_owned(), "refused".to_owned())]);
    let left: Vec<_> = store.places(W).await.unwrap();
    let links: Vec<_> = left.iter().map(|place| (place.id.as_str(), place.value(Link), place.value(Mode))).collect();
    assert_eq!(links, [("-1", None, Some("support")), ("-12", Some("yes"), None)]);
}

async fn accept_within(store: &Store, place: &str, event: &str, within: Option<PlaceId>) {
    let mut inbound = inbound(place, event, "wen");
    inbound.place.within = within;
    let new = NewEvent { inbound, conversation: format!("c-{place}"), turn: turn(place, event) };
    let accept = Accept {
        workspace: W.to_owned(),
        account: ACCOUNT.to_owned(),
        events: vec![new],
        cases: Vec::new(),
        prints: Vec::new(),
        cursor: None,
        node: "n1".to_owned(),
        lease: None,
        now_ms: 20,
    };
    store.accept(accept).await.unwrap();
}

async fn a_place_that_moves_keeps_what_is_set_and_what_waits(home: &Home) {
    let store = home.open().await;
    tell(&store, "-1", "told-e1").await;
    set(&store, "-1", &[(Link, "yes"), (Mode, "support")], 10).await;
    let mut waiting = Vec::new();
    for event in ["a", "b", "c"] {
        accept(&store, "-1", event, "wen", 20).await;
        waiting.push(answer(&store, "-1", event, "wen", "soon", 21).await);
    }
    let under_way = waiting.remove(0);
    // Something was said at the new address before we heard of the move, and set.
    set(&store, "-100", &[(Mode, "answer")], 22).await;
    accept(&store, "-100", "n", "wen", 23).await;
    let there = answer(&store, "-100", "n", "wen", "soon", 23).await;

    let (to, address) = (PlaceId::from("-100"), ReplyTo("to -100".to_owned()));
    assert_eq!(store.move_place(by(30), ACCOUNT, "-1", &to, &address).await.unwrap(), 2);
    assert_eq!(store.move_place(by(31), ACCOUNT, "-1", &to, &address).await.unwrap(), 0, "told of twice");
    let places = store.places(W).await.unwrap();
    assert_eq!(places.len(), 1);
    assert_eq!((places[0].id.as_str(), &places[0].address), ("-100", &Some(address.clone())));
    assert_eq!((places[0].value(Link), places[0].set[&Link].at_ms), (Some("yes"), 10));
    assert_eq!(places[0].value(Mode), Some("answer"), "what is newer stays");
    assert_eq!(places[0].told.as_deref(), Some("-1/told-e1"));

    // What waited leaves at the new address, in its order, one at a time.
    for id in [under_way, there] {
        ack(&store, &id, sent(), 40).await;
    }
    for id in waiting {
        let claimed = store.claim(W, "n1", 50, 10).await.unwrap().rows;
        let [row] = claimed.as_slice() else { panic!("one at a time: {claimed:?}") };
        assert_eq!((&row.id, row.dest.as_str(), &row.reply_to), (&id, "-100", &address));
        ack(&store, &id, sent(), 51).await;
    }
    assert!(store.claim(W, "n1", 60, 10).await.unwrap().rows.is_empty());
}

async fn places_of_one_workspace_are_not_anothers(home: &Home) {
    let store = home.open().await;
    set(&store, "-1", &[(Link, "yes")], 10).await;
    assert!(store.places("elsewhere").await.unwrap().is_empty());
    assert_eq!(store.place_changes("elsewhere").await.unwrap(), 0);
    let other = By { workspace: "elsewhere".to_owned(), ..by(11) };
    let changed = store.change_place(other.clone(), ACCOUNT, "-1", &[(Mode, "off".to_owned())]).await;
    assert_eq!(denied(changed), Denied::NotThere("place"));
    store.leave_place(other, ACCOUNT, "-1").await.unwrap();
    assert_eq!(store.places(W).await.unwrap()[0].value(Link), Some("yes"));
}

async fn who_set_something_can_be_erased(home: &Home) {
    let store = home.open().await;
    set(&store, "-1", &[(Link, "yes")], 10).await;
    store.erase_person(by(20), ACCOUNT, "42").await.unwrap();
    let place = store.places(W).await.unwrap().remove(0);
    let link = &place.set[&Link];
    assert_eq!((link.value.as_str(), link.by.as_str(), link.method.as_str()), ("yes", "erased", "chat:erased"));
}
