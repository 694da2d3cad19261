//! A connection that ends again and again, in every way after which its session can be resumed, while people write.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{DiscordServer, DiscordState};

/// People who write, each in a direct conversation of their own.
const PEOPLE: u64 = 20;
/// The first of them.
const FIRST: u64 = 9_007_199_254_750_000;
/// A hang guard, not a measure: no reconnect and no answer takes this long.
const PATIENCE: Duration = Duration::from_mins(2);

/// What came of a storm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storm {
    pub reconnects: usize,
    /// How many of them took the session up again.
    pub resumed: usize,
    pub asked: usize,
    /// Questions without an answer, and answers without a question.
    pub lost: usize,
    pub doubled: usize,
}

impl DiscordServer {
    /// Ends the connection of this one bot `times` times, each time once it is back: by code 4000, by RECONNECT, by a cut, by
    /// INVALID_SESSION, in turn. Every `every`th time somebody writes `words`, by turns before and behind the end; each such
    /// message is to be answered by one message. `after` is called after each reconnect, with its number from 1.
    pub async fn storm(
        &self,
        bot: u64,
        times: usize,
        every: usize,
        words: &str,
        mut after: impl FnMut(usize),
    ) -> Storm {
        let mut storm = Storm::default();
        let mut asked: BTreeMap<u64, usize> = BTreeMap::new();
        let connected = self.wait(|state| state.connected() == 1);
        tokio::time::timeout(PATIENCE, connected).await.expect("the bot does not connect");
        for n in 0..times {
            let (logins, resumed) = self.look(|state| (logins(state), resumed(state)));
            let asks = n % every.max(1) == 0;
            let before = (n / every.max(1)).is_multiple_of(2);
            if asks && before {
                self.ask(bot, words, &mut asked);
            }
            match n % 4 {
                0 => self.close_sessions(4000),
                1 => self.reconnect(),
                2 => self.close_sessions(1006),
                _ => self.invalidate(true),
            }
            if asks && !before {
                self.ask(bot, words, &mut asked);
            }
            let back = self.wait(|state| self::logins(state) > logins && state.connected() == 1);
            tokio::time::timeout(PATIENCE, back).await.expect("the bot does not come back");
            storm.reconnects += 1;
            storm.resumed += usize::from(self.look(self::resumed) > resumed);
            after(n + 1);
        }
        storm.asked = asked.values().sum();
        let answered = self.wait(|state| answers(state, bot).values().sum::<usize>() >= storm.asked);
        // What is lost is counted, not waited for.
        tokio::time::timeout(PATIENCE, answered).await.ok();
        let answers = self.look(|state| answers(state, bot));
        for (channel, asked) in asked {
            let answered = answers.get(&channel).copied().unwrap_or(0);
            storm.lost += asked.saturating_sub(answered);
            storm.doubled += answered.saturating_sub(asked);
        }
        storm
    }

    fn ask(&self, bot: u64, words: &str, asked: &mut BTreeMap<u64, usize>) {
        let person = FIRST + asked.values().sum::<usize>() as u64 % PEOPLE;
        let channel = self.direct(bot, person);
        self.push_message(json!({ "channel_id": channel, "author": { "id": person }, "content": words }));
        *asked.entry(channel).or_default() += 1;
    }
}

/// Log-ins and resumes, accepted or not.
fn logins(state: &DiscordState) -> usize {
    state.identifies.len() + state.resumes.len()
}

fn resumed(state: &DiscordState) -> usize {
    // The last one tells: there are thousands.
    state.resumes.len() - state.resumes.iter().rev().take_while(|resume| resume.replayed.is_none()).count()
}

/// What the bot said, by conversation.
fn answers(state: &DiscordState, bot: u64) -> BTreeMap<u64, usize> {
    let mut answers = BTreeMap::new();
    for message in state.messages.values().flat_map(BTreeMap::values).filter(|message| message.author == bot) {
        *answers.entry(message.channel).or_default() += 1;
    }
    answers
}
