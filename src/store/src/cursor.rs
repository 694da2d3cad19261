//! How far each source of events was read. Moved only together with what was read (`accept`).

use sqlx::SqliteConnection;

use crate::{Store, StoreError};

impl Store {
    /// The stored value, if the source was ever read.
    pub async fn cursor(&self, workspace: &str, account: &str, scope: &str) -> Result<Option<String>, StoreError> {
        let value = sqlx::query_scalar("SELECT value FROM cursor WHERE workspace = $1 AND account = $2 AND scope = $3")
            .bind(workspace)
            .bind(account)
            .bind(scope)
            .fetch_optional(&self.reads)
            .await?;
        Ok(value)
    }
}

pub(crate) async fn advance(
    tx: &mut SqliteConnection,
    (workspace, account): (&str, &str),
    (scope, value): (&str, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO cursor (workspace, account, scope, value, moved_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace, account, scope) DO UPDATE SET value = excluded.value, moved_ms = excluded.moved_ms",
    )
    .bind(workspace)
    .bind(account)
    .bind(scope)
    .bind(value)
    .bind(now_ms)
    .execute(tx)
    .await?;
    Ok(())
}
