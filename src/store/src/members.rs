//! Members: how long somebody is here and how much they said; by that the shield trusts them. Every node writes down whom it
//! heard, and reads what others wrote.

use std::borrow::Cow;

use serde::Serialize;
use townkeeper_contract::BoxFuture;

use crate::db::{Conn, Row, keepable, per_engine, sql};
use crate::erase::person_mark;
use crate::writer::Write;
use crate::{Store, StoreError};

/// Somebody's standing in a community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    pub account: String,
    pub person: String,
    pub first_ms: i64,
    pub said: i64,
    pub seen_ms: i64,
}

/// How many members one statement writes.
const BATCH: usize = 500;

impl Store {
    /// Everybody who was seen since then, for the memory that judges; the newest 200,000.
    pub async fn members(&self, workspace: &str, since_ms: i64) -> Result<Vec<Member>, StoreError> {
        let rows = sql("SELECT account, person, first_ms, said, seen_ms FROM member \
             WHERE workspace = $1 AND seen_ms >= $2 ORDER BY seen_ms DESC LIMIT 200000");
        rows.bind(workspace).bind(since_ms).all(&self.reads).await?.iter().map(member).collect()
    }

    /// Writes down how much these members have said. Who was erased since they were first seen is left out.
    pub async fn keep_members(&self, workspace: &str, members: Vec<Member>) -> Result<(), StoreError> {
        self.write(KeepMembers { workspace: workspace.to_owned(), members }).await
    }
}

fn member(row: &Row) -> Result<Member, StoreError> {
    Ok(Member {
        account: row.text("account")?,
        person: row.text("person")?,
        first_ms: row.int("first_ms")?,
        said: row.int("said")?,
        seen_ms: row.int("seen_ms")?,
    })
}

/// Another node may know more of somebody: the longer acquaintance and the higher count stay.
macro_rules! keep {
    ($mark:literal, $first:literal, $said:literal, $seen:literal, $from:literal) => {
        concat!(
            "INSERT INTO member (workspace, account, person, first_ms, said, seen_ms) \
             SELECT $1, value ->> 'account', value ->> 'person', ",
            $first,
            ", ",
            $said,
            ", ",
            $seen,
            " FROM ",
            $from,
            " WHERE NOT EXISTS (SELECT 1 FROM erasure e WHERE e.workspace = $1 AND e.mark = ",
            $mark,
            " AND e.at_ms >= ",
            $first,
            ") ON CONFLICT (workspace, account, person) DO UPDATE SET \
             first_ms = CASE WHEN excluded.first_ms < member.first_ms THEN excluded.first_ms ELSE member.first_ms END, \
             said = CASE WHEN excluded.said > member.said THEN excluded.said ELSE member.said END, \
             seen_ms = CASE WHEN excluded.seen_ms > member.seen_ms THEN excluded.seen_ms ELSE member.seen_ms END"
        )
    };
}
const KEEP_SQLITE: &str =
    keep!("value ->> 'mark'", "value ->> 'first_ms'", "value ->> 'said'", "value ->> 'seen_ms'", "json_each($2)");
const KEEP_POSTGRES: &str = keep!(
    "CAST(value ->> 'mark' AS BIGINT)",
    "CAST(value ->> 'first_ms' AS BIGINT)",
    "CAST(value ->> 'said' AS BIGINT)",
    "CAST(value ->> 'seen_ms' AS BIGINT)",
    "jsonb_array_elements(CAST($2 AS jsonb))"
);

/// One row of [`KEEP_SQLITE`].
#[derive(Serialize)]
struct NewRow<'a> {
    account: &'a str,
    person: Cow<'a, str>,
    first_ms: i64,
    said: i64,
    seen_ms: i64,
    mark: i64,
}

struct KeepMembers {
    workspace: String,
    members: Vec<Member>,
}

impl Write for KeepMembers {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for members in self.members.chunks(BATCH) {
                let row = |member: &'a Member| NewRow {
                    account: &member.account,
                    person: keepable(&member.person),
                    first_ms: member.first_ms,
                    said: member.said,
                    seen_ms: member.seen_ms,
                    mark: person_mark(&member.account, &member.person),
                };
                let rows: Vec<NewRow<'_>> = members.iter().map(row).collect();
                let keep = per_engine(KEEP_SQLITE, KEEP_POSTGRES).bind(&self.workspace);
                keep.bind(serde_json::to_string(&rows)?).execute(&mut *tx).await?;
            }
            Ok(())
        })
    }
}
