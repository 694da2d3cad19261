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

/// A call whose path says enough: it needs no token of a bot.
const fn open(name: &'static str, serve: fn(&mut State, &Ask<'_>) -> Reply) -> Route {
    Route { name, token: false, serve }
}

const ROUTES: &[Route] = &[
    open("GET /gateway", gateway),
    route("GET /gateway/bot", gateway_bot),
    route("POST /channels/{channel.id}/messages", State::create_message),
    route("GET /channels/{channel.id}/messages", State::list_messages),
    route("POST /channels/{channel.id}/messages/bulk-delete", State::delete_many),
    route("GET /channels/{channel.id}/messages/pins", State::list_pins),
    route("PUT /channels/{channel.id}/messages/pins/{message.id}", State::pin),
    route("DELETE /channels/{channel.id}/messages/pins/{message.id}", State::unpin),
    route("GET /channels/{channel.id}/pins", State::list_pins_old),
    route("PUT /channels/{channel.id}/pins/{message.id}", State::pin),
    route("DELETE /channels/{channel.id}/pins/{message.id}", State::unpin),
    route("GET /channels/{channel.id}/messages/{message.id}", State::get_message),
    route("PATCH /channels/{channel.id}/messages/{message.id}", State::patch_message),
    route("DELETE /channels/{channel.id}/messages/{message.id}", State::delete_own),
    route("PUT /channels/{channel.id}/messages/{message.id}/reactions/{emoji.id}/@me", State::react),
    route("DELETE /channels/{channel.id}/messages/{message.id}/reactions/{emoji.id}/@me", State::unreact),
    route("POST /channels/{channel.id}/typing", State::typing),
    route("GET /channels/{channel.id}", State::get_channel),
    open("POST /interactions/{interaction.id}/{interaction.token}/callback", State::callback),
    open("GET /webhooks/{application.id}/{interaction.token}/messages/@original", State::get_response),
    open("PATCH /webhooks/{application.id}/{interaction.token}/messages/@original", State::patch_response),
    open("DELETE /webhooks/{application.id}/{interaction.token}/messages/@original", State::delete_response),
    open("POST /webhooks/{application.id}/{interaction.token}", State::follow_up),
    open("GET /webhooks/{application.id}/{interaction.token}/messages/{message.id}", State::get_response),
    open("PATCH /webhooks/{application.id}/{interaction.token}/messages/{message.id}", State::patch_response),
    open("DELETE /webhooks/{application.id}/{interaction.token}/messages/{message.id}", State::delete_response),
    route("GET /guilds/{guild.id}", State::get_guild),
    route("GET /guilds/{guild.id}/roles", State::get_roles),
    route("GET /guilds/{guild.id}/channels", State::get_channels),
    route("GET /guilds/{guild.id}/members/{user.id}", State::get_member),
    route("PATCH /guilds/{guild.id}/members/{user.id}", State::patch_member),
    route("DELETE /guilds/{guild.id}/members/{user.id}", State::kick),
    route("GET /guilds/{guild.id}/bans/{user.id}", State::get_ban),
    route("PUT /guilds/{guild.id}/bans/{user.id}", State::ban),
    route("DELETE /guilds/{guild.id}/bans/{user.id}", State::unban),
    route("GET /users/@me", State::me),
    route("GET /users/@me/guilds", State::my_guilds),
    route("POST /users/@me/channels", State::open_direct),
    route("GET /users/{user.id}", State::get_user),
    route("GET /applications/@me", State::application),
    route("GET /oauth2/applications/@me", State::application),
    route("GET /applications/{application.id}/commands", State::get_commands),
    route("PUT /applications/{application.id}/commands", State::put_commands),
    route("GET /applications/{application.id}/guilds/{guild.id}/commands", State::get_commands),
    route("PUT /applications/{application.id}/guilds/{guild.id}/commands", State::put_commands),
];

impl Route {
    /// The channel, guild, interaction, or webhook with its token: limits are counted for each.
    pub(super) fn major(&self, places: &[&str]) -> String {
        let major = |word: &str| self.name.contains(word);
        match places {
            [id, token, ..] if major(" /webhooks/") => format!("{id}/{token}"),
            [id, ..] if major(" /channels/") || major(" /guilds/") || major(" /interactions/") => (*id).to_owned(),
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

/// Is there a call of this name?
pub(super) fn exists(name: &str) -> bool {
    name == "*" || ROUTES.iter().any(|route| route.name == name)
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

#[expect(clippy::unnecessary_wraps, reason = "all calls have one shape")]
fn gateway(state: &mut State, _: &Ask<'_>) -> Reply {
    Ok(Some(json!({ "url": format!("ws://{}/gateway", state.address) })))
}

#[expect(clippy::unnecessary_wraps, reason = "all calls have one shape")]
fn gateway_bot(state: &mut State, ask: &Ask<'_>) -> Reply {
    let used = state.starts.get(&ask.bot).copied().unwrap_or(0);
    let total = state.options.session_starts;
    Ok(Some(json!({ "url": format!("ws://{}/gateway", state.address), "shards": 1, "session_start_limit": {
        "total": total.max(1000), "remaining": total.saturating_sub(used), "reset_after": 86_400_000,
        "max_concurrency": 1 } })))
}
