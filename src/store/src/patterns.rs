//! Patterns that moderators look for: written and removed together with a record of the log.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::pattern::ScamPattern;

use crate::audit::{self, Act, By};
use crate::db::{Conn, Row, sql};
use crate::writer::Write;
use crate::{Denied, Store, StoreError};

impl Store {
    /// Every pattern, by name.
    pub async fn patterns(&self, workspace: &str) -> Result<Vec<ScamPattern>, StoreError> {
        let rows = sql("SELECT name, regex, by_actor, at_ms FROM scam_pattern WHERE workspace = $1 ORDER BY name");
        rows.bind(workspace).all(&self.reads).await?.iter().map(pattern).collect()
    }

    /// Writes a pattern; one of that name is replaced. [`Denied::TooManyPatterns`]: there are `most` others.
    pub async fn set_pattern(&self, by: By, name: &str, regex: &str, most: i64) -> Result<ScamPattern, StoreError> {
        self.write(SetPattern { by, name: name.to_owned(), regex: regex.to_owned(), most }).await
    }

    /// Removes a pattern; [`Denied::NotThere`] where there is none.
    pub async fn remove_pattern(&self, by: By, name: &str) -> Result<(), StoreError> {
        self.write(RemovePattern { by, name: name.to_owned() }).await
    }
}

fn pattern(row: &Row) -> Result<ScamPattern, StoreError> {
    Ok(ScamPattern {
        name: row.text("name")?,
        regex: row.text("regex")?,
        by: row.text("by_actor")?,
        at_ms: row.int("at_ms")?,
    })
}

async fn one(tx: &mut Conn, workspace: &str, name: &str) -> Result<Option<String>, StoreError> {
    let row = sql("SELECT regex FROM scam_pattern WHERE workspace = $1 AND name = $2");
    row.bind(workspace).bind(name).optional(tx).await?.map(|row| row.text("regex")).transpose()
}

struct SetPattern {
    by: By,
    name: String,
    regex: String,
    most: i64,
}

impl Write for SetPattern {
    type Out = ScamPattern;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<ScamPattern, StoreError>> {
        Box::pin(async move {
            let By { workspace, actor, now_ms, .. } = &self.by;
            // The log's lock is held from here on: nobody counts beside us.
            let mut log = audit::begin(tx, &self.by).await?;
            let before = one(tx, workspace, &self.name).await?;
            let others = sql("SELECT COUNT(*) AS n FROM scam_pattern WHERE workspace = $1 AND name <> $2");
            if others.bind(workspace).bind(&self.name).one(&mut *tx).await?.int("n")? >= self.most {
                return Err(Denied::TooManyPatterns.into());
            }
            sql("INSERT INTO scam_pattern (workspace, name, regex, by_actor, at_ms) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (workspace, name) DO UPDATE SET regex = excluded.regex, by_actor = excluded.by_actor, \
                 at_ms = excluded.at_ms")
            .bind(workspace)
            .bind(&self.name)
            .bind(&self.regex)
            .bind(actor)
            .bind(*now_ms)
            .execute(&mut *tx)
            .await?;
            let subject = format!("pattern:{}", self.name);
            let act =
                Act { action: "pattern.set", subject: &subject, before: before.as_ref(), after: Some(&self.regex) };
            log.append(tx, act).await?;
            Ok(ScamPattern { name: self.name.clone(), regex: self.regex.clone(), by: actor.clone(), at_ms: *now_ms })
        })
    }
}

struct RemovePattern {
    by: By,
    name: String,
}

impl Write for RemovePattern {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let before = one(tx, &self.by.workspace, &self.name).await?.ok_or(Denied::NotThere("pattern"))?;
            let gone = sql("DELETE FROM scam_pattern WHERE workspace = $1 AND name = $2");
            gone.bind(&self.by.workspace).bind(&self.name).execute(&mut *tx).await?;
            let subject = format!("pattern:{}", self.name);
            log.append(tx, Act { action: "pattern.remove", subject: &subject, before: Some(&before), after: None })
                .await
        })
    }
}
