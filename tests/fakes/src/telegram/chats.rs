//! The chats of the fake: who is in them, what the bot may do there, pins, webhooks; and what tests read of them.

use serde_json::{Value, json};

use super::webhook::Webhook;
use super::{Bot, Refusal, State, chat_json, now_s};

/// Everything a group can allow or forbid.
const PERMISSIONS: [&str; 16] = [
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
];

/// The end that was asked for; 0: for good.
fn until_of(body: &Value) -> i64 {
    let ahead = body["until_date"].as_i64().map_or(0, |until| until - now_s());
    if (30..=366 * 86_400).contains(&ahead) { now_s() + ahead } else { 0 }
}

impl State {
    /// Methods about chats, members, pins and webhooks.
    pub(super) fn call_about_chats(&mut self, method: &str, body: &Value) -> Result<Value, Refusal> {
        let (chat, user) = (body["chat_id"].as_i64().unwrap_or(0), body["user_id"].as_i64().unwrap_or(0));
        match method {
            "setWebhook" => self.set_webhook(body),
            "deleteWebhook" => {
                self.webhook = None;
                Ok(json!(true))
            }
            "getWebhookInfo" => Ok(self.webhook_info()),
            "getChatMember" => {
                self.reachable(chat)?;
                Ok(self.member(chat, user))
            }
            "pinChatMessage" | "unpinChatMessage" => self.pin(method == "pinChatMessage", chat, body),
            "restrictChatMember" => self.restrict(chat, user, body),
            "banChatMember" | "unbanChatMember" | "banChatSenderChat" | "unbanChatSenderChat" => {
                self.reachable(chat)?;
                self.may(chat, "can_restrict_members")?;
                let sender = body["sender_chat_id"].as_i64().unwrap_or(user);
                self.ban(chat, sender, !method.starts_with("un"), body)
            }
            _ => Err(Refusal::new(404, "Not Found")),
        }
    }

    /// What `getChatMember` says of somebody.
    pub(super) fn member(&self, chat: i64, user: i64) -> Value {
        let known = self.members.get(&(chat, user)).cloned();
        let mut member = known.unwrap_or_else(|| json!({ "status": "member" }));
        member["user"] = if user == self.id { self.me() } else { self.person(user) };
        member
    }

    /// Whether the bot has a right in a group.
    pub(super) fn may(&self, chat: i64, right: &str) -> Result<(), Refusal> {
        let may =
            self.members.get(&(chat, self.id)).is_some_and(|me| me["status"] == "administrator" && me[right] == true);
        if may { Ok(()) } else { Err(Refusal::bad("not enough rights to restrict/unrestrict chat member")) }
    }

    fn administers(&self, chat: i64, user: i64) -> bool {
        let status = self.members.get(&(chat, user)).map(|member| member["status"].clone());
        status.is_some_and(|status| status == "administrator" || status == "creator")
    }

    fn pin(&mut self, on: bool, chat: i64, body: &Value) -> Result<Value, Refusal> {
        self.reachable(chat)?;
        if chat < 0 {
            self.may(chat, "can_pin_messages")
                .map_err(|_| Refusal::bad("not enough rights to manage pinned messages in the chat"))?;
        }
        let id = body["message_id"].as_i64().unwrap_or(0);
        let there = self.heard.contains(&(chat, id))
            || self.sent.iter().any(|m| m.chat_id == chat && m.message_id == id && !m.deleted);
        let at = self.pinned.iter().position(|pinned| *pinned == (chat, id));
        match (on, at) {
            (true, _) if !there => return Err(Refusal::bad("message to pin not found")),
            (true, None) => self.pinned.push((chat, id)),
            (true, Some(_)) => return Err(Refusal::bad("CHAT_NOT_MODIFIED")),
            (false, Some(at)) => drop(self.pinned.remove(at)),
            (false, None) => return Err(Refusal::bad("message to unpin not found")),
        }
        Ok(json!(true))
    }

    /// Less than 30 seconds or more than 366 days ahead is for good, as the documentation has it.
    fn restrict(&mut self, chat: i64, user: i64, body: &Value) -> Result<Value, Refusal> {
        self.reachable(chat)?;
        self.may(chat, "can_restrict_members")?;
        if self.administers(chat, user) {
            return Err(Refusal::bad("user is an administrator of the chat"));
        }
        let allowed = |name: &str| body["permissions"][name] == true;
        // Whoever is out stays out, and a ban ends: one is banned or restricted.
        let there = self.members.get(&(chat, user)).is_none_or(|member| {
            member["status"] != "kicked" && member["status"] != "left" && member["is_member"] != false
        });
        let member = if PERMISSIONS.iter().all(|name| allowed(name)) {
            json!({ "status": if there { "member" } else { "left" } })
        } else {
            let mut member = json!({ "status": "restricted", "is_member": there, "until_date": until_of(body) });
            for name in PERMISSIONS {
                member[name] = json!(allowed(name));
            }
            member
        };
        self.members.insert((chat, user), member);
        Ok(json!(true))
    }

    fn ban(&mut self, chat: i64, user: i64, on: bool, body: &Value) -> Result<Value, Refusal> {
        if self.administers(chat, user) {
            return Err(Refusal::bad("can't remove chat owner"));
        }
        let banned = self.members.get(&(chat, user)).is_some_and(|member| member["status"] == "kicked");
        match (on, banned) {
            (true, _) => {
                let member = json!({ "status": "kicked", "until_date": until_of(body) });
                self.members.insert((chat, user), member);
            }
            (false, false) if body["only_if_banned"] == true => {}
            // Without the flag, whoever is in the group is thrown out by being unbanned.
            (false, _) => drop(self.members.insert((chat, user), json!({ "status": "left" }))),
        }
        Ok(json!(true))
    }

    fn set_webhook(&mut self, body: &Value) -> Result<Value, Refusal> {
        let url = body["url"].as_str().unwrap_or_default();
        if !url.starts_with("https://") {
            return Err(Refusal::bad("bad webhook: An HTTPS URL must be provided for webhook"));
        }
        let secret = body["secret_token"].as_str().unwrap_or_default();
        if !secret.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') || secret.len() > 256 {
            return Err(Refusal::bad("secret token contains unallowed characters"));
        }
        self.webhook = Some(Webhook::new(url, secret, &body["allowed_updates"]));
        Ok(json!(true))
    }

    fn webhook_info(&self) -> Value {
        let mut info = json!({ "url": "", "pending_update_count": self.updates.len() });
        if let Some(webhook) = &self.webhook {
            info["url"] = json!(webhook.url);
            if let Some((at, words)) = &webhook.last_error {
                info["last_error_date"] = json!(at);
                info["last_error_message"] = json!(words);
            }
        }
        info
    }
}

impl Bot {
    /// Makes somebody of a chat an administrator with these rights (`can_delete_messages`, …); 0 is the bot itself.
    pub fn promote(&self, chat: i64, user: i64, rights: &[&str]) {
        let mut member = json!({ "status": "administrator" });
        for right in rights {
            member[*right] = json!(true);
        }
        self.set_member(chat, user, member);
    }

    /// Makes somebody this kind of `ChatMember`; 0 is the bot itself.
    pub fn set_member(&self, chat: i64, user: i64, member: Value) {
        self.change(|s| {
            let user = if user == 0 { s.id } else { user };
            s.members.insert((chat, user), member)
        });
    }

    /// What `getChatMember` would say.
    pub fn member(&self, chat: i64, user: i64) -> Value {
        self.state.borrow().member(chat, user)
    }

    /// Turns the privacy mode of groups off (`true`) or on.
    pub fn read_all(&self, on: bool) {
        self.change(|s| s.reads_all = on);
    }

    /// Everything a draft has shown, oldest first.
    pub fn drafts(&self, chat: i64, draft: i64) -> Vec<String> {
        self.state.borrow().drafts.get(&(chat, draft)).cloned().unwrap_or_default()
    }

    /// The menu of a scope (`all_private_chats`), as sent.
    pub fn menu(&self, scope: &str) -> Option<Value> {
        self.state.borrow().menus.get(scope).cloned()
    }

    /// Pinned messages, as (chat, message).
    pub fn pinned(&self) -> Vec<(i64, i64)> {
        self.state.borrow().pinned.clone()
    }

    /// The chat throws the bot out, or the person blocks it, and says so. Returns the update's id.
    pub fn kick(&self, chat: i64, by: i64) -> i64 {
        self.change(|s| s.closed.insert(chat));
        self.push_presence(chat, by, "member", "kicked")
    }

    /// The bot is added to a group, or unblocked by a person. Returns the update's id.
    pub fn add_to(&self, chat: i64, by: i64) -> i64 {
        self.change(|s| s.closed.remove(&chat));
        self.push_presence(chat, by, "left", "member")
    }

    /// The bot's own membership changes.
    pub fn push_presence(&self, chat: i64, by: i64, from: &str, to: &str) -> i64 {
        self.change(|s| {
            let (me, by) = (s.me(), s.person(by));
            let member = |status: &str| json!({ "status": status, "user": me });
            s.queue(json!({ "my_chat_member": {
                "chat": chat_json(chat), "from": by, "date": now_s(),
                "old_chat_member": member(from), "new_chat_member": member(to),
            }}))
        })
    }

    /// A group becomes a supergroup with another id: both say so, and the old one takes nothing any more.
    pub fn migrate(&self, chat: i64, to: i64, by: i64) -> i64 {
        self.change(|s| {
            let (old, new, by) = (s.hear(chat), s.hear(to), s.person(by));
            s.moved.insert(chat, to);
            s.queue(json!({ "message": { "message_id": old, "date": now_s(), "from": by, "migrate_to_chat_id": to,
                "chat": { "id": chat, "type": "group", "title": "Lumen" } } }));
            s.queue(json!({ "message": { "message_id": new, "date": now_s(), "from": by,
                "migrate_from_chat_id": chat, "chat": chat_json(to) } }))
        })
    }
}
