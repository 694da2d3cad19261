//! What an operator should know of an installation: when it first did something, and how its lives ended. Read by
//! `doctor` and `scorecard` on the same machine; nothing of it is sent anywhere.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, Row, per_engine, sql};
use crate::lease::postgres_now;
use crate::writer::Write;
use crate::{Store, StoreError};

/// The first time something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// `first_start`, `first_account`, `first_question`, `first_answer` or `first_ticket`.
    pub name: String,
    /// Unix time in milliseconds.
    pub at_ms: i64,
}

/// How the lives of daemons on this store began and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    pub started: i64,
    /// Of those, how many became ready.
    pub ready: i64,
    /// Of those, how many have ended, by a word or without: all but those that may still run.
    pub ended: i64,
    /// Of those that ended, how many said so.
    pub clean: i64,
}

/// How the deliveries of an account came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliveries {
    pub account: String,
    pub sent: i64,
    pub refused: i64,
    pub expired: i64,
    pub unknown: i64,
}

macro_rules! runs {
    ($($lives:expr),+) => {
        concat!(
            "SELECT COUNT(*) AS started, COUNT(ready_ms) AS ready, COUNT(ended_ms) AS clean, \
             COUNT(CASE WHEN ended_ms IS NULL AND ",
            $($lives),+,
            " THEN NULL ELSE 1 END) AS ended FROM run WHERE workspace = $1 AND started_ms >= $2"
        )
    };
}

impl Store {
    /// Notes that something happened, if it is the first time. Whether it was.
    pub async fn reach(&self, workspace: &str, name: &'static str, now_ms: i64) -> Result<bool, StoreError> {
        self.write(Reach { workspace: workspace.to_owned(), name, now_ms }).await
    }

    /// What was reached, oldest first.
    pub async fn milestones(&self, workspace: &str) -> Result<Vec<Milestone>, StoreError> {
        let rows = sql("SELECT name, at_ms FROM milestone WHERE workspace = $1 ORDER BY at_ms, name")
            .bind(workspace)
            .all(&self.reads)
            .await?;
        rows.iter().map(|row: &Row| Ok(Milestone { name: row.text("name")?, at_ms: row.int("at_ms")? })).collect()
    }

    /// A daemon's life begins, as this node.
    pub async fn run_began(&self, workspace: &str, id: &str, node: &str, now_ms: i64) -> Result<(), StoreError> {
        let moment = Moment::Began { node: node.to_owned() };
        self.write(Run { workspace: workspace.to_owned(), id: id.to_owned(), moment, now_ms }).await
    }

    /// It took up its work.
    pub async fn run_ready(&self, workspace: &str, id: &str, now_ms: i64) -> Result<(), StoreError> {
        self.write(Run { workspace: workspace.to_owned(), id: id.to_owned(), moment: Moment::Ready, now_ms }).await
    }

    /// It ended as it was told to.
    pub async fn run_ended(&self, workspace: &str, id: &str, now_ms: i64) -> Result<(), StoreError> {
        self.write(Run { workspace: workspace.to_owned(), id: id.to_owned(), moment: Moment::Ended, now_ms }).await
    }

    /// The lives since `since_ms`. One without an end counts as running, not as crashed, while its node's lease lasts; on
    /// SQLite, where a node is alone and has none, if it is the newest.
    pub async fn runs(&self, workspace: &str, since_ms: i64) -> Result<Runs, StoreError> {
        let row = per_engine(
            runs!("id = (SELECT MAX(id) FROM run WHERE workspace = $1)"),
            runs!(
                "EXISTS (SELECT 1 FROM lease WHERE name = 'node:' || run.node AND expires_ms > ",
                postgres_now!(),
                ")"
            ),
        )
        .bind(workspace)
        .bind(since_ms)
        .one(&self.reads)
        .await?;
        Ok(Runs {
            started: row.int("started")?,
            ready: row.int("ready")?,
            ended: row.int("ended")?,
            clean: row.int("clean")?,
        })
    }

    /// Deliveries since `since_ms`, by account.
    pub async fn deliveries(&self, workspace: &str, since_ms: i64) -> Result<Vec<Deliveries>, StoreError> {
        let rows = sql("SELECT account, COUNT(CASE WHEN state = 'sent' THEN 1 END) AS sent, \
             COUNT(CASE WHEN state = 'refused' THEN 1 END) AS refused, \
             COUNT(CASE WHEN state = 'expired' THEN 1 END) AS expired, \
             COUNT(CASE WHEN state = 'unknown' THEN 1 END) AS unknown \
             FROM outbox WHERE workspace = $1 AND created_ms >= $2 GROUP BY account ORDER BY account")
        .bind(workspace)
        .bind(since_ms)
        .all(&self.reads)
        .await?;
        let read = |row: &Row| {
            Ok(Deliveries {
                account: row.text("account")?,
                sent: row.int("sent")?,
                refused: row.int("refused")?,
                expired: row.int("expired")?,
                unknown: row.int("unknown")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

struct Reach {
    workspace: String,
    name: &'static str,
    now_ms: i64,
}

impl Write for Reach {
    type Out = bool;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let statement = "INSERT INTO milestone (workspace, name, at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            let rows = sql(statement).bind(&self.workspace).bind(self.name).bind(self.now_ms).execute(tx).await?;
            Ok(rows == 1)
        })
    }
}

enum Moment {
    Began { node: String },
    Ready,
    Ended,
}

struct Run {
    workspace: String,
    id: String,
    moment: Moment,
    now_ms: i64,
}

impl Write for Run {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (statement, node) = match &self.moment {
                Moment::Began { node } => {
                    ("INSERT INTO run (workspace, id, started_ms, node) VALUES ($1, $2, $3, $4)", Some(node))
                }
                Moment::Ready => ("UPDATE run SET ready_ms = $3 WHERE workspace = $1 AND id = $2", None),
                Moment::Ended => ("UPDATE run SET ended_ms = $3 WHERE workspace = $1 AND id = $2", None),
            };
            let write = sql(statement).bind(&self.workspace).bind(&self.id).bind(self.now_ms);
            let write = match node {
                Some(node) => write.bind(node),
                None => write,
            };
            write.execute(tx).await?;
            Ok(())
        })
    }
}
