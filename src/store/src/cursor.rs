//! How far each source of events was read. Moved only together with what was read (`accept`).

use crate::db::{Conn, sql};
use crate::{Store, StoreError};

impl Store {
    /// The stored value, if the source was ever read.
    pub async fn cursor(&self, workspace: &str, account: &str, scope: &str) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT value FROM cursor WHERE workspace = $1 AND account = $2 AND scope = $3")
            .bind(workspace)
            .bind(account)
            .bind(scope)
            .optional(&self.reads)
            .await?;
        row.map(|row| row.text("value")).transpose()
    }
}

pub(crate) async fn advance(
    tx: &mut Conn,
    (workspace, account): (&str, &str),
    (scope, value): (&str, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    sql("INSERT INTO cursor (workspace, account, scope, value, moved_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace, account, scope) DO UPDATE SET value = excluded.value, moved_ms = excluded.moved_ms")
    .bind(workspace)
    .bind(account)
    .bind(scope)
    .bind(value)
    .bind(now_ms)
    .execute(tx)
    .await?;
    Ok(())
}
