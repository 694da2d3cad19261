//! Budgets and memory: the limit of a day holds however many reserve at once, and notes never mix.

use std::sync::Arc;

use townkeeper_store::{Allowance, Cost, Remember, Remembered, Reserve, Reserved, Spent, Store, Whose};

use crate::home::{Home, stories};

stories!(
    a_limit_holds_however_many_reserve_at_once,
    a_limit_in_money_holds_however_many_reserve_at_once,
    what_is_short_is_named_and_money_comes_back_like_tokens,
    a_reservation_is_settled_once,
    what_a_dead_daemon_reserved_is_given_back,
    a_day_and_a_workspace_of_their_own,
    notes_belong_to_one_person_in_one_place,
    a_person_has_room_for_so_many_notes,
);

const ENDLESS: i64 = i64::MAX;

fn reserve(id: &str, person: &str, tokens: i64) -> Reserve {
    let allowance = Allowance {
        workspace: "main".to_owned(),
        person: person.to_owned(),
        day: 20_000,
        workspace_limit: Cost { tokens: 10_000, micros: ENDLESS },
        person_limit: Cost { tokens: 3_000, micros: ENDLESS },
    };
    Reserve { id: id.to_owned(), allowance, cost: tokens_of(tokens), now_ms: 1_000, expires_ms: 2_000 }
}

fn tokens_of(tokens: i64) -> Cost {
    Cost { tokens, micros: 0 }
}

/// The same with money in the place of tokens, which have no end.
fn reserve_money(id: &str, person: &str, micros: i64) -> Reserve {
    let mut reserve = reserve(id, person, 1);
    reserve.cost.micros = micros;
    reserve.allowance.workspace_limit = Cost { tokens: ENDLESS, micros: 10_000 };
    reserve.allowance.person_limit = Cost { tokens: ENDLESS, micros: 3_000 };
    reserve
}

async fn day(store: &Store, person: &str) -> Spent {
    store.spent_on("main", person, 20_000).await.unwrap()
}

/// Spent and held, in tokens.
async fn spent(store: &Store, person: &str) -> (i64, i64) {
    let day = day(store, person).await;
    (day.spent.tokens, day.held.tokens)
}

async fn is_held(store: &Store, reserve: Reserve) -> bool {
    store.reserve_cost(reserve).await.unwrap() == Reserved::Held
}

async fn a_limit_holds_however_many_reserve_at_once(home: &Home) {
    a_limit_holds(home, reserve, |cost| cost.tokens, tokens_of).await;
}

async fn a_limit_in_money_holds_however_many_reserve_at_once(home: &Home) {
    a_limit_holds(home, reserve_money, |cost| cost.micros, |micros| Cost { tokens: 1, micros }).await;
}

/// Callers, each reserving and settling again and again with sizes from a seed; never more than was reserved. At no
/// moment is more than the limit spent and held. `of` reads, `used` makes the part of a cost that is limited.
async fn a_limit_holds(
    home: &Home,
    reserve: fn(&str, &str, i64) -> Reserve,
    of: fn(Cost) -> i64,
    used_of: fn(i64) -> Cost,
) {
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
                let (id, most) = (format!("{caller}-{round}"), 1 + draw(400));
                let granted = is_held(&store, reserve(&id, &person, most)).await;
                for (scope, limit) in [("", 10_000), (person.as_str(), 3_000)] {
                    let day = day(&store, scope).await;
                    assert!(of(day.spent) + of(day.held) <= limit, "{scope:?} {day:?}");
                }
                if granted {
                    let share = draw(most + 1);
                    store.settle_cost("main", &id, used_of(share)).await.unwrap();
                    used += share;
                }
            }
            used
        });
    }
    let used: i64 = callers.join_all().await.into_iter().sum();
    let whole = day(&store, "").await;
    assert_eq!((of(whole.spent), whole.held), (used, Cost::default()));
    let mut people = 0;
    for person in 0..5 {
        let day = day(&store, &format!("person-{person}")).await;
        assert!(of(day.spent) <= 3_000 && day.held == Cost::default(), "{day:?}");
        people += of(day.spent);
    }
    assert_eq!(people, used, "what people spent is what the workspace spent");
    // The limits were met: otherwise this showed nothing.
    let mut refused = 0;
    for at in 0..5 {
        refused += i32::from(!is_held(&store, reserve(&format!("last-{at}"), &format!("person-{at}"), 2_900)).await);
    }
    assert!(refused > 0);
}

/// Reservations of both, against limits of both.
async fn what_is_short_is_named_and_money_comes_back_like_tokens(home: &Home) {
    let store = home.open().await;
    let both = |id: &str, tokens: i64, micros: i64| {
        let mut reserve = reserve(id, "robin", tokens);
        reserve.cost.micros = micros;
        reserve.allowance.workspace_limit.micros = 500;
        reserve
    };
    assert_eq!(store.reserve_cost(both("a", 100, 300)).await.unwrap(), Reserved::Held);
    assert_eq!(store.reserve_cost(both("b", 100, 201)).await.unwrap(), Reserved::NoMoney);
    assert_eq!(store.reserve_cost(both("b", 2_901, 0)).await.unwrap(), Reserved::NoTokens);
    assert_eq!(store.reserve_cost(both("b", 2_900, 200)).await.unwrap(), Reserved::Held);
    let held = Cost { tokens: 3_000, micros: 500 };
    assert_eq!(day(&store, "").await, Spent { spent: Cost::default(), held }, "a refusal reserves nothing anywhere");
    // Another vendor's prices: more than was reserved, and it is counted all the same.
    store.settle_cost("main", "a", Cost { tokens: 50, micros: 450 }).await.unwrap();
    assert_eq!(store.reserve_cost(both("c", 1, 1)).await.unwrap(), Reserved::NoMoney);
    // More is spent than there was; what costs nothing is there all the same.
    assert_eq!(store.reserve_cost(both("c", 1, 0)).await.unwrap(), Reserved::Held);
    store.settle_cost("main", "b", Cost { tokens: 10, micros: 20 }).await.unwrap();
    // Its daemon dies: what it held comes back, both.
    let later = Reserve { now_ms: 2_000, ..both("d", 1, 30) };
    assert_eq!(store.reserve_cost(later).await.unwrap(), Reserved::Held);
    let (spent, held) = (Cost { tokens: 60, micros: 470 }, Cost { tokens: 1, micros: 30 });
    for scope in ["", "robin"] {
        assert_eq!(day(&store, scope).await, Spent { spent, held }, "{scope:?}");
    }
}

async fn a_reservation_is_settled_once(home: &Home) {
    let store = home.open().await;
    assert!(is_held(&store, reserve("a", "robin", 1_000)).await);
    assert!(is_held(&store, reserve("a", "robin", 1_000)).await, "the same again is the same");
    assert_eq!(spent(&store, "robin").await, (0, 1_000));
    for _ in 0..2 {
        store.settle_cost("main", "a", tokens_of(700)).await.unwrap();
        assert_eq!(spent(&store, "robin").await, (700, 0));
    }
    assert!(!is_held(&store, reserve("b", "robin", 2_301)).await);
    assert_eq!(spent(&store, "").await, (700, 0), "a refusal reserves nothing anywhere");
    assert!(is_held(&store, reserve("b", "robin", 2_300)).await);
}

async fn what_a_dead_daemon_reserved_is_given_back(home: &Home) {
    let store = home.open().await;
    assert!(is_held(&store, reserve("dead", "robin", 3_000)).await);
    assert!(!is_held(&store, Reserve { now_ms: 1_999, ..reserve("b", "robin", 1) }).await);
    let later = Reserve { now_ms: 2_000, expires_ms: 9_000, ..reserve("b", "robin", 1) };
    assert!(is_held(&store, later).await);
    assert_eq!(spent(&store, "robin").await, (0, 1));
    store.settle_cost("main", "dead", tokens_of(5)).await.unwrap();
    assert_eq!(spent(&store, "robin").await, (0, 1), "it was too late");
}

async fn a_day_and_a_workspace_of_their_own(home: &Home) {
    let store = home.open().await;
    assert!(is_held(&store, reserve("a", "robin", 3_000)).await);
    let mut tomorrow = reserve("b", "robin", 3_000);
    tomorrow.allowance.day += 1;
    assert!(is_held(&store, tomorrow).await);
    let mut elsewhere = reserve("a", "robin", 3_000);
    "other".clone_into(&mut elsewhere.allowance.workspace);
    assert!(is_held(&store, elsewhere).await);
    assert!(!is_held(&store, reserve("c", "robin", 1)).await);
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
