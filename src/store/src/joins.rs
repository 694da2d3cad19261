//! Waves of people who join a place. Whether moderators were told of one, the note that tells them, and the record of the log
//! are one transaction: a wave is told once, whoever of several nodes sees it and whatever starts anew meanwhile.

use serde::Serialize;
use townkeeper_contract::BoxFuture;

use crate::audit::{self, Act, By};
use crate::cards::{self, Card};
use crate::db::{Conn, sql};
use crate::outbox::OutboxRow;
use crate::writer::Write;
use crate::{Store, StoreError};

/// Waves that are less far apart are one.
const APART_MS: i64 = 30 * 60 * 1000;

/// A wave that began or goes on.
#[derive(Clone, Debug)]
pub struct JoinWave {
    pub by: By,
    pub account: String,
    pub place: String,
    /// How many people came so far.
    pub joined: u32,
    /// What tells moderators, should they not have been told. None where the place is only watched in shadow.
    pub notes: Vec<Card>,
    pub node: String,
}

/// What the log keeps of it.
#[derive(Serialize)]
struct Noted {
    joined: u32,
    told: bool,
}

impl Store {
    /// Notes that a wave goes on. `Some`: it is a new one, and these rows are to be delivered now.
    pub async fn note_wave(&self, wave: JoinWave) -> Result<Option<Vec<OutboxRow>>, StoreError> {
        self.write(wave).await
    }
}

impl Write for JoinWave {
    type Out = Option<Vec<OutboxRow>>;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            // Locks the log: of two nodes the second finds what the first did.
            let mut log = audit::begin(tx, &self.by).await?;
            let (workspace, now_ms) = (&self.by.workspace, self.by.now_ms);
            let goes_on = sql("UPDATE join_wave SET seen_ms = $4 \
                 WHERE workspace = $1 AND account = $2 AND place = $3 AND seen_ms > $5");
            let goes_on = goes_on.bind(workspace).bind(&self.account).bind(&self.place).bind(now_ms);
            if goes_on.bind(now_ms - APART_MS).execute(&mut *tx).await? > 0 {
                return Ok(None);
            }
            sql("INSERT INTO join_wave (workspace, account, place, seen_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (workspace, account, place) DO UPDATE SET seen_ms = excluded.seen_ms")
            .bind(workspace)
            .bind(&self.account)
            .bind(&self.place)
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
            let subject = format!("{}/{}", self.account, self.place);
            let noted = Noted { joined: self.joined, told: !self.notes.is_empty() };
            log.append(tx, Act { action: "shield.wave", subject: &subject, before: None, after: Some(&noted) }).await?;
            Ok(Some(cards::put(tx, (workspace, &self.node), &self.notes, now_ms).await?))
        })
    }
}
