//! Moderation: the order, its row and its record of the log are written together, once, and taken back once.

use townkeeper_contract::id::PersonId;
use townkeeper_contract::inbound::{Place, PlaceKind, ReplyTo};
use townkeeper_contract::moderation::{DeliveryState, Held, Verb};
use townkeeper_contract::outbound::{Act, Moderation};
use townkeeper_contract::place::PlaceSetting;
use townkeeper_store::{NewOrder, Notified, Order, Ordered, SeenPlace, Sendable, Store, Verdict, person_mark};

use crate::home::{Home, stories};
use crate::ledger::{self, ACCOUNT, W};
use crate::people::by;

stories!(
    an_order_is_written_whole_and_once,
    an_act_is_taken_back_once,
    an_erased_person_leaves_the_fact_alone,
    a_place_is_where_it_was_last_spoken,
    what_is_in_doubt_is_listed,
    what_was_done_in_a_place_that_moved_is_taken_back_there,
    moderators_read_of_an_act_once_it_is_done,
);

pub(crate) fn order(asked: &str, verb: Verb, reverses: Option<i64>) -> NewOrder {
    let person = PersonId::from("66600066");
    let action = if verb == Verb::Ban {
        Moderation::Ban { person }
    } else {
        Moderation::Unban { person, held: Held::default() }
    };
    NewOrder {
        by: by(50),
        asked: asked.to_owned(),
        order: Order {
            verb,
            account: ACCOUNT.to_owned(),
            place: "-100".to_owned(),
            address: "there".to_owned(),
            message: None,
            person: Some("66600066".to_owned()),
            until_ms: None,
            reason: "sells lanterns".to_owned(),
            by_person: Some("77700077".to_owned()),
            reverses,
        },
        send: Sendable {
            id: format!("out-{asked}"),
            dest: "moderate/-100".to_owned(),
            reply_to: ReplyTo("there".to_owned()),
            act: Act::Moderate { action, reason: "sells lanterns".to_owned() },
            deadline_ms: 1_000,
        },
        who: "Ada".to_owned(),
        told: Vec::new(),
        node: "n1".to_owned(),
        of_case: None,
        look_ms: None,
        realm: "-100".to_owned(),
        read: None,
    }
}

async fn ordered(store: &Store, asked: &str, verb: Verb, reverses: Option<i64>) -> Ordered {
    store.moderate(order(asked, verb, reverses)).await.unwrap()
}

async fn an_order_is_written_whole_and_once(home: &Home) {
    let store = home.open().await;
    let Ordered::Now { number: 1, send: Some(row) } = ordered(&store, "t1", Verb::Ban, None).await else {
        panic!("the line was idle")
    };
    assert!(matches!(&row.act, Act::Moderate { action: Moderation::Ban { .. }, .. }));
    // The turn that asked was taken up again: no second act, no second record.
    assert!(matches!(ordered(&store, "t1", Verb::Ban, None).await, Ordered::Before { number: 1 }));
    let Ordered::Now { number: 2, send: None } = ordered(&store, "t2", Verb::Unban, None).await else {
        panic!("the first is under way, so the second waits for it")
    };
    let (_, log) = store.audit(W, 10).await.unwrap();
    let log: Vec<(&str, &str)> = log.iter().map(|r| (r.action.as_str(), r.subject.as_str())).collect();
    assert_eq!(log, [("moderate.unban", "moderation:2"), ("moderate.ban", "moderation:1")]);
    assert!(store.ack(ledger::ack("out-t1", 1, Verdict::Refused { detail: "no".to_owned() })).await.unwrap());
    let acts = store.moderation(W, 10).await.unwrap();
    let seen: Vec<_> = acts.iter().map(|act| (act.number, act.verb, act.state, act.detail.as_deref())).collect();
    let expected =
        [(2, Verb::Unban, Some(DeliveryState::Ready), None), (1, Verb::Ban, Some(DeliveryState::Refused), Some("no"))];
    assert_eq!(seen, expected);
    assert_eq!((acts[1].reason.as_str(), acts[1].by.as_str()), ("sells lanterns", "operator"));
    let of = store.order_of(W, "out-t1").await.unwrap().unwrap();
    assert_eq!((of.order.by_person.as_deref(), of.order.address.as_str()), (Some("77700077"), "there"));
    assert_eq!((of.asked.as_str(), of.by.as_str(), of.at_ms, of.looked), ("t1", "operator", 50, true));
    assert!(store.moderation("elsewhere", 10).await.unwrap().is_empty());
}

async fn an_act_is_taken_back_once(home: &Home) {
    let store = home.open().await;
    ordered(&store, "t1", Verb::Ban, None).await;
    let back = |asked: &'static str| store.moderate(order(asked, Verb::Unban, Some(1)));
    let (one, other) = tokio::join!(back("t2"), back("t3"));
    let came = [one.unwrap(), other.unwrap()];
    let now = came.iter().filter(|ordered| matches!(ordered, Ordered::Now { number: 2, .. })).count();
    let late = came.iter().filter(|ordered| matches!(ordered, Ordered::Reversed { by: 2 })).count();
    assert_eq!((now, late), (1, 1), "{came:?}");
    let acts = store.moderation(W, 10).await.unwrap();
    assert_eq!((acts[0].reverses, acts[1].reversed_by), (Some(1), Some(2)));
    // Orders that take nothing back are many.
    assert!(matches!(ordered(&store, "t4", Verb::Ban, None).await, Ordered::Now { number: 3, .. }));
}

async fn an_erased_person_leaves_the_fact_alone(home: &Home) {
    let store = home.open().await;
    ordered(&store, "t1", Verb::Ban, None).await;
    assert!(store.erase_person(by(60), ACCOUNT, "66600066").await.unwrap().rows() >= 3);
    let act = store.moderation(W, 10).await.unwrap().remove(0);
    assert_eq!((act.person.as_ref().map(PersonId::as_str), act.reason.as_str(), act.state), (Some("erased"), "", None));
    assert_eq!(store.order(W, 1).await.unwrap().unwrap().by_person.as_deref(), Some("77700077"));
    store.erase_person(by(61), ACCOUNT, "77700077").await.unwrap();
    let now = store.order(W, 1).await.unwrap().unwrap();
    assert_eq!((now.person.as_deref(), now.by_person.as_deref()), (Some("erased"), Some("erased")));
    assert!(store.verify_audit(W).await.unwrap().whole);
    // What asked for it holds a mark of them, which says to whoever guesses that it was them.
    let mark = person_mark(ACCOUNT, "66600066");
    let theirs = format!("case/7/1/linked/ban/{ACCOUNT}/-100/{mark}");
    ordered(&store, &theirs, Verb::Ban, None).await;
    store.erase_person(by(62), ACCOUNT, "66600066").await.unwrap();
    let asked = store.order_of(W, &format!("out-{theirs}")).await.unwrap().unwrap().asked;
    assert_eq!(asked, format!("case/7/1/linked/ban/{ACCOUNT}/-100/erased-2"));
    assert_eq!(store.orders_of_case(W, 7).await.unwrap().len(), 1, "it is of its case all the same");
}

async fn a_place_is_where_it_was_last_spoken(home: &Home) {
    let store = home.open().await;
    for (event, address) in [("1", Some("first")), ("2", Some("then"))] {
        let mut accept = ledger::accept(&[event], None);
        let place = &mut accept.events[0].inbound.place;
        *place = Place { id: "-100".into(), address: address.map(|to| ReplyTo(to.to_owned())), ..place.clone() };
        let mut end = std::sync::Arc::into_inner(ledger::settle(event, 1, &[])).unwrap();
        end.inbound = accept.events[0].inbound.clone();
        store.accept(accept).await.unwrap();
        store.settle(std::sync::Arc::new(end)).await.unwrap();
    }
    assert_eq!(store.address_of(W, ACCOUNT, "-100").await.unwrap(), Some(ReplyTo("then".to_owned())));
    assert_eq!(store.address_of(W, ACCOUNT, "-200").await.unwrap(), None);
    assert_eq!(store.address_of(W, "discord:main", "-100").await.unwrap(), None);
}

async fn what_is_in_doubt_is_listed(home: &Home) {
    let store = home.open().await;
    for event in ["1", "2"] {
        store.accept(ledger::accept(&[event], None)).await.unwrap();
        store.settle(ledger::settle(event, 1, &["hello"])).await.unwrap();
    }
    let doubt = Verdict::Unknown { detail: "the line broke".to_owned() };
    assert!(store.ack(ledger::ack("out-1-hello", 1, doubt)).await.unwrap());
    let unknown = store.sends(W, DeliveryState::Unknown, 10).await.unwrap();
    assert_eq!(unknown.len(), 1);
    let seen = (unknown[0].id.as_str(), unknown[0].text.as_str(), unknown[0].detail.as_deref(), unknown[0].attempts);
    assert_eq!(seen, ("out-1-hello", "hello", Some("the line broke"), 1));
    assert_eq!((unknown[0].act.as_str(), unknown[0].deadline_ms), ("message", Some(1_000)));
    let waiting = store.sends(W, DeliveryState::Ready, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["out-2-hello"]);
    assert!(store.sends("elsewhere", DeliveryState::Unknown, 10).await.unwrap().is_empty());
}

fn seen(place: &str, address: &str) -> SeenPlace {
    let (account, address) = (ACCOUNT.to_owned(), Some(ReplyTo(address.to_owned())));
    SeenPlace { account, place: place.to_owned(), kind: PlaceKind::Group, address, within: None }
}

async fn what_was_done_in_a_place_that_moved_is_taken_back_there(home: &Home) {
    let store = home.open().await;
    store.set_place(by(40), seen("-100", "there"), &[(PlaceSetting::Link, "yes".to_owned())]).await.unwrap();
    ordered(&store, "t1", Verb::Ban, None).await;
    ordered(&store, "t2", Verb::Ban, None).await;
    let to = ReplyTo("yonder".to_owned());
    // The first is under way, the second waits: it goes there.
    assert_eq!(store.move_place(by(60), ACCOUNT, "-100", &"-200".into(), &to).await.unwrap(), 1);
    for number in [1, 2] {
        let order = store.order(W, number).await.unwrap().unwrap();
        assert_eq!((order.place.as_str(), order.address.as_str()), ("-200", "yonder"));
    }
    assert_eq!(store.address_of(W, ACCOUNT, "-200").await.unwrap(), Some(to));
    let waits = store.ledger(W).await.unwrap().sends.into_iter().find(|send| send.id == "out-t2").unwrap();
    assert_eq!((waits.dest.as_str(), waits.reply_to.0.as_str()), ("moderate/-200", "yonder"));
    assert!(store.move_place(by(61), ACCOUNT, "-9", &"-8".into(), &ReplyTo("x".to_owned())).await.is_ok());
    assert_eq!(store.order(W, 1).await.unwrap().unwrap().place, "-200", "the twin: another place's move");
}

async fn moderators_read_of_an_act_once_it_is_done(home: &Home) {
    let store = home.open().await;
    let told = |asked: &str| Notified {
        id: format!("told-{asked}"),
        dest: "moderate/-300".to_owned(),
        reply_to: ReplyTo("the office".to_owned()),
        deadline_ms: 1_000,
    };
    for asked in ["t1", "t2"] {
        store.moderate(NewOrder { told: vec![told(asked)], ..order(asked, Verb::Ban, None) }).await.unwrap();
    }
    assert!(store.claim(W, "n1", 60, 9).await.unwrap().rows.is_empty(), "not before it is done");
    assert!(store.ack(ledger::ack("out-t1", 1, ledger::sent())).await.unwrap());
    let rows = store.claim(W, "n1", 60, 9).await.unwrap().rows;
    let notice = rows.iter().find(|row| row.reply_to.0 == "the office").unwrap();
    let Act::Message { body, .. } = &notice.act else { panic!("{notice:?}") };
    assert_eq!(
        body.to_plain().trim(),
        "Ada banned 66600066: sells lanterns · number 1; to take it back: /keeper undo 1"
    );
    // What came to nothing nobody reads of.
    assert!(store.ack(ledger::ack("out-t2", 1, Verdict::Refused { detail: "no".to_owned() })).await.unwrap());
    assert!(store.ack(ledger::ack(&notice.id, 1, ledger::sent())).await.unwrap());
    assert!(store.claim(W, "n1", 60, 9).await.unwrap().rows.is_empty());
    // And it goes with whoever is erased, be it who asked.
    store.erase_person(by(70), ACCOUNT, "77700077").await.unwrap();
    let left = store.ledger(W).await.unwrap().sends;
    assert!(left.iter().all(|send| !send.id.starts_with("told")), "{left:?}");
}
