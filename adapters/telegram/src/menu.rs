//! The commands that Telegram offers below a `/`: set once for each change, and never for nothing.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use townkeeper_contract::command::{Audience, CommandSpec};
use townkeeper_contract::platform::Host;
use tracing::{debug, info, warn};

use crate::Telegram;
use crate::api::ApiError;

/// Under which name the daemon keeps what was set last.
const KEPT: &str = "commands";
/// How long until the next try, where Telegram does not say.
const AGAIN: Duration = Duration::from_mins(1);

/// How often it is looked whether a frozen town has thawed.
const THAW: Duration = Duration::from_secs(5);

/// Offers the daemon's commands, if they are not those that were offered last. Best effort, beside receiving.
pub(crate) async fn offer(bot: &Telegram, bot_id: i64, host: &dyn Host) {
    let menus = menus(host.commands());
    // The bot's own number is in it: behind a new token, nothing was offered yet.
    let mark = mark(&json!([bot_id, menus]));
    match host.state_get(KEPT).await {
        Ok(kept) if kept.as_deref() == Some(mark.as_str()) => return,
        Ok(_) => {}
        Err(error) => debug!(account = %bot.account, %error, "not known which commands were offered"),
    }
    for menu in &menus {
        loop {
            let mut answer = None;
            host.leave(Box::pin(async { answer = Some(bot.api.call::<bool>("setMyCommands", menu).await) })).await;
            let error = match answer {
                Some(Ok(_)) => break,
                Some(Err(error)) => error,
                // A frozen town offers nothing new.
                None => {
                    sleep(THAW).await;
                    continue;
                }
            };
            match error {
                ApiError::Said { code: code @ 400..=499, description, .. } if code != 429 => {
                    warn!(account = %bot.account, description, "Telegram refuses the menu of commands; they work all the same");
                    return;
                }
                ApiError::Said { retry_after_s: Some(seconds), .. } => sleep(Duration::from_secs(seconds)).await,
                _ => sleep(AGAIN).await,
            }
        }
    }
    match host.state_put(KEPT, &mark).await {
        Ok(()) => info!(account = %bot.account, "the commands are offered"),
        Err(error) => debug!(account = %bot.account, %error, "the commands will be offered again"),
    }
}

/// One request for each scope: the narrowest that fits somebody is what they see.
fn menus(commands: &[CommandSpec]) -> Vec<Value> {
    let menu = |scope: &str, shown: &dyn Fn(&CommandSpec) -> bool| {
        let shown = commands.iter().filter(|command| shown(command));
        // At most 100 of them.
        let commands: Vec<_> =
            shown.take(100).map(|c| json!({ "command": c.name, "description": c.summary })).collect();
        json!({ "scope": { "type": scope }, "commands": commands })
    };
    let everyones = |c: &CommandSpec| c.audience == Audience::Everyone;
    vec![
        menu("all_private_chats", &everyones),
        // In a group everybody reads the answer.
        menu("all_group_chats", &|c| everyones(c) && !c.private),
        menu("all_chat_administrators", &|c| !c.private),
    ]
}

fn mark(menus: &Value) -> String {
    use std::fmt::Write as _;
    Sha256::digest(menus.to_string()).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}
