//! Answers that were given before their entry changed: who has one, and the messages that put it right. They wait in the
//! ordinary outbox, spaced so that answers go first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use townkeeper_contract::id::{AccountId, EntryId, MessageRef, PlaceId};
use townkeeper_contract::learning::{CorrectionGroup, CorrectionOrder, CorrectionWay, Corrections};
use townkeeper_contract::outbound::Act;
use townkeeper_contract::stream::Reply;
use townkeeper_contract::text::cut;
use townkeeper_core::decide::may_answer;
use townkeeper_core::say::correction::{correction, correction_in, has_words_of, is_current, language_of, replaced};
use townkeeper_core::{say, secret};
use townkeeper_knowledge::{Base, Entry};
use townkeeper_store::{By, Correct, Correction, PastTurn, Sendable, Told};

use crate::{Engine, EngineError, House, accept, ids};

/// How far back answers are put right, unless told otherwise.
const DAYS: u32 = 30;

/// How far apart the corrections of one account leave at most: the rest of its room is for answers.
const SPACING_MS: i64 = 200;

/// How many answers are looked at at a time.
const PAGE: u32 = 400;

/// How many are put right in one write.
const BATCH: usize = 100;

/// Stands for the wording of an entry that is not there any more.
const WITHDRAWN: &str = "withdrawn";

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Engine {
    /// Finds everyone who got an older wording of an entry, and has it put right if that is asked for. `None`: no such
    /// entry, and nobody was answered from one.
    pub async fn correct(
        &self,
        by: By,
        entry: &EntryId,
        order: &CorrectionOrder,
    ) -> Result<Option<Corrections>, EngineError> {
        let house = &self.house;
        let known = house.base().get(entry).is_some();
        let mut round = Round::new(house, by, entry, order);
        let sent = round.run(house).await?;
        if sent > 0 {
            house.outbox_kick.notify_one();
        }
        Ok((known || !round.tally.is_empty()).then(|| round.report(sent)))
    }
}

/// An earlier turn as it is to be read now.
pub(crate) fn as_of_now(house: &Arc<House>, past: Vec<PastTurn>) -> Vec<PastTurn> {
    let base = house.base();
    let now = |turn: PastTurn| PastTurn { reply: turn.reply.map(|reply| now_reads(house, &base, reply)), ..turn };
    past.into_iter().map(now).collect()
}

fn now_reads(house: &House, base: &Base, reply: Reply) -> Reply {
    let Some(citation) = &reply.citation else { return reply };
    let entry = base.get(&citation.entry);
    if entry.is_some_and(|entry| is_current(&reply, entry)) {
        return reply;
    }
    replaced(&reply, holds(house, base, &citation.entry))
}

/// The entry, if it may be answered with today.
fn holds<'a>(house: &House, base: &'a Base, entry: &EntryId) -> Option<&'a Entry> {
    base.get(entry).filter(|entry| may_answer(entry, accept::day(house.clock.now_ms())))
}

/// One look at everyone who was answered from an entry.
struct Round {
    by: By,
    entry: EntryId,
    /// What holds now: its name, the entry, and the hashes of its words in each language.
    revision: String,
    now: Option<Entry>,
    words: BTreeSet<String>,
    since_ms: i64,
    send: bool,
    /// When the next correction of an account may leave.
    next_ms: BTreeMap<String, i64>,
    tally: BTreeMap<(String, Option<String>, String, CorrectionWay), u64>,
}

impl Round {
    fn new(house: &House, by: By, entry: &EntryId, order: &CorrectionOrder) -> Self {
        let base = house.base();
        let now = holds(house, &base, entry);
        let days = order.days.unwrap_or(DAYS);
        Self {
            entry: entry.clone(),
            revision: base.get(entry).map_or_else(|| WITHDRAWN.to_owned(), |entry| entry.revision.clone()),
            words: languages(now).map(|lang| words(now, lang)).collect(),
            now: now.cloned(),
            since_ms: by.now_ms.saturating_sub(i64::from(days) * DAY_MS),
            send: order.send,
            by,
            next_ms: BTreeMap::new(),
            tally: BTreeMap::new(),
        }
    }

    /// Looks at all, page by page; how many were put right. Broken off, it is gone on with by asking again.
    async fn run(&mut self, house: &Arc<House>) -> Result<u64, EngineError> {
        let (mut sent, mut after) = (0, String::new());
        loop {
            let (workspace, entry) = (&house.workspace, self.entry.as_str());
            let page = house.store.told(workspace, entry, &self.revision, self.since_ms, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(sent) };
            after.clone_from(&last.turn);
            let mut in_language: BTreeMap<String, Vec<Correction>> = BTreeMap::new();
            for (words, item) in page.iter().filter_map(|told| self.look(house, told)) {
                in_language.entry(words).or_default().push(item);
            }
            if !self.send {
                continue;
            }
            for (words, items) in &in_language {
                for items in items.chunks(BATCH) {
                    let (by, entry, revision) = (self.by.clone(), self.entry.0.clone(), self.revision.clone());
                    let correct = Correct { by, entry, revision, words: words.clone(), items: items.to_vec() };
                    sent += house.store.correct(correct).await?;
                }
            }
        }
    }

    /// Counts an answer; what puts it right, with the hash of its words, if something is to be sent.
    fn look(&mut self, house: &House, told: &Told) -> Option<(String, Correction)> {
        let way = self.way(house, told);
        let key = (told.account.clone(), told.place.clone(), told.revision.clone(), way);
        *self.tally.entry(key).or_default() += 1;
        matches!(way, CorrectionWay::Edit | CorrectionWay::Reply).then(|| self.item(house, told, way)).flatten()
    }

    fn way(&self, house: &House, told: &Told) -> CorrectionWay {
        let same = match (&told.words, &told.reply, &self.now) {
            (Some(words), ..) => self.words.contains(words),
            (None, Some(reply), Some(entry)) => has_words_of(reply, entry),
            _ => false,
        };
        let Some(facts) = house.door.facts(&AccountId::from(told.account.as_str())) else {
            let on_page = told.account == "web";
            return match on_page {
                _ if same => CorrectionWay::SameWords,
                true => CorrectionWay::OnPage,
                false => CorrectionWay::OutOfReach,
            };
        };
        let in_state = |states: &[&str]| told.parts.iter().any(|part| states.contains(&part.state.as_str()));
        match told.parts.as_slice() {
            _ if same => CorrectionWay::SameWords,
            _ if in_state(&["ready", "sending"]) => CorrectionWay::UnderWay,
            _ if !in_state(&["sent", "unknown"]) => CorrectionWay::OutOfReach,
            parts if parts.iter().any(|part| part.replaced) => CorrectionWay::Replaced,
            [part] if part.state == "sent" && part.message.is_some() && facts.edits => CorrectionWay::Edit,
            _ => CorrectionWay::Reply,
        }
    }

    /// The messages: the first in the place of the old one, where that can be.
    fn item(&mut self, house: &House, told: &Told, way: CorrectionWay) -> Option<(String, Correction)> {
        let (part, facts) = (told.parts.first()?, house.door.facts(&AccountId::from(told.account.as_str()))?);
        let next_ms = self.next_ms.entry(told.account.clone()).or_insert(self.by.now_ms);
        let at_ms = *next_ms;
        *next_ms += SPACING_MS;
        let now = self.now.as_ref();
        let lang = now.zip(told.reply.as_ref()).map(|(entry, reply)| language_of(reply, entry));
        let pieces = cut(&say::message(&correction_in(now, lang)), facts.max_len, facts.measure);
        let act = |(at, body)| match &part.message {
            Some(message) if at == 0 && way == CorrectionWay::Edit => {
                Act::Edit { message: MessageRef(message.clone()), body, buttons: Vec::new() }
            }
            _ => Act::Message { body, buttons: Vec::new() },
        };
        let say = |act| Sendable {
            id: ids::ulid(self.by.now_ms),
            dest: part.dest.clone(),
            reply_to: part.reply_to.clone(),
            act,
            // Nobody should miss it because a platform was away for a while.
            deadline_ms: i64::MAX,
        };
        let correction = Correction {
            id: ids::ulid(self.by.now_ms),
            turn: told.turn.clone(),
            account: told.account.clone(),
            say: pieces.into_iter().enumerate().map(act).map(say).collect(),
            next_ms: at_ms,
        };
        Some((words(now, lang), correction))
    }

    fn report(self, sent: u64) -> Corrections {
        let group = |((account, place, revision, way), answers): ((String, Option<String>, String, _), u64)| {
            CorrectionGroup { account: AccountId(account), place: place.map(PlaceId), revision, way, answers }
        };
        Corrections {
            entry: self.entry,
            revision: self.revision,
            says: say::message(&correction(self.now.as_ref())).to_plain(),
            since_ms: self.since_ms,
            send: self.send,
            sent,
            groups: self.tally.into_iter().map(group).collect(),
        }
    }
}

/// The languages of an entry; of none, none.
fn languages(now: Option<&Entry>) -> impl Iterator<Item = Option<&str>> {
    let others = now.into_iter().flat_map(|entry| &entry.translations).map(|block| Some(block.lang.as_str()));
    std::iter::once(now.map(|entry| entry.lang.as_str())).chain(others)
}

/// The hash of what holds now in a language.
fn words(now: Option<&Entry>, lang: Option<&str>) -> String {
    hash(&now.map_or_else(|| correction(None), |entry| say::canonical_in(entry, lang)))
}

/// The words of an answer, apart from where they were published.
fn hash(reply: &Reply) -> String {
    secret::hash(&serde_json::to_string(&reply.body).unwrap_or_default())
}
