//! What moderators had done: a row of the outbox, a row that says who and why, and a record of the log, or none of them.

use serde::Serialize;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::id::{AccountId, MessageRef, PersonId, PlaceId};
use townkeeper_contract::inbound::{Inbound, ReplyTo};
use townkeeper_contract::moderation::{DeliveryState, Former, ModerationAct, Verb};
use townkeeper_contract::outbound;
use townkeeper_core::decide::moderate::is_of_person;
use townkeeper_core::say::keeper::act_done;

use crate::audit::{self, Act, By, Log};
use crate::db::{Conn, Row, per_engine, sql};
use crate::outbox::{self, OutboxRow, Queue, Sendable};
use crate::writer::Write;
use crate::{Reading, Store, StoreError, counter, held};

/// What is to be done, and who wants it.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    pub verb: Verb,
    pub account: String,
    pub place: String,
    /// Where the adapter acts.
    pub address: String,
    pub message: Option<String>,
    pub person: Option<String>,
    pub until_ms: Option<i64>,
    pub reason: String,
    /// The platform's number of who wants it, where one counts.
    pub by_person: Option<String>,
    /// The act that this one takes back.
    pub reverses: Option<i64>,
}

/// An order, with the row that carries it out.
#[derive(Clone, Debug)]
pub struct NewOrder {
    pub by: By,
    /// What asked for it; asked again, it is the same act.
    pub asked: String,
    /// Who asked for it, as other moderators read it.
    pub who: String,
    pub order: Order,
    pub send: Sendable,
    /// Where moderators read of it once it is done.
    pub told: Vec<Notified>,
    /// Who sends it.
    pub node: String,
    /// What it follows from: it is written only while that stands as it was seen.
    pub of_case: Option<CaseAt>,
    /// The platform could not be asked whether it may be done: it waits, until then at least, and is looked up before it
    /// leaves.
    pub look_ms: Option<i64>,
    /// Where an act upon a person holds: the place, or the bigger one that it is a part of.
    pub realm: String,
    /// What the platform said of the person; none: it was not asked yet.
    pub read: Option<Reading>,
}

/// A case as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseAt {
    pub number: i64,
    /// How much had been said about it.
    pub said: i64,
}

/// An order as it is carried out.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub order: Order,
    /// What asked for it.
    pub asked: String,
    /// Who, as the audit log writes it.
    pub by: String,
    pub at_ms: i64,
    /// The platform was asked whether it may be done when it was ordered.
    pub looked: bool,
}

/// An act that something led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    pub number: i64,
    pub verb: Verb,
    pub account: String,
    /// Who ordered it, as the audit log names them.
    pub by: String,
    /// What became of it; None where its row is gone.
    pub state: Option<DeliveryState>,
}

/// A place in which moderators read what was done elsewhere.
#[derive(Clone, Debug)]
pub struct Notified {
    /// Of the row.
    pub id: String,
    pub dest: String,
    pub reply_to: ReplyTo,
    pub deadline_ms: i64,
}

/// What became of an order.
#[derive(Clone, Debug)]
pub enum Ordered {
    /// It is on its way; the row is to be delivered now if it was born `sending`.
    Now { number: i64, send: Option<Box<OutboxRow>> },
    /// It was ordered before, by the same; or the same is on its way already.
    Before { number: i64 },
    /// What it would take back was taken back by that one.
    Reversed { by: i64 },
    /// Something was said about its case meanwhile; nothing was written.
    Moved,
}

macro_rules! followed {
    ($bytes:literal) => {
        concat!(
            "SELECT m.number, m.verb, m.account, m.by_actor, o.state AS state FROM moderation m \
             LEFT JOIN outbox o ON o.workspace = m.workspace AND o.id = m.outbox WHERE m.workspace = $1 \
             AND m.asked",
            $bytes,
            " >= $2 AND m.asked",
            $bytes,
            " < $3 AND m.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM moderation b \
             WHERE b.workspace = m.workspace AND b.reverses = m.number) ORDER BY m.number"
        )
    };
}

/// What asks in a case's name begins with `case/7/`: the first such key in the order of bytes, and what stands behind all.
pub(crate) fn keys_of_case(number: i64) -> (String, String) {
    (format!("case/{number}/"), format!("case/{number}0"))
}

impl Store {
    /// Acts that a case asked for, that took nothing back, and that nothing took back.
    pub async fn orders_of_case(&self, workspace: &str, number: i64) -> Result<Vec<Followed>, StoreError> {
        let rows = per_engine(followed!(""), followed!(" COLLATE \"C\""));
        let (first, behind) = keys_of_case(number);
        let rows = rows.bind(workspace).bind(first).bind(behind).all(&self.reads).await?;
        rows.iter()
            .map(|row| {
                let (number, by) = (row.int("number")?, row.text("by_actor")?);
                Ok(Followed { number, verb: verb(row)?, account: row.text("account")?, by, state: state(row)? })
            })
            .collect()
    }

    /// Orders an act.
    pub async fn moderate(&self, order: NewOrder) -> Result<Ordered, StoreError> {
        self.write(order).await
    }

    /// The newest `limit` acts, newest first.
    pub async fn moderation(&self, workspace: &str, limit: u32) -> Result<Vec<ModerationAct>, StoreError> {
        let rows = sql("SELECT m.*, o.state AS state, \
             (SELECT r.number FROM moderation r WHERE r.workspace = m.workspace AND r.reverses = m.number) AS reversed_by, \
             (SELECT a.detail FROM attempt a WHERE a.workspace = m.workspace AND a.outbox = m.outbox \
              AND a.n = o.attempt) AS detail, \
             (SELECT h.former FROM moderation h WHERE h.workspace = m.workspace AND h.number = m.chain) AS before_us \
             FROM moderation m LEFT JOIN outbox o ON o.workspace = m.workspace AND o.id = m.outbox \
             WHERE m.workspace = $1 ORDER BY m.number DESC LIMIT $2")
        .bind(workspace)
        .bind(i64::from(limit))
        .all(&self.reads)
        .await?;
        rows.iter().map(shown).collect()
    }

    /// An act by its number.
    pub async fn order(&self, workspace: &str, number: i64) -> Result<Option<Order>, StoreError> {
        let row = sql("SELECT * FROM moderation WHERE workspace = $1 AND number = $2");
        row.bind(workspace).bind(number).optional(&self.reads).await?.map(|row| ordered(&row)).transpose()
    }

    /// The act that a row of the outbox carries out.
    pub async fn order_of(&self, workspace: &str, outbox: &str) -> Result<Option<Waiting>, StoreError> {
        let row = sql("SELECT * FROM moderation WHERE workspace = $1 AND outbox = $2");
        let row = row.bind(workspace).bind(outbox).optional(&self.reads).await?;
        let waiting = |row: Row| {
            let (asked, by, at_ms) = (row.text("asked")?, row.text("by_actor")?, row.int("at_ms")?);
            Ok(Waiting { order: ordered(&row)?, asked, by, at_ms, looked: row.int("looked")? != 0 })
        };
        row.map(waiting).transpose()
    }

    /// Where something goes that is done in a place: as it is known, else as its adapter said when somebody last spoke to us
    /// there.
    pub async fn address_of(&self, workspace: &str, account: &str, place: &str) -> Result<Option<ReplyTo>, StoreError> {
        let known = sql("SELECT address FROM place WHERE workspace = $1 AND account = $2 AND place = $3");
        let known = known.bind(workspace).bind(account).bind(place).optional(&self.reads).await?;
        if let Some(address) = known.map(|row| row.opt_text("address")).transpose()?.flatten() {
            return Ok(Some(ReplyTo(address)));
        }
        let row = sql("SELECT i.payload FROM conversation c \
             JOIN turn t ON t.workspace = c.workspace AND t.conversation = c.id \
             JOIN inbox i ON i.workspace = t.workspace AND i.turn = t.id \
             WHERE c.workspace = $1 AND c.account = $2 AND c.place = $3 ORDER BY i.ordinal DESC LIMIT 1");
        let row = row.bind(workspace).bind(account).bind(place).optional(&self.reads).await?;
        let inbound: Option<Inbound> = row.map(|row| row.json("payload")).transpose()?;
        Ok(inbound.map(|inbound| inbound.place.address.unwrap_or(inbound.reply_to)))
    }
}

impl Write for NewOrder {
    type Out = Ordered;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Ordered, StoreError>> {
        Box::pin(async move {
            // Locks the log: of two orders that take back the same act, the second finds the first.
            let mut log = audit::begin(tx, &self.by).await?;
            self.write(tx, &mut log).await
        })
    }
}

impl NewOrder {
    /// Whether the case that it follows from stands as it was seen; whoever says something about one locks the log too.
    pub(crate) async fn stands(&self, tx: &mut Conn) -> Result<bool, StoreError> {
        let Some(case) = self.of_case else { return Ok(true) };
        let seen = sql("SELECT number FROM scam_case WHERE workspace = $1 AND number = $2 AND said = $3");
        let seen = seen.bind(&self.by.workspace).bind(case.number).bind(case.said).optional(tx).await?;
        Ok(seen.is_some())
    }

    /// The act that the same asked for before.
    pub(crate) async fn before(&self, tx: &mut Conn) -> Result<Option<i64>, StoreError> {
        let before = sql("SELECT number FROM moderation WHERE workspace = $1 AND asked = $2");
        let before = before.bind(&self.by.workspace).bind(&self.asked).optional(tx).await?;
        before.map(|row| row.int("number")).transpose()
    }

    /// The act that took the same message down, where it follows from a case: a message may be of several. What has not
    /// left yet may still be withdrawn with its own case.
    async fn same(&self, tx: &mut Conn) -> Result<Option<i64>, StoreError> {
        if self.of_case.is_none() || self.order.verb != Verb::Remove {
            return Ok(None);
        }
        let same =
            sql("SELECT m.number FROM moderation m JOIN outbox o ON o.workspace = m.workspace AND o.id = m.outbox \
             WHERE m.workspace = $1 AND m.account = $2 AND m.message = $3 AND m.verb = 'remove' \
             AND o.state = 'sent' ORDER BY m.number LIMIT 1");
        let same = same.bind(&self.by.workspace).bind(&self.order.account).bind(self.order.message.as_ref());
        same.optional(tx).await?.map(|row| row.int("number")).transpose()
    }

    /// Behind a log that is locked.
    pub(crate) async fn write(&self, tx: &mut Conn, log: &mut Log<'_>) -> Result<Ordered, StoreError> {
        let workspace = &self.by.workspace;
        if let Some(number) = self.before(tx).await? {
            return Ok(Ordered::Before { number });
        }
        if !self.stands(tx).await? {
            return Ok(Ordered::Moved);
        }
        if let Some(number) = self.same(tx).await? {
            return Ok(Ordered::Before { number });
        }
        // One that came to nothing took nothing back.
        sql("UPDATE moderation SET reverses = NULL WHERE workspace = $1 AND reverses = $2 AND outbox IN (SELECT o.id \
             FROM outbox o WHERE o.workspace = moderation.workspace AND o.state IN ('refused', 'expired'))")
        .bind(workspace)
        .bind(self.order.reverses)
        .execute(&mut *tx)
        .await?;
        let reversed = sql("SELECT number FROM moderation WHERE workspace = $1 AND reverses = $2");
        if let Some(row) = reversed.bind(workspace).bind(self.order.reverses).optional(&mut *tx).await? {
            return Ok(Ordered::Reversed { by: row.int("number")? });
        }
        let number = counter::next(tx, workspace, "moderation").await?;
        let chain = held::chain(tx, self, number).await?;
        self.insert(tx, number, chain).await?;
        let (account, turn) = (&self.order.account, &self.send.id);
        let queue = Queue { workspace, account, turn, part: 0, node: &self.node, now_ms: self.by.now_ms };
        let sendable = self.in_line(tx).await?;
        let send = match self.look_ms {
            None => outbox::queue(tx, &queue, &sendable).await?,
            Some(next_ms) => {
                outbox::wait(tx, &queue, &sendable, next_ms).await?;
                None
            }
        };
        self.tell(tx, &queue, number).await?;
        // The log cannot be erased from: it holds the number, and of the rest a hash.
        let (action, subject) = (action(self.order.verb), format!("moderation:{number}"));
        log.append(tx, Act { action, subject: &subject, before: None, after: Some(&self.order) }).await?;
        Ok(Ordered::Now { number, send: send.map(Box::new) })
    }

    /// Its row: behind the act that it takes back, and behind what is to be done about the same person, in whichever line
    /// that still waits.
    async fn in_line(&self, tx: &mut Conn) -> Result<Sendable, StoreError> {
        let person = self.order.person.as_ref().filter(|_| is_of_person(self.order.verb));
        let line = sql("SELECT o.dest AS dest FROM moderation m JOIN outbox o ON o.workspace = m.workspace \
             AND o.id = m.outbox WHERE m.workspace = $1 AND (m.number = $2 OR m.account = $3 AND m.realm = $4 \
             AND m.person = $5 AND m.verb IN ('restrict', 'release', 'ban', 'unban')) \
             AND o.state IN ('ready', 'sending') ORDER BY m.number DESC LIMIT 1");
        let line = line.bind(&self.by.workspace).bind(self.order.reverses).bind(&self.order.account);
        let line = line.bind(&self.realm).bind(person).optional(tx).await?;
        let dest = line.map(|row| row.text("dest")).transpose()?.unwrap_or_else(|| self.send.dest.clone());
        Ok(Sendable { dest, ..self.send.clone() })
    }

    /// Behind the act, as later parts of it: they leave when it is done.
    async fn tell(&self, tx: &mut Conn, act: &Queue<'_>, number: i64) -> Result<(), StoreError> {
        let (order, mut part) = (&self.order, 0);
        for told in &self.told {
            part += 1;
            let body = act_done(number, order.verb, &self.who, order.person.as_deref(), &order.reason);
            let notice = Sendable {
                id: told.id.clone(),
                dest: told.dest.clone(),
                reply_to: told.reply_to.clone(),
                act: outbound::Act::Message { body, buttons: Vec::new() },
                deadline_ms: told.deadline_ms,
            };
            outbox::queue(tx, &Queue { part, ..*act }, &notice).await?;
        }
        Ok(())
    }

    async fn insert(
        &self,
        tx: &mut Conn,
        number: i64,
        (chain, former): (i64, Option<Former>),
    ) -> Result<(), StoreError> {
        let order = &self.order;
        sql("INSERT INTO moderation (workspace, number, asked, account, place, address, person, message, verb, \
             until_ms, reason, by_actor, by_person, at_ms, reverses, outbox, looked, realm, chain, former) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)")
        .bind(&self.by.workspace)
        .bind(number)
        .bind(&self.asked)
        .bind(&order.account)
        .bind(&order.place)
        .bind(&order.address)
        .bind(order.person.as_ref())
        .bind(order.message.as_ref())
        .bind(order.verb.as_str())
        .bind(order.until_ms)
        .bind(&order.reason)
        .bind(&self.by.actor)
        .bind(order.by_person.as_ref())
        .bind(self.by.now_ms)
        .bind(order.reverses)
        .bind(&self.send.id)
        .bind(i64::from(self.look_ms.is_none()))
        .bind(&self.realm)
        .bind(chain)
        .bind(former.as_ref().map(serde_json::to_string).transpose()?)
        .execute(tx)
        .await?;
        Ok(())
    }
}

fn action(verb: Verb) -> &'static str {
    match verb {
        Verb::Remove => "moderate.remove",
        Verb::Restrict => "moderate.restrict",
        Verb::Release => "moderate.release",
        Verb::Ban => "moderate.ban",
        Verb::Unban => "moderate.unban",
        Verb::Pin => "moderate.pin",
        Verb::Unpin => "moderate.unpin",
        Verb::Notice => "moderate.notice",
    }
}

pub(crate) fn verb(row: &Row) -> Result<Verb, StoreError> {
    let word = row.text("verb")?;
    Verb::named(&word).ok_or_else(|| StoreError::Decode(format!("verb is {word}")))
}

pub(crate) fn state(row: &Row) -> Result<Option<DeliveryState>, StoreError> {
    Ok(row.opt_text("state")?.and_then(|state| DeliveryState::named(&state)))
}

fn ordered(row: &Row) -> Result<Order, StoreError> {
    Ok(Order {
        verb: verb(row)?,
        account: row.text("account")?,
        place: row.text("place")?,
        address: row.text("address")?,
        message: row.opt_text("message")?,
        person: row.opt_text("person")?,
        until_ms: row.opt_int("until_ms")?,
        reason: row.text("reason")?,
        by_person: row.opt_text("by_person")?,
        reverses: row.opt_int("reverses")?,
    })
}

fn shown(row: &Row) -> Result<ModerationAct, StoreError> {
    let order = ordered(row)?;
    Ok(ModerationAct {
        number: row.int("number")?,
        verb: order.verb,
        account: AccountId(order.account),
        place: PlaceId(order.place),
        message: order.message.map(MessageRef),
        person: order.person.map(PersonId),
        until_ms: order.until_ms,
        reason: order.reason,
        by: row.text("by_actor")?,
        at_ms: row.int("at_ms")?,
        reverses: order.reverses,
        reversed_by: row.opt_int("reversed_by")?,
        state: state(row)?,
        detail: row.opt_text("detail")?,
        former: row.opt_json::<Former>("before_us")?.filter(|_| is_of_person(order.verb)),
    })
}
