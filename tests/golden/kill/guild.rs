//! The same people on Discord: in private, by a mention, by a command, by a button. And the server they are in.

use serde_json::{Value, json};
use townkeeper_fakes::discord::{DiscordBot, DiscordServer, DiscordState, Message};

use super::check::{DISCORD, Pushed, Shown};
use super::people::{PERSONS, People};
use super::words;
use crate::daemon::Home;

const TOKEN: &str = "MTA-not.a_token.of-anyone";
const BOT: u64 = 9_007_199_254_740_993;
const GUILD: u64 = 9_007_199_254_741_111;
const CHANNELS: [u64; 2] = [9_007_199_254_742_222, 9_007_199_254_742_223];

/// How a bot says something new.
const CREATE: &str = "POST /channels/{channel.id}/messages";

/// A Discord with a guild, patient with us, and the home's account there.
pub(crate) async fn open(home: Home) -> (DiscordServer, Home) {
    let bot = DiscordBot { token: TOKEN.into(), user_id: BOT, application_id: BOT + 1, username: "lumen".into() };
    let discord = DiscordServer::start(&[bot]).await;
    discord.tune(|options| {
        options.global_per_s = None;
        options.route_limit = (1_000_000, 1_000);
    });
    let channels = CHANNELS.map(|id| json!({ "id": id }));
    let members = json!([{ "user": { "id": BOT } }]);
    discord.add_guild(json!({ "id": GUILD, "owner_id": "1", "members": members, "channels": channels }));
    let file = home.folder().join("discord.token");
    std::fs::write(&file, TOKEN).unwrap();
    let account = format!(
        "[[account]]\nplatform = \"discord\"\nname = \"main\"\ntoken_file = \"{}\"\napi_base = \"{}\"\n\
         request_timeout_s = 2\ngroups = \"any\"\nrate = {{ per_second = 10000 }}\n",
        file.display(),
        discord.api_base()
    );
    (discord, home.with(&account))
}

impl People {
    /// Somebody writes something, somewhere on Discord.
    pub(crate) fn write_on_discord(&mut self, discord: &DiscordServer) {
        let person = self.rng.i64(1..=PERSONS);
        let channel = number(CHANNELS[self.rng.usize(..CHANNELS.len())]);
        let text = words::question(&mut self.rng);
        match self.rng.u8(0..10) {
            0 => self.say(discord, channel, person, "gm everyone", false),
            1..=5 => self.say(discord, channel, person, &format!("<@{BOT}> {text}"), true),
            _ => self.ask_in_private(discord, &text),
        }
    }

    /// Somebody asks in a direct conversation of their own, so that its answers can be counted by looking at it.
    pub(crate) fn ask_in_private(&mut self, discord: &DiscordServer, text: &str) {
        let person = self.next;
        self.next += 1;
        let channel = number(discord.direct(BOT, person.unsigned_abs()));
        match text.strip_prefix("/ticket ") {
            Some(about) => {
                let options = json!([{ "type": 3, "name": "about", "value": about }]);
                let data = json!({ "name": "ticket", "options": options });
                self.interact(discord, channel, person, None, json!({ "type": 2, "data": data }));
            }
            None => self.say(discord, channel, person, text, true),
        }
    }

    fn say(&mut self, discord: &DiscordServer, channel: i64, person: i64, text: &str, addressed: bool) {
        let message = json!({ "channel_id": channel.to_string(), "author": { "id": person.to_string() },
            "content": text });
        let id = discord.push_message(message);
        let target = in_guild(channel).then(|| number(id));
        self.note(format!("m{id}"), addressed, channel, person, target);
    }

    fn interact(&mut self, discord: &DiscordServer, channel: i64, person: i64, target: Option<i64>, mut asked: Value) {
        asked["channel_id"] = json!(channel.to_string());
        asked["user"] = json!({ "id": person.to_string() });
        let (id, _) = discord.push_interaction(asked);
        self.note(format!("i{id}"), true, channel, person, target);
    }

    fn note(&mut self, event: String, addressed: bool, chat: i64, person: i64, target: Option<i64>) {
        self.pushed.push(Pushed { account: DISCORD, update: None, event, addressed, chat, person, target });
    }

    /// As `press` on Telegram.
    pub(crate) fn press_on_discord(&mut self, discord: &DiscordServer, eager: bool) {
        let said: Vec<Message> = discord.look(|state| state.by(BOT).into_iter().cloned().collect());
        for message in said {
            let buttons = message.components.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
            let action = self.rng.choice(buttons.filter_map(|button| button["custom_id"].as_str()).collect::<Vec<_>>());
            let (chat, id) = (number(message.channel), number(message.id));
            let Some(action) = action.filter(|_| self.would_press(id, eager)) else { continue };
            let Some(person) = self.who_asked(chat, replied(&message)) else { continue };
            let data = json!({ "component_type": 2, "custom_id": action });
            let asked = json!({ "type": 3, "message": { "id": message.id.to_string() }, "data": data });
            self.interact(discord, chat, person, in_guild(chat).then_some(id), asked);
        }
    }
}

/// What people see on Discord now.
pub(crate) fn shown(discord: &DiscordServer) -> Vec<Shown> {
    let see = |message: &Message| Shown {
        account: DISCORD,
        chat: number(message.channel),
        message: number(message.id),
        reply_to: replied(message).filter(|_| message.guild.is_some()),
        text: message.content.clone(),
    };
    discord.look(|state| state.by(BOT).into_iter().filter(|message| !message.deleted).map(see).collect())
}

/// How often the bot has begun to say something new.
pub(crate) fn sends(state: &DiscordState) -> usize {
    state.counts.get(CREATE).map_or(0, |calls| usize::try_from(*calls).unwrap_or(usize::MAX))
}

/// How many whole answers there are.
pub(crate) fn answers(state: &DiscordState) -> usize {
    state.by(BOT).into_iter().filter(|message| !message.content.is_empty() && !message.content.ends_with('…')).count()
}

fn replied(message: &Message) -> Option<i64> {
    let id = &message.message_reference.as_ref()?["message_id"];
    id.as_i64().or_else(|| id.as_str()?.parse().ok())
}

fn in_guild(channel: i64) -> bool {
    CHANNELS.map(number).contains(&channel)
}

/// A snowflake as the checker counts.
fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap()
}
