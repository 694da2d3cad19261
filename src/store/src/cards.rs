//! Cards: the messages that show cases to moderators. A case is shown once, in a card of its own or as a line of a digest;
//! what is said about it later is drawn into the card that stands there.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::ReplyTo;

use crate::actions::{self, NewAction};
use crate::cases::{KeptCase, kept};
use crate::db::{Conn, Row, sql};
use crate::outbox::{self, OutboxRow, Queue, Sendable};
use crate::writer::Write;
use crate::{Denied, Store, StoreError};

/// Shows cases to moderators, once.
#[derive(Clone, Debug)]
pub struct ShowCases {
    pub workspace: String,
    pub cases: Vec<CaseSeen>,
    /// Whether the cards are digests, of however many.
    pub digest: bool,
    /// One for each place where moderators read.
    pub cards: Vec<Card>,
    pub node: String,
    pub now_ms: i64,
}

/// A case as it was read: what was said about it, or edited, meanwhile is another one.
#[derive(Clone, Copy, Debug)]
pub struct CaseSeen {
    pub number: i64,
    pub said: i64,
    pub wording: i64,
}

impl From<&KeptCase> for CaseSeen {
    fn from(kept: &KeptCase) -> Self {
        Self { number: kept.case.number, said: kept.said, wording: kept.wording }
    }
}

/// A case, or several, as moderators read it in one place.
#[derive(Clone, Debug)]
pub struct Card {
    pub account: String,
    pub say: Sendable,
    pub actions: Vec<NewAction>,
}

/// What moderators were shown lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How many cases had a card of their own since then.
    pub singles: i64,
    /// When the last digest was.
    pub digest_ms: Option<i64>,
}

/// A card that stands somewhere and does not say what was said about its case since.
#[derive(Clone, Debug)]
pub struct StaleCard {
    pub kept: KeptCase,
    /// The row of the outbox that brought it.
    pub card: String,
    pub account: String,
    pub dest: String,
    pub reply_to: ReplyTo,
    /// The platform's name of it.
    pub message: MessageRef,
}

/// Shows a case once more, where a moderator asked for it.
#[derive(Clone, Debug)]
pub struct ShowAgain {
    pub workspace: String,
    pub seen: CaseSeen,
    /// Who wrote what it is about, as it was read: an erasure may have been faster.
    pub person: String,
    /// Its id names who asked: asked again after a death, it stands there already.
    pub card: Card,
    pub node: String,
    pub now_ms: i64,
}

/// Draws a card anew.
#[derive(Clone, Debug)]
pub struct Redraw {
    pub workspace: String,
    /// What was said about it, or edited, meanwhile is drawn next.
    pub seen: CaseSeen,
    pub card: String,
    pub with: Card,
    pub now_ms: i64,
}

impl Store {
    /// Shows cases. [`Denied::Moved`]: another node showed one of them, or it is not as it was read; nothing was written. Else the rows that are to be
    /// delivered now.
    pub async fn show_cases(&self, show: ShowCases) -> Result<Vec<OutboxRow>, StoreError> {
        self.write(show).await
    }

    /// Puts a card up that is drawn anew and erased as any other. The row that is to be delivered now. [`Denied::Moved`]: the
    /// case is not as it was read any more.
    pub async fn show_again(&self, show: ShowAgain) -> Result<Option<OutboxRow>, StoreError> {
        self.write(show).await
    }

    /// What moderators were shown since then, by any node.
    pub async fn shown_since(&self, workspace: &str, since_ms: i64) -> Result<Shown, StoreError> {
        let row = sql("SELECT COUNT(DISTINCT CASE WHEN kind = 'card' THEN number END) AS singles, \
             MAX(CASE WHEN kind = 'digest' THEN shown_ms END) AS digest_ms \
             FROM scam_card WHERE workspace = $1 AND shown_ms > $2");
        let row = row.bind(workspace).bind(since_ms).one(&self.reads).await?;
        Ok(Shown { singles: row.int("singles")?, digest_ms: row.opt_int("digest_ms")? })
    }

    /// Up to `limit` cards that are to be drawn anew and have arrived.
    pub async fn stale_cards(&self, workspace: &str, limit: u32) -> Result<Vec<StaleCard>, StoreError> {
        let rows = sql("SELECT c.*, d.card, d.account AS shown_by, o.dest, o.reply_to, o.message AS arrived \
             FROM scam_card d JOIN scam_case c ON c.workspace = d.workspace AND c.number = d.number \
             JOIN outbox o ON o.workspace = d.workspace AND o.id = d.card \
             WHERE d.workspace = $1 AND d.due = 1 AND o.state = 'sent' AND o.message IS NOT NULL \
             ORDER BY d.number, d.card LIMIT $2");
        rows.bind(workspace).bind(i64::from(limit)).all(&self.reads).await?.iter().map(stale).collect()
    }

    /// Draws a card anew. `false`: another node did, or something was said about the case since.
    pub async fn redraw_card(&self, redraw: Redraw) -> Result<bool, StoreError> {
        match self.write(redraw).await {
            Err(StoreError::Denied(Denied::Moved)) => Ok(false),
            other => other.map(|()| true),
        }
    }
}

fn stale(row: &Row) -> Result<StaleCard, StoreError> {
    Ok(StaleCard {
        kept: kept(row)?,
        card: row.text("card")?,
        account: row.text("shown_by")?,
        dest: row.text("dest")?,
        reply_to: ReplyTo(row.text("reply_to")?),
        message: MessageRef(row.text("arrived")?),
    })
}

/// What is said about a case is to be seen on its cards.
pub(crate) async fn mark(tx: &mut Conn, workspace: &str, number: i64) -> Result<(), StoreError> {
    let marked = sql("UPDATE scam_card SET due = 1 WHERE workspace = $1 AND number = $2 AND kind = 'card'");
    marked.bind(workspace).bind(number).execute(tx).await?;
    Ok(())
}

impl Write for ShowCases {
    type Out = Vec<OutboxRow>;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            for CaseSeen { number, said, wording } in &self.cases {
                let shown = sql("UPDATE scam_case SET shown_ms = $4 \
                     WHERE workspace = $1 AND number = $2 AND said = $3 AND wording = $5 AND shown_ms IS NULL");
                let shown = shown.bind(&self.workspace).bind(*number).bind(*said).bind(self.now_ms).bind(*wording);
                if shown.execute(&mut *tx).await? == 0 {
                    return Err(Denied::Moved.into());
                }
            }
            let now = put(tx, (&self.workspace, &self.node), &self.cards, self.now_ms).await?;
            let kind = if self.digest { Kind::Digest } else { Kind::Card };
            for card in &self.cards {
                for seen in &self.cases {
                    note(tx, (&self.workspace, self.now_ms), card, seen.number, kind).await?;
                }
            }
            for seen in self.cases.iter().filter(|seen| seen.said > 0) {
                // Somebody spoke before it was shown: the card says who, a moment later.
                mark(tx, &self.workspace, seen.number).await?;
            }
            Ok(now)
        })
    }
}

impl Write for ShowAgain {
    type Out = Option<OutboxRow>;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            let stands = sql("SELECT card FROM scam_card WHERE workspace = $1 AND card = $2");
            let id = &self.card.say.id;
            if stands.bind(&self.workspace).bind(id).optional(&mut *tx).await?.is_some() {
                return Ok(None);
            }
            let CaseSeen { number, said, wording } = self.seen;
            let same = sql(
                "SELECT number FROM scam_case WHERE workspace = $1 AND number = $2 AND said = $3 AND wording = $4 \
                 AND person = $5",
            );
            let same = same.bind(&self.workspace).bind(number).bind(said).bind(wording).bind(&self.person);
            same.optional(&mut *tx).await?.ok_or(Denied::Moved)?;
            let now = put(tx, (&self.workspace, &self.node), std::slice::from_ref(&self.card), self.now_ms).await?;
            note(tx, (&self.workspace, self.now_ms), &self.card, number, Kind::Card).await?;
            Ok(now.into_iter().next())
        })
    }
}

/// What a row of the outbox is to a case.
#[derive(Clone, Copy)]
enum Kind {
    Card,
    Digest,
    Again,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Digest => "digest",
            Self::Again => "again",
        }
    }
}

/// Writes down which case a row of the outbox shows. `at`: the workspace, and when.
async fn note(tx: &mut Conn, at: (&str, i64), card: &Card, number: i64, kind: Kind) -> Result<(), StoreError> {
    let (workspace, now_ms) = at;
    sql("INSERT INTO scam_card (workspace, number, card, account, kind, shown_ms, due) \
         VALUES ($1, $2, $3, $4, $5, $6, 0)")
    .bind(workspace)
    .bind(number)
    .bind(&card.say.id)
    .bind(&card.account)
    .bind(kind.name())
    .bind(now_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts cards up: the rows of those that leave now. `at`: the workspace, and who sends them.
pub(crate) async fn put(
    tx: &mut Conn,
    at: (&str, &str),
    cards: &[Card],
    now_ms: i64,
) -> Result<Vec<OutboxRow>, StoreError> {
    let (workspace, node) = at;
    let mut now = Vec::new();
    for card in cards {
        let queue = Queue { workspace, account: &card.account, turn: &card.say.id, part: 0, node, now_ms };
        now.extend(outbox::queue(tx, &queue, &card.say).await?);
        actions::show(tx, (workspace, &card.account, &card.say.id), &card.actions).await?;
    }
    Ok(now)
}

impl Write for Redraw {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let drawn = sql("UPDATE scam_card SET due = 0 \
                 WHERE workspace = $1 AND number = $2 AND card = $3 AND due = 1");
            let CaseSeen { number, said, wording } = self.seen;
            let drawn = drawn.bind(&self.workspace).bind(number).bind(&self.card).execute(&mut *tx).await?;
            // A statement of its own, behind the card's lock: where several write at once, it sees what the last one said.
            let now =
                sql("SELECT number FROM scam_case WHERE workspace = $1 AND number = $2 AND said = $3 AND wording = $4");
            let now = now.bind(&self.workspace).bind(number).bind(said).bind(wording).optional(&mut *tx).await?;
            if drawn == 0 || now.is_none() {
                return Err(Denied::Moved.into());
            }
            let Card { account, say, actions } = &self.with;
            let queue =
                Queue { workspace: &self.workspace, account, turn: &say.id, part: 0, node: "", now_ms: self.now_ms };
            outbox::wait(tx, &queue, say, self.now_ms).await?;
            actions::show(tx, (&self.workspace, account, &say.id), actions).await?;
            note(tx, (&self.workspace, self.now_ms), &self.with, number, Kind::Again).await
        })
    }
}
