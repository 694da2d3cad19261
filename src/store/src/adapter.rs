//! What an adapter keeps for its account, as the engine sealed it.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// One value of an adapter's, sealed.
#[derive(Clone, Debug)]
pub struct AdapterState {
    pub workspace: String,
    pub account: String,
    pub name: String,
    pub sealed: String,
    pub now_ms: i64,
}

impl Store {
    /// What was kept under `name`, sealed as it was given.
    pub async fn adapter_state(
        &self,
        workspace: &str,
        account: &str,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT sealed FROM adapter_state WHERE workspace = $1 AND account = $2 AND name = $3")
            .bind(workspace)
            .bind(account)
            .bind(name)
            .optional(&self.reads)
            .await?;
        row.map(|row| row.text("sealed")).transpose()
    }

    /// Keeps a value; the one before is gone.
    pub async fn keep_adapter_state(&self, state: AdapterState) -> Result<(), StoreError> {
        self.write(state).await
    }
}

impl Write for AdapterState {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("INSERT INTO adapter_state (workspace, account, name, sealed, moved_ms) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (workspace, account, name) \
                 DO UPDATE SET sealed = excluded.sealed, moved_ms = excluded.moved_ms")
            .bind(&self.workspace)
            .bind(&self.account)
            .bind(&self.name)
            .bind(&self.sealed)
            .bind(self.now_ms)
            .execute(tx)
            .await?;
            Ok(())
        })
    }
}
