//! What is remembered about people: notes, keyed by workspace, account, place and person. There is no way to read one
//! by anything less.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, sql};
use crate::writer::Write;
use crate::{Store, StoreError, counter, fault};

/// Whose notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    pub workspace: String,
    pub account: String,
    pub place: String,
    pub person: String,
}

/// A note as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteRow {
    pub number: i64,
    pub note: String,
    pub written_ms: i64,
}

/// A note to keep. The same words again are the same note.
#[derive(Clone, Debug)]
pub struct Remember {
    pub whose: Whose,
    pub note: String,
    pub turn: String,
    pub now_ms: i64,
    /// How many notes this person may have here.
    pub room: i64,
}

/// What became of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    Kept,
    /// It was known.
    Known,
    /// There is no room for another.
    Full,
}

impl Store {
    pub async fn remember(&self, remember: Remember) -> Result<Remembered, StoreError> {
        self.write(remember).await
    }

    /// A person's notes in a place, in the order of their numbers.
    pub async fn memories(&self, whose: &Whose) -> Result<Vec<NoteRow>, StoreError> {
        let rows = sql("SELECT number, note, written_ms FROM memory WHERE workspace = $1 AND account = $2 \
             AND place = $3 AND person = $4 ORDER BY number")
        .bind(&whose.workspace)
        .bind(&whose.account)
        .bind(&whose.place)
        .bind(&whose.person)
        .all(&self.reads)
        .await?;
        let note = |row: &crate::db::Row| {
            Ok(NoteRow { number: row.int("number")?, note: row.text("note")?, written_ms: row.int("written_ms")? })
        };
        rows.iter().map(note).collect()
    }

    /// Erases one note of a person in a place, or with `None` all of them. Gives back how many there were.
    pub async fn forget(&self, whose: &Whose, number: Option<i64>) -> Result<u64, StoreError> {
        self.write(Forget { whose: whose.clone(), number }).await
    }
}

impl Write for Remember {
    type Out = Remembered;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Remembered, StoreError>> {
        Box::pin(async move {
            let Whose { workspace, account, place, person } = &self.whose;
            let row = sql("SELECT COUNT(*) AS all_notes, COUNT(CASE WHEN note = $5 THEN 1 END) AS same FROM memory \
                 WHERE workspace = $1 AND account = $2 AND place = $3 AND person = $4")
            .bind(workspace)
            .bind(account)
            .bind(place)
            .bind(person)
            .bind(&self.note)
            .one(&mut *tx)
            .await?;
            if row.int("same")? > 0 {
                fault!("memory.write");
                return Ok(Remembered::Known);
            }
            if row.int("all_notes")? >= self.room {
                return Ok(Remembered::Full);
            }
            let number = counter::next(tx, workspace, "memory").await?;
            sql("INSERT INTO memory (workspace, account, place, person, number, note, turn, written_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(workspace)
            .bind(account)
            .bind(place)
            .bind(person)
            .bind(number)
            .bind(&self.note)
            .bind(&self.turn)
            .bind(self.now_ms)
            .execute(tx)
            .await?;
            fault!("memory.write");
            Ok(Remembered::Kept)
        })
    }
}

struct Forget {
    whose: Whose,
    number: Option<i64>,
}

impl Write for Forget {
    type Out = u64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let Whose { workspace, account, place, person } = &self.whose;
            sql("DELETE FROM memory WHERE workspace = $1 AND account = $2 AND place = $3 AND person = $4 \
                 AND number BETWEEN $5 AND $6")
            .bind(workspace)
            .bind(account)
            .bind(place)
            .bind(person)
            .bind(self.number.unwrap_or(i64::MIN))
            .bind(self.number.unwrap_or(i64::MAX))
            .execute(tx)
            .await
        })
    }
}
