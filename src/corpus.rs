//! A line of a corpus, or of what is to be scanned, as strangers write it. Only its text must be there: what is missing,
//! `null`, or of no shape that is known here counts as unknown, and whoever is unknown is a new member.

use std::time::Duration;

use anyhow::bail;
use serde_json::{Map, Value};
use townkeeper_shield::policy::{Channel, Place};
use townkeeper_shield::{Author, Folded, Message, Reply, Tier};

/// How long ago what is answered was written, where the line does not say: it is no quick answer.
const LONG_AGO: u32 = u32::MAX;

/// One line.
pub(crate) struct Row {
    /// As it was given; null where there is none.
    pub(crate) id: Value,
    pub(crate) text: String,
    pub(crate) label: Option<u64>,
    pub(crate) source: Option<String>,
    /// What it quotes or forwards.
    quoted: Option<String>,
    /// What it said before it was edited.
    before: Option<String>,
    author: Writer,
    reply: Option<Reply>,
    channel: Channel,
    platform: String,
}

/// Who wrote it.
#[derive(Default)]
struct Writer {
    id: Option<String>,
    name: String,
    handle: String,
    tier: Tier,
}

impl Row {
    /// Reads a line. Refused is what is no JSON object with a text.
    pub(crate) fn read(line: &str) -> anyhow::Result<Self> {
        let mut row: Map<String, Value> = serde_json::from_str(line)?;
        let Some(Value::String(text)) = row.remove("text") else { bail!("there is no \"text\" in words") };
        Ok(Self {
            id: row.remove("id").unwrap_or_default(),
            text,
            label: row.get("label").and_then(Value::as_u64),
            source: word(&row, &["source"]),
            quoted: word(&row, &["quoted"]),
            before: ["before", "edit", "edited"].iter().find_map(|name| before(row.get(*name)?)),
            author: row.get("author").map(writer).unwrap_or_default(),
            reply: row.get("reply").and_then(reply),
            channel: row.get("channel").map(channel).unwrap_or_default(),
            platform: word(&row, &["platform"]).unwrap_or_default().to_lowercase(),
        })
    }

    /// What is judged.
    pub(crate) fn message(&self) -> Message<'_> {
        Message {
            text: &self.text,
            quoted: self.quoted.as_deref().unwrap_or_default(),
            forwarded: false,
            before: self.before.as_deref(),
            author: Author {
                id: self.author.id.as_deref(),
                name: &self.author.name,
                handle: &self.author.handle,
                tier: self.author.tier,
            },
            reply: self.reply,
            in_reports: self.channel.is_about_scams(),
        }
    }

    /// Where it stands, for the policy.
    pub(crate) fn place(&self) -> Place<'_> {
        Place { platform: &self.platform, channel: self.channel, tier: self.author.tier }
    }
}

/// The first of these that holds words or a number.
fn word(of: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match of.get(*name)? {
        Value::String(word) => Some(word.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A name (`@ann`: a handle as well), an id, or both and more.
fn writer(given: &Value) -> Writer {
    match given {
        Value::String(name) => {
            let handle = name.strip_prefix('@').unwrap_or_default();
            Writer { name: name.clone(), handle: handle.to_owned(), ..Writer::default() }
        }
        Value::Number(id) => Writer { id: Some(id.to_string()), ..Writer::default() },
        Value::Object(author) => {
            let handle = word(author, &["handle", "username"]).unwrap_or_default();
            Writer {
                id: word(author, &["id"]),
                name: word(author, &["display_name", "name"]).unwrap_or_default(),
                handle: handle.trim_start_matches('@').to_owned(),
                tier: word(author, &["tier", "role"]).map(|word| tier(&word)).unwrap_or_default(),
            }
        }
        _ => Writer::default(),
    }
}

fn tier(word: &str) -> Tier {
    match word.to_lowercase().as_str() {
        "member" => Tier::Member,
        "trusted" => Tier::Trusted,
        "staff" | "moderator" | "admin" => Tier::Staff,
        _ => Tier::New,
    }
}

/// What it is for, by its class or else its name.
fn channel(given: &Value) -> Channel {
    match given {
        Value::String(word) => match word.trim_start_matches('#').to_lowercase().as_str() {
            "support" => Channel::Support,
            "announcements" => Channel::Announcements,
            "reports" => Channel::Reports,
            "staff" => Channel::Staff,
            _ => Channel::Open,
        },
        Value::Object(of) => {
            of.get("class").filter(|class| class.is_string()).or(of.get("name")).map(channel).unwrap_or_default()
        }
        _ => Channel::Open,
    }
}

/// The words before an edit, where they are told; that there was an edit says nothing of what it added.
fn before(given: &Value) -> Option<String> {
    match given {
        Value::String(words) => Some(words.clone()),
        Value::Object(edit) => word(edit, &["before"]),
        _ => None,
    }
}

/// That it answers something, its words, how long ago it was written, or more of it.
fn reply(given: &Value) -> Option<Reply> {
    match given {
        Value::Bool(true) => Some(Reply { asks_help: false, after_s: LONG_AGO }),
        Value::String(words) => Some(Reply { asks_help: asks(words), after_s: LONG_AGO }),
        Value::Number(_) => Some(Reply { asks_help: false, after_s: seconds(given)? }),
        Value::Object(reply) => {
            let told = reply.get("asks_help").and_then(Value::as_bool);
            let asks_help = told.or_else(|| reply.get("text")?.as_str().map(asks)).unwrap_or_default();
            let after_s = ["after_s", "seconds"].iter().find_map(|name| seconds(reply.get(*name)?));
            Some(Reply { asks_help, after_s: after_s.unwrap_or(LONG_AGO) })
        }
        _ => None,
    }
}

/// Whether words ask for help: as the daemon sees it, they ask something.
fn asks(words: &str) -> bool {
    Folded::new(words).text().contains('?')
}

fn seconds(given: &Value) -> Option<u32> {
    let after = Duration::try_from_secs_f64(given.as_f64()?).ok()?;
    Some(u32::try_from(after.as_secs()).unwrap_or(u32::MAX))
}
