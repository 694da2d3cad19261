//! What pictures of cases look like. It is kept with the case that they led to, or that the words beside them led to.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, Row, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// What a picture looks like of which a moderator spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedPicture {
    /// Of its case.
    pub number: i64,
    /// Its case is a scam by its content; else it is none.
    pub scam: bool,
    pub hash: u64,
}

impl Store {
    /// Keeps what pictures look like, in 64 bits each, with the case that an event led to. Without a case nothing is kept.
    pub async fn keep_pictures(
        &self,
        workspace: &str,
        account: &str,
        event: &str,
        hashes: Vec<u64>,
    ) -> Result<(), StoreError> {
        let [workspace, account, event] = [workspace, account, event].map(str::to_owned);
        self.write(KeepPictures { workspace, account, event, hashes }).await
    }

    /// Pictures of cases that a moderator called a scam by its content, or none; oldest case first.
    pub async fn judged_pictures(&self, workspace: &str) -> Result<Vec<JudgedPicture>, StoreError> {
        let rows = sql("SELECT c.number AS number, c.state AS state, p.hash AS hash FROM scam_picture p \
             JOIN scam_case c ON c.workspace = p.workspace AND c.account = p.account AND c.event = p.event \
             WHERE p.workspace = $1 AND c.state IN ('content', 'clear') ORDER BY c.number, p.hash");
        let judged = |row: &Row| {
            Ok(JudgedPicture {
                number: row.int("number")?,
                scam: row.text("state")? == "content",
                hash: row.int("hash")?.cast_unsigned(),
            })
        };
        rows.bind(workspace).all(&self.reads).await?.iter().map(judged).collect()
    }
}

struct KeepPictures {
    workspace: String,
    account: String,
    event: String,
    hashes: Vec<u64>,
}

impl Write for KeepPictures {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for hash in &self.hashes {
                // Of somebody who was erased meanwhile nothing new is kept.
                sql("INSERT INTO scam_picture (workspace, account, event, hash, at_ms) \
                     SELECT c.workspace, c.account, c.event, CAST($4 AS BIGINT), c.at_ms FROM scam_case c \
                     WHERE c.workspace = $1 AND c.account = $2 AND c.event = $3 AND c.person <> 'erased' \
                     ON CONFLICT (workspace, account, event, hash) DO NOTHING")
                .bind(&self.workspace)
                .bind(&self.account)
                .bind(&self.event)
                .bind(hash.cast_signed())
                .execute(&mut *tx)
                .await?;
            }
            Ok(())
        })
    }
}
