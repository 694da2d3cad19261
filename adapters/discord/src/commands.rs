//! Our commands as Discord's: registered when they differ from what was registered last, never on every start.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use townkeeper_contract::command::{Audience, CommandSpec};
use townkeeper_contract::platform::Host;
use tracing::{debug, info, warn};

use crate::Discord;
use crate::api::{ApiError, Ask};
use crate::deliver::hash_of;
use crate::receive::unless_frozen;
use crate::wire::Id;

/// Where the hash of what was registered is kept.
const KEPT: &str = "commands";
/// How often it is looked whether a frozen town has thawed.
const THAW: Duration = Duration::from_secs(5);
/// Who is offered what moderators do, until a server decides otherwise: those who may manage messages.
const MANAGE_MESSAGES: &str = "8192";

/// A command in the menu of a message.
const MESSAGE_MENU: u64 = 3;

/// Offers the commands, if they are not the ones on offer.
pub(crate) async fn offer(bot: &Discord, host: &dyn Host, application: Id) {
    let commands: Value =
        host.commands().iter().flat_map(|spec| [Some(command(spec)), in_menu(spec)]).flatten().collect();
    let wanted = format!("{application} {}", hash_of(&commands.to_string()));
    match host.state_get(KEPT).await {
        Ok(kept) if kept.as_ref() == Some(&wanted) => return,
        Ok(_) => {}
        Err(error) => return debug!(account = %bot.account, %error, "the commands stay as they are"),
    }
    let path = format!("/applications/{application}/commands");
    let offered = loop {
        let ask = Ask::put(path.clone()).with(&commands);
        match unless_frozen(host, bot.api.done(ask)).await {
            Some(offered) => break offered,
            None => sleep(THAW).await,
        }
    };
    match offered {
        Ok(_) => info!(account = %bot.account, commands = host.commands().len(), "commands registered"),
        Err(ApiError::Said { status, code, words }) => {
            return warn!(account = %bot.account, status, code, words, "Discord does not take our commands");
        }
        Err(error) => return warn!(account = %bot.account, ?error, "the commands are registered at the next start"),
    }
    if let Err(error) = host.state_put(KEPT, &wanted).await {
        debug!(account = %bot.account, %error, "the commands are registered again at the next start");
    }
}

fn command(spec: &CommandSpec) -> Value {
    let option = spec.argument.as_ref().map(|argument| {
        json!({ "type": 3, "name": argument.name, "description": argument.summary, "required": argument.required,
            "autocomplete": argument.suggests })
    });
    let needs = match spec.audience {
        Audience::Everyone => None,
        Audience::Moderators => Some(MANAGE_MESSAGES),
    };
    json!({ "type": 1, "name": spec.name, "description": spec.summary, "options": option.into_iter().collect::<Vec<_>>(),
        "default_member_permissions": needs })
}

/// The same in the menu of a message, where it is offered there.
fn in_menu(spec: &CommandSpec) -> Option<Value> {
    spec.menu.as_ref().map(|name| json!({ "type": MESSAGE_MENU, "name": name }))
}

/// Whether the command opens a form when it is given without its words: where these are a text to be written.
pub(crate) fn asks_by_form(spec: &CommandSpec) -> bool {
    spec.argument.as_ref().is_some_and(|argument| argument.suggests && !argument.required)
}

/// The form: one field, in the words of the command.
pub(crate) fn form(spec: &CommandSpec) -> Value {
    // The longest title and label Discord takes.
    let short = |words: &str| words.chars().take(45).collect::<String>();
    let label = spec.argument.as_ref().map(|argument| short(&argument.summary));
    let field = json!({ "type": 4, "custom_id": "words", "style": 2, "label": label, "required": false,
        "max_length": 1000 });
    json!({ "type": 9, "data": { "custom_id": format!("{FORM}{}", spec.name), "title": short(&spec.summary),
        "components": [{ "type": 1, "components": [field] }] } })
}

/// What a form's name begins with; the command's follows.
pub(crate) const FORM: &str = "form:";
