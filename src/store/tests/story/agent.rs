//! Budgets and memory: the limit of a day holds however many reserve at once, and notes never mix.

use std::sync::Arc;

use townkeeper_store::{Allowance, Remember, Remembered, Reserve, Spent, Store, Whose};

use crate::home::{Home, stories};

stories!(
    a_limit_holds_however_many_reserve_at_once,
    a_reservation_is_settled_once,
    what_a_dead_daemon_reserved_is_given_back,
    a_day_and_a_workspace_of_their_own,
    notes_belong_to_one_person_in_one_place,
    a_person_has_room_for_so_many_notes,
);

fn reserve(id: &str, person: &str, tokens: i64) -> Reserve {
    let allowance = Allowance {
        workspace: "main".to_owned(),
        person: person.to_owned(),
        day: 20_000,
        workspace_limit: 10_000,
        person_limit: 3_000,
    };
    Reserve { id: id.to_owned(), allowance, tokens, now_ms: 1_000, expires_ms: 2_000 }
}

async fn spent(store: &Store, person: &str) -> Spent {
    store.spent_tokens("main", person, 20_000).await.unwrap()
}

/// Callers, each reserving and settling again and again with sizes from a seed; never more than was reserved. At no
/// moment is more than the limit spent and held.
async fn a_limit_holds_however_many_reserve_at_once(home: &Home) {
    let store = Arc::new(home.open().await);
    // A second daemon on the same database, where the engine takes one.
    let second = if let Home::Postgres(_) = home { Arc::new(home.open().await) } else { Arc::clone(&store) };
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..16_u64 {
        let store = if caller % 2 == 0 { Arc::clone(&store) } else { Arc::clone(&second) };
        callers.spawn(async move {
            let mut rng = caller.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut draw = |below: i64| {
                rng ^= rng << 13;
                rng ^= rng >> 7;
                rng ^= rng << 17;
                i64::try_from(rng % below.unsigned_abs()).unwrap()
            };
            let mut used = 0;
            for round in 0..20 {
                let person = format!("person-{}", draw(5));
                let (id, tokens) = (format!("{caller}-{round}"), 1 + draw(400));
                let granted = store.reserve_tokens(reserve(&id, &person, tokens)).await.unwrap();
                for (scope, limit) in [("", 10_000), (person.as_str(), 3_000)] {
                    let day = spent(&store, scope).await;
                    assert!(day.spent + day.held <= limit, "{scope:?} {day:?}");
                }
                if granted {
                    let share = draw(tokens + 1);
                    store.settle_tokens("main", &id, share).await.unwrap();
                    used += share;
                }
            }
            used
        });
    }
    let used: i64 = callers.join_all().await.into_iter().sum();
    assert_eq!(spent(&store, "").await, Spent { spent: used, held: 0 });
    let mut people = 0;
    for person in 0..5 {
        let day = spent(&store, &format!("person-{person}")).await;
        assert!(day.spent <= 3_000 && day.held == 0, "{day:?}");
        people += day.spent;
    }
    assert_eq!(people, used, "what people spent is what the workspace spent");
    // The limits were met: otherwise this showed nothing.
    let mut refused = 0;
    for at in 0..5 {
        let all = reserve(&format!("last-{at}"), &format!("person-{at}"), 2_900);
        refused += i32::from(!store.reserve_tokens(all).await.unwrap());
    }
    assert!(refused > 0);
}

async fn a_reservation_is_settled_once(home: &Home) {
    let store = home.open().await;
    assert!(store.reserve_tokens(reserve("a", "robin", 1_000)).await.unwrap());
    assert!(store.reserve_tokens(reserve("a", "robin", 1_000)).await.unwrap(), "the same again is the same");
    assert_eq!(spent(&store, "robin").await, Spent { spent: 0, held: 1_000 });
    for _ in 0..2 {
        store.settle_tokens("main", "a", 700).await.unwrap();
        assert_eq!(spent(&store, "robin").await, Spent { spent: 700, held: 0 });
    }
    assert!(!store.reserve_tokens(reserve("b", "robin", 2_301)).await.unwrap());
    assert_eq!(spent(&store, "").await, Spent { spent: 700, held: 0 }, "a refusal reserves nothing anywhere");
    assert!(store.reserve_tokens(reserve("b", "robin", 2_300)).await.unwrap());
}

async fn what_a_dead_daemon_reserved_is_given_back(home: &Home) {
    let store = home.open().await;
    assert!(store.reserve_tokens(reserve("dead", "robin", 3_000)).await.unwrap());
    assert!(!store.reserve_tokens(Reserve { now_ms: 1_999, ..reserve("b", "robin", 1) }).await.unwrap());
    let later = Reserve { now_ms: 2_000, expires_ms: 9_000, ..reserve("b", "robin", 1) };
    assert!(store.reserve_tokens(later).await.unwrap());
    assert_eq!(spent(&store, "robin").await, Spent { spent: 0, held: 1 });
    store.settle_tokens("main", "dead", 5).await.unwrap();
    assert_eq!(spent(&store, "robin").await, Spent { spent: 0, held: 1 }, "it was too late");
}

async fn a_day_and_a_workspace_of_their_own(home: &Home) {
    let store = home.open().await;
    assert!(store.reserve_tokens(reserve("a", "robin", 3_000)).await.unwrap());
    let mut tomorrow = reserve("b", "robin", 3_000);
    tomorrow.allowance.day += 1;
    assert!(store.reserve_tokens(tomorrow).await.unwrap());
    let mut elsewhere = reserve("a", "robin", 3_000);
    "other".clone_into(&mut elsewhere.allowance.workspace);
    assert!(store.reserve_tokens(elsewhere).await.unwrap());
    assert!(!store.reserve_tokens(reserve("c", "robin", 1)).await.unwrap());
}

fn whose(workspace: &str, place: &str, person: &str) -> Whose {
    Whose {
        workspace: workspace.to_owned(),
        account: "web".to_owned(),
        place: place.to_owned(),
        person: person.to_owned(),
    }
}

fn note(whose: &Whose, words: &str) -> Remember {
    Remember { whose: whose.clone(), note: words.to_owned(), turn: "T1".to_owned(), now_ms: 5, room: 3 }
}

async fn notes(store: &Store, whose: &Whose) -> Vec<String> {
    store.memories(whose).await.unwrap().into_iter().map(|row| row.note).collect()
}

async fn notes_belong_to_one_person_in_one_place(home: &Home) {
    let store = home.open().await;
    let robin = whose("main", "square", "robin");
    assert_eq!(store.remember(note(&robin, "Speaks Spanish")).await.unwrap(), Remembered::Kept);
    assert_eq!(store.remember(note(&robin, "Speaks Spanish")).await.unwrap(), Remembered::Known);
    for other in [whose("other", "square", "robin"), whose("main", "market", "robin"), whose("main", "square", "sam")] {
        assert!(notes(&store, &other).await.is_empty(), "{other:?}");
        assert_eq!(store.forget(&other, None).await.unwrap(), 0);
        assert_eq!(store.remember(note(&other, "Speaks Spanish")).await.unwrap(), Remembered::Kept);
    }
    assert_eq!(store.forget(&robin, None).await.unwrap(), 1);
    assert!(notes(&store, &robin).await.is_empty());
    assert_eq!(notes(&store, &whose("main", "square", "sam")).await, ["Speaks Spanish"]);
}

async fn a_person_has_room_for_so_many_notes(home: &Home) {
    let store = home.open().await;
    let robin = whose("main", "square", "robin");
    for words in ["one", "two", "three"] {
        assert_eq!(store.remember(note(&robin, words)).await.unwrap(), Remembered::Kept);
    }
    assert_eq!(store.remember(note(&robin, "four")).await.unwrap(), Remembered::Full);
    let second = store.memories(&robin).await.unwrap()[1].number;
    assert_eq!(store.forget(&robin, Some(second)).await.unwrap(), 1);
    assert_eq!(store.remember(note(&robin, "four")).await.unwrap(), Remembered::Kept);
    assert_eq!(notes(&store, &robin).await, ["one", "three", "four"]);
}
