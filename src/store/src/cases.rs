//! Cases: messages that look like a scam, what moderators said about them, and what members reported. A case is written
//! with the event it was found in; what is shown of it, and what is said about it, are one transaction each.

use serde::Serialize;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::case::{Case, CaseAction, CaseExtra, CaseState, ShieldMode};
use townkeeper_contract::id::{AccountId, MessageRef, PersonId, PlaceId};

use crate::audit::{self, Act, By};
use crate::db::{Conn, Row, keepable, per_engine, sql};
use crate::erase::person_mark;
use crate::owed::{self, Debt};
use crate::writer::Write;
use crate::{Denied, ShadowCounts, Store, StoreError, cards, counter, edits, guard, shadow};

/// Something the shield found.
#[derive(Clone, Debug)]
pub struct NewCase {
    /// The key of the event it was found in.
    pub event: String,
    pub place: String,
    pub address: String,
    pub message: Option<String>,
    /// That event edited the message: a case of it that is open goes on.
    pub edit: bool,
    pub person: String,
    pub name: String,
    pub text: String,
    pub why: String,
    pub verdict: serde_json::Value,
    pub action: CaseAction,
    pub also: Vec<CaseExtra>,
    pub mode: ShieldMode,
    /// The bin in which its score counts, until somebody says that it is a scam.
    pub counted: Option<i64>,
}

/// A case as it is acted upon: with the text as it was written, and where the adapter acts.
#[derive(Clone, Debug)]
pub struct KeptCase {
    pub case: Case,
    pub address: String,
    /// Counts what was said about it, and what was taken back.
    pub said: i64,
    /// Counts what edits of its message changed of it.
    pub wording: i64,
    /// When its message was edited, as long as nobody looked at it since.
    pub edited_ms: Option<i64>,
    /// Moderators were shown it.
    pub shown: bool,
}

/// A case of which a moderator said what its words are: as long as nothing more is said about it, it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JudgedCase {
    pub number: i64,
    /// Counts what was said about it.
    pub said: i64,
    /// It is a scam by its content; else it is none.
    pub scam: bool,
}

/// Says something about a case, together with a record of the log.
#[derive(Clone, Debug)]
pub struct DecideCase {
    pub by: By,
    pub number: i64,
    /// As it was seen: of two who say something at once, the second looks again.
    pub said: i64,
    /// As it was read: nobody judges what an edit made of it meanwhile.
    pub wording: i64,
    pub to: CaseState,
    /// What it leads to. None: nothing.
    pub debt: Option<Debt>,
    /// It takes back what was done: what still waits is not done any more.
    pub takes_back: bool,
}

/// A member's report.
#[derive(Clone, Debug)]
pub struct Report {
    pub workspace: String,
    pub account: String,
    pub message: String,
    pub person: String,
    /// In thousandths of what opens a case.
    pub weight: i64,
    /// What all new members together may weigh.
    pub at_most: i64,
    /// How many reports of one person count in an hour.
    pub per_hour: i64,
    pub now_ms: i64,
}

const HOUR_MS: i64 = 60 * 60 * 1000;

impl Store {
    /// The newest `limit` cases below a number (of all, without one), newest first; `open`: that nobody decided.
    pub async fn cases(
        &self,
        workspace: &str,
        open: bool,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Case>, StoreError> {
        let all = "SELECT * FROM scam_case WHERE workspace = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
        let undecided = "SELECT * FROM scam_case WHERE workspace = $1 AND number < $2 AND state = 'open' \
             ORDER BY number DESC LIMIT $3";
        let rows = sql(if open { undecided } else { all })
            .bind(workspace)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .all(&self.reads)
            .await?;
        rows.iter().map(case).collect()
    }

    /// One case.
    pub async fn case(&self, workspace: &str, number: i64) -> Result<Option<KeptCase>, StoreError> {
        let row = sql("SELECT * FROM scam_case WHERE workspace = $1 AND number = $2");
        row.bind(workspace).bind(number).optional(&self.reads).await?.as_ref().map(kept).transpose()
    }

    /// Up to `limit` cases after a number that no moderator was shown yet, oldest first.
    pub async fn unshown_cases(&self, workspace: &str, after: i64, limit: u32) -> Result<Vec<KeptCase>, StoreError> {
        let rows = sql("SELECT * FROM scam_case WHERE workspace = $1 AND shown_ms IS NULL AND number > $2 \
             ORDER BY number LIMIT $3")
        .bind(workspace)
        .bind(after)
        .bind(i64::from(limit))
        .all(&self.reads)
        .await?;
        rows.iter().map(kept).collect()
    }

    /// What is to be learnt: the newest `limit` cases of which a moderator said what their words are, oldest first.
    pub async fn lessons(&self, workspace: &str, limit: u32) -> Result<Vec<KeptCase>, StoreError> {
        let rows = sql("SELECT * FROM scam_case WHERE workspace = $1 AND state IN ('content', 'clear') \
             AND text <> '' ORDER BY number DESC LIMIT $2");
        let rows = rows.bind(workspace).bind(i64::from(limit)).all(&self.reads).await?;
        rows.iter().rev().map(kept).collect()
    }

    /// The newest `limit` cases of which a moderator said what their words are, oldest first. Without the words it costs little,
    /// however many there are.
    pub async fn judged_cases(&self, workspace: &str, limit: u32) -> Result<Vec<JudgedCase>, StoreError> {
        let rows = sql("SELECT number, said, state FROM scam_case WHERE workspace = $1 \
             AND state IN ('content', 'clear') ORDER BY number DESC LIMIT $2");
        let rows = rows.bind(workspace).bind(i64::from(limit)).all(&self.reads).await?;
        rows.iter().rev().map(judged).collect()
    }

    /// What was written in those of these cases that are judged now, oldest first.
    pub async fn judged_texts(
        &self,
        workspace: &str,
        numbers: &[i64],
    ) -> Result<Vec<(JudgedCase, String)>, StoreError> {
        let rows = per_engine(
            "SELECT number, said, state, text FROM scam_case WHERE workspace = $1 AND state IN ('content', 'clear') \
             AND number IN (SELECT value FROM json_each($2)) ORDER BY number",
            "SELECT number, said, state, text FROM scam_case WHERE workspace = $1 AND state IN ('content', 'clear') \
             AND number IN (SELECT CAST(asked.value AS BIGINT) FROM jsonb_array_elements_text(CAST($2 AS jsonb)) \
             AS asked (value)) ORDER BY number",
        );
        let rows = rows.bind(workspace).bind(serde_json::to_string(numbers)?).all(&self.reads).await?;
        rows.iter().map(|row| Ok((judged(row)?, row.text("text")?))).collect()
    }

    /// How much was said about cases so far: where it differs, there is something to learn or to unlearn.
    pub async fn cases_said(&self, workspace: &str) -> Result<i64, StoreError> {
        let row = sql("SELECT CAST(COALESCE(SUM(said), 0) AS BIGINT) AS said FROM scam_case \
             WHERE workspace = $1 AND said > 0");
        row.bind(workspace).one(&self.reads).await?.int("said")
    }

    /// Says something about a case. [`Denied::Moved`]: somebody was faster.
    pub async fn decide_case(&self, decide: DecideCase) -> Result<(), StoreError> {
        self.write(decide).await
    }

    /// Notes a report. What all reports of the message weigh now, in thousandths of what opens a case.
    pub async fn report(&self, report: Report) -> Result<i64, StoreError> {
        self.write(report).await
    }

    /// Opens a case that no event of its own led to, as of `seen_ms`, when what it is about came. Of somebody who was
    /// erased since then nothing is written.
    pub async fn open_case(
        &self,
        workspace: &str,
        account: &str,
        new: NewCase,
        seen_ms: i64,
    ) -> Result<(), StoreError> {
        let (workspace, account) = (workspace.to_owned(), account.to_owned());
        self.write(OpenCase { workspace, account, new, seen_ms }).await
    }
}

fn word<T>(row: &Row, column: &str, named: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    let word = row.text(column)?;
    named(&word).ok_or_else(|| StoreError::Decode(format!("{column} is {word}")))
}

fn case(row: &Row) -> Result<Case, StoreError> {
    Ok(Case {
        number: row.int("number")?,
        account: AccountId(row.text("account")?),
        place: PlaceId(row.text("place")?),
        message: row.opt_text("message")?.map(MessageRef),
        person: PersonId(row.text("person")?),
        name: row.text("name")?,
        text: row.text("text")?,
        why: row.text("why")?,
        verdict: row.json("verdict")?,
        action: word(row, "action", CaseAction::named)?,
        also: row.text("also")?.split(',').filter_map(CaseExtra::named).collect(),
        mode: word(row, "mode", ShieldMode::named)?,
        at_ms: row.int("at_ms")?,
        state: word(row, "state", CaseState::named)?,
        by: row.opt_text("decided_by")?,
        decided_ms: row.opt_int("decided_ms")?,
        edits: row.json("edits")?,
    })
}

fn judged(row: &Row) -> Result<JudgedCase, StoreError> {
    let scam = row.text("state")? == CaseState::Content.as_str();
    Ok(JudgedCase { number: row.int("number")?, said: row.int("said")?, scam })
}

pub(crate) fn kept(row: &Row) -> Result<KeptCase, StoreError> {
    let (address, said, wording) = (row.text("address")?, row.int("said")?, row.int("wording")?);
    Ok(KeptCase {
        case: case(row)?,
        address,
        said,
        wording,
        edited_ms: row.opt_int("edited_ms")?,
        shown: row.opt_int("shown_ms")?.is_some(),
    })
}

/// Writes what was found in a batch, in its transaction. What was found before is left as it is; who was erased since
/// `seen_ms`, when it came, is left out.
pub(crate) async fn insert(
    tx: &mut Conn,
    workspace: &str,
    account: &str,
    cases: &[NewCase],
    seen_ms: i64,
) -> Result<(), StoreError> {
    let mut counts = ShadowCounts::new();
    for new in cases {
        let known = sql("SELECT number FROM scam_case WHERE workspace = $1 AND account = $2 AND event = $3");
        let event = keepable(&new.event);
        if known.bind(workspace).bind(account).bind(event.as_ref()).optional(&mut *tx).await?.is_some()
            || edits::take_in(tx, (workspace, account, seen_ms), new).await?
        {
            continue;
        }
        let number = counter::next(tx, workspace, "scam_case").await?;
        let written =
            sql("INSERT INTO scam_case (workspace, number, account, event, place, address, message, person, \
             name, text, why, verdict, action, mode, at_ms, state, said, also, counted) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'open', 0, $16, $17 \
             WHERE NOT EXISTS (SELECT 1 FROM erasure e WHERE e.workspace = $1 AND e.mark = $18 AND e.at_ms >= $15)")
            .bind(workspace)
            .bind(number)
            .bind(account)
            .bind(event.as_ref())
            .bind(&new.place)
            .bind(&new.address)
            .bind(new.message.as_ref())
            .bind(&new.person)
            .bind(keepable(&new.name).as_ref())
            .bind(keepable(&new.text).as_ref())
            .bind(keepable(&new.why).as_ref())
            .bind(keepable(&new.verdict.to_string()).as_ref())
            .bind(new.action.as_str())
            .bind(new.mode.as_str())
            .bind(seen_ms)
            .bind(new.also.iter().map(|extra| extra.as_str()).collect::<Vec<_>>().join(","))
            .bind(new.counted)
            .bind(person_mark(account, &new.person))
            .execute(&mut *tx)
            .await?;
        if let Some(bin) = new.counted.filter(|_| written > 0) {
            *counts.entry(counted_as(account, bin)).or_default() += 1;
        }
    }
    shadow::add(tx, workspace, &counts).await
}

/// Where a score is counted: the account's platform, and the bin.
fn counted_as(account: &str, bin: i64) -> (String, i64) {
    (account.split(':').next().unwrap_or_default().to_owned(), bin)
}

struct OpenCase {
    workspace: String,
    account: String,
    new: NewCase,
    seen_ms: i64,
}

impl Write for OpenCase {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(insert(tx, &self.workspace, &self.account, std::slice::from_ref(&self.new), self.seen_ms))
    }
}

fn is_scam(state: CaseState) -> bool {
    matches!(state, CaseState::Content | CaseState::Account)
}

/// What the log keeps of it: not whom it is about.
#[derive(Serialize)]
struct Noted {
    state: CaseState,
}

impl Write for DecideCase {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let case = sql("SELECT state, account, counted FROM scam_case \
                 WHERE workspace = $1 AND number = $2 AND said = $3 AND wording = $4");
            let case = case.bind(&self.by.workspace).bind(self.number).bind(self.said).bind(self.wording);
            let case = case.optional(&mut *tx).await?;
            let case = case.ok_or(Denied::Moved)?;
            let before = word(&case, "state", CaseState::named)?;
            let open = self.to == CaseState::Open;
            sql("UPDATE scam_case SET state = $3, decided_by = $4, decided_ms = $5, said = said + 1 \
                 WHERE workspace = $1 AND number = $2")
            .bind(&self.by.workspace)
            .bind(self.number)
            .bind(self.to.as_str())
            .bind((!open).then_some(&self.by.actor))
            .bind((!open).then_some(self.by.now_ms))
            .execute(&mut *tx)
            .await?;
            cards::mark(tx, &self.by.workspace, self.number).await?;
            if self.takes_back && guard!("case.withdrawn") {
                owed::withdraw(tx, &self.by, self.number).await?;
            }
            owed::owe(tx, &self.by, (self.number, self.said + 1), self.debt.as_ref()).await?;
            // A scam tells nothing of how clean messages score.
            let back = i64::from(is_scam(before)) - i64::from(is_scam(self.to));
            if let Some(bin) = case.opt_int("counted")?.filter(|_| back != 0) {
                let counted = counted_as(&case.text("account")?, bin);
                shadow::add(tx, &self.by.workspace, &ShadowCounts::from([(counted, back)])).await?;
            }
            let (subject, was, is) =
                (format!("case:{}", self.number), Noted { state: before }, Noted { state: self.to });
            let act = Act { action: "case.decide", subject: &subject, before: Some(&was), after: Some(&is) };
            log.append(tx, act).await
        })
    }
}

impl Write for Report {
    type Out = i64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<i64, StoreError>> {
        Box::pin(async move {
            let recent = sql("SELECT COUNT(*) AS n FROM scam_report \
                 WHERE workspace = $1 AND account = $2 AND person = $3 AND at_ms > $4")
            .bind(&self.workspace)
            .bind(&self.account)
            .bind(&self.person)
            .bind(self.now_ms - HOUR_MS)
            .one(&mut *tx)
            .await?;
            let weight = if recent.int("n")? < self.per_hour { self.weight } else { 0 };
            sql("INSERT INTO scam_report (workspace, account, message, person, weight, at_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace, account, message, person) DO NOTHING")
            .bind(&self.workspace)
            .bind(&self.account)
            .bind(&self.message)
            .bind(&self.person)
            .bind(weight)
            .bind(self.now_ms)
            .execute(&mut *tx)
            .await?;
            // Light ones together weigh no more than this, however many they are.
            let row =
                sql("SELECT CAST(COALESCE(SUM(CASE WHEN weight < $4 THEN weight ELSE 0 END), 0) AS BIGINT) AS light, \
                 CAST(COALESCE(SUM(CASE WHEN weight < $4 THEN 0 ELSE weight END), 0) AS BIGINT) AS heavy \
                 FROM scam_report WHERE workspace = $1 AND account = $2 AND message = $3")
                .bind(&self.workspace)
                .bind(&self.account)
                .bind(&self.message)
                .bind(self.at_most)
                .one(tx)
                .await?;
            Ok(row.int("light")?.min(self.at_most) + row.int("heavy")?)
        })
    }
}
