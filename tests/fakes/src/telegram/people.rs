//! What people do at the fake: write, press, edit, come, go, and call themselves something else.

use serde_json::{Value, json};

use super::methods::entities_in;
use super::{Bot, State, chat_json, now_s};

impl Bot {
    /// A person writes. Chats with a negative id are supergroups, others are private. Commands and @mentions are
    /// marked as entities, as Telegram does. Returns the update's id.
    pub fn push_message(&self, chat: i64, from: i64, text: &str) -> i64 {
        self.push_with(chat, from, text, &json!({}))
    }

    /// A person answers one of the bot's messages. Returns the update's id.
    pub fn push_reply(&self, chat: i64, from: i64, text: &str, to: i64) -> i64 {
        let me = self.state.borrow().me();
        let quoted = json!({ "message_id": to, "from": me, "date": now_s(), "chat": chat_json(chat), "text": "…" });
        self.push_with(chat, from, text, &json!({ "reply_to_message": quoted }))
    }

    /// A person writes in a topic of a forum. Returns the update's id.
    pub fn push_in_topic(&self, chat: i64, thread: i64, from: i64, text: &str) -> i64 {
        self.push_with(chat, from, text, &json!({ "message_thread_id": thread, "is_topic_message": true }))
    }

    /// A person writes, and the message has these fields besides.
    fn push_with(&self, chat: i64, from: i64, text: &str, extra: &Value) -> i64 {
        self.change(|s| {
            let id = s.hear(chat);
            let mut message = s.message_of(chat, from, id, text);
            for (field, value) in extra.as_object().into_iter().flatten() {
                message[field] = value.clone();
            }
            s.queue(json!({ "message": message }))
        })
    }

    /// The identifier of the last message that anybody wrote.
    pub fn last_message(&self) -> i64 {
        self.state.borrow().last_message
    }

    /// A person rewrites a message. Returns the update's id.
    pub fn push_edit(&self, chat: i64, from: i64, message_id: i64, text: &str) -> i64 {
        self.change(|s| {
            let mut message = s.message_of(chat, from, message_id, text);
            message["edit_date"] = json!(now_s());
            s.queue(json!({ "edited_message": message }))
        })
    }

    /// A person presses a button below the bot's message. Returns the update's id.
    pub fn push_callback(&self, chat: i64, from: i64, message_id: i64, data: &str) -> i64 {
        self.change(|s| {
            let id = format!("callback-{}", s.next_update);
            s.callbacks.push(id.clone());
            let person = s.person(from);
            s.queue(json!({ "callback_query": {
                "id": id, "from": person, "chat_instance": "1", "data": data,
                "message": { "message_id": message_id, "date": now_s(), "chat": chat_json(chat), "text": "…" },
            }}))
        })
    }

    /// A person presses the stop button of a draft. Returns the update's id.
    pub fn push_stop(&self, chat: i64, draft: i64) -> i64 {
        self.push_update(json!({ "stopped_message_generation": { "chat": chat_json(chat), "draft_id": draft } }))
    }

    /// A person joins a group, as administrators are told of it. Returns the update's id.
    pub fn push_join(&self, chat: i64, person: i64) -> i64 {
        self.push_membership(chat, person, "left", "member")
    }

    /// A person leaves a group, as administrators are told of it. Returns the update's id.
    pub fn push_leave(&self, chat: i64, person: i64) -> i64 {
        self.push_membership(chat, person, "member", "left")
    }

    fn push_membership(&self, chat: i64, person: i64, from: &str, to: &str) -> i64 {
        self.change(|s| {
            let user = s.person(person);
            let member = |status: &str| json!({ "status": status, "user": user });
            s.queue(json!({ "chat_member": {
                "chat": chat_json(chat), "from": user, "date": now_s(),
                "old_chat_member": member(from), "new_chat_member": member(to),
            }}))
        })
    }

    /// A group says that people came (`new_chat_members`) or one left. Returns the update's id.
    pub fn push_service(&self, chat: i64, came: &[i64], left: Option<i64>) -> i64 {
        self.change(|s| {
            let id = s.hear(chat);
            let people: Vec<Value> = came.iter().map(|id| s.person(*id)).collect();
            let by = came.first().copied().or(left).unwrap_or(1);
            let mut message =
                json!({ "message_id": id, "date": now_s(), "chat": chat_json(chat), "from": s.person(by) });
            if let Some(left) = left {
                message["left_chat_member"] = s.person(left);
            } else {
                message["new_chat_members"] = json!(people);
            }
            s.queue(json!({ "message": message }))
        })
    }

    /// A person is called something else from now on; nobody is told.
    pub fn rename(&self, person: i64, name: &str) {
        self.change(|s| s.names.insert(person, name.to_owned()));
    }

    /// A person has this handle from now on; nobody is told.
    pub fn take_handle(&self, person: i64, handle: &str) {
        self.change(|s| s.handles.insert(person, handle.to_owned()));
    }

    /// Queues any update; `update_id` is filled in and returned.
    pub fn push_update(&self, update: Value) -> i64 {
        self.change(|s| s.queue(update))
    }
}

impl State {
    fn message_of(&self, chat: i64, from: i64, id: i64, text: &str) -> Value {
        json!({
            "message_id": id, "date": now_s(), "chat": chat_json(chat), "from": self.person(from),
            "text": text, "entities": entities_in(text),
        })
    }
}
