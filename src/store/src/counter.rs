//! Numbers that people read: counted up a workspace at a time, without gaps where the work is committed.

use crate::StoreError;
use crate::db::{Conn, sql};

/// The next number of `name`. On an engine with several writers the row is locked until the transaction ends.
pub(crate) async fn next(tx: &mut Conn, workspace: &str, name: &str) -> Result<i64, StoreError> {
    let row = sql("INSERT INTO counter (workspace, name, value) VALUES ($1, $2, 1) \
         ON CONFLICT (workspace, name) DO UPDATE SET value = counter.value + 1 RETURNING value")
    .bind(workspace)
    .bind(name)
    .one(tx)
    .await?;
    row.int("value")
}
