//! Whether a workspace is frozen, and who has agreed to go on. One freezes, two thaw.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::access::{FreezeState, Permission, Role};
use townkeeper_core::access::{self, Voter};

use crate::audit::{self, Act, By};
use crate::db::{Conn, On, Row, per_engine, sql};
use crate::error::Denied;
use crate::lease::{node_lease, postgres_now, sqlite_now};
use crate::writer::Write;
use crate::{Store, StoreError};

macro_rules! not_quiet {
    ($now:expr) => {
        concat!(
            "SELECT holder FROM lease WHERE workspace = $1 AND name = 'node:' || holder AND holder <> $2 \
             AND (quiet_ms IS NULL OR quiet_ms <> $3) AND expires_ms > ",
            $now,
            " ORDER BY holder"
        )
    };
}
impl Store {
    /// Whether, since when, by whom, and who has agreed to go on.
    pub async fn frozen(&self, workspace: &str) -> Result<FreezeState, StoreError> {
        load(&self.reads, workspace).await
    }

    /// Freezes. Freezing again makes votes void that were cast before.
    pub async fn freeze(&self, by: By, reason: &str) -> Result<FreezeState, StoreError> {
        self.write(Freeze { by, reason: reason.to_owned() }).await
    }

    /// Agrees to go on; with the second voice it is so. [`Denied::NoVoice`] for those who have none.
    pub async fn thaw(&self, by: By) -> Result<FreezeState, StoreError> {
        self.write(Thaw { by }).await
    }

    /// Notes that this node has seen the freeze that began at `since_ms`, and that nothing of its is under way any more.
    pub async fn note_quiet(&self, node: &str, since_ms: i64) -> Result<(), StoreError> {
        self.write(NoteQuiet { lease: node_lease(node), since_ms }).await
    }

    /// The nodes beside this one that live and have not noted it.
    pub async fn not_quiet(&self, workspace: &str, node: &str, since_ms: i64) -> Result<Vec<String>, StoreError> {
        let rows = per_engine(not_quiet!(sqlite_now!()), not_quiet!(postgres_now!()))
            .bind(workspace)
            .bind(node)
            .bind(since_ms)
            .all(&self.reads)
            .await?;
        rows.iter().map(|row| row.text("holder")).collect()
    }
}

struct NoteQuiet {
    lease: String,
    since_ms: i64,
}

impl Write for NoteQuiet {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let statement = "UPDATE lease SET quiet_ms = $2 WHERE name = $1";
            sql(statement).bind(&self.lease).bind(self.since_ms).execute(tx).await?;
            Ok(())
        })
    }
}

struct Freeze {
    by: By,
    reason: String,
}

impl Write for Freeze {
    type Out = FreezeState;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<FreezeState, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let before = load(&mut *tx, &self.by.workspace).await?;
            // Since when, by whom and why stay the first one's: who could vote then is who may vote.
            sql("INSERT INTO frozen (workspace, since_ms, actor, reason) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (workspace) DO NOTHING")
            .bind(&self.by.workspace)
            .bind(self.by.now_ms)
            .bind(&self.by.actor)
            .bind(&self.reason)
            .execute(&mut *tx)
            .await?;
            forget_votes(tx, &self.by.workspace).await?;
            let after = load(&mut *tx, &self.by.workspace).await?;
            let act = Act { action: "freeze", subject: &self.by.workspace, before: Some(&before), after: Some(&after) };
            log.append(tx, act).await?;
            Ok(after)
        })
    }
}

struct Thaw {
    by: By,
}

impl Write for Thaw {
    type Out = FreezeState;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<FreezeState, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            let before = load(&mut *tx, workspace).await?;
            let Some(since_ms) = before.since_ms else { return Ok(before) };
            sql("INSERT INTO thaw_vote (workspace, actor, at_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (workspace, actor) DO NOTHING")
            .bind(workspace)
            .bind(&self.by.actor)
            .bind(self.by.now_ms)
            .execute(&mut *tx)
            .await?;
            let votes = load(&mut *tx, workspace).await?.votes;
            let voters = voters((&mut *tx).into(), workspace, Permission::Thaw).await?;
            let voices = access::voices(&votes, &voters, since_ms);
            if !voices.contains(&self.by.actor.as_str()) {
                // The refusal takes the vote back with it.
                return Err(Denied::NoVoice.into());
            }
            let enough = voices.len() >= access::VOICES;
            if enough {
                sql("DELETE FROM frozen WHERE workspace = $1").bind(workspace).execute(&mut *tx).await?;
                forget_votes(tx, workspace).await?;
            }
            let after = load(&mut *tx, workspace).await?;
            let action = if enough { "thaw" } else { "thaw.vote" };
            log.append(tx, Act { action, subject: workspace, before: Some(&before), after: Some(&after) }).await?;
            Ok(after)
        })
    }
}

async fn forget_votes(tx: &mut Conn, workspace: &str) -> Result<(), StoreError> {
    sql("DELETE FROM thaw_vote WHERE workspace = $1").bind(workspace).execute(tx).await?;
    Ok(())
}

/// Who may do this today, and since when.
pub(crate) async fn voters(on: On<'_>, workspace: &str, permission: Permission) -> Result<Vec<Voter>, StoreError> {
    let rows = sql("SELECT person, role, granted_ms FROM role WHERE workspace = $1 ORDER BY granted_ms")
        .bind(workspace)
        .all(on)
        .await?;
    let mut voters: Vec<Voter> = Vec::new();
    for row in &rows {
        let voter = Voter { actor: format!("person:{}", row.text("person")?), granted_ms: row.int("granted_ms")? };
        let may = Role::named(&row.text("role")?).is_some_and(|role| access::allows(role, permission));
        if may && !voters.iter().any(|known| known.actor == voter.actor) {
            voters.push(voter);
        }
    }
    Ok(voters)
}

async fn load<'c>(on: impl Into<On<'c>>, workspace: &str) -> Result<FreezeState, StoreError> {
    let rows = sql("SELECT f.since_ms, f.actor, f.reason, v.actor AS vote FROM frozen f \
         LEFT JOIN thaw_vote v ON v.workspace = f.workspace WHERE f.workspace = $1 ORDER BY v.at_ms, v.actor")
    .bind(workspace)
    .all(on)
    .await?;
    let Some(first) = rows.first() else { return Ok(FreezeState::default()) };
    let vote = |row: &Row| row.opt_text("vote").transpose();
    Ok(FreezeState {
        frozen: true,
        since_ms: Some(first.int("since_ms")?),
        by: Some(first.text("actor")?),
        reason: first.text("reason")?,
        votes: rows.iter().filter_map(vote).collect::<Result<_, _>>()?,
        file: false,
        unconfirmed: false,
    })
}
