//! What is answered at once, because nothing of it is kept: suggestions while somebody types, the form of a command, and
//! the promise of an answer, which follows the commit.

use serde_json::{Value, json};
use townkeeper_contract::platform::Host;
use tracing::debug;

use crate::Discord;
use crate::answer::First;
use crate::api::{ApiError, Ask};
use crate::commands::{asks_by_form, form};
use crate::deliver::EPHEMERAL;
use crate::wire::{Id, Interaction};

use super::normalise::words_of;

const COMMAND: u64 = 2;
const TYPED: u64 = 4;
/// «Interaction has already been acknowledged.»
const ACKNOWLEDGED: u64 = 40_060;

/// What Discord takes for a choice: how many, and how many characters each.
const CHOICES: usize = 25;
const CHOICE: usize = 100;

/// The answer to what is no event; `None`: it is one.
pub(super) fn answer(asked: &Interaction, host: &dyn Host) -> Option<Value> {
    match asked.kind {
        TYPED => {
            let suggested = host.suggest(&asked.data.name, &words_of(&asked.data.options));
            let short = suggested.iter().filter(|choice| (1..=CHOICE).contains(&choice.chars().count()));
            let choices: Vec<_> = short.take(CHOICES).map(|c| json!({ "name": c, "value": c })).collect();
            Some(json!({ "type": 8, "data": { "choices": choices } }))
        }
        COMMAND if words_of(&asked.data.options).is_empty() => {
            let spec = host.commands().iter().find(|spec| spec.name == asked.data.name)?;
            asks_by_form(spec).then(|| form(spec))
        }
        _ => None,
    }
}

/// Best effort: whoever typed types on, or gives the command again.
pub(super) async fn send(bot: &Discord, id: Id, token: &str, answer: &Value) {
    if let Err(error) = bot.api.done(Ask::post(callback(id, token), answer)).await {
        debug!(account = %bot.account, ?error, "an interaction stays without its first answer");
    }
}

/// Asks Discord something that no event waits for; `None`: the town is frozen, so it was not asked, or was cut off.
pub(crate) async fn unless_frozen<T: Send>(host: &dyn Host, ask: impl Future<Output = T> + Send) -> Option<T> {
    let mut answer = None;
    host.leave(Box::pin(async { answer = Some(ask.await) })).await;
    answer
}

/// The promise of an answer.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) id: Id,
    pub(super) app: Id,
    pub(super) token: String,
    pub(super) private: bool,
    pub(super) pressed: bool,
    /// Whether an answer may follow.
    pub(super) heeded: bool,
}

/// Defers, and tells whoever delivers the answer. Where no answer follows only who asked sees that it was heard, and at
/// once that it was all: unheard it would be shown as broken.
pub(super) async fn defer(bot: &Discord, promise: &Promise) {
    let only_heard = !promise.heeded && !promise.pressed;
    let flags = if only_heard || promise.private && !promise.pressed { EPHEMERAL } else { 0 };
    let body = match (promise.pressed, flags) {
        (true, _) => json!({ "type": 6 }),
        (false, 0) => json!({ "type": 5 }),
        (false, flags) => json!({ "type": 5, "data": { "flags": flags } }),
    };
    let mut first = First::Missed;
    // A second time only where the first left us in doubt; then it says whether the first was done.
    for _ in 0..2 {
        match bot.api.done(Ask::post(callback(promise.id, &promise.token), &body)).await {
            Ok(_) => first = First::Deferred,
            Err(error) if error.is(ACKNOWLEDGED) => first = First::Deferred,
            Err(ApiError::NotSent(_) | ApiError::Unanswered(_)) => continue,
            Err(error) => debug!(account = %bot.account, ?error, "an interaction could not be deferred"),
        }
        break;
    }
    if only_heard && first == First::Deferred {
        let path = format!("/webhooks/{}/{}/messages/@original", promise.app, promise.token);
        if let Err(error) = bot.api.done(Ask::delete(path)).await {
            debug!(account = %bot.account, ?error, "what was deferred stays");
        }
        first = First::Missed;
    }
    bot.interactions.settle(promise.id, first);
}

fn callback(id: Id, token: &str) -> String {
    format!("/interactions/{id}/{token}/callback")
}
