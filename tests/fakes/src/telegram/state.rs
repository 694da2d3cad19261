//! Everything a fake bot's server knows, and what every request does to it first.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};

use super::limits::Held;
use super::webhook::Webhook;
use super::{Call, Fault, Faults, Refusal, SentMessage};

/// One bot and its chats.
#[derive(Debug)]
pub(super) struct State {
    pub(super) id: i64,
    pub(super) username: String,
    pub(super) revoked: bool,
    /// Whether it sees what is not addressed to it in groups.
    pub(super) reads_all: bool,
    /// The identifier of the next update.
    pub(super) next_update: i64,
    pub(super) updates: VecDeque<Value>,
    /// The largest offset a poller has confirmed with.
    pub(super) confirmed: i64,
    /// Counts polls: an older one that still waits is refused with 409.
    pub(super) polls: u64,
    /// Polls that are waiting for an update right now.
    pub(super) held: usize,
    pub(super) webhook: Option<Webhook>,
    /// Where webhooks really lead: a proxy that ends TLS, in the place of the address given.
    pub(super) front: Option<String>,
    /// The last identifier given to any message.
    pub(super) last_message: i64,
    /// Messages people wrote, as (chat, message).
    pub(super) heard: HashSet<(i64, i64)>,
    pub(super) sent: VecDeque<SentMessage>,
    pub(super) sent_count: usize,
    /// What drafts show, by chat and draft.
    pub(super) drafts: BTreeMap<(i64, i64), Vec<String>>,
    /// Identifiers of pressed buttons that wait for `answerCallbackQuery`.
    pub(super) callbacks: Vec<String>,
    pub(super) calls: VecDeque<Call>,
    pub(super) counts: BTreeMap<String, usize>,
    /// How many calls and messages to keep.
    pub(super) kept: usize,
    pub(super) faults: Faults,
    /// What goes wrong with every call, until mended.
    pub(super) broken: BTreeMap<String, Fault>,
    pub(super) limits: Held,
    /// `ChatMember`s by chat and person; who is not in it is a plain member.
    pub(super) members: BTreeMap<(i64, i64), Value>,
    /// What people are called, where it is not their number.
    pub(super) names: BTreeMap<i64, String>,
    pub(super) handles: BTreeMap<i64, String>,
    /// Chats that threw the bot out.
    pub(super) closed: HashSet<i64>,
    /// Groups that became supergroups, and their new ids.
    pub(super) moved: BTreeMap<i64, i64>,
    pub(super) pinned: Vec<(i64, i64)>,
    /// Menus by scope.
    pub(super) menus: BTreeMap<String, Value>,
    /// What people sent, by its identifier.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl State {
    pub(super) fn new(id: i64, username: &str) -> Self {
        Self {
            id,
            username: username.to_owned(),
            revoked: false,
            reads_all: false,
            next_update: 900_000_001,
            updates: VecDeque::new(),
            confirmed: 0,
            polls: 0,
            held: 0,
            webhook: None,
            front: None,
            last_message: 0,
            heard: HashSet::new(),
            sent: VecDeque::new(),
            sent_count: 0,
            drafts: BTreeMap::new(),
            callbacks: Vec::new(),
            calls: VecDeque::new(),
            counts: BTreeMap::new(),
            kept: usize::MAX,
            faults: Faults::new(),
            broken: BTreeMap::new(),
            limits: Held::default(),
            members: BTreeMap::new(),
            names: BTreeMap::new(),
            handles: BTreeMap::new(),
            closed: HashSet::new(),
            moved: BTreeMap::new(),
            pinned: Vec::new(),
            menus: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// Who the bot is, as `User`.
    pub(super) fn me(&self) -> Value {
        json!({ "id": self.id, "is_bot": true, "first_name": "Keeper", "username": self.username })
    }

    pub(super) fn person(&self, id: i64) -> Value {
        let mut person = match self.names.get(&id) {
            Some(name) => json!({ "id": id, "is_bot": false, "first_name": name }),
            None => json!({ "id": id, "is_bot": false, "first_name": "Person", "last_name": id.to_string() }),
        };
        if let Some(handle) = self.handles.get(&id) {
            person["username"] = json!(handle);
        }
        person
    }

    /// Writes the request down. What is to go wrong with it, if anything.
    pub(super) fn called(&mut self, method: &str, body: &Value) -> Option<Fault> {
        self.calls.push_back(Call { method: method.to_owned(), body: body.clone(), at: Instant::now() });
        *self.counts.entry(method.to_owned()).or_default() += 1;
        self.trim();
        let fault = self.faults.get_mut(method).and_then(VecDeque::pop_front);
        fault.or_else(|| self.broken.get(method).cloned())
    }

    /// Lets go of what is more than is to be kept.
    pub(super) fn trim(&mut self) {
        self.calls.drain(..self.calls.len().saturating_sub(self.kept));
        self.sent.drain(..self.sent.len().saturating_sub(self.kept));
    }

    /// Queues an update; its identifier.
    pub(super) fn queue(&mut self, mut update: Value) -> i64 {
        let id = self.next_update;
        self.next_update += 1;
        update["update_id"] = json!(id);
        self.updates.push_back(update);
        id
    }

    /// A person's message takes the next identifier.
    pub(super) fn hear(&mut self, chat: i64) -> i64 {
        self.last_message += 1;
        self.heard.insert((chat, self.last_message));
        self.last_message
    }

    /// Updates below the offset are gone for good. An offset far beyond the newest update is not believed: the
    /// answer then begins at the oldest one, as the published server does. A negative one keeps that many.
    pub(super) fn confirm(&mut self, offset: i64) {
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            self.updates.drain(..self.updates.len().saturating_sub(keep));
        } else if offset > 0 && offset <= self.next_update + 10 {
            while self.updates.front().is_some_and(|u| u["update_id"].as_i64() < Some(offset)) {
                self.updates.pop_front();
            }
            self.confirmed = offset;
        }
    }

    /// Takes out what was not asked for. Kinds that the documentation does not know are never taken out: a test sends
    /// them on purpose.
    pub(super) fn only(&mut self, allowed: &Value) {
        const NAMED: [&str; 8] = [
            "message",
            "edited_message",
            "channel_post",
            "callback_query",
            "my_chat_member",
            "chat_member",
            "stopped_message_generation",
            "message_reaction",
        ];
        let Some(allowed) = allowed.as_array().filter(|allowed| !allowed.is_empty()) else { return };
        let unwanted = |kind: &&str| !allowed.iter().any(|wanted| wanted == *kind);
        let unwanted: Vec<&str> = NAMED.into_iter().filter(unwanted).collect();
        self.updates.retain(|update| !unwanted.iter().any(|kind| update.get(kind).is_some()));
    }

    /// Whether the bot can say anything in this chat.
    pub(super) fn reachable(&self, chat: i64) -> Result<(), Refusal> {
        if let Some(to) = self.moved.get(&chat) {
            let mut refusal = Refusal::bad("group chat was upgraded to a supergroup chat");
            refusal.parameters = Some(json!({ "migrate_to_chat_id": to }));
            return Err(refusal);
        }
        match (self.closed.contains(&chat), chat < 0) {
            (false, _) => Ok(()),
            (true, true) => Err(Refusal::new(403, "Forbidden: bot was kicked from the supergroup chat")),
            (true, false) => Err(Refusal::new(403, "Forbidden: bot was blocked by the user")),
        }
    }
}
