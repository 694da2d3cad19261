//! Standing messages: what stands in a place, pinned, and is kept as it should be. A row says what was sent last, and the
//! outbox says what became of that. Each change is written together with the rows of the outbox that carry it out, and only
//! where nobody else has changed it since it was looked at.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::moderation::DeliveryState;
use townkeeper_core::standing::Stands;

use crate::db::{Conn, Row, sql};
use crate::outbox::{self, Queue, Sendable};
use crate::writer::Write;
use crate::{Store, StoreError, guard};

/// What stands in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub account: String,
    pub place: String,
    pub reply_to: ReplyTo,
    /// The row of the outbox that brings the words.
    pub said: String,
    pub stands: Stands,
}

/// A change of what stands in a place.
#[derive(Clone, Debug)]
pub struct Stand {
    pub workspace: String,
    pub account: String,
    pub place: String,
    /// The row that brought the words when it was looked at; `None`: nothing stood there.
    pub seen: Option<String>,
    pub change: Change,
    /// What carries it out, each independent of the others.
    pub send: Vec<Sendable>,
    pub now_ms: i64,
}

/// What changes.
#[derive(Clone, Debug)]
pub enum Change {
    /// Other words, in whatever message; this row of the outbox brings them.
    Words { said: String, reply_to: ReplyTo, words: String, revision: i64 },
    /// They stand in this message, which that row pins.
    Became { message: String, pin: String },
    /// This row pins it.
    Pinned { pin: String },
    /// Nothing stands there any more.
    Gone,
}

const STANDINGS: &str = "\
    SELECT s.account, s.place, s.reply_to, s.words, s.revision, s.said, s.message, s.pin, o.state, o.message AS arrived \
    FROM standing s LEFT JOIN outbox o ON o.workspace = s.workspace AND o.id = s.said \
    WHERE s.workspace = $1 ORDER BY s.account, s.place";

impl Store {
    /// Everything that stands anywhere.
    pub async fn standings(&self, workspace: &str) -> Result<Vec<Standing>, StoreError> {
        if !guard!("standing.once") {
            return Ok(Vec::new());
        }
        let rows = sql(STANDINGS).bind(workspace).all(&self.reads).await?;
        rows.iter().map(standing).collect()
    }

    /// Changes what stands in a place. `false`: somebody was faster, and nothing was written.
    pub async fn stand(&self, stand: Stand) -> Result<bool, StoreError> {
        self.write(stand).await
    }

    /// Has what stands in a place said and pinned once more, for who cannot see it there. What is under way, or may have
    /// arrived in a message that we do not know, is not.
    pub async fn renew_standing(&self, workspace: &str, account: &str, place: &str) -> Result<(), StoreError> {
        let (workspace, account, place) = (workspace.to_owned(), account.to_owned(), place.to_owned());
        self.write(Renew { workspace, account, place }).await
    }

    /// When a revision of the base was published; `None`: it is none of this store's.
    pub async fn revised_ms(&self, workspace: &str, revision: i64) -> Result<Option<i64>, StoreError> {
        let row = sql("SELECT MAX(at_ms) AS at_ms FROM knowledge_item WHERE workspace = $1 AND base = $2");
        row.bind(workspace).bind(revision).one(&self.reads).await?.opt_int("at_ms")
    }
}

fn standing(row: &Row) -> Result<Standing, StoreError> {
    let state = row.opt_text("state")?.and_then(|state| DeliveryState::named(&state));
    let stands = Stands {
        words: row.text("words")?,
        revision: row.int("revision")?,
        state,
        arrived: row.opt_text("arrived")?.filter(|_| state == Some(DeliveryState::Sent)),
        message: row.opt_text("message")?,
        pinned: row.opt_text("pin")?.is_some(),
    };
    let (account, place, said) = (row.text("account")?, row.text("place")?, row.text("said")?);
    Ok(Standing { account, place, reply_to: ReplyTo(row.text("reply_to")?), said, stands })
}

const WORDS: &str = "\
    INSERT INTO standing (workspace, account, place, reply_to, words, revision, said) VALUES ($1, $2, $3, $5, $6, $7, $8) \
    ON CONFLICT (workspace, account, place) DO UPDATE SET reply_to = excluded.reply_to, words = excluded.words, \
    revision = excluded.revision, said = excluded.said \
    WHERE standing.said = $4 AND standing.revision <= excluded.revision OR $9 = 1";

impl Write for Stand {
    type Out = bool;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            if !self.change(tx).await? {
                return Ok(false);
            }
            for say in &self.send {
                let (workspace, account) = (&self.workspace, &self.account);
                let queue = Queue { workspace, account, turn: &say.id, part: 0, node: "", now_ms: self.now_ms };
                outbox::wait(tx, &queue, say, self.now_ms).await?;
            }
            Ok(true)
        })
    }
}

impl Stand {
    /// Whether it was as it was seen, and is changed.
    async fn change(&self, tx: &mut Conn) -> Result<bool, StoreError> {
        let bound = |statement| {
            let statement = sql(statement).bind(&self.workspace).bind(&self.account).bind(&self.place);
            statement.bind(self.seen.as_deref().unwrap_or_default())
        };
        let statement = match &self.change {
            Change::Words { said, reply_to, words, revision } => bound(WORDS)
                .bind(&reply_to.0)
                .bind(words)
                .bind(*revision)
                .bind(said)
                .bind(i64::from(!guard!("standing.once"))),
            Change::Became { message, pin } => bound(
                "UPDATE standing SET message = $5, pin = $6 WHERE workspace = $1 AND account = $2 AND place = $3 \
                 AND said = $4 AND (message IS NULL OR message <> $5)",
            )
            .bind(message)
            .bind(pin),
            Change::Pinned { pin } => bound(
                "UPDATE standing SET pin = $5 WHERE workspace = $1 AND account = $2 AND place = $3 AND said = $4 \
                 AND pin IS NULL",
            )
            .bind(pin),
            Change::Gone => {
                bound("DELETE FROM standing WHERE workspace = $1 AND account = $2 AND place = $3 AND said = $4")
            }
        };
        Ok(statement.execute(tx).await? == 1)
    }
}

struct Renew {
    workspace: String,
    account: String,
    place: String,
}

impl Write for Renew {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("UPDATE standing SET words = '', pin = NULL WHERE workspace = $1 AND account = $2 AND place = $3 \
                 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = standing.workspace AND o.id = standing.said \
                 AND o.state IN ('ready', 'sending', 'unknown'))")
            .bind(&self.workspace)
            .bind(&self.account)
            .bind(&self.place)
            .execute(tx)
            .await?;
            Ok(())
        })
    }
}
