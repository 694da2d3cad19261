//! Buttons: used once, by whom they are for, and one of a choice; and the opinions that two of them give.

use std::collections::BTreeMap;
use std::sync::Arc;

use townkeeper_contract::id::EntryId;
use townkeeper_contract::stream::{Citation, Reply, ReplyKind};
use townkeeper_store::{NewAction, NewFeedback, Press, Pressed, Settle, Store};

use crate::home::{Home, stories};
use crate::ledger::{self, ACCOUNT, W};

stories!(
    a_button_is_used_once_and_by_its_person,
    a_button_of_nobody_is_anybodys,
    one_of_a_choice_uses_up_the_others,
    a_button_ends_with_its_day,
    however_many_press_at_once_one_has_an_effect,
    opinions_are_counted_by_entry_and_revision,
);

fn action(id: &str, choice: Option<&str>, person: Option<&str>) -> NewAction {
    NewAction {
        id: id.to_owned(),
        meaning: format!("meaning of {id}"),
        choice: choice.map(str::to_owned),
        person: person.map(str::to_owned),
        expires_ms: 1_000,
    }
}

fn press(id: &str, person: &str, turn: &str) -> Press {
    Press {
        workspace: W.to_owned(),
        account: ACCOUNT.to_owned(),
        action: id.to_owned(),
        person: person.to_owned(),
        turn: turn.to_owned(),
        look: false,
        now_ms: 20,
    }
}

/// A turn that ended with these buttons.
async fn shown(store: &Store, event: &str, actions: Vec<NewAction>) {
    store.accept(ledger::accept(&[event], None)).await.unwrap();
    let settle = Arc::into_inner(ledger::settle(event, 1, &[])).unwrap();
    store.settle(Arc::new(Settle { actions, ..settle })).await.unwrap();
}

async fn pressed(store: &Store, id: &str, person: &str, turn: &str) -> Pressed {
    store.press(press(id, person, turn)).await.unwrap()
}

fn means(id: &str) -> Pressed {
    Pressed::Meaning(format!("meaning of {id}"))
}

async fn a_button_is_used_once_and_by_its_person(home: &Home) {
    let store = home.open().await;
    shown(&store, "1", vec![action("a", None, Some("42")), action("b", None, Some("42"))]).await;
    assert_eq!(pressed(&store, "a", "43", "t1").await, Pressed::Theirs);
    assert_eq!(pressed(&store, "nonsense", "42", "t2").await, Pressed::Gone);
    let elsewhere = Press { account: "discord:main".to_owned(), ..press("a", "42", "t2") };
    assert_eq!(store.press(elsewhere).await.unwrap(), Pressed::Gone, "a number of one account is nobody on another");
    let look = Press { look: true, ..press("a", "42", "t2") };
    assert_eq!(store.press(look).await.unwrap(), means("a"));
    assert_eq!(pressed(&store, "a", "42", "t3").await, means("a"), "looking used nothing up");
    assert_eq!(pressed(&store, "a", "42", "t3").await, means("a"), "the same turn, taken up again");
    assert_eq!(pressed(&store, "a", "42", "t4").await, Pressed::Gone);
    assert_eq!(pressed(&store, "a", "43", "t5").await, Pressed::Theirs);
    assert_eq!(pressed(&store, "b", "42", "t6").await, means("b"), "one press uses up one button");
}

/// The red twin of the binding: without a person anybody's press has its effect.
async fn a_button_of_nobody_is_anybodys(home: &Home) {
    let store = home.open().await;
    shown(&store, "1", vec![action("a", None, None)]).await;
    assert_eq!(pressed(&store, "a", "a stranger", "t1").await, means("a"));
    assert_eq!(pressed(&store, "a", "42", "t2").await, Pressed::Gone, "and the one who asked comes too late");
}

async fn one_of_a_choice_uses_up_the_others(home: &Home) {
    let store = home.open().await;
    let both =
        |event: &str, choice| ["yes", "no"].map(|word| action(&format!("{word}{event}"), choice, Some("42"))).to_vec();
    shown(&store, "1", both("1", Some("c1"))).await;
    shown(&store, "2", both("2", Some("c2"))).await;
    assert_eq!(pressed(&store, "yes1", "42", "t1").await, means("yes1"));
    assert_eq!(pressed(&store, "no1", "42", "t2").await, Pressed::Gone);
    assert_eq!(pressed(&store, "no2", "42", "t3").await, means("no2"), "another choice is open");
    // The red twin: two buttons of no choice.
    shown(&store, "3", both("3", None)).await;
    assert_eq!(pressed(&store, "yes3", "42", "t4").await, means("yes3"));
    assert_eq!(pressed(&store, "no3", "42", "t5").await, means("no3"));
}

async fn a_button_ends_with_its_day(home: &Home) {
    let store = home.open().await;
    shown(&store, "1", vec![action("a", None, Some("42"))]).await;
    let late = |turn: &str| Press { now_ms: 1_000, ..press("a", "42", turn) };
    assert_eq!(store.press(late("t1")).await.unwrap(), Pressed::Gone);
    assert_eq!(pressed(&store, "a", "42", "t2").await, means("a"));
    assert_eq!(store.press(late("t2")).await.unwrap(), means("a"), "what was begun in time is ended");
}

/// Drawn by chance: many people, buttons and choices, from several daemons at once. Whatever came of it, each choice was
/// taken at most once, by its person, and was taken if its person ever pressed it.
async fn however_many_press_at_once_one_has_an_effect(home: &Home) {
    const CHOICES: usize = 12;
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    let store = home.open().await;
    let name = |choice: usize, n: usize| format!("{choice}-{n}");
    let owner = |choice: usize| format!("p{}", choice % 3);
    for choice in 0..CHOICES {
        let (event, group) = (choice.to_string(), format!("c{choice}"));
        let buttons = (0..3).map(|n| action(&name(choice, n), Some(&group), Some(&owner(choice)))).collect();
        shown(&store, &event, buttons).await;
    }
    let mut stores = vec![store.clone()];
    for _ in 0..3 {
        // On SQLite the one store is shared: there is one writer.
        stores.push(if matches!(home, Home::Postgres(_)) { home.open().await } else { store.clone() });
    }
    let drawn: Vec<(usize, String, String)> = (0..300)
        .map(|_| {
            let choice = rng.usize(..CHOICES);
            (choice, name(choice, rng.usize(..3)), format!("p{}", rng.usize(..3)))
        })
        .collect();
    let all = drawn.iter().enumerate().map(|(n, (_, id, person))| {
        let store = &stores[n % stores.len()];
        async move { pressed(store, id, person, &format!("t{n}")).await }
    });
    let came = futures_util::future::join_all(all).await;
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    for ((choice, id, person), pressed) in drawn.iter().zip(came) {
        let theirs = *person == owner(*choice);
        match pressed {
            Pressed::Meaning(meaning) => {
                assert!(theirs && meaning == format!("meaning of {id}"), "{person} took {id}");
                *taken.entry(*choice).or_default() += 1;
            }
            Pressed::Theirs => assert!(!theirs, "{person} may press {id}"),
            Pressed::Gone => assert!(theirs),
        }
    }
    let wanted = drawn.iter().filter(|(choice, _, person)| *person == owner(*choice)).map(|(choice, ..)| (*choice, 1));
    assert_eq!(taken, wanted.collect());
}

async fn opinions_are_counted_by_entry_and_revision(home: &Home) {
    let store = home.open().await;
    for (event, revision) in [("1", "old"), ("2", "new"), ("3", "new"), ("4", "")] {
        store.accept(ledger::accept(&[event], None)).await.unwrap();
        let settle = Arc::into_inner(ledger::settle(event, 1, &[])).unwrap();
        let body = settle.reply.as_ref().unwrap().body.clone();
        let citation = (!revision.is_empty()).then(|| Citation {
            entry: EntryId::from("meetups"),
            title: "Meetups".to_owned(),
            url: "https://lumen.example.org/meetups".to_owned(),
            revision: revision.to_owned(),
            as_of: "2026-11-12".to_owned(),
        });
        let reply = Some(Reply { kind: ReplyKind::Model, body, citation, offers: Vec::new() });
        store.settle(Arc::new(Settle { reply, ..settle })).await.unwrap();
    }
    let rate = |event: &str, conversation: &str, helped, now_ms| NewFeedback {
        workspace: W.to_owned(),
        turn: format!("turn-{event}"),
        conversation: conversation.to_owned(),
        account: ACCOUNT.to_owned(),
        person: "42".to_owned(),
        helped,
        now_ms,
    };
    let (question, reply) = store.rate(rate("1", "c", true, 30)).await.unwrap().unwrap();
    assert_eq!((question.as_str(), reply.unwrap().citation.unwrap().revision.as_str()), ("question of 1", "old"));
    store.rate(rate("2", "c", true, 31)).await.unwrap().unwrap();
    store.rate(rate("2", "c", false, 32)).await.unwrap().unwrap();
    store.rate(rate("3", "c", true, 33)).await.unwrap().unwrap();
    store.rate(rate("4", "c", false, 34)).await.unwrap().unwrap();
    assert_eq!(store.rate(rate("1", "another", false, 35)).await.unwrap(), None, "an answer to somebody else");
    assert_eq!(store.rate(rate("9", "c", false, 35)).await.unwrap(), None);
    let counts = store.feedback(W).await.unwrap();
    let counts: Vec<_> = counts
        .iter()
        .map(|c| (c.entry.as_ref().map(EntryId::as_str), c.revision.as_str(), c.helped, c.not_quite, c.last_ms))
        .collect();
    let expected = [(None, "", 0, 1, 34), (Some("meetups"), "new", 1, 1, 33), (Some("meetups"), "old", 1, 0, 30)];
    assert_eq!(counts, expected, "a second opinion on one answer takes the place of the first");
    assert!(store.feedback("elsewhere").await.unwrap().is_empty());
}
