//! People on Telegram: they write in private and mention the bot in groups, chat among themselves, and press buttons.
//! What they did is noted here, and compared with the store at the end. The same people on Discord are in `guild`.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};
use townkeeper_fakes::telegram::{BOT_USERNAME, SentMessage, TelegramServer};

use super::check::{Pushed, Shown, TELEGRAM};
use super::words;

/// Two groups that everybody is in.
const GROUPS: [i64; 2] = [-1_001, -1_002];

/// Few enough that one person often asks again before the answer is there.
pub(crate) const PERSONS: i64 = 3;

/// Everybody on Telegram and Discord.
pub(crate) struct People {
    pub(crate) rng: Rng,
    pub(crate) pushed: Vec<Pushed>,
    /// Names messages and private chats on Telegram, and strangers; beside the fake's own numbers.
    pub(crate) next: i64,
    /// How often the button below a message was pressed.
    presses: BTreeMap<i64, u32>,
}

impl People {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng, pushed: Vec::new(), next: 1_000_000_000, presses: BTreeMap::new() }
    }

    /// Somebody writes something, somewhere.
    pub(crate) fn write(&mut self, telegram: &TelegramServer) {
        let person = self.rng.i64(1..=PERSONS);
        let group = GROUPS[self.rng.usize(..GROUPS.len())];
        let text = words::question(&mut self.rng);
        match self.rng.u8(0..10) {
            0 => self.push(telegram, group, person, "gm everyone", false),
            1..=5 => self.push(telegram, group, person, &format!("@{BOT_USERNAME} {text}"), true),
            _ => {
                // A private chat of its own, so that its answers can be counted by looking at it.
                let chat = self.next;
                self.push(telegram, chat, chat, &text, true);
            }
        }
    }

    /// Somebody writes in private; returns the chat.
    pub(crate) fn write_in_private(&mut self, telegram: &TelegramServer, text: &str) -> i64 {
        let chat = self.next;
        self.push(telegram, chat, chat, text, true);
        chat
    }

    fn push(&mut self, telegram: &TelegramServer, chat: i64, person: i64, text: &str, addressed: bool) {
        let target = self.next;
        self.next += 1;
        let kind = if chat < 0 { "supergroup" } else { "private" };
        let update = telegram.push_update(json!({ "message": {
            "message_id": target, "date": 1_790_000_000, "chat": { "id": chat, "type": kind },
            "from": { "id": person, "is_bot": false, "first_name": "Person" },
            "text": text, "entities": entities(text),
        }}));
        let event = format!("m{chat}/{target}");
        let target = (chat < 0).then_some(target);
        self.pushed.push(Pushed { account: TELEGRAM, update: Some(update), event, addressed, chat, person, target });
    }

    /// Presses some of the buttons that are there; some of them a second time.
    pub(crate) fn press(&mut self, telegram: &TelegramServer, eager: bool) {
        for message in &telegram.sent() {
            let Some(action) = self.rng.choice(buttons(message)) else { continue };
            let (chat, target) = (message.chat_id, message.message_id);
            if !self.would_press(target, eager) {
                continue;
            }
            let Some(person) = self.who_asked(chat, reply_target(message)) else { continue };
            let update = telegram.push_callback(chat, person, target, action);
            self.pushed.push(Pushed {
                account: TELEGRAM,
                update: Some(update),
                // The fake names a press by the number of its update.
                event: format!("ccallback-{update}"),
                addressed: true,
                chat,
                person,
                target: (chat < 0).then_some(target),
            });
        }
    }

    /// Whether somebody presses a button below this message now: most are pressed once, a few twice.
    pub(crate) fn would_press(&mut self, message: i64, eager: bool) -> bool {
        let pressed = self.presses.entry(message).or_default();
        let likely = match *pressed {
            0 if eager => u8::MAX,
            0 => 160,
            _ => 20,
        };
        let presses = *pressed <= 1 && self.rng.u8(..) <= likely;
        *pressed += u32::from(presses);
        presses
    }

    /// Whom a message of the bot answers; it replies to `asked`, or is alone in its chat.
    pub(crate) fn who_asked(&self, chat: i64, asked: Option<i64>) -> Option<i64> {
        let of = |pushed: &&Pushed| pushed.chat == chat && asked.is_none_or(|asked| pushed.target == Some(asked));
        self.pushed.iter().find(of).map(|pushed| pushed.person)
    }
}

/// What people see on Telegram now.
pub(crate) fn shown(telegram: &TelegramServer) -> Vec<Shown> {
    let see = |message: &SentMessage| Shown {
        account: TELEGRAM,
        chat: message.chat_id,
        message: message.message_id,
        reply_to: reply_target(message),
        text: message.text.clone(),
    };
    telegram.sent().iter().map(see).collect()
}

/// What the message was sent as a reply to; the fake itself knows only messages that it numbered.
fn reply_target(message: &SentMessage) -> Option<i64> {
    message.body["reply_parameters"]["message_id"].as_i64()
}

/// What the buttons below a message carry.
fn buttons(message: &SentMessage) -> Vec<&str> {
    let rows = message.body["reply_markup"]["inline_keyboard"].as_array().into_iter().flatten();
    rows.filter_map(|row| row[0]["callback_data"].as_str()).collect()
}

/// A mention or command at the beginning, as Telegram marks it; all ASCII, so bytes are UTF-16 units.
fn entities(text: &str) -> Vec<Value> {
    let mut entities = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(' ') {
        let length = word.trim_end().len();
        match word.as_bytes().first() {
            Some(b'@') => entities.push(json!({ "type": "mention", "offset": offset, "length": length })),
            Some(b'/') => entities.push(json!({ "type": "bot_command", "offset": offset, "length": length })),
            _ => {}
        }
        offset += word.len();
    }
    entities
}
