//! Discord's objects with every field a client may insist on: what a test leaves out is filled in.

use serde_json::{Map, Value, json};

use super::DiscordBot;
use super::state::id_of;

/// What `@everyone` may do in a new guild: see channels and read them, write, in threads too, react, attach, embed,
/// use commands.
const EVERYONE: u64 =
    1 << 10 | 1 << 16 | 1 << 11 | 1 << 38 | 1 << 6 | 1 << 15 | 1 << 14 | 1 << 18 | 1 << 31 | 1 << 35 | 1 << 26;

/// Adds the fields of `defaults` that `value` does not have, and writes ids as strings.
pub(super) fn fill(mut value: Value, defaults: Value) -> Value {
    if !value.is_object() {
        value = Value::Object(Map::new());
    }
    if let (Value::Object(has), Value::Object(defaults)) = (&mut value, defaults) {
        for (key, default) in defaults {
            has.entry(key).or_insert(default);
        }
        for (key, field) in has.iter_mut() {
            let is_id = key == "id" || key.ends_with("_id");
            if let Some(number) = field.as_u64().filter(|_| is_id) {
                *field = json!(number.to_string());
            }
        }
    }
    value
}

pub(super) fn user(value: Value) -> Value {
    let id = id_of(&value["id"]).unwrap_or(0);
    let defaults = json!({ "id": id.to_string(), "username": format!("person{id}"), "discriminator": "0",
        "global_name": null, "avatar": null, "bot": false, "system": false, "public_flags": 0 });
    fill(value, defaults)
}

/// The bot as a user.
pub(super) fn bot(bot: &DiscordBot) -> Value {
    user(json!({ "id": bot.user_id.to_string(), "username": bot.username, "bot": true, "verified": true,
        "mfa_enabled": false, "flags": 0 }))
}

pub(super) fn member(value: Value) -> Value {
    let mut value = fill(
        value,
        json!({ "user": {}, "nick": null, "avatar": null, "banner": null, "roles": [],
        "joined_at": "2024-01-01T00:00:00.000000+00:00", "premium_since": null, "deaf": false, "mute": false,
        "flags": 0, "pending": false, "communication_disabled_until": null }),
    );
    value["user"] = user(value["user"].take());
    value
}

pub(super) fn role(guild: u64, value: Value) -> Value {
    let everyone = id_of(&value["id"]) == Some(guild);
    let (name, permissions) = if everyone { ("@everyone", EVERYONE) } else { ("role", 0) };
    let position = u64::from(!everyone);
    let mut value = fill(
        value,
        json!({ "name": name, "color": 0, "hoist": false, "icon": null, "unicode_emoji": null,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null }, "position": position,
        "permissions": permissions.to_string(), "managed": false, "mentionable": false, "flags": 0 }),
    );
    if let Some(bits) = value["permissions"].as_u64() {
        value["permissions"] = json!(bits.to_string());
    }
    value
}

pub(super) fn channel(guild: u64, value: Value) -> Value {
    let thread = matches!(value["type"].as_u64(), Some(10..=12));
    let mut value = fill(
        value,
        json!({ "type": 0, "guild_id": guild.to_string(), "position": 0, "name": "channel",
        "permission_overwrites": [], "topic": null, "nsfw": false, "last_message_id": null, "parent_id": null,
        "rate_limit_per_user": 0, "flags": 0 }),
    );
    if thread {
        value = fill(
            value,
            json!({ "owner_id": "0", "message_count": 0, "member_count": 0, "total_message_sent": 0,
            "thread_metadata": { "archived": false, "auto_archive_duration": 1440, "locked": false,
                "archive_timestamp": "2024-01-01T00:00:00.000000+00:00" } }),
        );
    }
    value
}

/// A direct conversation of a bot with a person.
pub(super) fn direct(id: u64, person: &Value) -> Value {
    json!({ "id": id.to_string(), "type": 1, "last_message_id": null, "recipients": [person], "flags": 0 })
}

/// A guild object without its lists.
pub(super) fn guild(value: Value) -> Value {
    fill(
        value,
        json!({ "name": "Lumen", "icon": null, "splash": null, "discovery_splash": null, "owner_id": "1",
        "afk_channel_id": null, "afk_timeout": 300, "verification_level": 1, "default_message_notifications": 1,
        "explicit_content_filter": 2, "emojis": [], "stickers": [], "features": [], "mfa_level": 0,
        "application_id": null, "system_channel_id": null, "system_channel_flags": 0, "rules_channel_id": null,
        "max_members": 500_000, "max_presences": null, "vanity_url_code": null, "description": null, "banner": null,
        "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US", "nsfw_level": 0,
        "public_updates_channel_id": null, "premium_progress_bar_enabled": false, "safety_alerts_channel_id": null,
        "max_video_channel_users": 25, "widget_enabled": false, "region": "deprecated" }),
    )
}

/// What GUILD_CREATE adds to a guild object.
pub(super) fn guild_create(value: Value, members: usize) -> Value {
    fill(
        value,
        json!({ "joined_at": "2024-01-01T00:00:00.000000+00:00", "large": members > 250,
        "unavailable": false, "member_count": members, "voice_states": [], "presences": [], "stage_instances": [],
        "guild_scheduled_events": [], "soundboard_sounds": [] }),
    )
}

pub(super) fn message(value: Value) -> Value {
    fill(
        value,
        json!({ "type": 0, "content": "", "edited_timestamp": null, "tts": false, "mention_everyone": false,
        "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "components": [], "pinned": false,
        "flags": 0 }),
    )
}

/// A message as an app without the message content intent gets it.
pub(super) fn without_content(message: &Value) -> Value {
    let mut bare = message.clone();
    if let Value::Object(fields) = &mut bare {
        fields.insert("content".to_owned(), json!(""));
        for list in ["embeds", "attachments", "components"] {
            fields.insert(list.to_owned(), json!([]));
        }
        fields.remove("poll");
        fields.remove("message_snapshots");
        if let Some(answered) = fields.get_mut("referenced_message") {
            *answered = without_content(answered);
        }
    }
    bare
}

/// A message as the one that answers it carries it: without what it answered itself.
pub(super) fn referenced(message: &Value) -> Value {
    let mut message = message.clone();
    if let Value::Object(fields) = &mut message {
        fields.remove("referenced_message");
    }
    message
}

/// ISO 8601 in UTC, as Discord writes time.
pub(super) fn timestamp(ms: u64) -> String {
    let (days, in_day) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}+00:00", in_day % 1000 * 1000)
}

/// The date of a day since 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= 365 + leap(year) {
        days -= 365 + leap(year);
        year += 1;
    }
    let months = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

fn leap(year: u64) -> u64 {
    u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)))
}

/// Milliseconds since the epoch of an ISO 8601 time, which must be in UTC (`Z` or `+00:00`).
pub(super) fn parse_timestamp(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date_part, time) = text.split_once('T')?;
    let mut date_parts = date_part.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date_parts.next()?.ok()?, date_parts.next()?.ok()?, date_parts.next()?.ok()?);
    let mut clock = time.splitn(3, ':');
    let (hour, minute) = (clock.next()?.parse::<u64>().ok()?, clock.next()?.parse::<u64>().ok()?);
    let second = clock.next()?.split('.').next()?.parse::<u64>().ok()?;
    let years: u64 = (1970..year).map(|y| 365 + leap(y)).sum();
    let lengths = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: u64 = lengths.iter().take(usize::try_from(month.checked_sub(1)?).ok()?).sum();
    let days = years + months + day.checked_sub(1)?;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000)
}
