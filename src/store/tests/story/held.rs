//! Undo is exact: whatever several moderators order about one person and take back, in whatever order it leaves, the person
//! ends as they stood before, with what still holds.

use townkeeper_contract::id::PersonId;
use townkeeper_contract::moderation::{Former, Held, Quiet, Term, Verb};
use townkeeper_contract::outbound::{Act, Moderation};
use townkeeper_core::held::{change, is_alike};
use townkeeper_store::{NewOrder, Order, Ordered, OutboxRow, Reading, Sendable, Store, Verdict};

use crate::home::{Home, stories};
use crate::ledger::{self, W};
use crate::moderation::order;
use crate::people::by;

stories!(
    an_order_keeps_how_somebody_stood_before_all_that_still_holds,
    what_could_not_be_looked_up_is_kept_once,
    undo_is_exact,
);

const FOR_GOOD: Held = Held { ban: Some(Term { until_ms: None }), quiet: None };

fn quiet(until_ms: Option<i64>, may: &[&str]) -> Held {
    let may = may.iter().map(|word| (*word).to_owned()).collect();
    Held { ban: None, quiet: Some(Quiet { term: Term { until_ms }, may }) }
}

/// Asked at `now_ms`, when the platform says that.
fn about(
    key: &str,
    person: &str,
    verb: Verb,
    (until_ms, reverses): (Option<i64>, Option<i64>),
    now_ms: i64,
) -> NewOrder {
    let base = order(key, verb, reverses);
    let who = PersonId::from(person);
    let action = match verb {
        Verb::Restrict => Moderation::Restrict { person: who, until_ms },
        Verb::Release => Moderation::Release { person: who, held: Held::default() },
        Verb::Ban => Moderation::Ban { person: who },
        _ => Moderation::Unban { person: who, held: Held::default() },
    };
    NewOrder {
        by: by(now_ms),
        order: Order { person: Some(person.to_owned()), until_ms, ..base.order },
        send: Sendable { act: Act::Moderate { action, reason: String::new() }, deadline_ms: i64::MAX, ..base.send },
        ..base
    }
}

fn read(held: Held, asked_ms: i64) -> Reading {
    Reading { held: Some(held), asked_ms }
}

async fn formers(store: &Store) -> Vec<Option<Former>> {
    store.moderation(W, 100).await.unwrap().into_iter().rev().map(|act| act.former).collect()
}

async fn an_order_keeps_how_somebody_stood_before_all_that_still_holds(home: &Home) {
    let store = home.open().await;
    let restricted = quiet(None, &["can_send_messages"]);
    let sent = async |id: &str, at_ms| {
        let ack = ledger::ack(id, 1, Verdict::Sent { message: None });
        assert!(store.ack(townkeeper_store::Ack { now_ms: at_ms, ..ack }).await.unwrap());
    };
    let one = NewOrder {
        read: Some(read(restricted.clone(), 10)),
        ..about("1", "66", Verb::Restrict, (Some(1_000), None), 11)
    };
    store.moderate(one).await.unwrap();
    sent("out-1", 12).await;
    // Asked now, the platform says what we did ourselves.
    let two =
        NewOrder { read: Some(read(quiet(Some(1_000), &[]), 20)), ..about("2", "66", Verb::Ban, (None, None), 21) };
    store.moderate(two).await.unwrap();
    let before = Some(Former::Held(restricted.clone()));
    assert_eq!(formers(&store).await, [before.clone(), before.clone()]);
    sent("out-2", 22).await;
    // Somebody lifted it by hand: what is asked for then begins from there, and taking back the first lifts nothing.
    let three =
        NewOrder { read: Some(read(Held::default(), 30)), ..about("3", "66", Verb::Release, (None, Some(1)), 31) };
    store.moderate(three).await.unwrap();
    let leaving = store.leaving(W, "out-3", 32).await.unwrap().unwrap();
    assert_eq!((&leaving.before, leaving.former.clone()), (&leaving.after, Some(Former::Held(Held::default()))));
    // Where the platform cannot say, the order says so.
    let unsaid =
        NewOrder { read: Some(Reading { held: None, asked_ms: 40 }), ..about("4", "67", Verb::Ban, (None, None), 41) };
    store.moderate(unsaid).await.unwrap();
    assert_eq!(formers(&store).await[3], Some(Former::Unknown));
    // Whoever is erased leaves nothing of it.
    store.erase_person(by(50), ledger::ACCOUNT, "66").await.unwrap();
    assert_eq!(formers(&store).await, [None, None, None, Some(Former::Unknown)]);
}

async fn what_could_not_be_looked_up_is_kept_once(home: &Home) {
    let store = home.open().await;
    let waits = NewOrder { look_ms: Some(100), ..about("1", "66", Verb::Restrict, (Some(1_000), None), 10) };
    store.moderate(waits).await.unwrap();
    assert_eq!(store.leaving(W, "out-1", 20).await.unwrap().unwrap().former, None);
    // While it waits, what the platform says of them does not count: it may be done meanwhile.
    let then =
        NewOrder { read: Some(read(Held::default(), 20)), ..about("2", "66", Verb::Restrict, (Some(2_000), None), 21) };
    store.moderate(then).await.unwrap();
    store.keep_former(W, 1, Former::Held(FOR_GOOD)).await.unwrap();
    store.keep_former(W, 1, Former::Unknown).await.unwrap();
    let before = Some(Former::Held(FOR_GOOD));
    assert_eq!(formers(&store).await, [before.clone(), before]);
    assert_eq!(store.leaving(W, "out-2", 30).await.unwrap().unwrap().after.ban, FOR_GOOD.ban);
}

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn of<T: Clone>(&mut self, these: &[T]) -> Option<T> {
        if these.is_empty() {
            None
        } else {
            these.get(usize::try_from(self.throw(these.len() as u64)).unwrap()).cloned()
        }
    }
}

/// What we asked for, as somebody who keeps no books but this would have it.
#[derive(Clone)]
struct Wanted {
    number: i64,
    key: String,
    verb: Verb,
    until_ms: i64,
}

/// A person at a platform where being banned and being restricted are one state, and a model of how they should stand.
struct Town<'a> {
    store: &'a Store,
    person: String,
    dice: Dice,
    now_ms: i64,
    /// What the platform has.
    is: Held,
    /// What the admins had done before us.
    admins: Held,
    ours: Vec<Wanted>,
    /// Words that take back, and of which; they count once they are done.
    backs: Vec<(String, i64)>,
    under_way: Vec<OutboxRow>,
    keeps: bool,
    /// Whether the platform says what is held against somebody.
    says: bool,
    /// What we asked for before an admin settled it otherwise by hand: taking that back changes nothing.
    settled: Option<Vec<Wanted>>,
}

fn over(term: Term, now_ms: i64) -> bool {
    term.until_ms.is_some_and(|until_ms| until_ms <= now_ms)
}

fn shown(held: &Held, now_ms: i64) -> Held {
    match (held.ban.filter(|ban| !over(*ban, now_ms)), held.quiet.clone().filter(|quiet| !over(quiet.term, now_ms))) {
        (Some(ban), _) => Held { ban: Some(ban), quiet: None },
        (None, quiet) => Held { ban: None, quiet },
    }
}

impl Town<'_> {
    fn should(&self) -> Held {
        let ours = self.ours.iter().filter(|ours| ours.verb == Verb::Ban || ours.until_ms > self.now_ms);
        let (bans, quiets): (Vec<&Wanted>, Vec<&Wanted>) = ours.partition(|ours| ours.verb == Verb::Ban);
        let before = shown(&self.admins, self.now_ms);
        if !bans.is_empty() {
            return FOR_GOOD;
        }
        let Some(longest) = quiets.iter().map(|quiet| quiet.until_ms).max().filter(|_| before.ban.is_none()) else {
            return before;
        };
        match before.quiet {
            Some(silence) if silence.may.is_empty() => {
                quiet(silence.term.until_ms.map(|until_ms| until_ms.max(longest)), &[])
            }
            _ => quiet(Some(longest), &[]),
        }
    }

    async fn orders(&mut self, verb: Verb, reverses: Option<i64>) {
        let (now_ms, key) = (self.now_ms, format!("{}/{}", self.person, self.now_ms));
        let until_ms = now_ms + 20 + i64::try_from(self.dice.throw(400)).unwrap();
        let until = (verb == Verb::Restrict).then_some(until_ms);
        let mut new = about(&key, &self.person, verb, (until, reverses), now_ms);
        new.read = Some(Reading { held: self.says.then(|| shown(&self.is, now_ms)), asked_ms: now_ms });
        new.send.dest = self.dice.of(&["case/-100", "moderate/-100"]).unwrap().to_owned();
        match self.store.moderate(new).await.unwrap() {
            Ordered::Now { number, send } => {
                self.under_way.extend(send.map(|row| *row));
                let key = format!("out-{key}");
                match reverses {
                    Some(of) => self.backs.push((key, of)),
                    None => self.ours.push(Wanted { number, key, verb, until_ms }),
                }
            }
            // It is on its way already.
            Ordered::Reversed { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Something leaves, and is done or refused. `false`: nothing waits.
    async fn leaves(&mut self, may_fail: bool) -> bool {
        if self.under_way.is_empty() {
            self.under_way = self.store.claim(W, "n1", self.now_ms, 10).await.unwrap().rows;
        }
        if self.under_way.is_empty() {
            return false;
        }
        let row = self.under_way.remove(0);
        let verdict = if may_fail && self.dice.throw(6) == 0 {
            self.ours.retain(|ours| ours.key != row.id);
            Verdict::Refused { detail: String::new() }
        } else {
            self.does(&row).await;
            if let Some((_, of)) = self.backs.iter().find(|(key, _)| *key == row.id) {
                let of = *of;
                self.ours.retain(|ours| ours.number != of);
            }
            Verdict::Sent { message: None }
        };
        self.backs.retain(|(key, _)| *key != row.id);
        let ack = townkeeper_store::Ack { now_ms: self.now_ms, ..ledger::ack(&row.id, row.attempt, verdict) };
        assert!(self.store.ack(ack).await.unwrap());
        true
    }

    async fn does(&mut self, row: &OutboxRow) {
        let Act::Moderate { action, .. } = row.act.clone() else { panic!("{row:?}") };
        let leaving = self.store.leaving(W, &row.id, self.now_ms).await.unwrap().unwrap();
        let action = if self.keeps {
            change(action, leaving.reverses.is_some(), &leaving.before, &leaving.after)
        } else {
            Some(action)
        };
        self.is = match action {
            None => return,
            Some(Moderation::Restrict { until_ms, .. }) => quiet(until_ms, &[]),
            Some(Moderation::Ban { .. }) => FOR_GOOD,
            Some(Moderation::Release { held, .. }) => shown(&held, self.now_ms),
            Some(Moderation::Unban { held, .. }) if held.is_nothing() && self.is.ban.is_none() => return,
            Some(Moderation::Unban { held, .. }) => shown(&held, self.now_ms),
            Some(other) => panic!("{other:?}"),
        };
    }

    /// An admin does something else than what holds, while nothing is under way: that stays, and nothing of ours counts. Once:
    /// of two of them the second may look like ours.
    async fn by_hand(&mut self) {
        while self.leaves(true).await {}
        self.now_ms += 1;
        let now = shown(&self.is, self.now_ms);
        let others: Vec<Held> =
            [Held::default(), FOR_GOOD, quiet(None, &[])].into_iter().filter(|held| !is_alike(held, &now)).collect();
        self.is = self.dice.of(&others).unwrap();
        self.admins = self.is.clone();
        self.settled = Some(std::mem::take(&mut self.ours));
    }

    /// What may be taken back.
    fn all(&self) -> Vec<Wanted> {
        self.ours.iter().chain(self.settled.iter().flatten()).cloned().collect()
    }

    async fn step(&mut self, partly: bool) {
        self.now_ms += 1;
        match self.dice.throw(10) {
            0..=3 => {
                let verb = self.dice.of(&[Verb::Restrict, Verb::Restrict, Verb::Ban]).unwrap();
                self.orders(verb, None).await;
            }
            4..=6 => {
                if let Some(one) = self.dice.of(&self.all()) {
                    let back = if one.verb == Verb::Ban { Verb::Unban } else { Verb::Release };
                    self.orders(back, Some(one.number)).await;
                }
            }
            // A platform has one end for ours and theirs: where something was allowed nothing of ours ends by itself here.
            7 if !partly => self.now_ms += 60,
            8 if self.says && self.settled.is_none() => self.by_hand().await,
            _ => drop(self.leaves(true).await),
        }
    }
}

/// Whether they end as they should, at every moment at which nothing is under way.
async fn is_exact(store: &Store, seed: u64, keeps: bool) -> bool {
    let mut dice = Dice(seed);
    let partly = dice.throw(2) == 0;
    let says = dice.throw(4) > 0;
    let before = match dice.throw(4) {
        // Where the platform says nothing, nothing can be brought back.
        _ if !says => Held::default(),
        0 => Held::default(),
        1 => FOR_GOOD,
        2 => quiet(None, if partly { &["can_send_messages"] } else { &[] }),
        _ => quiet(Some(300), if partly { &["can_send_messages"] } else { &[] }),
    };
    let person = format!("{seed}{keeps}");
    let mut town = Town {
        store,
        person,
        dice,
        now_ms: 1,
        is: before.clone(),
        admins: before,
        ours: Vec::new(),
        backs: Vec::new(),
        under_way: Vec::new(),
        keeps,
        says,
        settled: None,
    };
    for _ in 0..30 {
        town.step(partly).await;
    }
    town.now_ms += 1;
    while town.leaves(false).await {}
    let with_the_rest = shown(&town.is, town.now_ms) == town.should();
    for one in town.all() {
        town.now_ms += 1;
        let back = if one.verb == Verb::Ban { Verb::Unban } else { Verb::Release };
        town.orders(back, Some(one.number)).await;
    }
    while town.leaves(false).await {}
    with_the_rest && town.ours.is_empty() && shown(&town.is, town.now_ms) == shown(&town.admins, town.now_ms)
}

async fn undo_is_exact(home: &Home) {
    let store = home.open().await;
    for seed in 0..40 {
        assert!(is_exact(&store, seed, true).await, "seed {seed}");
    }
    // The red twin: what was before is not kept.
    let mut wrong = 0;
    for seed in 0..12 {
        wrong += u32::from(!is_exact(&store, seed, false).await);
    }
    assert!(wrong > 3, "{wrong}");
}
