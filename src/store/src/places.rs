//! Places and what is set for them. Each change bumps a number, so that another daemon on the same database sees that
//! there is something new.

use std::collections::BTreeMap;

use townkeeper_contract::BoxFuture;
use townkeeper_contract::id::{AccountId, PlaceId};
use townkeeper_contract::inbound::{PlaceKind, ReplyTo};
use townkeeper_contract::place::PlaceSetting;
use townkeeper_core::places::{Place, Set};

use crate::audit::{self, Act, By};
use crate::db::{Conn, On, Row, per_engine, sql};
use crate::error::Denied;
use crate::writer::Write;
use crate::{Store, StoreError, counter, outbox};

/// Counts the changes of a workspace's places.
const CHANGES: &str = "places";

/// A place as an event named it.
#[derive(Clone, Debug)]
pub struct SeenPlace {
    pub account: String,
    pub place: String,
    pub kind: PlaceKind,
    pub address: Option<ReplyTo>,
    /// The bigger place that it is a part of.
    pub within: Option<PlaceId>,
}

impl Store {
    /// How many changes there were. Asked for before [`Self::places`], whoever has that number has missed none.
    pub async fn place_changes(&self, workspace: &str) -> Result<i64, StoreError> {
        let row = sql("SELECT value FROM counter WHERE workspace = $1 AND name = $2")
            .bind(workspace)
            .bind(CHANGES)
            .optional(&self.reads)
            .await?;
        row.map_or(Ok(0), |row| row.int("value"))
    }

    /// Every place that is known, with what is set for it.
    pub async fn places(&self, workspace: &str) -> Result<Vec<Place>, StoreError> {
        load(&self.reads, workspace, None).await
    }

    /// Sets something for a place; it is known from then on. What it was set to already is no act.
    pub async fn set_place(&self, by: By, at: SeenPlace, set: &[(PlaceSetting, String)]) -> Result<Place, StoreError> {
        let (account, place) = (at.account.clone(), at.place.clone());
        self.write(SetPlace { by, account, place, seen: Some(at), set: set.to_vec() }).await
    }

    /// Sets something for a place that is known; [`Denied::NotThere`] where it is not.
    pub async fn change_place(
        &self,
        by: By,
        account: &str,
        place: &str,
        set: &[(PlaceSetting, String)],
    ) -> Result<Place, StoreError> {
        let (account, place) = (account.to_owned(), place.to_owned());
        self.write(SetPlace { by, account, place, seen: None, set: set.to_vec() }).await
    }

    /// We are not in a place any more: neither it nor any part of it is linked, and what waits to be said there is
    /// refused. How much did.
    pub async fn leave_place(&self, by: By, account: &str, place: &str) -> Result<u64, StoreError> {
        self.write(LeavePlace { by, account: account.to_owned(), place: place.to_owned() }).await
    }

    /// A place has another id: what is set for it, and what waits to be said there, goes to that. How much waited.
    pub async fn move_place(
        &self,
        by: By,
        account: &str,
        from: &str,
        to: &PlaceId,
        address: &ReplyTo,
    ) -> Result<u64, StoreError> {
        let (account, from, to, address) = (account.to_owned(), from.to_owned(), to.clone(), address.clone());
        self.write(MovePlace { by, account, from, to, address }).await
    }

    /// How many messages of an account wait to be sent, and of how many nobody knows whether they arrived.
    pub async fn account_deliveries(&self, workspace: &str, account: &str) -> Result<(i64, i64), StoreError> {
        let row = sql("SELECT COUNT(CASE WHEN state IN ('ready', 'sending') THEN 1 END) AS waiting, \
             COUNT(CASE WHEN state = 'unknown' THEN 1 END) AS doubtful FROM outbox WHERE workspace = $1 AND account = $2")
        .bind(workspace)
        .bind(account)
        .one(&self.reads)
        .await?;
        Ok((row.int("waiting")?, row.int("doubtful")?))
    }
}

/// Whether `event` is the one upon which it is said that we are not switched on in a place: the first one that asks.
pub(crate) async fn tell(tx: &mut Conn, workspace: &str, at: &SeenPlace, event: &str) -> Result<bool, StoreError> {
    know(tx, workspace, at).await?;
    let told = sql("UPDATE place SET told = $4 WHERE workspace = $1 AND account = $2 AND place = $3 AND told IS NULL")
        .bind(workspace)
        .bind(&at.account)
        .bind(&at.place)
        .bind(event)
        .execute(&mut *tx)
        .await?;
    counter::next(tx, workspace, CHANGES).await?;
    Ok(told > 0)
}

struct SetPlace {
    by: By,
    account: String,
    place: String,
    /// `None`: it must be known.
    seen: Option<SeenPlace>,
    set: Vec<(PlaceSetting, String)>,
}

impl Write for SetPlace {
    type Out = Place;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Place, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            if let Some(seen) = &self.seen {
                know(tx, workspace, seen).await?;
            }
            let mut before = one(tx, workspace, &self.account, &self.place).await?.ok_or(Denied::NotThere("place"))?;
            let subject = subject(&self.account, &self.place);
            for (setting, value) in &self.set {
                if before.value(*setting) == Some(value) {
                    continue;
                }
                keep(tx, &self.by, &before, *setting, value).await?;
                let after = one(tx, workspace, &self.account, &self.place).await?.ok_or(Denied::NotThere("place"))?;
                let act =
                    Act { action: action(*setting), subject: &subject, before: Some(&before), after: Some(&after) };
                log.append(tx, act).await?;
                before = after;
            }
            counter::next(tx, workspace, CHANGES).await?;
            Ok(before)
        })
    }
}

/// How the log calls a change of a setting.
fn action(setting: PlaceSetting) -> &'static str {
    match setting {
        PlaceSetting::Link => "place.link",
        PlaceSetting::Mode => "place.mode",
        PlaceSetting::Notices => "place.notices",
        PlaceSetting::Safety => "place.safety",
        PlaceSetting::Shield => "place.shield",
        PlaceSetting::Channel => "place.channel",
        PlaceSetting::Language => "place.language",
        PlaceSetting::Who => "place.who",
    }
}

fn subject(account: &str, place: &str) -> String {
    format!("{account}/{place}")
}

struct LeavePlace {
    by: By,
    account: String,
    place: String,
}

impl Write for LeavePlace {
    type Out = u64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            if let Some(before) = one(tx, workspace, &self.account, &self.place).await? {
                // Should we be let in again, a moderator must want us again, and may be told so again.
                for statement in [
                    // Out of our reach.
                    "DELETE FROM standing WHERE workspace = $1 AND account = $2 AND (place = $3 OR place IN \
                     (SELECT p.place FROM place p WHERE p.workspace = $1 AND p.account = $2 AND p.within = $3))",
                    "DELETE FROM place_setting WHERE workspace = $1 AND account = $2 AND setting IN ('link', 'safety') AND place IN \
                     (SELECT p.place FROM place p WHERE p.workspace = $1 AND p.account = $2 \
                     AND (p.place = $3 OR p.within = $3))",
                    "UPDATE place SET told = NULL WHERE workspace = $1 AND account = $2 AND (place = $3 OR within = $3)",
                    "DELETE FROM place WHERE workspace = $1 AND account = $2 AND (place = $3 OR within = $3) \
                     AND NOT EXISTS (SELECT 1 FROM place_setting s WHERE s.workspace = place.workspace \
                     AND s.account = place.account AND s.place = place.place)",
                ] {
                    sql(statement).bind(workspace).bind(&self.account).bind(&self.place).execute(&mut *tx).await?;
                }
                let after = one(tx, workspace, &self.account, &self.place).await?;
                let subject = subject(&self.account, &self.place);
                let act = Act { action: "place.left", subject: &subject, before: Some(&before), after: after.as_ref() };
                log.append(tx, act).await?;
                counter::next(tx, workspace, CHANGES).await?;
            }
            refuse(tx, &self.by, &self.account, &self.place).await
        })
    }
}

/// What waits for a place, or answers what was said in a part of it.
macro_rules! refused {
    ($within:literal) => {
        concat!(
            "UPDATE outbox SET state = 'refused', attempt = attempt + 1 WHERE workspace = $1 AND account = $2 \
             AND state = 'ready' AND (dest = $3 OR substr(dest, 1, length($3) + 1) = $3 || '/' \
             OR EXISTS (SELECT 1 FROM inbox i WHERE i.turn = outbox.turn AND ",
            $within,
            " = $3)) RETURNING id, attempt"
        )
    };
}
const REFUSED_SQLITE: &str = refused!("i.payload ->> '$.place.within'");
const REFUSED_POSTGRES: &str = refused!("CAST(i.payload AS jsonb) #>> '{place,within}'");

/// Refuses what waits to be said in a place, where people can see it.
async fn refuse(tx: &mut Conn, by: &By, account: &str, place: &str) -> Result<u64, StoreError> {
    let rows = per_engine(REFUSED_SQLITE, REFUSED_POSTGRES)
        .bind(&by.workspace)
        .bind(account)
        .bind(place)
        .all(&mut *tx)
        .await?;
    let why = "we are not in this place any more";
    outbox::note_refused(tx, &by.workspace, &rows, why, by.now_ms).await?;
    Ok(rows.len() as u64)
}

struct MovePlace {
    by: By,
    account: String,
    from: String,
    to: PlaceId,
    address: ReplyTo,
}

/// Behind whatever waits at the new address, each in a place of its own in that line: on PostgreSQL the place was of a
/// sequence and is unique anyway.
macro_rules! moved {
    ($seq:literal) => {
        concat!(
            "UPDATE outbox SET dest = $4 || substr(dest, length($3) + 1), reply_to = $5",
            $seq,
            " WHERE workspace = $1 AND account = $2 AND state = 'ready' \
             AND (dest = $3 OR substr(dest, 1, length($3) + 1) = $3 || '/')"
        )
    };
}
const MOVED_SQLITE: &str = moved!(
    ", seq = seq + (SELECT COALESCE(MAX(o.seq), 0) FROM outbox o WHERE o.workspace = $1 AND o.account = $2 \
     AND (o.dest = $4 OR substr(o.dest, 1, length($4) + 1) = $4 || '/'))"
);
const MOVED_POSTGRES: &str = moved!("");

impl Write for MovePlace {
    type Out = u64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let (workspace, to) = (&self.by.workspace, self.to.as_str());
            // A platform may tell of it twice: the second time there is nothing left.
            if let Some(before) = one(tx, workspace, &self.account, &self.from).await? {
                self.carry_over(tx, &before).await?;
                let after = one(tx, workspace, &self.account, to).await?;
                let subject = subject(&self.account, &self.from);
                let act =
                    Act { action: "place.moved", subject: &subject, before: Some(&before), after: after.as_ref() };
                log.append(tx, act).await?;
                counter::next(tx, workspace, CHANGES).await?;
            }
            // What was done there is taken back there.
            sql("UPDATE moderation SET place = $4, address = $5, \
             realm = CASE WHEN realm = $3 THEN $4 ELSE realm END WHERE workspace = $1 AND account = $2 AND place = $3")
            .bind(workspace)
            .bind(&self.account)
            .bind(&self.from)
            .bind(to)
            .bind(&self.address.0)
            .execute(&mut *tx)
            .await?;
            let mut moved = 0;
            for line in ["", "moderate/", "case/"] {
                moved += per_engine(MOVED_SQLITE, MOVED_POSTGRES)
                    .bind(workspace)
                    .bind(&self.account)
                    .bind(format!("{line}{}", self.from))
                    .bind(format!("{line}{to}"))
                    .bind(&self.address.0)
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(moved)
        })
    }
}

impl MovePlace {
    /// What was set stays set, by whom and when; what was set under the new id already is newer and stays.
    async fn carry_over(&self, tx: &mut Conn, before: &Place) -> Result<(), StoreError> {
        let workspace = &self.by.workspace;
        let (account, place) = (self.account.clone(), self.to.0.clone());
        let (address, within) = (Some(self.address.clone()), before.within.clone());
        let seen = SeenPlace { account, place, kind: before.kind, address, within };
        know(tx, workspace, &seen).await?;
        sql("UPDATE place SET told = COALESCE(told, $4) WHERE workspace = $1 AND account = $2 AND place = $3")
            .bind(workspace)
            .bind(&self.account)
            .bind(self.to.as_str())
            .bind(before.told.as_ref())
            .execute(&mut *tx)
            .await?;
        for statement in [
            "INSERT INTO place_setting (workspace, account, place, setting, value, actor, method, at_ms) \
             SELECT workspace, account, $4, setting, value, actor, method, at_ms FROM place_setting \
             WHERE workspace = $1 AND account = $2 AND place = $3 ON CONFLICT (workspace, account, place, setting) \
             DO NOTHING",
            "DELETE FROM place_setting WHERE workspace = $1 AND account = $2 AND place = $3 AND place <> $4",
            "DELETE FROM place WHERE workspace = $1 AND account = $2 AND place = $3 AND place <> $4",
            // What stood there stayed behind: said again, it is found gone, and stands anew.
            "UPDATE standing SET place = $4, words = '' WHERE workspace = $1 AND account = $2 AND place = $3 \
             AND NOT EXISTS (SELECT 1 FROM standing s WHERE s.workspace = $1 AND s.account = $2 AND s.place = $4)",
            "DELETE FROM standing WHERE workspace = $1 AND account = $2 AND place = $3 AND place <> $4",
        ] {
            let statement = sql(statement).bind(workspace).bind(&self.account).bind(&self.from);
            statement.bind(self.to.as_str()).execute(&mut *tx).await?;
        }
        Ok(())
    }
}

/// Makes a place known; its address is always the last one seen.
async fn know(tx: &mut Conn, workspace: &str, at: &SeenPlace) -> Result<(), StoreError> {
    sql("INSERT INTO place (workspace, account, place, kind, address, within) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (workspace, account, place) DO UPDATE SET kind = excluded.kind, \
         address = COALESCE(excluded.address, place.address), within = COALESCE(excluded.within, place.within)")
    .bind(workspace)
    .bind(&at.account)
    .bind(&at.place)
    .bind(serde_json::to_string(&at.kind)?)
    .bind(at.address.as_ref().map(|address| address.0.as_str()))
    .bind(at.within.as_ref().map(|within| within.0.as_str()))
    .execute(tx)
    .await?;
    Ok(())
}

async fn keep(tx: &mut Conn, by: &By, place: &Place, setting: PlaceSetting, value: &str) -> Result<(), StoreError> {
    sql("INSERT INTO place_setting (workspace, account, place, setting, value, actor, method, at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace, account, place, setting) DO UPDATE \
         SET value = excluded.value, actor = excluded.actor, method = excluded.method, at_ms = excluded.at_ms")
    .bind(&by.workspace)
    .bind(place.account.as_str())
    .bind(place.id.as_str())
    .bind(setting.as_str())
    .bind(value)
    .bind(&by.actor)
    .bind(&by.method)
    .bind(by.now_ms)
    .execute(tx)
    .await?;
    Ok(())
}

async fn one(tx: &mut Conn, workspace: &str, account: &str, place: &str) -> Result<Option<Place>, StoreError> {
    Ok(load(tx, workspace, Some((account, place))).await?.pop())
}

async fn load<'c>(on: impl Into<On<'c>>, workspace: &str, one: Option<(&str, &str)>) -> Result<Vec<Place>, StoreError> {
    let (account, place) = one.unwrap_or_default();
    let rows =
        sql("SELECT p.account, p.place, p.kind, p.address, p.within, p.told, s.setting, s.value, s.actor, s.method, s.at_ms \
         FROM place p LEFT JOIN place_setting s \
         ON s.workspace = p.workspace AND s.account = p.account AND s.place = p.place \
         WHERE p.workspace = $1 AND (p.account = $2 AND p.place = $3 OR $4 = 1) ORDER BY p.account, p.place")
        .bind(workspace)
        .bind(account)
        .bind(place)
        .bind(i64::from(one.is_none()))
        .all(on)
        .await?;
    let mut places: Vec<Place> = Vec::new();
    for row in &rows {
        let (account, id) = (AccountId::new(row.text("account")?), PlaceId::new(row.text("place")?));
        if places.last().is_none_or(|last| (&last.account, &last.id) != (&account, &id)) {
            let address = row.opt_text("address")?.map(ReplyTo);
            let within = row.opt_text("within")?.map(PlaceId);
            let (kind, told, set) = (row.json("kind")?, row.opt_text("told")?, BTreeMap::new());
            places.push(Place { account, id, kind, address, within, told, set });
        }
        if let Some(place) = places.last_mut() {
            place.set.extend(setting(row)?);
        }
    }
    Ok(places)
}

fn setting(row: &Row) -> Result<Option<(PlaceSetting, Set)>, StoreError> {
    // A word that only a newer daemon knows is none of ours.
    let Some(setting) = row.opt_text("setting")?.and_then(|word| PlaceSetting::named(&word)) else { return Ok(None) };
    let (value, by, method) = (row.text("value")?, row.text("actor")?, row.text("method")?);
    Ok(Some((setting, Set { value, by, method, at_ms: row.int("at_ms")? })))
}
