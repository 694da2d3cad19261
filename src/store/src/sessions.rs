//! Signing in: a one-time link opens a session. Of both only the secret's SHA-256 is here.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::access::Member;

use crate::audit::{self, Act, By};
use crate::db::{Conn, sql};
use crate::error::Denied;
use crate::writer::Write;
use crate::{Store, StoreError, people};

impl Store {
    /// Keeps a link that signs this person in, once, until it expires.
    pub async fn new_login(&self, by: By, person: &str, hash: String, expires_ms: i64) -> Result<Member, StoreError> {
        self.write(NewLogin { by, person: person.to_owned(), hash, expires_ms }).await
    }

    /// Whether a link is good, as far as can be said before it is used up.
    pub async fn may_log_in(&self, workspace: &str, hash: &str, now_ms: i64) -> Result<bool, StoreError> {
        let row = sql("SELECT person FROM login_link \
             WHERE workspace = $1 AND hash = $2 AND used_ms IS NULL AND expires_ms > $3")
        .bind(workspace)
        .bind(hash)
        .bind(now_ms)
        .optional(&self.reads)
        .await?;
        Ok(row.is_some())
    }

    /// Uses a link up and opens a session. [`Denied::Spent`] where the link is not good, or not any more.
    pub async fn open_session(&self, open: OpenSession) -> Result<Member, StoreError> {
        self.write(open).await
    }

    /// Whose session this is, if it is good.
    pub async fn session(&self, workspace: &str, hash: &str, now_ms: i64) -> Result<Option<Member>, StoreError> {
        let row = sql("SELECT person FROM session WHERE workspace = $1 AND hash = $2 AND expires_ms > $3")
            .bind(workspace)
            .bind(hash)
            .bind(now_ms)
            .optional(&self.reads)
            .await?;
        match row {
            Some(row) => self.person(workspace, &row.text("person")?).await,
            None => Ok(None),
        }
    }

    /// Ends a session.
    pub async fn close_session(&self, by: By, hash: &str) -> Result<(), StoreError> {
        self.write(CloseSession { by, hash: hash.to_owned() }).await
    }

    /// Ends all sessions of a person, and the links that would open others.
    pub async fn close_sessions(&self, by: By, person: &str) -> Result<(), StoreError> {
        self.write(CloseSessions { by, person: person.to_owned() }).await
    }
}

/// A link that was opened in a browser, and the session it becomes.
#[derive(Clone, Debug)]
pub struct OpenSession {
    pub workspace: String,
    /// Of the link's secret.
    pub link: String,
    /// Of the session's secret.
    pub hash: String,
    pub expires_ms: i64,
    pub now_ms: i64,
}

struct NewLogin {
    by: By,
    person: String,
    hash: String,
    expires_ms: i64,
}

impl Write for NewLogin {
    type Out = Member;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Member, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let member = people::one(tx, &self.by.workspace, &self.person).await?;
            tidy(tx, &self.by.workspace, self.by.now_ms).await?;
            sql("INSERT INTO login_link (workspace, hash, person, expires_ms) VALUES ($1, $2, $3, $4)")
                .bind(&self.by.workspace)
                .bind(&self.hash)
                .bind(&self.person)
                .bind(self.expires_ms)
                .execute(&mut *tx)
                .await?;
            let act = Act { action: "login.link", subject: &self.person, before: None, after: Some(&self.hash) };
            log.append(tx, act).await?;
            Ok(member)
        })
    }
}

impl Write for OpenSession {
    type Out = Member;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Member, StoreError>> {
        Box::pin(async move {
            let row = sql("UPDATE login_link SET used_ms = $3 \
                 WHERE workspace = $1 AND hash = $2 AND used_ms IS NULL AND expires_ms > $3 RETURNING person")
            .bind(&self.workspace)
            .bind(&self.link)
            .bind(self.now_ms)
            .optional(&mut *tx)
            .await?;
            let person = row.map(|row| row.text("person")).transpose()?.ok_or(Denied::Spent)?;
            let by = By {
                workspace: self.workspace.clone(),
                actor: format!("person:{person}"),
                method: "login_link".to_owned(),
                now_ms: self.now_ms,
            };
            let mut log = audit::begin(tx, &by).await?;
            let member = people::one(tx, &self.workspace, &person).await?;
            sql("INSERT INTO session (workspace, hash, person, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5)")
                .bind(&self.workspace)
                .bind(&self.hash)
                .bind(&person)
                .bind(self.now_ms)
                .bind(self.expires_ms)
                .execute(&mut *tx)
                .await?;
            let act = Act { action: "session.open", subject: &person, before: None, after: Some(&self.hash) };
            log.append(tx, act).await?;
            Ok(member)
        })
    }
}

struct CloseSession {
    by: By,
    hash: String,
}

impl Write for CloseSession {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let row = sql("DELETE FROM session WHERE workspace = $1 AND hash = $2 RETURNING person")
                .bind(&self.by.workspace)
                .bind(&self.hash)
                .optional(&mut *tx)
                .await?;
            let Some(row) = row else { return Ok(()) };
            let person = row.text("person")?;
            let act = Act { action: "session.close", subject: &person, before: Some(&self.hash), after: None };
            log.append(tx, act).await
        })
    }
}

struct CloseSessions {
    by: By,
    person: String,
}

impl Write for CloseSessions {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            people::one(tx, &self.by.workspace, &self.person).await?;
            for statement in [
                "DELETE FROM session WHERE workspace = $1 AND person = $2",
                "DELETE FROM login_link WHERE workspace = $1 AND person = $2",
            ] {
                sql(statement).bind(&self.by.workspace).bind(&self.person).execute(&mut *tx).await?;
            }
            let act = Act::<()> { action: "session.close.all", subject: &self.person, before: None, after: None };
            log.append(tx, act).await
        })
    }
}

/// Forgets what has expired.
async fn tidy(tx: &mut Conn, workspace: &str, now_ms: i64) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM login_link WHERE workspace = $1 AND expires_ms <= $2",
        "DELETE FROM session WHERE workspace = $1 AND expires_ms <= $2",
    ] {
        sql(statement).bind(workspace).bind(now_ms).execute(&mut *tx).await?;
    }
    Ok(())
}
