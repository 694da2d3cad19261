//! The methods of the fake Bot API that answer at once, and the checks Telegram makes on a message.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Refusal, SentMessage, State, chat_json, now_s};

/// The longest message, in UTF-16 code units.
const MAX_TEXT: usize = 4096;

impl State {
    /// Does what `method` says.
    pub(super) fn call(&mut self, method: &str, body: &Value) -> Result<Value, Refusal> {
        match method {
            "getMe" => {
                let mut me = self.me();
                me["can_read_all_group_messages"] = json!(self.reads_all);
                Ok(me)
            }
            "sendMessage" => self.send_message(body),
            "sendMessageDraft" => self.send_draft(body),
            "editMessageText" => self.edit_message(body),
            "deleteMessage" => self.delete_message(body),
            "answerCallbackQuery" => self.answer_callback(body),
            "sendChatAction" => Ok(json!(true)),
            "getFile" => self.get_file(body),
            "setMyCommands" => self.set_commands(body),
            _ => self.call_about_chats(method, body),
        }
    }

    fn send_message(&mut self, body: &Value) -> Result<Value, Refusal> {
        let chat_id = body["chat_id"].as_i64().ok_or_else(|| Refusal::bad("chat_id is empty"))?;
        self.reachable(chat_id)?;
        let (text, entities) = checked_text(body)?;
        check_keyboard(body)?;
        let reply_to = self.reply_target(chat_id, &body["reply_parameters"])?;
        self.last_message += 1;
        let sent = SentMessage {
            message_id: self.last_message,
            chat_id,
            text,
            entities,
            reply_to,
            deleted: false,
            at: Instant::now(),
            body: body.clone(),
        };
        let answer = self.message_json(&sent);
        self.sent.push_back(sent);
        self.sent_count += 1;
        self.trim();
        Ok(answer)
    }

    /// Shown for half a minute, in private chats alone.
    fn send_draft(&mut self, body: &Value) -> Result<Value, Refusal> {
        let chat_id = body["chat_id"].as_i64().ok_or_else(|| Refusal::bad("chat_id is empty"))?;
        self.reachable(chat_id)?;
        if chat_id < 0 {
            return Err(Refusal::bad("TEXTDRAFT_PEER_INVALID"));
        }
        let draft_id = body["draft_id"].as_i64().filter(|id| *id != 0);
        let draft_id = draft_id.ok_or_else(|| Refusal::bad("draft identifier must be non-zero"))?;
        // No text at all shows a placeholder.
        let text = if body["text"].as_str().is_none_or(str::is_empty) { String::new() } else { checked_text(body)?.0 };
        self.drafts.entry((chat_id, draft_id)).or_default().push(text);
        Ok(json!(true))
    }

    /// The message replied to. One that is not there is refused, unless the caller allowed for that.
    fn reply_target(&self, chat: i64, reply: &Value) -> Result<Option<i64>, Refusal> {
        let Some(id) = reply["message_id"].as_i64() else { return Ok(None) };
        let own = |m: &SentMessage| m.chat_id == chat && m.message_id == id && !m.deleted;
        let known = self.heard.contains(&(chat, id)) || self.sent.iter().rev().any(own);
        match (known, reply["allow_sending_without_reply"] == true) {
            (true, _) => Ok(Some(id)),
            (false, true) => Ok(None),
            (false, false) => Err(Refusal::bad("message to be replied not found")),
        }
    }

    fn edit_message(&mut self, body: &Value) -> Result<Value, Refusal> {
        self.reachable(body["chat_id"].as_i64().unwrap_or(0))?;
        let (text, entities) = checked_text(body)?;
        let message = self.own(body).ok_or_else(|| Refusal::bad("message to edit not found"))?;
        let markup = &body["reply_markup"];
        if message.text == text && message.entities == entities && message.body["reply_markup"] == *markup {
            return Err(Refusal::bad(
                "message is not modified: specified new message content and reply markup are exactly the same as a \
                 current content and reply markup of the message",
            ));
        }
        message.text = text;
        message.entities = entities;
        message.body["reply_markup"] = markup.clone();
        let message = message.clone();
        Ok(self.message_json(&message))
    }

    fn delete_message(&mut self, body: &Value) -> Result<Value, Refusal> {
        let chat = body["chat_id"].as_i64().unwrap_or(0);
        self.reachable(chat)?;
        if let Some(message) = self.own(body) {
            message.deleted = true;
            return Ok(json!(true));
        }
        // Somebody else's.
        let id = body["message_id"].as_i64().unwrap_or(0);
        if !self.heard.contains(&(chat, id)) {
            return Err(Refusal::bad("message to delete not found"));
        }
        self.may(chat, "can_delete_messages").map_err(|_| Refusal::bad("message can't be deleted"))?;
        self.heard.remove(&(chat, id));
        Ok(json!(true))
    }

    /// The bot's message that the body names, if it is still there.
    fn own(&mut self, body: &Value) -> Option<&mut SentMessage> {
        let (chat, id) = (body["chat_id"].as_i64()?, body["message_id"].as_i64()?);
        self.sent.iter_mut().rev().find(|m| m.chat_id == chat && m.message_id == id && !m.deleted)
    }

    fn answer_callback(&mut self, body: &Value) -> Result<Value, Refusal> {
        let waiting = self.callbacks.iter().position(|id| body["callback_query_id"] == id.as_str());
        let waiting = waiting
            .ok_or_else(|| Refusal::bad("query is too old and response timeout expired or query ID is invalid"))?;
        self.callbacks.swap_remove(waiting);
        Ok(json!(true))
    }

    /// At most 100, of 1 to 32 small letters, digits and underscores, each described in 1 to 256 characters.
    fn set_commands(&mut self, body: &Value) -> Result<Value, Refusal> {
        let commands = body["commands"].as_array().ok_or_else(|| Refusal::bad("commands is empty"))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let fits = |c: &Value| {
            let (name, about) = (c["command"].as_str().unwrap_or(""), c["description"].as_str().unwrap_or(""));
            (1..=32).contains(&name.len()) && name.chars().all(plain) && (1..=256).contains(&about.chars().count())
        };
        if commands.len() > 100 || !commands.iter().all(fits) {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        let scope = body["scope"]["type"].as_str().unwrap_or("default").to_owned();
        self.menus.insert(scope, body["commands"].clone());
        Ok(json!(true))
    }

    fn message_json(&self, m: &SentMessage) -> Value {
        json!({
            "message_id": m.message_id, "date": now_s(), "chat": chat_json(m.chat_id), "text": m.text, "from": self.me(),
        })
    }
}

/// Text and entities, as Telegram would accept them.
fn checked_text(body: &Value) -> Result<(String, Vec<Value>), Refusal> {
    let text = body["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.len() > MAX_TEXT {
        return Err(Refusal::bad("message is too long"));
    }
    let entities = body["entities"].as_array().cloned().unwrap_or_default();
    for entity in &entities {
        check_entity(entity, &units)?;
    }
    Ok((text.to_owned(), entities))
}

/// An entity lies inside the text, begins and ends between characters, and has what its type needs.
fn check_entity(entity: &Value, units: &[u16]) -> Result<(), Refusal> {
    let place = |field: &str| entity[field].as_i64().and_then(|n| usize::try_from(n).ok());
    let (Some(offset), Some(length)) = (place("offset"), place("length")) else {
        return Err(Refusal::bad("can't parse MessageEntity: offset and length must be non-negative numbers"));
    };
    let end = offset + length;
    if length == 0 || end > units.len() {
        return Err(Refusal::bad("entity lies outside of the text"));
    }
    // A low surrogate is the second half of a character.
    let splits = |at: usize| units.get(at).is_some_and(|unit| (0xDC00..=0xDFFF).contains(unit));
    if splits(offset) || splits(end) {
        return Err(Refusal::bad("entity begins or ends in the middle of a UTF-16 symbol"));
    }
    match entity["type"].as_str().unwrap_or_default() {
        "text_link" if entity["url"].as_str().is_none_or(str::is_empty) => Err(Refusal::bad("text_link needs a url")),
        "bold"
        | "italic"
        | "underline"
        | "strikethrough"
        | "spoiler"
        | "blockquote"
        | "expandable_blockquote"
        | "code"
        | "pre"
        | "text_link"
        | "url" => Ok(()),
        _ => Err(Refusal::bad("can't parse MessageEntity: unsupported type")),
    }
}

/// What a button carries is 1 to 64 bytes.
fn check_keyboard(body: &Value) -> Result<(), Refusal> {
    let rows = body["reply_markup"]["inline_keyboard"].as_array().into_iter().flatten();
    for button in rows.flat_map(|row| row.as_array().into_iter().flatten()) {
        let data = button["callback_data"].as_str().unwrap_or_default();
        if data.is_empty() || data.len() > 64 {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
        if button["text"].as_str().is_none_or(str::is_empty) {
            return Err(Refusal::bad("can't parse inline keyboard button: text is empty"));
        }
    }
    Ok(())
}

/// The commands and @mentions in what a person wrote, as entities.
pub(super) fn entities_in(text: &str) -> Vec<Value> {
    let mut entities = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let kind = match word.chars().next() {
            Some('/') => "bot_command",
            Some('@') => "mention",
            _ => "",
        };
        let length = word.chars().take_while(|c| c.is_ascii_alphanumeric() || "/@_".contains(*c)).count();
        if !kind.is_empty() && length > 1 {
            entities.push(json!({ "type": kind, "offset": offset, "length": length }));
        }
        offset += word.encode_utf16().count();
    }
    entities
}
