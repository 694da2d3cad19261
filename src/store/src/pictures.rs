//! What pictures of cases look like. They are kept with the case that they led to, or that the words beside them led to.

use townkeeper_contract::BoxFuture;

use crate::cases::{self, NewCase};
use crate::db::{Conn, Row, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// What was seen on the pictures of one message.
#[derive(Clone, Debug)]
pub struct SeenPictures {
    pub workspace: String,
    pub account: String,
    /// The event whose case they belong to; without a case nothing of them is kept.
    pub event: String,
    /// The case to open, if they led to one.
    pub case: Option<NewCase>,
    /// What they look like, in 64 bits each.
    pub hashes: Vec<u64>,
    pub now_ms: i64,
}

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
    /// Opens the case that pictures led to, and keeps what they look like with it. What is known already stays as it is.
    pub async fn keep_pictures(&self, seen: SeenPictures) -> Result<(), StoreError> {
        self.write(seen).await
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

impl Write for SeenPictures {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let Self { workspace, account, .. } = self;
            cases::insert(tx, workspace, account, self.case.as_slice(), self.now_ms).await?;
            for hash in &self.hashes {
                // Of somebody who was erased meanwhile nothing new is kept.
                sql("INSERT INTO scam_picture (workspace, account, event, hash, at_ms) \
                     SELECT c.workspace, c.account, c.event, CAST($4 AS BIGINT), c.at_ms FROM scam_case c \
                     WHERE c.workspace = $1 AND c.account = $2 AND c.event = $3 AND c.person <> 'erased' \
                     ON CONFLICT (workspace, account, event, hash) DO NOTHING")
                .bind(workspace)
                .bind(account)
                .bind(&self.event)
                .bind(hash.cast_signed())
                .execute(&mut *tx)
                .await?;
            }
            Ok(())
        })
    }
}
