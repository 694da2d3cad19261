//! What a model would remember about a person: proposed while it speaks, kept only once its answer stands.

use std::sync::Arc;

use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::stream::{Event, MemoryPhase};
use townkeeper_core::memory::{self, Note};
use townkeeper_store::{InboxRow, Remember, Remembered, StoreError, Whose, guard};

use crate::House;
use crate::live::FeedWriter;

/// So many notes may come of one turn.
const A_TURN: usize = 2;

/// What the events call it. Never the model's words, and never the note: who reads along may be anybody.
const KEY: &str = "note";

/// Whose notes an event may read and write: this person's, in this place, and no other's.
pub(crate) fn whose(house: &House, inbound: &Inbound) -> Whose {
    Whose {
        workspace: house.workspace.clone(),
        account: inbound.account.0.clone(),
        place: inbound.place.id.0.clone(),
        person: inbound.person.id.0.clone(),
    }
}

/// The notes about the person of an event.
pub(crate) async fn of(house: &House, inbound: &Inbound) -> Result<Vec<Note>, StoreError> {
    let rows = house.store.memories(&whose(house, inbound)).await?;
    Ok(rows.into_iter().map(|row| Note { number: row.number, text: row.note }).collect())
}

/// The notes of one turn.
#[derive(Debug, Default)]
pub(crate) struct Proposed(Vec<(String, String)>);

impl Proposed {
    /// Announces a note and judges it. An error is for the model.
    pub(crate) fn propose(&mut self, writer: &mut FeedWriter, write: String, words: &str) -> Result<(), &'static str> {
        announce(writer, &write, MemoryPhase::Proposed, None);
        let judged = match self.0.len() < A_TURN {
            _ if !guard!("memory.judge") => Ok(words.to_owned()),
            true => memory::judge(words),
            false => Err("too many"),
        };
        match judged {
            Ok(note) => {
                self.0.push((write, note));
                Ok(())
            }
            Err(why) => {
                announce(writer, &write, MemoryPhase::Rejected, Some(why));
                Err(why)
            }
        }
    }

    /// The answer stands: keeps the notes, and says so once they are committed.
    pub(crate) async fn commit(self, house: &Arc<House>, row: &InboxRow, writer: &mut FeedWriter) {
        for (write, note) in self.0 {
            let kept = house.store.remember(Remember {
                whose: whose(house, &row.inbound),
                note,
                turn: row.turn.clone(),
                now_ms: house.clock.now_ms(),
                room: i64::try_from(memory::NOTES).unwrap_or(i64::MAX),
            });
            match kept.await {
                Ok(Remembered::Kept | Remembered::Known) => announce(writer, &write, MemoryPhase::Committed, None),
                Ok(Remembered::Full) => announce(writer, &write, MemoryPhase::Rejected, Some("no room")),
                Err(error) => {
                    tracing::warn!(%error, "a note could not be kept");
                    announce(writer, &write, MemoryPhase::Rejected, Some("not kept"));
                }
            }
        }
    }

    /// The answer does not stand: nothing is kept.
    pub(crate) fn roll_back(self, writer: &mut FeedWriter) {
        for (write, _) in self.0 {
            announce(writer, &write, MemoryPhase::Rejected, Some("no answer"));
        }
    }
}

fn announce(writer: &mut FeedWriter, write: &str, phase: MemoryPhase, reason: Option<&str>) {
    let word = match phase {
        MemoryPhase::Proposed => "proposed",
        MemoryPhase::Committed => "committed",
        MemoryPhase::Rejected => "rejected",
    };
    metrics::counter!("townkeeper_memory_writes_total", "phase" => word).increment(1);
    let (write, key, reason) = (write.to_owned(), KEY.to_owned(), reason.map(str::to_owned));
    writer.emit(Event::MemoryWriteEvent { write, key, phase, reason });
}
