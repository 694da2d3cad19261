//! Buttons on platforms: what an id stands for, who may press it, and that it is used once. Written with the message that
//! shows them; pressed in a write of its own, which the same turn may repeat after a crash.

use serde::Serialize;
use townkeeper_contract::BoxFuture;

use crate::db::{Conn, per_engine, sql};
use crate::turns::Settle;
use crate::writer::Write;
use crate::{Store, StoreError};

/// A button to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAction {
    /// Random: who knows it has seen the button.
    pub id: String,
    /// What is decided on when it is pressed.
    pub meaning: String,
    /// Pressing one button of a choice uses up the others.
    pub choice: Option<String>,
    /// Who may press it, by the platform's number; none: anybody.
    pub person: Option<String>,
    pub expires_ms: i64,
}

/// Somebody pressed a button.
#[derive(Clone, Debug)]
pub struct Press {
    pub workspace: String,
    pub account: String,
    pub action: String,
    /// Who pressed it.
    pub person: String,
    /// The turn that asks: the same one may ask again.
    pub turn: String,
    /// Only looks: what cannot be done now is not used up.
    pub look: bool,
    pub now_ms: i64,
}

/// What a press comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// It stands for this, and is used up now.
    Meaning(String),
    /// It is somebody else's.
    Theirs,
    /// Unknown, too old, or used.
    Gone,
}

impl Store {
    /// Uses a button up and says what it stands for.
    pub async fn press(&self, press: Press) -> Result<Pressed, StoreError> {
        self.write(press).await
    }
}

/// Locked in one order: of two that press at once, neither waits for the other in a circle.
macro_rules! used {
    ($lock:literal) => {
        concat!(
            "UPDATE action SET used_ms = $4, used_by = $5 WHERE workspace = $1 AND used_by IS NULL AND id IN (SELECT id \
             FROM action WHERE workspace = $1 AND used_by IS NULL AND (id = $2 OR choice = $3)",
            $lock,
            ")"
        )
    };
}

impl Write for Press {
    type Out = Pressed;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Pressed, StoreError>> {
        Box::pin(async move {
            let found = sql("SELECT meaning, choice, person, expires_ms, used_by FROM action \
                 WHERE workspace = $1 AND id = $2 AND account = $3")
            .bind(&self.workspace)
            .bind(&self.action)
            .bind(&self.account)
            .optional(&mut *tx)
            .await?;
            let Some(row) = found else { return Ok(Pressed::Gone) };
            if row.opt_text("person")?.is_some_and(|person| person != self.person) {
                return Ok(Pressed::Theirs);
            }
            let meaning = row.text("meaning")?;
            match row.opt_text("used_by")? {
                Some(turn) if turn == self.turn => return Ok(Pressed::Meaning(meaning)),
                Some(_) => return Ok(Pressed::Gone),
                None if row.int("expires_ms")? <= self.now_ms => return Ok(Pressed::Gone),
                // What is said about a case is fenced by the case: whoever may not leaves the button to those who may.
                None if self.look || meaning.starts_with("case:") => return Ok(Pressed::Meaning(meaning)),
                None => {}
            }
            // Asked once more: where several write at once, another may have been faster.
            let used = per_engine(used!(""), used!(" ORDER BY id FOR UPDATE"))
                .bind(&self.workspace)
                .bind(&self.action)
                .bind(row.opt_text("choice")?)
                .bind(self.now_ms)
                .bind(&self.turn)
                .execute(tx)
                .await?;
            Ok(if used == 0 { Pressed::Gone } else { Pressed::Meaning(meaning) })
        })
    }
}

const SHOWN_SQLITE: &str = "\
    INSERT INTO action (workspace, id, account, turn, person, meaning, choice, expires_ms) \
    SELECT value ->> 'workspace', value ->> 'id', value ->> 'account', value ->> 'turn', value ->> 'person', \
    value ->> 'meaning', value ->> 'choice', value ->> 'expires_ms' FROM json_each($1)";
const SHOWN_POSTGRES: &str = "\
    INSERT INTO action (workspace, id, account, turn, person, meaning, choice, expires_ms) \
    SELECT value ->> 'workspace', value ->> 'id', value ->> 'account', value ->> 'turn', value ->> 'person', \
    value ->> 'meaning', value ->> 'choice', CAST(value ->> 'expires_ms' AS BIGINT) \
    FROM jsonb_array_elements(CAST($1 AS jsonb))";

#[derive(Serialize)]
struct Shown<'a> {
    workspace: &'a str,
    id: &'a str,
    account: &'a str,
    turn: &'a str,
    person: Option<&'a str>,
    meaning: &'a str,
    choice: Option<&'a str>,
    expires_ms: i64,
}

/// Writes the buttons of settled turns, all in one statement.
pub(crate) async fn insert(tx: &mut Conn, settles: &[&Settle]) -> Result<(), StoreError> {
    let shown = settles.iter().flat_map(|settle| {
        let at = (settle.workspace.as_str(), settle.inbound.account.as_str(), settle.turn.as_str());
        settle.actions.iter().map(move |action| row(at, action))
    });
    write(tx, shown.collect::<Result<Vec<_>, _>>()?).await
}

/// Writes the buttons below what no turn says: (workspace, account, what stands in the place of the turn).
pub(crate) async fn show(tx: &mut Conn, at: (&str, &str, &str), actions: &[NewAction]) -> Result<(), StoreError> {
    write(tx, actions.iter().map(|action| row(at, action)).collect::<Result<Vec<_>, _>>()?).await
}

fn row(at: (&str, &str, &str), action: &NewAction) -> Result<serde_json::Value, serde_json::Error> {
    let (workspace, account, turn) = at;
    serde_json::to_value(Shown {
        workspace,
        id: &action.id,
        account,
        turn,
        person: action.person.as_deref(),
        meaning: &action.meaning,
        choice: action.choice.as_deref(),
        expires_ms: action.expires_ms,
    })
}

async fn write(tx: &mut Conn, shown: Vec<serde_json::Value>) -> Result<(), StoreError> {
    if !shown.is_empty() {
        per_engine(SHOWN_SQLITE, SHOWN_POSTGRES).bind(serde_json::to_string(&shown)?).execute(tx).await?;
    }
    Ok(())
}
