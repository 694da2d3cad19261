//! Whom a message names, and whom it would really notify.

use serde_json::{Value, json};

use super::State;
use super::permissions::MENTION_EVERYONE;
use super::state::id_of;

/// What a message notifies.
#[derive(Debug, Default)]
pub(super) struct Pings {
    pub(super) everyone: bool,
    pub(super) here: bool,
    pub(super) roles: Vec<u64>,
    pub(super) users: Vec<u64>,
}

impl Pings {
    /// As [`super::Message::pings`] lists them.
    pub(super) fn words(&self) -> Vec<String> {
        let everyone = self.everyone.then(|| "everyone".to_owned());
        let here = self.here.then(|| "here".to_owned());
        let roles = self.roles.iter().map(|id| format!("role:{id}"));
        everyone.into_iter().chain(here).chain(roles).chain(self.users.iter().map(|id| format!("user:{id}"))).collect()
    }
}

/// The ids in `<@…>`, `<@!…>` (users) or `<@&…>` (roles), each once.
pub(super) fn named(text: &str, mark: &str) -> Vec<u64> {
    let mut ids = Vec::new();
    for (inside, _) in text.split('<').skip(1).filter_map(|rest| rest.split_once('>')) {
        let id = inside.strip_prefix(mark).and_then(|digits| digits.parse().ok());
        if let Some(id) = id.filter(|id| !ids.contains(id)) {
            ids.push(id);
        }
    }
    ids
}

/// What is spoken in a message: its content, and the text displays among its components.
fn spoken(content: &str, components: &Value) -> String {
    let mut text = content.to_owned();
    let mut open = vec![components];
    while let Some(value) = open.pop() {
        open.extend(value.as_array().into_iter().flatten());
        open.extend(value.get("components"));
        if value["type"].as_u64() == Some(10) {
            text.push(' ');
            text.push_str(value["content"].as_str().unwrap_or_default());
        }
    }
    text
}

impl State {
    /// Whom a message by `author` notifies. Without `allowed_mentions` everything it names is parsed, in an answer to
    /// an interaction (`webhook`) users only; with them only what they say. Code blocks are not looked at: what stands in them counts too.
    pub(super) fn pings(&self, author: u64, channel: u64, body: &Value, replied: Option<u64>, webhook: bool) -> Pings {
        let text = spoken(body["content"].as_str().unwrap_or_default(), &body["components"]);
        let allowed = &body["allowed_mentions"];
        let free = allowed.is_null();
        let parses = |kind: &str| {
            free && (kind == "users" || !webhook)
                || allowed["parse"].as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(kind)))
        };
        let lists = |kind: &str, id: u64| {
            allowed[kind].as_array().is_some_and(|all| all.iter().any(|one| id_of(one) == Some(id)))
        };
        let guild = self.data.channels.get(&channel).and_then(|c| self.data.guilds.get(&c.guild?));
        let to_all = guild.is_some() && self.may(author, channel, MENTION_EVERYONE);
        let everyone = to_all && parses("everyone") && text.contains("@everyone");
        let here = to_all && parses("everyone") && text.contains("@here");
        let mut roles = named(&text, "@&");
        roles.retain(|id| {
            let role = guild.and_then(|guild| guild.roles.get(id));
            let open = role.is_some_and(|role| to_all || role["mentionable"].as_bool() == Some(true));
            open && (parses("roles") || lists("roles", *id))
        });
        let mut users = named(&text, "@");
        users.extend(named(&text, "@!"));
        users.retain(|id| parses("users") || lists("users", *id));
        let pinged = replied.filter(|_| free || allowed["replied_user"].as_bool() == Some(true));
        users.extend(pinged);
        users.sort_unstable();
        users.dedup();
        Pings { everyone, here, roles, users }
    }

    /// Writes into a message object whom it names.
    pub(super) fn name_in(&self, json: &mut Value, pings: &Pings) {
        json["mention_everyone"] = json!(pings.everyone || pings.here);
        json["mention_roles"] = json!(pings.roles.iter().map(ToString::to_string).collect::<Vec<_>>());
        json["mentions"] = json!(pings.users.iter().map(|id| self.user(*id)).collect::<Vec<_>>());
    }
}

/// What is wrong with `allowed_mentions`: a kind parsed and listed at once, or a list that is too long.
pub(super) fn wrong(allowed: &Value) -> Option<&'static str> {
    let parsed =
        |kind: &str| allowed["parse"].as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(kind)));
    let listed = |kind: &str| allowed[kind].as_array().map_or(0, Vec::len);
    let both = |kind: &str| parsed(kind) && listed(kind) > 0;
    if both("users") || both("roles") {
        return Some("parse:[\"users\"] and users: [ids...] are mutually exclusive.");
    }
    (listed("users") > 100 || listed("roles") > 100).then_some("Must be 100 or fewer in length.")
}
