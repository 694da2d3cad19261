//! What can be learnt from turns: what was asked in vain, and how often each topic was asked about.

use crate::corrections::group;
use crate::db::{Row, sql};
use crate::{Store, StoreError};

/// A question that was not answered, or not quite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InVain {
    pub question: String,
    pub account: String,
    pub person: String,
    /// The group or channel; `None`: in private, on the web, or not kept any more.
    pub place: Option<String>,
    /// The entry that answered, where that was "not quite" it.
    pub entry: Option<String>,
    pub ended_ms: i64,
}

/// How often an entry answered in one wording in one week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub entry: String,
    pub revision: String,
    /// The time that was asked for, in whole spans since its beginning.
    pub span: i64,
    pub count: i64,
}

impl Store {
    /// The newest `limit` questions since then that were abstained from, and, if asked for, those whose answer was "not
    /// quite" it. Newest first.
    pub async fn in_vain(
        &self,
        workspace: &str,
        since_ms: i64,
        not_quite: bool,
        limit: u32,
    ) -> Result<Vec<InVain>, StoreError> {
        let rows = sql("SELECT t.question, t.entry, t.ended_ms, c.account, c.person, i.payload \
             FROM turn t JOIN conversation c ON c.workspace = t.workspace AND c.id = t.conversation \
             LEFT JOIN inbox i ON i.workspace = t.workspace AND i.turn = t.id \
             LEFT JOIN feedback f ON f.workspace = t.workspace AND f.turn = t.id AND f.helped = 0 \
             WHERE t.workspace = $1 AND t.ended_ms >= $2 AND t.question <> '' \
             AND (t.reply LIKE '{\"kind\":\"abstention\"%' OR f.turn IS NOT NULL AND $3 = 1) \
             ORDER BY t.ended_ms DESC, t.id DESC LIMIT $4")
        .bind(workspace)
        .bind(since_ms)
        .bind(i64::from(not_quite))
        .bind(i64::from(limit))
        .all(&self.reads)
        .await?;
        rows.iter().map(in_vain).collect()
    }

    /// How often each wording of each entry answered since `since_ms`, in spans of `span_ms` counted from `from_ms`.
    pub async fn answered(
        &self,
        workspace: &str,
        since_ms: i64,
        from_ms: i64,
        span_ms: i64,
    ) -> Result<Vec<Answered>, StoreError> {
        let rows = sql("SELECT w.entry, w.revision, w.span, COUNT(*) AS n FROM ( \
             SELECT entry, revision, (ended_ms - $3) / $4 AS span FROM turn \
             WHERE workspace = $1 AND entry IS NOT NULL AND ended_ms >= $2) AS w \
             GROUP BY w.entry, w.revision, w.span ORDER BY w.entry, w.span, w.revision")
        .bind(workspace)
        .bind(since_ms)
        .bind(from_ms)
        .bind(span_ms)
        .all(&self.reads)
        .await?;
        rows.iter().map(answered).collect()
    }

    /// When the oldest turn ended that is kept.
    pub async fn oldest_turn(&self, workspace: &str) -> Result<Option<i64>, StoreError> {
        let row = sql("SELECT MIN(ended_ms) AS first FROM turn WHERE workspace = $1").bind(workspace);
        row.one(&self.reads).await?.opt_int("first")
    }
}

fn in_vain(row: &Row) -> Result<InVain, StoreError> {
    Ok(InVain {
        question: row.text("question")?,
        account: row.text("account")?,
        person: row.text("person")?,
        place: group(row)?,
        entry: row.opt_text("entry")?,
        ended_ms: row.int("ended_ms")?,
    })
}

fn answered(row: &Row) -> Result<Answered, StoreError> {
    Ok(Answered {
        entry: row.text("entry")?,
        revision: row.text("revision")?,
        span: row.int("span")?,
        count: row.int("n")?,
    })
}
