//! Fingerprints of what was said in watched places within the last day: by them the copies of a confirmed scam are found,
//! on every node, and after a restart. They are written with the next commit of whatever else is written: a cursor never
//! moves past a message that would be forgotten, and chatter makes no commits of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use townkeeper_contract::BoxFuture;

use crate::db::{Conn, Row, keepable, per_engine, sql};
use crate::erase::person_mark;
use crate::writer::Write;
use crate::{Store, StoreError};

/// How many of a node's newest fingerprints are read for one person: an index on persons would cost every message, and one
/// moderator's word must not read a million.
const LATELY: i64 = 50_000;

/// What a message is recognised by, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    pub account: String,
    pub place: String,
    pub message: String,
    pub person: String,
    /// 64 bits.
    pub print: i64,
    pub at_ms: i64,
}

/// Fingerprints that are to be written, and the node that took the messages in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prints<'a> {
    pub(crate) workspace: &'a str,
    pub(crate) node: &'a str,
    pub(crate) said: &'a [Print],
}

impl Store {
    /// Writes fingerprints that no other commit took along.
    pub async fn keep_prints(&self, workspace: &str, node: &str, prints: Vec<Print>) -> Result<(), StoreError> {
        self.write(KeepPrints { workspace: workspace.to_owned(), node: node.to_owned(), prints }).await
    }

    /// The nodes that wrote fingerprints, those that started first before the others.
    pub async fn print_nodes(&self, workspace: &str) -> Result<Vec<String>, StoreError> {
        // Leaps from node to node: there are few, of many rows each.
        let rows = sql("WITH RECURSIVE n (node) AS (SELECT MIN(node) FROM fingerprint WHERE workspace = $1 UNION ALL \
             SELECT (SELECT MIN(f.node) FROM fingerprint f WHERE f.workspace = $1 AND f.node > n.node) FROM n \
             WHERE n.node IS NOT NULL) SELECT node FROM n WHERE node IS NOT NULL ORDER BY node");
        rows.bind(workspace).all(&self.reads).await?.iter().map(|row| row.text("node")).collect()
    }

    /// Up to `limit` fingerprints that a node wrote after its `seq`th, in the order of its commits. A node writes its
    /// numbers one after the other, so that none turns up behind a reader.
    pub async fn prints_after(
        &self,
        workspace: &str,
        node: &str,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Print)>, StoreError> {
        let rows = sql("SELECT seq, account, place, message, person, print, at_ms FROM fingerprint \
             WHERE workspace = $1 AND node = $2 AND seq > $3 ORDER BY seq LIMIT $4");
        let rows = rows.bind(workspace).bind(node).bind(seq).bind(i64::from(limit)).all(&self.reads).await?;
        rows.iter().map(|row| Ok((row.int("seq")?, print(row)?))).collect()
    }

    /// Who wrote a message of the last day; `None` where that is not known any more.
    pub async fn author_of(&self, workspace: &str, account: &str, message: &str) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT person FROM fingerprint WHERE workspace = $1 AND account = $2 AND message = $3 LIMIT 1");
        let row = row.bind(workspace).bind(account).bind(message).optional(&self.reads).await?;
        row.map(|row| row.text("person")).transpose()
    }

    /// Where somebody was seen: accounts of ours on that platform, and their places. Of what they said in private nothing, and
    /// of what else was said only what each node heard last.
    pub async fn seen_at(
        &self,
        workspace: &str,
        platform: &str,
        person: &str,
    ) -> Result<BTreeSet<(String, String)>, StoreError> {
        let of_platform = format!("{platform}:%");
        let rows = sql("SELECT account, place FROM scam_case \
             WHERE workspace = $1 AND person = $2 AND account LIKE $3 UNION SELECT c.account, c.place \
             FROM conversation c JOIN place p ON p.workspace = c.workspace AND p.account = c.account \
             AND p.place = c.place WHERE c.workspace = $1 AND c.person = $2 AND c.account LIKE $3 \
             AND p.kind <> '\"private\"'");
        let mut rows = rows.bind(workspace).bind(person).bind(&of_platform).all(&self.reads).await?;
        for node in self.print_nodes(workspace).await? {
            let lately = sql("SELECT DISTINCT account, place FROM (SELECT account, place, person FROM fingerprint \
                 WHERE workspace = $1 AND node = $2 ORDER BY seq DESC LIMIT $3) AS lately \
                 WHERE person = $4 AND account LIKE $5");
            let lately = lately.bind(workspace).bind(&node).bind(LATELY).bind(person).bind(&of_platform);
            rows.extend(lately.all(&self.reads).await?);
        }
        rows.iter().map(|row| Ok((row.text("account")?, row.text("place")?))).collect()
    }

    /// Deletes fingerprints from before then, and forgets who was erased before then.
    pub async fn prune_prints(&self, workspace: &str, before_ms: i64) -> Result<(), StoreError> {
        for node in self.print_nodes(workspace).await? {
            while self.oldest_print(workspace, &node).await?.is_some_and(|at_ms| at_ms < before_ms) {
                self.write(PrunePrints { workspace: workspace.to_owned(), node: node.clone(), before_ms }).await?;
            }
        }
        let old = sql("SELECT COUNT(*) AS n FROM erasure WHERE workspace = $1 AND at_ms < $2");
        if old.bind(workspace).bind(before_ms).one(&self.reads).await?.int("n")? > 0 {
            self.write(PruneErasures { workspace: workspace.to_owned(), before_ms }).await?;
        }
        Ok(())
    }

    async fn oldest_print(&self, workspace: &str, node: &str) -> Result<Option<i64>, StoreError> {
        let row = sql("SELECT at_ms FROM fingerprint WHERE workspace = $1 AND node = $2 ORDER BY seq LIMIT 1");
        row.bind(workspace).bind(node).optional(&self.reads).await?.map(|row| row.int("at_ms")).transpose()
    }
}

fn print(row: &Row) -> Result<Print, StoreError> {
    Ok(Print {
        account: row.text("account")?,
        place: row.text("place")?,
        message: row.text("message")?,
        person: row.text("person")?,
        print: row.int("print")?,
        at_ms: row.int("at_ms")?,
    })
}

/// All rows of many batches in one statement, as JSON. A node's numbers go up: it has one writer, and begins with the time,
/// so that they do after its rows were pruned too. What somebody said who was erased since is not written any more.
const KEEP_SQLITE: &str = "\
    INSERT INTO fingerprint (workspace, node, seq, account, place, message, person, print, at_ms) \
    SELECT value ->> 'workspace', value ->> 'node', (SELECT COALESCE(MAX(f.seq), $2) FROM fingerprint f \
    WHERE f.workspace = value ->> 'workspace' AND f.node = value ->> 'node') + 1 + key, value ->> 'account', \
    value ->> 'place', value ->> 'message', value ->> 'person', value ->> 'print', value ->> 'at_ms' \
    FROM json_each($1) WHERE NOT EXISTS (SELECT 1 FROM erasure e WHERE e.workspace = value ->> 'workspace' \
    AND e.mark = value ->> 'mark' AND e.at_ms >= value ->> 'at_ms')";
const KEEP_POSTGRES: &str = "\
    INSERT INTO fingerprint (workspace, node, seq, account, place, message, person, print, at_ms) \
    SELECT value ->> 'workspace', value ->> 'node', (SELECT COALESCE(MAX(f.seq), $2) FROM fingerprint f \
    WHERE f.workspace = value ->> 'workspace' AND f.node = value ->> 'node') + n, value ->> 'account', \
    value ->> 'place', value ->> 'message', value ->> 'person', CAST(value ->> 'print' AS BIGINT), \
    CAST(value ->> 'at_ms' AS BIGINT) FROM jsonb_array_elements(CAST($1 AS jsonb)) WITH ORDINALITY AS rows (value, n) \
    WHERE NOT EXISTS (SELECT 1 FROM erasure e WHERE e.workspace = value ->> 'workspace' \
    AND e.mark = CAST(value ->> 'mark' AS BIGINT) AND e.at_ms >= CAST(value ->> 'at_ms' AS BIGINT))";

/// One row of [`KEEP_SQLITE`].
#[derive(Serialize)]
struct NewRow<'a> {
    workspace: &'a str,
    node: &'a str,
    account: &'a str,
    place: Cow<'a, str>,
    message: Cow<'a, str>,
    person: Cow<'a, str>,
    mark: i64,
    print: i64,
    at_ms: i64,
}

/// Writes them, in the transaction of whatever else is written.
pub(crate) async fn insert(tx: &mut Conn, all: impl Iterator<Item = Prints<'_>>) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for Prints { workspace, node, said } in all {
        rows.extend(said.iter().map(|print| NewRow {
            workspace,
            node,
            account: &print.account,
            place: keepable(&print.place),
            message: keepable(&print.message),
            person: keepable(&print.person),
            mark: person_mark(&print.account, &print.person),
            print: print.print,
            at_ms: print.at_ms,
        }));
    }
    let Some(newest) = rows.iter().map(|row| row.at_ms).max() else { return Ok(()) };
    per_engine(KEEP_SQLITE, KEEP_POSTGRES).bind(serde_json::to_string(&rows)?).bind(newest).execute(tx).await?;
    Ok(())
}

struct KeepPrints {
    workspace: String,
    node: String,
    prints: Vec<Print>,
}

impl Write for KeepPrints {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        let prints = Prints { workspace: &self.workspace, node: &self.node, said: &self.prints };
        Box::pin(insert(tx, std::iter::once(prints)))
    }
}

/// A few of a node's oldest: nobody's answer waits long for it.
struct PrunePrints {
    workspace: String,
    node: String,
    before_ms: i64,
}

impl Write for PrunePrints {
    type Out = u64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<u64, StoreError>> {
        let gone = sql("DELETE FROM fingerprint WHERE workspace = $1 AND node = $2 AND seq IN (SELECT o.seq FROM \
             (SELECT f.seq, f.at_ms FROM fingerprint f WHERE f.workspace = $1 AND f.node = $2 ORDER BY f.seq LIMIT 500) \
             AS o WHERE o.at_ms < $3)");
        Box::pin(gone.bind(&self.workspace).bind(&self.node).bind(self.before_ms).execute(tx))
    }
}

struct PruneErasures {
    workspace: String,
    before_ms: i64,
}

impl Write for PruneErasures {
    type Out = u64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<u64, StoreError>> {
        let gone = sql("DELETE FROM erasure WHERE workspace = $1 AND at_ms < $2");
        Box::pin(gone.bind(&self.workspace).bind(self.before_ms).execute(tx))
    }
}
