//! The live message of a turn: one, only where its destination is idle, and nothing waits for it.

use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{By, Live, OutboxRow, Sendable, Settle, Store, Verdict};

use crate::home::{Home, stories};
use crate::ledger::{W, accept, ack, sent, settle, settle_to};

const ACCOUNT: &str = "telegram:main";

stories!(
    a_turn_has_one_live_message_where_its_destination_is_idle,
    no_part_waits_for_a_live_message,
    what_did_not_leave_is_taken_back,
    an_edit_that_was_under_way_is_done_again_and_a_message_is_not,
    what_cannot_be_edited_is_said_anew,
    who_is_erased_leaves_no_live_message,
    what_stands_there_after_the_end_is_taken_down_behind_the_answer,
);

fn act(words: &str) -> Act {
    Act::Message { body: RichText::plain(words, &Origin::Model), buttons: Vec::new() }
}

fn live(event: &str, attempt: u32, dest: &str) -> Live {
    Live {
        workspace: W.to_owned(),
        account: ACCOUNT.to_owned(),
        turn: format!("turn-{event}"),
        attempt,
        node: "n1".to_owned(),
        say: Sendable {
            id: format!("live-{event}"),
            dest: dest.to_owned(),
            reply_to: ReplyTo("42".to_owned()),
            act: act("Once upon"),
            deadline_ms: 1_000,
        },
        now_ms: 11,
    }
}

/// Its live message, sent.
async fn live_and_sent(store: &Store, event: &str) {
    let row: OutboxRow = store.say_live(live(event, 1, "42")).await.unwrap().unwrap();
    assert_eq!((row.attempt, row.turn.as_str()), (1, format!("turn-{event}").as_str()));
    assert!(store.ack(ack(&row.id, 1, sent())).await.unwrap());
}

/// The end of a turn that edits its live message and says one thing more.
fn settle_edit(event: &str) -> std::sync::Arc<Settle> {
    let mut settle = std::sync::Arc::into_inner(settle(event, 1, &["a", "b"])).unwrap();
    let body = RichText::plain("Once upon a time.", &Origin::Model);
    settle.say[0].act = Act::Edit { message: MessageRef::from("m1"), body, buttons: Vec::new() };
    std::sync::Arc::new(settle)
}

async fn a_turn_has_one_live_message_where_its_destination_is_idle(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1", "2", "3"], None)).await.unwrap();
    assert_eq!(store.live_message(W, "turn-1").await.unwrap(), None);
    assert!(store.say_live(live("1", 9, "42")).await.unwrap().is_none(), "another attempt's");
    let row = store.say_live(live("1", 1, "42")).await.unwrap().unwrap();
    let there = store.live_message(W, "turn-1").await.unwrap().unwrap();
    assert_eq!((there.state.as_str(), there.message, there.act), ("sending", None, act("Once upon")));
    assert!(store.say_live(live("2", 1, "42")).await.unwrap().is_none(), "the destination is busy");
    assert!(store.say_live(live("3", 1, "43")).await.unwrap().is_some(), "another one is not");
    assert!(store.ack(ack(&row.id, 1, sent())).await.unwrap());
    assert_eq!(store.live_message(W, "turn-1").await.unwrap().unwrap().message.as_deref(), Some("m1"));
    let again = Live { say: Sendable { id: "more".to_owned(), ..live("1", 1, "42").say }, ..live("1", 1, "42") };
    assert!(store.say_live(again).await.unwrap().is_none(), "one is enough");
    store.settle(settle("2", 1, &[])).await.unwrap();
    assert!(store.say_live(live("2", 1, "42")).await.unwrap().is_none(), "its turn has ended");
}

async fn no_part_waits_for_a_live_message(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1", "2"], None)).await.unwrap();
    let row = store.say_live(live("1", 1, "42")).await.unwrap().unwrap();
    let doubt = Verdict::Unknown { detail: "the answer never came".to_owned() };
    assert!(store.ack(ack(&row.id, 1, doubt)).await.unwrap());
    // It stays listed; the answer goes out whole, both parts of it, and so does what comes after.
    let born = store.settle(settle("1", 1, &["a", "b"])).await.unwrap().send;
    assert_eq!(born.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["out-1-a"]);
    store.settle(settle_to("2", "42")).await.unwrap();
    for id in ["out-1-a", "out-1-b", "out-2-a"] {
        if id != "out-1-a" {
            let claimed = store.claim(W, "n1", 20, 10).await.unwrap().rows;
            assert_eq!(claimed.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), [id]);
        }
        assert!(store.ack(ack(id, 1, sent())).await.unwrap());
    }
    assert_eq!(store.outbox_count(W, "unknown").await.unwrap(), 1);
}

async fn what_did_not_leave_is_taken_back(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1"], None)).await.unwrap();
    let row = store.say_live(live("1", 1, "42")).await.unwrap().unwrap();
    assert!(!store.ack(ack(&row.id, 2, Verdict::Withdrawn)).await.unwrap(), "another attempt's");
    assert!(store.ack(ack(&row.id, 1, Verdict::Withdrawn)).await.unwrap());
    assert!(!store.ack(ack(&row.id, 1, Verdict::Withdrawn)).await.unwrap(), "once");
    assert!(store.ledger(W).await.unwrap().sends.is_empty());
    // The next try may go through, under the same name even.
    live_and_sent(&store, "1").await;
}

async fn an_edit_that_was_under_way_is_done_again_and_a_message_is_not(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1", "2"], None)).await.unwrap();
    live_and_sent(&store, "1").await;
    assert_eq!(store.settle(settle_edit("1")).await.unwrap().send.len(), 1);
    let in_doubt = store.take_over(W, "n2", Vec::new(), 30).await.unwrap().in_doubt;
    assert_eq!((in_doubt, store.outbox_count(W, "unknown").await.unwrap()), (1, 0));
    let claimed = store.claim(W, "n2", 30, 10).await.unwrap().rows;
    assert_eq!((claimed.len(), claimed[0].id.as_str(), claimed[0].attempt), (1, "out-1-a", 2));
    assert!(store.ack(ack("out-1-a", 2, sent())).await.unwrap());
    // The twin: the second part is a message.
    assert_eq!(store.claim(W, "n2", 30, 10).await.unwrap().rows[0].id, "out-1-b");
    assert_eq!(store.take_over(W, "n3", Vec::new(), 40).await.unwrap().in_doubt, 1);
    assert_eq!(store.outbox_count(W, "unknown").await.unwrap(), 1);
    assert!(store.claim(W, "n3", 40, 10).await.unwrap().rows.is_empty());
}

async fn what_cannot_be_edited_is_said_anew(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1"], None)).await.unwrap();
    live_and_sent(&store, "1").await;
    store.settle(settle_edit("1")).await.unwrap();
    let anew = || Verdict::Anew { act: act("Once upon a time."), next_ms: 25, detail: "gone".to_owned() };
    assert!(!store.ack(ack("out-1-a", 7, anew())).await.unwrap(), "another attempt's");
    assert!(store.ack(ack("out-1-a", 1, anew())).await.unwrap());
    assert!(store.claim(W, "n1", 24, 10).await.unwrap().rows.is_empty());
    let claimed = store.claim(W, "n1", 25, 10).await.unwrap().rows;
    assert_eq!((claimed[0].id.as_str(), &claimed[0].act), ("out-1-a", &act("Once upon a time.")));
}

async fn who_is_erased_leaves_no_live_message(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1"], None)).await.unwrap();
    store.say_live(live("1", 1, "42")).await.unwrap().unwrap();
    let (actor, method) = ("operator".to_owned(), "operator".to_owned());
    let by = |now_ms| By { workspace: W.to_owned(), actor: actor.clone(), method: method.clone(), now_ms };
    assert_eq!(store.erase_person(by(5), ACCOUNT, "43").await.unwrap().rows(), 0);
    store.erase_person(by(6), ACCOUNT, "42").await.unwrap();
    assert!(store.ledger(W).await.unwrap().sends.is_empty());
    assert!(store.settle(settle("1", 1, &["a"])).await.is_err(), "and its turn says nothing more");
}

/// What a claim takes, which is sent then.
async fn leaves(store: &Store) -> Vec<Act> {
    let mut acts = Vec::new();
    for row in store.claim(W, "n1", 20, 9).await.unwrap().rows {
        assert!(store.ack(ack(&row.id, row.attempt, sent())).await.unwrap());
        acts.push(row.act);
    }
    acts
}

async fn what_stands_there_after_the_end_is_taken_down_behind_the_answer(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1", "2", "3"], None)).await.unwrap();
    let down = [Act::Delete { message: MessageRef::from("m1") }];
    // It lands after the end.
    let row = store.say_live(live("1", 1, "42")).await.unwrap().unwrap();
    assert!(store.settle(settle("1", 1, &["a"])).await.unwrap().send.is_empty(), "it waits for what is under way");
    assert!(store.ack(ack(&row.id, 1, sent())).await.unwrap());
    assert!(matches!(leaves(&store).await.as_slice(), [Act::Message { .. }]), "first the whole answer");
    assert_eq!(leaves(&store).await, down);
    // It had landed when the end did not know of it.
    live_and_sent(&store, "2").await;
    let mut end = std::sync::Arc::into_inner(settle("2", 1, &["a"])).unwrap();
    end.forsakes = true;
    let send = store.settle(std::sync::Arc::new(end)).await.unwrap().send;
    assert!(leaves(&store).await.is_empty());
    assert!(store.ack(ack(&send[0].id, 1, sent())).await.unwrap());
    assert_eq!(leaves(&store).await, down);
    // The twin: one that is edited stays.
    live_and_sent(&store, "3").await;
    let send = store.settle(settle_edit("3")).await.unwrap().send;
    assert!(store.ack(ack(&send[0].id, 1, sent())).await.unwrap());
    assert!(matches!(leaves(&store).await.as_slice(), [Act::Message { .. }]), "its second part");
    assert!(leaves(&store).await.is_empty());
}
