//! How somebody stood in a place before us: kept with the first of those acts upon them that count together. What the
//! platform said is believed only where nothing of ours was under way that it may have been asked about.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::moderation::{DeliveryState, Former, Held, Verb};
use townkeeper_core::decide::moderate::{is_of_person, silences};
use townkeeper_core::held::{self, Deed};

use crate::db::{Conn, Row, Sql, sql};
use crate::moderation::{NewOrder, state, verb};
use crate::writer::Write;
use crate::{Store, StoreError};

/// What a platform said of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// None: it could not say.
    pub held: Option<Held>,
    /// When it was asked.
    pub asked_ms: i64,
}

/// An act upon a person that is to leave now.
#[derive(Clone, Debug)]
pub struct Leaving {
    pub verb: Verb,
    pub reverses: Option<i64>,
    /// The act with which is kept how they stood before.
    pub head: i64,
    /// None: nobody asked yet.
    pub former: Option<Former>,
    /// What holds without the act, and with it.
    pub before: Held,
    pub after: Held,
}

/// One of a person's acts.
struct Known {
    deed: Deed,
    /// The first of those that it counts with.
    head: i64,
    former: Option<Former>,
    state: Option<DeliveryState>,
    at_ms: i64,
    ended_ms: Option<i64>,
}

impl Known {
    /// One that came to nothing is none.
    fn counts(&self) -> bool {
        !matches!(self.state, Some(DeliveryState::Refused | DeliveryState::Expired))
    }

    fn is_under_way(&self) -> bool {
        matches!(self.state, Some(DeliveryState::Ready | DeliveryState::Sending))
    }

    /// Whether the platform, asked at that moment, may have known it half done.
    fn is_in_between(&self, asked_ms: i64) -> bool {
        self.is_under_way() || self.ended_ms.unwrap_or(self.at_ms) >= asked_ms
    }
}

const KNOWN: &str = "SELECT m.number, m.verb, m.until_ms, m.reverses, m.chain, m.former, m.at_ms, o.state AS state, \
     (SELECT MAX(a.ended_ms) FROM attempt a WHERE a.workspace = m.workspace AND a.outbox = m.outbox) AS ended_ms \
     FROM moderation m LEFT JOIN outbox o ON o.workspace = m.workspace AND o.id = m.outbox \
     WHERE m.workspace = $1 AND m.account = $2 AND m.realm = $3 AND m.person = $4 ORDER BY m.number";

fn of_person<'a>(workspace: &'a str, account: &'a str, realm: &'a str, person: &'a str) -> Sql<'a> {
    sql(KNOWN).bind(workspace).bind(account).bind(realm).bind(person)
}

/// Those that are about what the person may do; of a copy that is taken down its author is named too.
fn known(rows: &[Row]) -> Result<Vec<Known>, StoreError> {
    let known = |row: &Row| {
        Ok(Known {
            deed: Deed {
                number: row.int("number")?,
                verb: verb(row)?,
                until_ms: row.opt_int("until_ms")?,
                reverses: row.opt_int("reverses")?,
            },
            head: row.int("chain")?,
            former: row.opt_json("former")?,
            state: state(row)?,
            at_ms: row.int("at_ms")?,
            ended_ms: row.opt_int("ended_ms")?,
        })
    };
    let all = rows.iter().map(known).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(all.into_iter().filter(|known| is_of_person(known.deed.verb)).collect())
}

/// How they stood before those that count together from this one on.
fn former_of(all: &[Known], head: i64) -> Option<Former> {
    all.iter().find(|known| known.deed.number == head).and_then(|known| known.former.clone())
}

fn baseline(former: Option<&Former>) -> Held {
    match former {
        Some(Former::Held(held)) => held.clone(),
        Some(Former::Unknown) | None => Held::default(),
    }
}

fn deeds(all: &[Known], head: i64) -> Vec<Deed> {
    all.iter().filter(|known| known.head == head && known.counts()).map(|known| known.deed).collect()
}

/// With which act a new one counts, and, where it is the first, how they stood before it.
pub(crate) async fn chain(tx: &mut Conn, new: &NewOrder, number: i64) -> Result<(i64, Option<Former>), StoreError> {
    let order = &new.order;
    let Some(person) = order.person.as_deref().filter(|_| is_of_person(order.verb)) else {
        return Ok((number, None));
    };
    if order.reverses.is_none() && !silences(order.verb) {
        // A moderator's word that they may again: whatever was before is settled.
        return Ok((number, Some(Former::Held(Held::default()))));
    }
    let read = new.read.as_ref().map(|read| read.held.clone().map_or(Former::Unknown, Former::Held));
    let all = known(&of_person(&new.by.workspace, &order.account, &new.realm, person).all(tx).await?)?;
    let Some(last) = all.iter().rfind(|known| known.counts()) else { return Ok((number, read)) };
    let head = last.head;
    let ours = deeds(&all, head);
    let before = held::held(&baseline(former_of(&all, head).as_ref()), &ours, new.by.now_ms);
    let is_back = order.reverses.is_some();
    let starts = !is_back && held::standing(&ours, new.by.now_ms).next().is_none();
    let of_these = || all.iter().filter(|known| known.head == head);
    let fresh = match &new.read {
        None => starts && !of_these().any(Known::is_under_way),
        Some(read) if of_these().any(|known| known.is_in_between(read.asked_ms)) => false,
        // Not what we left: somebody else acted since, and what they did stays.
        Some(Reading { held: Some(held), .. }) => starts || !held::is_alike(held, &before),
        Some(Reading { held: None, .. }) => starts,
    };
    Ok(if fresh { (number, read) } else { (head, None) })
}

impl Store {
    /// What an act upon a person does when it leaves now. `None`: it is about no person's rights.
    pub async fn leaving(&self, workspace: &str, outbox: &str, now_ms: i64) -> Result<Option<Leaving>, StoreError> {
        let row = sql("SELECT number, verb, account, realm, person, chain, reverses FROM moderation \
             WHERE workspace = $1 AND outbox = $2");
        let Some(row) = row.bind(workspace).bind(outbox).optional(&self.reads).await? else { return Ok(None) };
        let (verb, number, head) = (verb(&row)?, row.int("number")?, row.int("chain")?);
        let Some(person) = row.opt_text("person")?.filter(|_| is_of_person(verb)) else { return Ok(None) };
        let (account, realm) = (row.text("account")?, row.text("realm")?);
        let all = known(&of_person(workspace, &account, &realm, &person).all(&self.reads).await?)?;
        let former = former_of(&all, head);
        let mut ours = deeds(&all, head);
        ours.retain(|deed| deed.number <= number);
        let baseline = baseline(former.as_ref());
        let after = held::held(&baseline, &ours, now_ms);
        ours.retain(|deed| deed.number < number);
        let before = held::held(&baseline, &ours, now_ms);
        Ok(Some(Leaving { verb, reverses: row.opt_int("reverses")?, head, former, before, after }))
    }

    /// Keeps how somebody stood before an act that could not be looked up when it was ordered. What is kept already stays.
    pub async fn keep_former(&self, workspace: &str, head: i64, former: Former) -> Result<(), StoreError> {
        self.write(KeepFormer { workspace: workspace.to_owned(), head, former }).await
    }
}

struct KeepFormer {
    workspace: String,
    head: i64,
    former: Former,
}

impl Write for KeepFormer {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("UPDATE moderation SET former = $3 WHERE workspace = $1 AND number = $2 AND former IS NULL")
                .bind(&self.workspace)
                .bind(self.head)
                .bind(serde_json::to_string(&self.former)?)
                .execute(tx)
                .await?;
            Ok(())
        })
    }
}
