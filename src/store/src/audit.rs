//! The audit log: every privileged write appends its record in its own transaction, or is not written.
//!
//! A privileged write begins with [`begin`], which locks the workspace's log: of two daemons, one waits for the other, so
//! that what is read behind it (how many owners there are) still holds at the commit.

use serde::Serialize;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::access::{AuditHead, AuditRecord, AuditVerdict};
use townkeeper_core::audit::{self, Broken, Chain};

use crate::db::{Conn, Row, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// Who does something privileged, for which workspace, and how they showed who they are.
#[derive(Clone, Debug)]
pub struct By {
    pub workspace: String,
    /// `operator`, `person:<id>`, `token:<id>`, `host`.
    pub actor: String,
    /// `operator`, `token:<id>`, `session`, `chat:<platform>:<id>`, `file`.
    pub method: String,
    pub now_ms: i64,
}

/// How many records are read at a time.
const PAGE: i64 = 1_000;

impl Store {
    /// The newest `limit` records, newest first, and the head.
    pub async fn audit(&self, workspace: &str, limit: u32) -> Result<(AuditHead, Vec<AuditRecord>), StoreError> {
        let rows = sql("SELECT * FROM audit WHERE workspace = $1 ORDER BY n DESC LIMIT $2")
            .bind(workspace)
            .bind(i64::from(limit))
            .all(&self.reads)
            .await?;
        Ok((self.audit_head(workspace).await?, rows.iter().map(decode).collect::<Result<_, _>>()?))
    }

    /// Reads the whole log and names the first record that is not as it was written. What is appended meanwhile is
    /// looked at the next time.
    pub async fn verify_audit(&self, workspace: &str) -> Result<AuditVerdict, StoreError> {
        let head = self.audit_head(workspace).await?;
        let mut chain = Chain::default();
        let mut broken = self.read_audit(workspace, &head, &mut chain).await?;
        if broken.is_none() {
            broken = chain.finish(&head).err();
        }
        if broken.is_none() {
            broken = self.beyond_head(workspace).await?;
        }
        Ok(AuditVerdict {
            whole: broken.is_none(),
            records: chain.good(),
            first_bad: broken.as_ref().map(|broken| broken.n),
            why: broken.map(|broken| broken.why.to_owned()),
            head,
        })
    }

    /// Reads up to the head.
    async fn read_audit(
        &self,
        workspace: &str,
        head: &AuditHead,
        chain: &mut Chain,
    ) -> Result<Option<Broken>, StoreError> {
        let mut after = i64::MIN;
        loop {
            let rows = sql("SELECT * FROM audit WHERE workspace = $1 AND n > $2 AND n <= $3 ORDER BY n LIMIT $4")
                .bind(workspace)
                .bind(after)
                .bind(head.n)
                .bind(PAGE)
                .all(&self.reads)
                .await?;
            let Some(last) = rows.last() else { return Ok(None) };
            after = last.int("n")?;
            for row in &rows {
                if let Err(broken) = chain.check(&decode(row)?) {
                    return Ok(Some(broken));
                }
            }
        }
    }

    /// A record beyond the head, which nobody of ours wrote. One statement, so that both are of one moment.
    async fn beyond_head(&self, workspace: &str) -> Result<Option<Broken>, StoreError> {
        let row = sql("SELECT (SELECT COALESCE(MAX(n), 0) FROM audit WHERE workspace = $1) AS last, \
             (SELECT COALESCE(MAX(n), 0) FROM audit_head WHERE workspace = $1) AS head")
        .bind(workspace)
        .one(&self.reads)
        .await?;
        let (last, head) = (row.int("last")?, row.int("head")?);
        Ok((last > head).then_some(Broken { n: head + 1, why: "it is beyond the head of the log" }))
    }

    /// Records a privileged act that changes nothing in here (a key on disk). To be written before it is done.
    pub async fn record(&self, by: By, action: &'static str, subject: &str) -> Result<(), StoreError> {
        self.write(Noted { by, action, subject: subject.to_owned() }).await
    }

    async fn audit_head(&self, workspace: &str) -> Result<AuditHead, StoreError> {
        let row =
            sql("SELECT n, hash FROM audit_head WHERE workspace = $1").bind(workspace).optional(&self.reads).await?;
        row.map_or(Ok(AuditHead::default()), |row| Ok(AuditHead { n: row.int("n")?, hash: row.text("hash")? }))
    }
}

struct Noted {
    by: By,
    action: &'static str,
    subject: String,
}

impl Write for Noted {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = begin(tx, &self.by).await?;
            log.append::<()>(tx, Act { action: self.action, subject: &self.subject, before: None, after: None }).await
        })
    }
}

/// An open log: locked until the transaction ends.
pub(crate) struct Log<'a> {
    by: &'a By,
    head: AuditHead,
}

/// Locks the log of a privileged write's workspace.
pub(crate) async fn begin<'a>(tx: &mut Conn, by: &'a By) -> Result<Log<'a>, StoreError> {
    let row = sql("INSERT INTO audit_head (workspace, n, hash) VALUES ($1, 0, '') \
         ON CONFLICT (workspace) DO UPDATE SET n = audit_head.n RETURNING n, hash")
    .bind(&by.workspace)
    .one(tx)
    .await?;
    Ok(Log { by, head: AuditHead { n: row.int("n")?, hash: row.text("hash")? } })
}

/// What a record is about. `before` and `after` are hashed, not kept.
pub(crate) struct Act<'a, T> {
    pub(crate) action: &'static str,
    pub(crate) subject: &'a str,
    pub(crate) before: Option<&'a T>,
    pub(crate) after: Option<&'a T>,
}

impl Log<'_> {
    /// Appends one record.
    pub(crate) async fn append<T: Serialize>(&mut self, tx: &mut Conn, act: Act<'_, T>) -> Result<(), StoreError> {
        let hash = |state: Option<&T>| -> Result<String, StoreError> {
            Ok(audit::digest(state.map(serde_json::to_string).transpose()?.as_deref()))
        };
        let mut record = AuditRecord {
            n: self.head.n + 1,
            at_ms: self.by.now_ms,
            actor: self.by.actor.clone(),
            method: self.by.method.clone(),
            action: act.action.to_owned(),
            // As it will be read back, or the hash would not be that of the row.
            subject: crate::db::keepable(act.subject).into_owned(),
            before_hash: hash(act.before)?,
            after_hash: hash(act.after)?,
            prev_hash: self.head.hash.clone(),
            hash: String::new(),
        };
        record.hash = audit::seal(&record);
        self.head = AuditHead { n: record.n, hash: record.hash.clone() };
        insert(tx, &self.by.workspace, &record).await?;
        sql("UPDATE audit_head SET n = $2, hash = $3 WHERE workspace = $1")
            .bind(&self.by.workspace)
            .bind(record.n)
            .bind(&record.hash)
            .execute(tx)
            .await?;
        Ok(())
    }
}

async fn insert(tx: &mut Conn, workspace: &str, record: &AuditRecord) -> Result<(), StoreError> {
    sql("INSERT INTO audit (workspace, n, at_ms, actor, method, action, subject, before_hash, after_hash, prev_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
    .bind(workspace)
    .bind(record.n)
    .bind(record.at_ms)
    .bind(&record.actor)
    .bind(&record.method)
    .bind(&record.action)
    .bind(&record.subject)
    .bind(&record.before_hash)
    .bind(&record.after_hash)
    .bind(&record.prev_hash)
    .bind(&record.hash)
    .execute(tx)
    .await?;
    Ok(())
}

fn decode(row: &Row) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        n: row.int("n")?,
        at_ms: row.int("at_ms")?,
        actor: row.text("actor")?,
        method: row.text("method")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        before_hash: row.text("before_hash")?,
        after_hash: row.text("after_hash")?,
        prev_hash: row.text("prev_hash")?,
        hash: row.text("hash")?,
    })
}
