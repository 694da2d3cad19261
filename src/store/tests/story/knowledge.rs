//! The published base: an import once, then changes with their voices; append-only, by workspace, in time.

use townkeeper_contract::access::Role;
use townkeeper_contract::knowledge::{ChangeInfo, ChangeOrigin, ChangeState};
use townkeeper_store::{By, Denied, Files, PutChange, Store};

use crate::home::{Home, stories};
use crate::people::{by, by_whom, denied};

const W: &str = "main";
const COOLING: i64 = 1_000;

stories!(
    files_are_published_once_and_proposed_ever_after,
    a_grave_change_needs_two_people_and_its_time,
    what_is_overtaken_needs_its_voices_again,
    nothing_of_one_base_is_found_from_another_workspace,
    what_waits_in_a_copy_must_be_approved_again,
);

fn entry(id: &str, class: &str, words: &str) -> String {
    format!(
        "---\nid: {id}\ntitle: What is a {id}?\nclass: {class}\nowner: team\nreviewed_by: team\n\
         reviewed_at: 2026-11-16\nreview_by: 2029-12-31\nstatus: published\ncanonical_url: https://example.org/{id}\n\
         variants:\n  - tell me of the {id}\n  - describe the {id}\n  - the {id} please\n---\n{words}\n"
    )
}

fn files(of: &[(&str, &str)]) -> Files {
    let read = of.iter().map(|(item, words)| ((*item).to_owned(), entry("owl", "safety", words))).collect();
    Files { read, faulty: Vec::new() }
}

fn put(actor: &str, now_ms: i64, item: &str, text: Option<String>) -> PutChange {
    let items = vec![(item.to_owned(), text)];
    PutChange { by: by_whom(actor, now_ms), change: None, note: String::new(), items }
}

async fn change(store: &Store, number: i64, now_ms: i64) -> ChangeInfo {
    store.base_change(W, number, COOLING, now_ms).await.unwrap().unwrap().0
}

/// Approves what is there.
async fn approve(store: &Store, actor: &str, number: i64, now_ms: i64) -> ChangeState {
    let seal = change(store, number, now_ms).await.hash;
    store.approve_change(by_whom(actor, now_ms), number, &seal).await.unwrap();
    change(store, number, now_ms).await.state
}

async fn text(store: &Store, item: &str) -> Option<String> {
    store.published_base(W).await.unwrap().documents.into_iter().find(|(name, _)| name == item).map(|(_, text)| text)
}

/// A base of one entry, and two editors.
async fn begun(store: &Store) {
    store.add_person(by(1), "ada", "Ada", &[Role::Editor]).await.unwrap();
    store.add_person(by(1), "bob", "Bob", &[Role::Editor]).await.unwrap();
    store.import_base(by(2), files(&[("owl.md", "Hoo.")])).await.unwrap();
}

async fn files_are_published_once_and_proposed_ever_after(home: &Home) {
    let store = home.open().await;
    let first = store.import_base(by(2), files(&[("a.md", "One."), ("b.md", "Two.")])).await.unwrap();
    assert_eq!((first.revision, first.published, first.differ), (1, 2, 0));
    let start = change(&store, 1, 3).await;
    assert_eq!((start.state, start.origin, start.author), (ChangeState::Published, ChangeOrigin::Bootstrap, None));

    let same = store.import_base(by(3), files(&[("a.md", "One."), ("b.md", "Two.")])).await.unwrap();
    assert_eq!((same.revision, same.differ, same.change), (1, 0, None));
    let changed = store.import_base(by(4), files(&[("a.md", "1."), ("c.md", "Three.")])).await.unwrap();
    assert_eq!((changed.revision, changed.differ, changed.change), (1, 2, Some(2)));
    let items: Vec<String> = change(&store, 2, 5).await.items.into_iter().map(|item| item.item).collect();
    assert_eq!(items, ["a.md", "b.md", "c.md"], "changed, gone, new");
    assert_eq!(store.differing_files(W).await.unwrap(), 2);
    assert!(text(&store, "a.md").await.unwrap().contains("One."), "a file changes nothing");

    // The same files again are no news; others take the place of what waits, and what cannot be read is not gone.
    let again = store.import_base(by(6), files(&[("a.md", "1."), ("c.md", "Three.")])).await.unwrap();
    assert_eq!((again.differ, again.change), (2, None));
    let faulty = Files { faulty: vec!["c.md".to_owned()], ..files(&[("a.md", "one"), ("b.md", "Two.")]) };
    let other = store.import_base(by(7), faulty).await.unwrap();
    assert_eq!(other.change, Some(3));
    let (old, new) = (change(&store, 2, 8).await, change(&store, 3, 8).await);
    assert_eq!((old.state, new.state), (ChangeState::Withdrawn, ChangeState::Proposed));
    let items: Vec<String> = new.items.into_iter().map(|item| item.item).collect();
    assert_eq!(items, ["a.md"]);
    assert!(store.verify_audit(W).await.unwrap().whole);
}

async fn a_grave_change_needs_two_people_and_its_time(home: &Home) {
    let store = home.open().await;
    begun(&store).await;
    let number = store.put_change(put("person:ada", 10, "owl.md", Some(entry("owl", "safety", "Who?")))).await.unwrap();
    let publish = async |now_ms: i64| store.publish_change(by(now_ms), number, 1, COOLING).await;
    assert_eq!(denied(store.publish_change(by(11), number, 1, 0).await), Denied::Moved, "nobody approved it");
    assert_eq!(approve(&store, "person:ada", number, 20).await, ChangeState::Approved);
    assert_eq!(approve(&store, "person:ada", number, 21).await, ChangeState::Approved, "twice the same is once");
    for nobody in ["operator", "token:t", "person:nobody"] {
        let seal = change(&store, number, 22).await.hash;
        assert_eq!(denied(store.approve_change(by_whom(nobody, 22), number, &seal).await), Denied::NoApproval);
    }
    assert_eq!(denied(publish(1_000_000).await), Denied::Moved, "one is not two, however long it waits");
    assert_eq!(approve(&store, "person:bob", number, 30).await, ChangeState::Cooling);
    assert_eq!(denied(publish(1_029).await), Denied::Moved);
    assert_eq!(store.base_pulse(W).await.unwrap(), (1, vec![number]));

    // Who loses the role meanwhile counts no more, and is no second voice by getting it again.
    store.set_role(by(40), "bob", Role::Editor, false).await.unwrap();
    assert_eq!(change(&store, number, 2_000).await.state, ChangeState::Approved);
    assert_eq!(denied(publish(2_000).await), Denied::Moved);
    store.set_role(by(41), "bob", Role::Editor, true).await.unwrap();
    assert_eq!(change(&store, number, 2_000).await.state, ChangeState::Approved);
    // Put anew, it can be approved by who may now.
    let again =
        PutChange { change: Some(number), ..put("person:ada", 50, "owl.md", Some(entry("owl", "safety", "Who?"))) };
    store.put_change(again).await.unwrap();
    approve(&store, "person:bob", number, 60).await;
    assert_eq!(approve(&store, "person:ada", number, 70).await, ChangeState::Cooling);
    assert_eq!(publish(1_070).await.unwrap(), 2);
    assert_eq!(denied(publish(1_071).await), Denied::Ended, "once");
    assert!(text(&store, "owl.md").await.unwrap().contains("Who?"));
    let history = store.item_history(W, "owl.md").await.unwrap().revisions;
    assert_eq!((history.len(), history[0].revision, history[0].base), (2, 2, 2));
    assert_eq!(history[0].approved_by, ["person:bob", "person:ada"], "those who approved just this");
    assert!(store.verify_audit(W).await.unwrap().whole);
}

async fn what_is_overtaken_needs_its_voices_again(home: &Home) {
    let store = home.open().await;
    begun(&store).await;
    let text_of = |words: &str| Some(entry("owl", "safety", words));
    let slow = store.put_change(put("person:ada", 10, "owl.md", text_of("Slow."))).await.unwrap();
    let fast = store.put_change(put("person:ada", 10, "owl.md", text_of("Fast."))).await.unwrap();
    for number in [slow, fast] {
        approve(&store, "person:ada", number, 20).await;
        approve(&store, "person:bob", number, 20).await;
    }
    assert_eq!(store.publish_change(by(30), fast, 1, 0).await.unwrap(), 2);
    // It would take away what nobody looked at: what it replaces is another.
    assert_eq!(change(&store, slow, 5_000).await.state, ChangeState::Proposed);
    assert_eq!(denied(store.publish_change(by(5_000), slow, 2, 0).await), Denied::Moved);

    // One takes the entry out; then there is nothing to take out, and to say so needs no voice.
    let number = store.withdraw_item(by_whom("person:bob", 40), "owl.md").await.unwrap();
    assert_eq!(change(&store, number, 41).await.revision, Some(3));
    assert_eq!(text(&store, "owl.md").await, None);
    assert_eq!(denied(store.withdraw_item(by(42), "owl.md").await), Denied::NotThere("item"));
    assert_eq!(store.item_at(W, "owl.md", 3).await.unwrap(), None);
    let first = store.item_at(W, "owl.md", 1).await.unwrap().unwrap();
    assert!(store.has_said(W, "owl.md", &first).await.unwrap());
    assert!(!store.has_said(W, "owl.md", &format!("{first} ")).await.unwrap());
    assert!(!store.has_said(W, "other.md", &first).await.unwrap());
    assert!(!store.has_said("elsewhere", "owl.md", &first).await.unwrap());
    assert_eq!(denied(store.item_at(W, "owl.md", 9).await), Denied::NotThere("revision"));
    assert_eq!(denied(store.put_change(put("person:ada", 43, "owl.md", None)).await), Denied::Same);
}

async fn nothing_of_one_base_is_found_from_another_workspace(home: &Home) {
    let store = home.open().await;
    begun(&store).await;
    let number = store.put_change(put("person:ada", 10, "owl.md", None)).await.unwrap();
    let there = |now_ms| By { workspace: "elsewhere".to_owned(), ..by(now_ms) };
    assert_eq!(store.published_base("elsewhere").await.unwrap().revision, 0);
    assert!(store.base_change("elsewhere", number, 0, 20).await.unwrap().is_none());
    assert_eq!(denied(store.end_change(there(20), number, None).await), Denied::NotThere("change"));
    assert_eq!(denied(store.withdraw_item(there(20), "owl.md").await), Denied::NotThere("item"));
    assert!(store.item_history("elsewhere", "owl.md").await.unwrap().revisions.is_empty());
    let first = store.import_base(there(21), files(&[("owl.md", "Other.")])).await.unwrap();
    assert_eq!((first.revision, first.change), (1, Some(1)), "it counts by itself");
    assert!(text(&store, "owl.md").await.unwrap().contains("Hoo."));
}

async fn what_waits_in_a_copy_must_be_approved_again(home: &Home) {
    let store = home.open().await;
    begun(&store).await;
    let number = store.put_change(put("person:ada", 10, "owl.md", Some(entry("owl", "safety", "Who?")))).await.unwrap();
    approve(&store, "person:ada", number, 20).await;
    assert_eq!(approve(&store, "person:bob", number, 20).await, ChangeState::Cooling);
    store.park(30).await.unwrap();
    assert_eq!(
        change(&store, number, 1_000_000).await.state,
        ChangeState::Proposed,
        "it may have been taken back since"
    );
    // What was published stays, with who approved it.
    assert_eq!(store.published_base(W).await.unwrap().revision, 1);
}
