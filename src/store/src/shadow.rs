//! How the messages of a community score: counts by platform and bin, to which all nodes add. No message is in them.

use std::collections::BTreeMap;

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// Messages by platform and bin of their score.
pub type ShadowCounts = BTreeMap<(String, i64), i64>;

/// A platform's counts are halved beyond: what a community was a year ago fades.
const MOST: i64 = 1_000_000;

impl Store {
    /// What was counted so far.
    pub async fn shadow(&self, workspace: &str) -> Result<ShadowCounts, StoreError> {
        let rows = sql("SELECT platform, bin, messages FROM shield_shadow WHERE workspace = $1").bind(workspace);
        let rows = rows.all(&self.reads).await?;
        rows.iter().map(|row| Ok(((row.text("platform")?, row.int("bin")?), row.int("messages")?))).collect()
    }

    /// Adds to it.
    pub async fn count_shadow(&self, workspace: &str, counts: ShadowCounts) -> Result<(), StoreError> {
        self.write(CountShadow { workspace: workspace.to_owned(), counts }).await
    }
}

/// Adds in one order, so that two nodes do not wait for each other in a circle. What was never counted is not taken back.
pub(crate) async fn add(tx: &mut Conn, workspace: &str, counts: &ShadowCounts) -> Result<(), StoreError> {
    for ((platform, bin), messages) in counts {
        sql("INSERT INTO shield_shadow (workspace, platform, bin, messages) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (workspace, platform, bin) DO UPDATE SET messages = \
             CASE WHEN shield_shadow.messages + $5 > 0 THEN shield_shadow.messages + $5 ELSE 0 END")
        .bind(workspace)
        .bind(platform)
        .bind(*bin)
        .bind((*messages).max(0))
        .bind(*messages)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

struct CountShadow {
    workspace: String,
    counts: ShadowCounts,
}

impl Write for CountShadow {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            add(tx, &self.workspace, &self.counts).await?;
            sql("UPDATE shield_shadow SET messages = messages / 2 WHERE workspace = $1 AND platform IN \
                 (SELECT platform FROM shield_shadow WHERE workspace = $1 GROUP BY platform HAVING SUM(messages) > $2)")
            .bind(&self.workspace)
            .bind(MOST)
            .execute(tx)
            .await?;
            Ok(())
        })
    }
}
