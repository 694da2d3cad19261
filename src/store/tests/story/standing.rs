//! What stands in a place: said once by whoever is first, known, pinned, and gone with its place.

use townkeeper_contract::id::{MessageRef, PlaceId};
use townkeeper_contract::inbound::{PlaceKind, ReplyTo};
use townkeeper_contract::moderation::DeliveryState;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::place::PlaceSetting::{Link, Safety};
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{Change, SeenPlace, Sendable, Stand, Standing, Store, Verdict};

use crate::home::{Home, stories};
use crate::people::by;
use crate::town::{ACCOUNT, W, ack};

stories!(
    what_stands_is_said_by_whoever_is_first,
    a_message_is_known_once_it_arrived_and_pinned_once,
    said_again_it_is_looked_after_unless_it_is_under_way_or_in_doubt,
    what_stands_goes_with_its_place,
);

fn send(id: &str, act: Act) -> Sendable {
    let (dest, reply_to) = ("-1/safety".to_owned(), ReplyTo("to -1".to_owned()));
    Sendable { id: id.to_owned(), dest, reply_to, act, deadline_ms: i64::MAX }
}

fn words() -> Act {
    Act::Message { body: RichText::plain("words", &Origin::System), buttons: Vec::new() }
}

async fn change(store: &Store, seen: Option<&str>, change: Change, send: Vec<Sendable>) -> bool {
    let (workspace, account, place) = (W.to_owned(), ACCOUNT.to_owned(), "-1".to_owned());
    let stand = Stand { workspace, account, place, seen: seen.map(str::to_owned), change, send, now_ms: 5 };
    store.stand(stand).await.unwrap()
}

/// Says these words of a revision; whether nobody had.
async fn say(store: &Store, seen: Option<&str>, id: &str, words_hash: &str, revision: i64) -> bool {
    let (said, reply_to) = (id.to_owned(), ReplyTo("to -1".to_owned()));
    let words_of = Change::Words { said, reply_to, words: words_hash.to_owned(), revision };
    change(store, seen, words_of, vec![send(id, words())]).await
}

async fn only(store: &Store) -> Standing {
    let mut all = store.standings(W).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn rows(store: &Store) -> Vec<String> {
    store.ledger(W).await.unwrap().sends.into_iter().map(|send| send.id).collect()
}

/// Claims the one row that is due, which must be this one, and has it end like this.
async fn ends(store: &Store, id: &str, verdict: Verdict) {
    let claimed = store.claim(W, "n1", 10, 10).await.unwrap().rows;
    assert_eq!(claimed.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), [id]);
    ack(store, id, verdict, 11).await;
}

fn arrived(message: &str) -> Verdict {
    Verdict::Sent { message: Some(message.to_owned()) }
}

async fn what_stands_is_said_by_whoever_is_first(home: &Home) {
    let store = home.open().await;
    assert!(say(&store, None, "s1", "a", 3).await);
    assert!(!say(&store, None, "s2", "a", 3).await, "another node was faster");
    assert_eq!(only(&store).await.stands.state, Some(DeliveryState::Ready));
    assert!(!say(&store, Some("s1"), "s3", "b", 2).await, "of an older base");
    assert!(say(&store, Some("s1"), "s4", "b", 4).await);
    assert!(!say(&store, Some("s1"), "s5", "b", 4).await, "it was looked at before that");
    let standing = only(&store).await;
    assert_eq!((standing.said.as_str(), standing.stands.words.as_str(), standing.stands.revision), ("s4", "b", 4));
    assert_eq!(rows(&store).await, ["s1", "s4"], "what was not changed is not said");
    assert!(store.standings("elsewhere").await.unwrap().is_empty());
}

async fn a_message_is_known_once_it_arrived_and_pinned_once(home: &Home) {
    let store = home.open().await;
    say(&store, None, "s1", "a", 3).await;
    ends(&store, "s1", arrived("-1/7")).await;
    let before = only(&store).await.stands;
    assert_eq!((before.arrived.as_deref(), before.message, before.pinned), (Some("-1/7"), None, false));
    let pin = |id: &str| vec![send(id, Act::Pin { message: MessageRef("-1/7".to_owned()) })];
    let became = |pin: &str| Change::Became { message: "-1/7".to_owned(), pin: pin.to_owned() };
    assert!(change(&store, Some("s1"), became("p1"), pin("p1")).await);
    assert!(!change(&store, Some("s1"), became("p2"), pin("p2")).await, "once");
    assert!(!change(&store, Some("s1"), Change::Pinned { pin: "p3".to_owned() }, pin("p3")).await, "it is pinned");
    let after = only(&store).await.stands;
    assert_eq!((after.message.as_deref(), after.pinned), (Some("-1/7"), true));
    assert!(!change(&store, Some("s0"), Change::Gone, Vec::new()).await, "it was looked at before that");
    assert!(change(&store, Some("s1"), Change::Gone, Vec::new()).await);
    assert!(!change(&store, Some("s1"), Change::Gone, Vec::new()).await);
    assert_eq!(rows(&store).await, ["s1", "p1"]);
    assert!(store.standings(W).await.unwrap().is_empty());
}

async fn said_again_it_is_looked_after_unless_it_is_under_way_or_in_doubt(home: &Home) {
    let store = home.open().await;
    let words_of = async || {
        store.renew_standing(W, ACCOUNT, "-1").await.unwrap();
        only(&store).await.stands.words
    };
    say(&store, None, "s1", "a", 3).await;
    assert_eq!(words_of().await, "a", "it is under way");
    ends(&store, "s1", Verdict::Unknown { detail: "cut".to_owned() }).await;
    assert_eq!(words_of().await, "a", "it may be there");
    say(&store, Some("s1"), "s2", "b", 4).await;
    ends(&store, "s2", Verdict::Refused { detail: "no".to_owned() }).await;
    assert_eq!(words_of().await, "", "it is not there");
    store.renew_standing(W, ACCOUNT, "-2").await.unwrap();
}

async fn what_stands_goes_with_its_place(home: &Home) {
    let store = home.open().await;
    let seen = |place: &str| SeenPlace {
        account: ACCOUNT.to_owned(),
        place: place.to_owned(),
        kind: PlaceKind::Group,
        address: Some(ReplyTo(format!("to {place}"))),
        within: None,
    };
    let set = [(Link, "yes".to_owned()), (Safety, "here".to_owned())];
    let place = store.set_place(by(1), seen("-1"), &set).await.unwrap();
    assert_eq!(place.value(Safety), Some("here"));
    say(&store, None, "s1", "a", 3).await;
    let (to, address) = (PlaceId::from("-100"), ReplyTo("to -100".to_owned()));
    store.move_place(by(2), ACCOUNT, "-1", &to, &address).await.unwrap();
    let moved = only(&store).await;
    assert_eq!((moved.place.as_str(), moved.stands.words.as_str()), ("-100", ""), "to be said there");
    let claimed = store.claim(W, "n1", 10, 10).await.unwrap().rows;
    assert_eq!((claimed[0].dest.as_str(), &claimed[0].reply_to), ("-100/safety", &address));
    store.leave_place(by(3), ACCOUNT, "-100").await.unwrap();
    assert!(store.standings(W).await.unwrap().is_empty());
    assert!(store.places(W).await.unwrap().is_empty(), "a moderator must want it again");
    let (_, log) = store.audit(W, 10).await.unwrap();
    assert!(log.iter().any(|record| record.action == "place.safety"));
}
