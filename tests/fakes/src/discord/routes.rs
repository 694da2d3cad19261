//! The calls the server knows, spelled as the documentation spells them.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::json;

use super::State;
use super::rest::{Ask, Reply};

/// A call.
pub(super) struct Route {
    pub(super) name: &'static str,
    /// It needs a bot's token.
    pub(super) token: bool,
    pub(super) serve: fn(&mut State, &Ask<'_>) -> Reply,
}

const fn route(name: &'static str, serve: fn(&mut State, &Ask<'_>) -> Reply) -> Route {
    Route { name, token: true, serve }
}

const ROUTES: &[Route] = &[
    Route { name: "GET /gateway", token: false, serve: gateway },
    route("GET /gateway/bot", gateway_bot),
    route("POST /channels/{channel.id}/messages", State::create_message),
];

impl Route {
    /// The channel, guild, or webhook with its token: limits are counted for each.
    pub(super) fn major(&self, places: &[&str]) -> String {
        let major = |word: &str| self.name.contains(word);
        match places {
            [id, token, ..] if major(" /webhooks/") => format!("{id}/{token}"),
            [id, ..] if major(" /channels/") || major(" /guilds/") => (*id).to_owned(),
            _ => String::new(),
        }
    }

    /// Interactions are not bound to the bot's global limit.
    pub(super) fn counts_globally(&self) -> bool {
        self.token
    }

    /// What `X-RateLimit-Bucket` says.
    pub(super) fn bucket(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// The route of a path, and what stands in its places.
pub(super) fn find<'a>(method: &str, path: &'a str) -> Option<(&'static Route, Vec<&'a str>)> {
    ROUTES.iter().find_map(|route| {
        let (its, template) = route.name.split_once(' ')?;
        if its != method {
            return None;
        }
        let (mut pattern, mut given) = (template.split('/'), path.split('/'));
        let mut places = Vec::new();
        loop {
            match (pattern.next(), given.next()) {
                (None, None) => return Some((route, places)),
                (Some(place), Some(value)) if place.starts_with('{') => places.push(value),
                (Some(word), Some(value)) if word == value => {}
                _ => return None,
            }
        }
    })
}

fn gateway(state: &mut State, _: &Ask<'_>) -> Reply {
    Ok(Some(json!({ "url": format!("ws://{}/gateway", state.address) })))
}

fn gateway_bot(state: &mut State, ask: &Ask<'_>) -> Reply {
    let used = state.starts.get(&ask.bot).copied().unwrap_or(0);
    let total = state.options.session_starts;
    Ok(Some(json!({ "url": format!("ws://{}/gateway", state.address), "shards": 1, "session_start_limit": {
        "total": total.max(1000), "remaining": total.saturating_sub(used), "reset_after": 86_400_000,
        "max_concurrency": 1 } })))
}
