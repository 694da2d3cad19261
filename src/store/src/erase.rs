//! Erasing a person: every text of theirs and every id that names them, in every table, in one transaction, behind a mark
//! that keeps others from writing more of them.
//!
//! A table with a column `person` must stand in [`RULES`]; a test compares that with the schema. What must stay as a
//! fact (a turn was answered, a ticket has a number) stays without text, under [`ERASED`].

use std::time::Duration;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{ConnectOptions as _, Connection as _};
use townkeeper_contract::BoxFuture;

use crate::audit::{self, Act, By};
use crate::db::{Conn, Pool, Row, per_engine, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// Stands where an id stood.
pub const ERASED: &str = townkeeper_core::cases::ERASED;

/// How many rows of each table were deleted, or stripped of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErasureReport {
    pub tables: Vec<ErasedTable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedTable {
    pub table: &'static str,
    pub rows: u64,
}

impl ErasureReport {
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// What to do in one table. `$1` is the workspace, `$2` the account, `$3` the person's id on it.
struct Rule {
    table: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// A statement that both engines take.
const fn rule(table: &'static str, statement: &'static str) -> Rule {
    Rule { table, sqlite: statement, postgres: statement }
}

/// The turns of the person's conversations.
macro_rules! theirs {
    ($column:literal) => {
        concat!(
            $column,
            " IN (SELECT t.id FROM turn t JOIN conversation c ON c.workspace = t.workspace AND c.id = t.conversation \
             WHERE c.workspace = $1 AND c.account = $2 AND c.person = $3)"
        )
    };
}

/// The same of turns that have not ended: their live messages.
macro_rules! unanswered {
    ($table:literal, $before:literal, $after:literal) => {
        Rule {
            table: $table,
            sqlite: concat!(
                $before,
                " IN (SELECT i.turn FROM inbox i WHERE i.workspace = $1 AND i.account = $2 AND i.state = 'new' \
                 AND i.payload ->> '$.person.id' = $3)",
                $after
            ),
            postgres: concat!(
                $before,
                " IN (SELECT i.turn FROM inbox i WHERE i.workspace = $1 AND i.account = $2 AND i.state = 'new' \
                 AND CAST(i.payload AS jsonb) #>> '{person,id}' = $3)",
                $after
            ),
        }
    };
}

/// What moderators had done to the person.
macro_rules! moderated {
    ($column:literal) => {
        concat!(
            " OR ",
            $column,
            " IN (SELECT m.outbox FROM moderation m WHERE m.workspace = $1 AND m.account = $2 AND m.person = $3)"
        )
    };
}

/// What put their answers right.
macro_rules! corrected {
    ($column:literal) => {
        concat!(
            " OR ",
            $column,
            " IN (SELECT k.id FROM correction k WHERE k.workspace = $1 AND ",
            theirs!("k.turn"),
            ")"
        )
    };
}

/// What showed moderators cases that are about them.
macro_rules! shown {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " IN (SELECT k.card FROM scam_card k JOIN scam_case s ON s.workspace = k.workspace AND s.number = k.number \
             WHERE k.workspace = $1 AND s.account = $2 AND s.person = $3)",
            $after
        )
    };
}

/// What they did as moderators, by their platform's word alone.
macro_rules! as_moderator {
    ($table:literal, $column:literal) => {
        Rule {
            table: $table,
            sqlite: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = 'erased' WHERE workspace = $1 AND ",
                $column,
                " = 'platform:' || substr($2, 1, instr($2, ':') - 1) || ':' || $3"
            ),
            postgres: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = 'erased' WHERE workspace = $1 AND ",
                $column,
                " = 'platform:' || split_part($2, ':', 1) || ':' || $3"
            ),
        }
    };
}

/// Everything that shows who a person with this identity is, or lets them in: they are one person on all platforms.
macro_rules! linked {
    ($table:literal, $before:literal) => {
        Rule {
            table: $table,
            sqlite: concat!(
                $before,
                " IN (SELECT i.person FROM identity i WHERE i.workspace = $1 \
                 AND i.platform = substr($2, 1, instr($2, ':') - 1) AND i.id = $3)"
            ),
            postgres: concat!(
                $before,
                " IN (SELECT i.person FROM identity i WHERE i.workspace = $1 \
                 AND i.platform = split_part($2, ':', 1) AND i.id = $3)"
            ),
        }
    };
}

/// What models cost the person: [`crate::budget_scope`] once more.
macro_rules! budget {
    ($table:literal, $before:literal) => {
        Rule {
            table: $table,
            sqlite: concat!($before, "length(CAST($2 AS BLOB)) || '.' || $2 || '.' || $3"),
            postgres: concat!($before, "CAST(octet_length($2) AS TEXT) || '.' || $2 || '.' || $3"),
        }
    };
}

/// In this order: what others are looked up by goes last. A table with the columns `workspace, account, person` is one
/// line: `rule("memory", "DELETE FROM memory WHERE workspace = $1 AND account = $2 AND person = $3")`.
const RULES: &[Rule] = &[
    rule(
        "attempt",
        concat!(
            "DELETE FROM attempt WHERE workspace = $1 AND outbox IN (SELECT o.id FROM outbox o WHERE o.workspace = $1 \
             AND o.account = $2 AND (",
            theirs!("o.turn"),
            corrected!("o.turn"),
            moderated!("o.id"),
            "))"
        ),
    ),
    rule(
        "outbox",
        concat!(
            "DELETE FROM outbox WHERE workspace = $1 AND account = $2 AND (",
            theirs!("turn"),
            corrected!("turn"),
            moderated!("id"),
            ")"
        ),
    ),
    unanswered!(
        "attempt",
        "DELETE FROM attempt WHERE workspace = $1 AND outbox IN (SELECT o.id FROM outbox o WHERE o.workspace = $1 \
         AND o.account = $2 AND o.turn",
        ")"
    ),
    rule("outbox", concat!("DELETE FROM outbox WHERE workspace = $1 AND account = $2 AND ", theirs!("turn"))),
    unanswered!("outbox", "DELETE FROM outbox WHERE workspace = $1 AND account = $2 AND turn", ""),
    // What other moderators read names who asked.
    rule(
        "outbox",
        "DELETE FROM outbox WHERE workspace = $1 AND account = $2 AND part > 0 AND turn IN (SELECT m.outbox \
         FROM moderation m WHERE m.workspace = $1 AND m.account = $2 AND m.by_person = $3)",
    ),
    // What asked for an act upon a linked account ends in their mark.
    rule(
        "moderation",
        "UPDATE moderation SET asked = CASE WHEN person = $3 AND asked LIKE 'case/%/linked/%' \
         THEN rtrim(asked, '-0123456789') || 'erased-' || number ELSE asked END, reason = '', former = CASE WHEN person = $3 THEN NULL ELSE former END, \
         person = CASE WHEN person = $3 THEN 'erased' ELSE person END, \
         by_actor = CASE WHEN by_person = $3 THEN 'erased' ELSE by_actor END, \
         by_person = CASE WHEN by_person = $3 THEN 'erased' ELSE by_person END \
         WHERE workspace = $1 AND account = $2 AND (person = $3 OR by_person = $3)",
    ),
    as_moderator!("moderation", "by_actor"),
    as_moderator!("scam_case", "decided_by"),
    // The cards that stand in chats are drawn anew, without the person: what is needed for that stays.
    rule(
        "scam_card",
        "UPDATE scam_card SET due = 1 WHERE workspace = $1 AND kind = 'card' AND number IN (SELECT c.number \
         FROM scam_case c WHERE c.workspace = $1 AND c.account = $2 AND c.person = $3)",
    ),
    // What was never shown, because its card, or the digest that it is a line of, is gone before it left, is shown anew.
    rule(
        "scam_case",
        shown!(
            "UPDATE scam_case SET shown_ms = NULL WHERE workspace = $1 AND state = 'open' AND shown_ms IS NOT NULL \
             AND (message IS NOT NULL OR person <> $3) AND number IN (SELECT d.number FROM scam_card d JOIN outbox o \
             ON o.workspace = d.workspace AND o.id = d.card WHERE d.workspace = $1 AND o.state = 'ready' AND d.card",
            ") AND NOT EXISTS (SELECT 1 FROM scam_card d JOIN outbox o ON o.workspace = d.workspace AND o.id = d.card \
             WHERE d.workspace = $1 AND d.number = scam_case.number AND o.state IN ('sending', 'sent', 'unknown'))"
        ),
    ),
    rule("attempt", shown!("DELETE FROM attempt WHERE workspace = $1 AND outbox", "")),
    rule(
        "outbox",
        shown!(
            "UPDATE outbox SET act = '{\"act\":\"typing\"}' WHERE workspace = $1 AND state IN ('sending', 'sent') AND id",
            " AND id IN (SELECT c.card FROM scam_card c WHERE c.workspace = $1 AND c.kind = 'card')"
        ),
    ),
    rule("outbox", shown!("DELETE FROM outbox WHERE workspace = $1 AND act <> '{\"act\":\"typing\"}' AND id", "")),
    rule(
        "scam_card",
        shown!(
            "DELETE FROM scam_card WHERE workspace = $1 AND card",
            " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = $1 AND o.id = scam_card.card)"
        ),
    ),
    rule(
        "action",
        concat!("DELETE FROM action WHERE workspace = $1 AND account = $2 AND (person = $3 OR ", theirs!("turn"), ")"),
    ),
    rule(
        "ticket",
        "UPDATE ticket SET question = '', person = 'erased', conversation = 'erased' \
         WHERE workspace = $1 AND account = $2 AND person = $3",
    ),
    rule(
        "turn",
        concat!(
            "UPDATE turn SET question = '', reply = NULL, conversation = 'erased' WHERE workspace = $1 AND ",
            theirs!("id")
        ),
    ),
    // Also what was never answered: an attempt that is under way finds its row gone, and writes nothing.
    Rule {
        table: "inbox",
        sqlite: "DELETE FROM inbox WHERE workspace = $1 AND account = $2 AND payload ->> '$.person.id' = $3",
        postgres: "DELETE FROM inbox WHERE workspace = $1 AND account = $2 \
             AND CAST(payload AS jsonb) #>> '{person,id}' = $3",
    },
    Rule {
        table: "place_setting",
        sqlite: "UPDATE place_setting SET actor = 'erased', method = 'chat:erased' WHERE workspace = $1 \
             AND method = 'chat:' || substr($2, 1, instr($2, ':') - 1) || ':' || $3",
        postgres: "UPDATE place_setting SET actor = 'erased', method = 'chat:erased' WHERE workspace = $1 \
             AND method = 'chat:' || split_part($2, ':', 1) || ':' || $3",
    },
    rule("feedback", "UPDATE feedback SET person = 'erased' WHERE workspace = $1 AND account = $2 AND person = $3"),
    // Before their cases lose them; and whoever is gone has nothing done in their right.
    rule(
        "case_word",
        "DELETE FROM case_word WHERE workspace = $1 AND number IN (SELECT c.number FROM scam_case c \
         WHERE c.workspace = $1 AND c.account = $2 AND (c.person = $3 OR case_word.person = $3))",
    ),
    rule(
        "scam_picture",
        "DELETE FROM scam_picture WHERE workspace = $1 AND account = $2 AND event IN (SELECT c.event FROM scam_case c \
         WHERE c.workspace = $1 AND c.account = $2 AND c.person = $3)",
    ),
    // Without its words a case teaches nothing any more.
    rule(
        "scam_case",
        "UPDATE scam_case SET text = '', name = 'erased', why = '', verdict = '{}', edits = '[]', person = 'erased', \
         said = said + 1 \
         WHERE workspace = $1 AND account = $2 AND person = $3",
    ),
    rule("scam_report", "DELETE FROM scam_report WHERE workspace = $1 AND account = $2 AND person = $3"),
    rule("fingerprint", "DELETE FROM fingerprint WHERE workspace = $1 AND account = $2 AND person = $3"),
    rule("member", "DELETE FROM member WHERE workspace = $1 AND account = $2 AND person = $3"),
    rule("memory", "DELETE FROM memory WHERE workspace = $1 AND account = $2 AND person = $3"),
    // A request that is under way is settled for the workspace alone.
    budget!("budget_hold", "UPDATE budget_hold SET scope = 'erased' WHERE workspace = $1 AND scope = "),
    budget!("budget", "DELETE FROM budget WHERE workspace = $1 AND scope = "),
    linked!("token", "DELETE FROM token WHERE workspace = $1 AND person"),
    // What they made for machines: `person:…`.
    linked!("token", "DELETE FROM token WHERE workspace = $1 AND substr(maker, 8)"),
    linked!("session", "DELETE FROM session WHERE workspace = $1 AND person"),
    linked!("login_link", "DELETE FROM login_link WHERE workspace = $1 AND person"),
    linked!("link_code", "DELETE FROM link_code WHERE workspace = $1 AND person"),
    linked!("role", "DELETE FROM role WHERE workspace = $1 AND person"),
    linked!("person", "UPDATE person SET name = 'erased' WHERE workspace = $1 AND id"),
    Rule {
        table: "link_attempt",
        sqlite: "DELETE FROM link_attempt WHERE workspace = $1 AND platform = substr($2, 1, instr($2, ':') - 1) AND id = $3",
        postgres: "DELETE FROM link_attempt WHERE workspace = $1 AND platform = split_part($2, ':', 1) AND id = $3",
    },
    linked!("identity", "DELETE FROM identity WHERE workspace = $1 AND person"),
    rule("conversation", "DELETE FROM conversation WHERE workspace = $1 AND account = $2 AND person = $3"),
];

impl Store {
    /// Takes a person of `account` out of every table, then out of the free space of the file (SQLite: the database is
    /// rewritten, which takes as long as copying it; writes wait meanwhile). Backups made before still hold them.
    ///
    /// The log keeps that somebody of the account was erased, by whom, and how many rows; not who it was.
    pub async fn erase_person(&self, by: By, account: &str, person: &str) -> Result<ErasureReport, StoreError> {
        let mark = Mark { workspace: by.workspace.clone(), person: person_mark(account, person), at_ms: by.now_ms };
        self.write(mark).await?;
        self.writers_gone().await?;
        let report = self.write(Erase { by, account: account.to_owned(), person: person.to_owned() }).await?;
        self.scrub().await?;
        Ok(report)
    }

    /// Who was erased within the last day, as [`person_mark`] has it, and when: to be forgotten by whoever remembers them.
    pub async fn erasures(&self, workspace: &str) -> Result<Vec<(i64, i64)>, StoreError> {
        let rows = sql("SELECT mark, at_ms FROM erasure WHERE workspace = $1").bind(workspace).all(&self.reads).await?;
        rows.iter().map(|row| Ok((row.int("mark")?, row.int("at_ms")?))).collect()
    }

    /// The tables that [`Self::erase_person`] looks into.
    pub fn erased_tables() -> Vec<&'static str> {
        RULES.iter().map(|rule| rule.table).collect()
    }

    /// Every table that has a column called `person`, by the database's own account.
    pub async fn tables_with_persons(&self) -> Result<Vec<String>, StoreError> {
        let rows = per_engine(
            "SELECT m.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'person' \
             WHERE m.type = 'table' ORDER BY m.name",
            "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.columns \
             WHERE table_schema = current_schema() AND column_name = 'person' ORDER BY table_name",
        );
        rows.all(&self.reads).await?.iter().map(|row: &Row| row.text("name")).collect()
    }

    /// Waits until whoever was writing at this moment is done: they may not have seen the mark. Whoever comes later does,
    /// and waits for nobody. SQLite has one writer.
    async fn writers_gone(&self) -> Result<(), StoreError> {
        let Pool::Postgres(_) = &self.reads else { return Ok(()) };
        let mut then = self.writers().await?;
        for _ in 0..WRITERS_WAIT.as_millis() / WRITERS_REST.as_millis() {
            if then.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(WRITERS_REST).await;
            let now = self.writers().await?;
            then.retain(|transaction| now.contains(transaction));
        }
        // The mark stands, and to be told twice to erase somebody does no harm.
        if then.is_empty() { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// The transactions that write what a mark keeps from being written.
    async fn writers(&self) -> Result<Vec<String>, StoreError> {
        let rows = sql(
            "SELECT DISTINCT virtualtransaction AS id FROM pg_locks WHERE locktype = 'relation' AND granted \
             AND mode = 'RowExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND relation IN (CAST('fingerprint' AS regclass), CAST('member' AS regclass), CAST('scam_case' AS regclass))",
        );
        rows.all(&self.reads).await?.iter().map(|row| row.text("id")).collect()
    }

    /// Rewrites the database without the remains of deleted rows.
    async fn scrub(&self) -> Result<(), StoreError> {
        match &self.reads {
            Pool::Sqlite(pool) => {
                let options = pool.connect_options().as_ref().clone().read_only(false);
                let options = options.create_if_missing(false).busy_timeout(Duration::from_secs(30));
                let mut connection = options.connect().await?;
                sqlx::query("VACUUM").execute(&mut connection).await?;
                // Folds the log into the file and empties it; a reader may hold it up for a moment.
                for _ in 0..50 {
                    let row = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)");
                    if row.fetch_one(&mut connection).await? == 0 {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                connection.close().await?;
            }
            // Dead rows are in no query and no dump; PostgreSQL gives their space to others by itself.
            Pool::Postgres(pool) => {
                for rule in RULES {
                    sqlx::query(sqlx::AssertSqlSafe(format!("VACUUM {}", rule.table))).execute(pool).await?;
                }
            }
        }
        Ok(())
    }
}

/// A person of an account as a number: what is remembered of somebody goes by it, and for a day after they were erased it is
/// all that says so. It does not say who they are, but whoever guesses can check.
pub fn person_mark(account: &str, person: &str) -> i64 {
    let hash = Sha256::new().chain_update(account).chain_update([0]).chain_update(person).finalize();
    i64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

/// How long an erasure waits for whoever writes while it begins, and how often it looks.
const WRITERS_WAIT: Duration = Duration::from_secs(30);
const WRITERS_REST: Duration = Duration::from_millis(20);

/// From its commit on nothing is written of what was heard of them before.
struct Mark {
    workspace: String,
    person: i64,
    at_ms: i64,
}

impl Write for Mark {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("INSERT INTO erasure (workspace, mark, at_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (workspace, mark) DO UPDATE SET at_ms = excluded.at_ms")
            .bind(&self.workspace)
            .bind(self.person)
            .bind(self.at_ms)
            .execute(tx)
            .await?;
            Ok(())
        })
    }
}

struct Erase {
    by: By,
    account: String,
    person: String,
}

impl Write for Erase {
    type Out = ErasureReport;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<ErasureReport, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let mut report = ErasureReport::default();
            for rule in RULES {
                let statement = per_engine(rule.sqlite, rule.postgres);
                let rows =
                    statement.bind(&self.by.workspace).bind(&self.account).bind(&self.person).execute(&mut *tx).await?;
                report.tables.push(ErasedTable { table: rule.table, rows });
            }
            let act = Act { action: "person.erase", subject: &self.account, before: None, after: Some(&report) };
            log.append(tx, act).await?;
            Ok(report)
        })
    }
}
