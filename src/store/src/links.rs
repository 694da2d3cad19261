//! Proving a platform account: a short code is shown to a person here and said by them there.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::access::Member;

use crate::audit::{self, Act, By};
use crate::db::{Conn, sql};
use crate::writer::Write;
use crate::{Store, StoreError, people};

/// How many wrong codes an account may say within [`WINDOW_MS`].
const WRONG: i64 = 5;
const WINDOW_MS: i64 = 10 * 60 * 1000;

/// A code that somebody said on a platform.
#[derive(Clone, Debug)]
pub struct SaidCode {
    pub workspace: String,
    pub platform: String,
    /// The platform's own number of who said it.
    pub id: String,
    /// Of the code.
    pub hash: String,
    pub now_ms: i64,
}

/// What came of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The account is this person's now.
    To(Member),
    /// Unknown, used or expired.
    Wrong,
    /// Too many wrong ones; not looked at.
    TooMany,
    /// The account is somebody else's already. The code is used up.
    Taken,
}

impl Store {
    /// Keeps a code for a person. An earlier one of theirs is void.
    pub async fn new_link(&self, by: By, person: &str, hash: String, expires_ms: i64) -> Result<Member, StoreError> {
        self.write(NewLink { by, person: person.to_owned(), hash, expires_ms }).await
    }

    /// Uses a code up.
    pub async fn link(&self, said: SaidCode) -> Result<Linked, StoreError> {
        self.write(said).await
    }
}

struct NewLink {
    by: By,
    person: String,
    hash: String,
    expires_ms: i64,
}

impl Write for NewLink {
    type Out = Member;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Member, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let member = people::one(tx, &self.by.workspace, &self.person).await?;
            sql("DELETE FROM link_code WHERE workspace = $1 AND (person = $2 OR expires_ms <= $3)")
                .bind(&self.by.workspace)
                .bind(&self.person)
                .bind(self.by.now_ms)
                .execute(&mut *tx)
                .await?;
            sql("INSERT INTO link_code (workspace, hash, person, expires_ms) VALUES ($1, $2, $3, $4)")
                .bind(&self.by.workspace)
                .bind(&self.hash)
                .bind(&self.person)
                .bind(self.expires_ms)
                .execute(&mut *tx)
                .await?;
            let act = Act { action: "person.link.code", subject: &self.person, before: None, after: Some(&self.hash) };
            log.append(tx, act).await?;
            Ok(member)
        })
    }
}

impl Write for SaidCode {
    type Out = Linked;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Linked, StoreError>> {
        Box::pin(async move {
            if self.wrong(tx).await? >= WRONG {
                return Ok(Linked::TooMany);
            }
            let row = sql("UPDATE link_code SET used_ms = $3 \
                 WHERE workspace = $1 AND hash = $2 AND used_ms IS NULL AND expires_ms > $3 RETURNING person")
            .bind(&self.workspace)
            .bind(&self.hash)
            .bind(self.now_ms)
            .optional(&mut *tx)
            .await?;
            let Some(row) = row else {
                self.count(tx).await?;
                return Ok(Linked::Wrong);
            };
            self.prove(tx, &row.text("person")?).await
        })
    }
}

impl SaidCode {
    /// Wrong codes of this account so far.
    async fn wrong(&self, tx: &mut Conn) -> Result<i64, StoreError> {
        let row = sql("SELECT wrong FROM link_attempt \
             WHERE workspace = $1 AND platform = $2 AND id = $3 AND since_ms > $4")
        .bind(&self.workspace)
        .bind(&self.platform)
        .bind(&self.id)
        .bind(self.now_ms - WINDOW_MS)
        .optional(tx)
        .await?;
        row.map_or(Ok(0), |row| row.int("wrong"))
    }

    async fn count(&self, tx: &mut Conn) -> Result<(), StoreError> {
        // What is older than the window counts no more.
        sql("DELETE FROM link_attempt WHERE workspace = $1 AND since_ms <= $2")
            .bind(&self.workspace)
            .bind(self.now_ms - WINDOW_MS)
            .execute(&mut *tx)
            .await?;
        sql("INSERT INTO link_attempt (workspace, platform, id, since_ms, wrong) VALUES ($1, $2, $3, $4, 1) \
             ON CONFLICT (workspace, platform, id) DO UPDATE SET wrong = link_attempt.wrong + 1")
        .bind(&self.workspace)
        .bind(&self.platform)
        .bind(&self.id)
        .bind(self.now_ms)
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn prove(&self, tx: &mut Conn, person: &str) -> Result<Linked, StoreError> {
        let by = By {
            workspace: self.workspace.clone(),
            actor: format!("person:{person}"),
            method: format!("chat:{}:{}", self.platform, self.id),
            now_ms: self.now_ms,
        };
        let mut log = audit::begin(tx, &by).await?;
        let before = people::one(tx, &self.workspace, person).await?;
        sql("INSERT INTO identity (workspace, platform, id, person, proven_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (workspace, platform, id) DO NOTHING")
        .bind(&self.workspace)
        .bind(&self.platform)
        .bind(&self.id)
        .bind(person)
        .bind(self.now_ms)
        .execute(&mut *tx)
        .await?;
        let after = people::one(tx, &self.workspace, person).await?;
        let theirs = after.identities.iter().any(|known| known.platform == self.platform && known.id == self.id);
        if !theirs {
            return Ok(Linked::Taken);
        }
        let act = Act { action: "person.link", subject: person, before: Some(&before), after: Some(&after) };
        log.append(tx, act).await?;
        Ok(Linked::To(after))
    }
}
