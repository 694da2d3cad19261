//! Corrections: whose answer came from an older wording of an entry, and what puts it right. A row of `correction` says
//! which wording stands before the reader now, so that nothing is said twice.

use serde::Serialize;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::inbound::{Inbound, PlaceKind, ReplyTo};
use townkeeper_contract::stream::Reply;

use crate::audit::{self, Act, By};
use crate::db::{Conn, Row, per_engine, sql};
use crate::outbox::{self, Queue, Sendable};
use crate::writer::Write;
use crate::{Store, StoreError, guard};

/// Somebody who has another wording than the one asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub turn: String,
    pub account: String,
    /// The group or channel; `None`: in private, on the web, or not kept any more.
    pub place: Option<String>,
    /// The wording that stands there.
    pub revision: String,
    /// What was answered.
    pub reply: Option<Reply>,
    /// The hash of the words that stand there, where they were put right before.
    pub words: Option<String>,
    /// The messages that hold them, in order.
    pub parts: Vec<Part>,
}

/// One message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub dest: String,
    pub reply_to: ReplyTo,
    pub state: String,
    pub message: Option<String>,
    /// Whether another turn's answer stands in it by now.
    pub replaced: bool,
}

/// Puts answers right, together with a record of the log.
#[derive(Clone, Debug)]
pub struct Correct {
    pub by: By,
    pub entry: String,
    /// The wording that is sent.
    pub revision: String,
    /// The hash of its words.
    pub words: String,
    pub items: Vec<Correction>,
}

/// One answer that is put right.
#[derive(Clone, Debug)]
pub struct Correction {
    /// Names these rows in the outbox.
    pub id: String,
    pub turn: String,
    pub account: String,
    pub say: Vec<Sendable>,
    /// Not before: answers go first.
    pub next_ms: i64,
}

const TOLD: &str = "\
    SELECT t.id, t.reply, COALESCE(k.revision, t.revision) AS revision, k.words, COALESCE(k.id, t.id) AS holder, \
    c.account, i.payload FROM turn t JOIN conversation c ON c.workspace = t.workspace AND c.id = t.conversation \
    LEFT JOIN correction k ON k.workspace = t.workspace AND k.turn = t.id \
    LEFT JOIN inbox i ON i.workspace = t.workspace AND i.turn = t.id \
    WHERE t.workspace = $1 AND t.entry = $2 AND t.ended_ms >= $3 AND COALESCE(k.revision, t.revision) <> $4 \
    AND t.id > $5 ORDER BY t.id LIMIT $6";

macro_rules! parts {
    ($among:literal) => {
        concat!(
            "SELECT o.turn, o.dest, o.reply_to, o.state, o.message, (SELECT COUNT(*) FROM outbox n \
             WHERE n.workspace = o.workspace AND n.account = o.account AND n.dest = o.dest AND n.seq > o.seq \
             AND n.message = o.message AND n.turn <> o.turn) AS replaced \
             FROM outbox o WHERE o.workspace = $1 AND o.part >= 0 AND o.turn IN (",
            $among,
            ") ORDER BY o.turn, o.part"
        )
    };
}
const PARTS_SQLITE: &str = parts!("SELECT value FROM json_each($2)");
const PARTS_POSTGRES: &str = parts!("SELECT jsonb_array_elements_text(CAST($2 AS jsonb))");

impl Store {
    /// Up to `limit` turns after `after`, in the order of their ids, that were answered from `entry` since then and whose
    /// readers have another wording than `revision`.
    pub async fn told(
        &self,
        workspace: &str,
        entry: &str,
        revision: &str,
        since_ms: i64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Told>, StoreError> {
        let rows = sql(TOLD)
            .bind(workspace)
            .bind(entry)
            .bind(since_ms)
            .bind(if guard!("correction.once") { revision } else { "" })
            .bind(after)
            .bind(i64::from(limit))
            .all(&self.reads)
            .await?;
        let holders = rows.iter().map(|row| row.text("holder")).collect::<Result<Vec<_>, _>>()?;
        let parts = per_engine(PARTS_SQLITE, PARTS_POSTGRES);
        let parts = parts.bind(workspace).bind(serde_json::to_string(&holders)?).all(&self.reads).await?;
        let parts =
            parts.iter().map(|row| Ok((row.text("turn")?, part(row)?))).collect::<Result<Vec<_>, StoreError>>()?;
        let of = |holder: &str| parts.iter().filter(|(turn, _)| turn == holder).map(|(_, part)| part.clone()).collect();
        rows.iter().zip(&holders).map(|(row, holder)| told(row, of(holder))).collect()
    }

    /// Puts answers right; how many of them. Of two that do it at once, the second finds it done.
    pub async fn correct(&self, correct: Correct) -> Result<u64, StoreError> {
        self.write(correct).await
    }
}

fn told(row: &Row, parts: Vec<Part>) -> Result<Told, StoreError> {
    Ok(Told {
        turn: row.text("id")?,
        account: row.text("account")?,
        place: group(row)?,
        revision: row.text("revision")?,
        reply: row.opt_json("reply")?,
        words: row.opt_text("words")?.filter(|_| guard!("correction.once")),
        parts,
    })
}

/// The group or channel that a turn's event came from, by its `payload`.
pub(crate) fn group(row: &Row) -> Result<Option<String>, StoreError> {
    let inbound: Option<Inbound> = row.opt_json("payload")?;
    Ok(inbound.filter(|inbound| inbound.place.kind != PlaceKind::Private).map(|inbound| inbound.place.id.0))
}

fn part(row: &Row) -> Result<Part, StoreError> {
    Ok(Part {
        dest: row.text("dest")?,
        reply_to: ReplyTo(row.text("reply_to")?),
        state: row.text("state")?,
        message: row.opt_text("message")?,
        replaced: row.int("replaced")? > 0,
    })
}

/// What the log keeps of it.
#[derive(Serialize)]
struct Noted<'a> {
    revision: &'a str,
    answers: u64,
}

impl Write for Correct {
    type Out = u64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let mut answers = 0;
            for item in &self.items {
                if self.fence(tx, item).await? {
                    answers += 1;
                    for (part, say) in (0..).zip(&item.say) {
                        let (workspace, account, turn) = (&self.by.workspace, &item.account, &item.id);
                        let queue = Queue { workspace, account, turn, part, node: "", now_ms: self.by.now_ms };
                        outbox::wait(tx, &queue, say, item.next_ms).await?;
                    }
                }
            }
            if answers > 0 {
                let (subject, noted) = (format!("entry:{}", self.entry), Noted { revision: &self.revision, answers });
                let act = Act { action: "knowledge.correct", subject: &subject, before: None, after: Some(&noted) };
                log.append(tx, act).await?;
            }
            Ok(answers)
        })
    }
}

const FENCE: &str = "\
    INSERT INTO correction (workspace, turn, entry, revision, words, id, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (workspace, turn) DO UPDATE SET revision = excluded.revision, words = excluded.words, \
    id = excluded.id, at_ms = excluded.at_ms WHERE correction.revision <> excluded.revision OR $8 = 1";

impl Correct {
    /// Whether it is to be said: nobody has sent this wording to this reader.
    async fn fence(&self, tx: &mut Conn, item: &Correction) -> Result<bool, StoreError> {
        let again = !guard!("correction.once");
        let written = sql(FENCE)
            .bind(&self.by.workspace)
            .bind(&item.turn)
            .bind(&self.entry)
            .bind(&self.revision)
            .bind(&self.words)
            .bind(&item.id)
            .bind(self.by.now_ms)
            .bind(i64::from(again))
            .execute(tx)
            .await?;
        Ok(written == 1)
    }
}
