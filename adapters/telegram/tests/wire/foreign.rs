//! Against a Bot API that others wrote: the npm package `telegram-test-api`. `tests/foreign_telegram.sh` starts it and
//! runs this. What it does otherwise (no offsets, no held polls, `null` where Telegram says `true`) is not asserted.

use std::sync::Arc;

use serde_json::{Value, json};
use townkeeper_contract::inbound::Body;
use townkeeper_contract::outbound::{Act, Outbound};
use townkeeper_contract::platform::Platform as _;
use townkeeper_contract::text::{Origin, RichText};

use crate::deliver::say;
use crate::host::{Running, TestHost, text};
use crate::{TOKEN, bot_at, soon};

/// Where the script's server listens.
#[expect(clippy::disallowed_methods, reason = "the script tells where its server is, and there is no other way")]
fn base() -> String {
    std::env::var("FOREIGN_TELEGRAM").expect("run tests/foreign_telegram.sh")
}

/// A request of the person's side.
async fn person(method: &str, body: Value) -> Value {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = soon(client.post(format!("{}/{method}", base())).json(&body).send()).await.expect("an answer");
    answer.json().await.expect("JSON")
}

fn message(words: &str) -> Value {
    json!({
        "botToken": TOKEN, "date": 1_767_225_600, "text": words,
        "from": { "id": 11, "first_name": "Ada", "username": "ada", "is_bot": false },
        "chat": { "id": 11, "first_name": "Ada", "username": "ada", "type": "private" },
    })
}

#[tokio::test]
#[ignore = "needs a server of others: tests/foreign_telegram.sh"]
async fn a_question_and_its_answer_by_a_server_of_others() {
    let bot = bot_at(&base(), TOKEN);
    let host = Arc::new(TestHost::default());
    let mut running = Running::start(&bot, &host);

    person("sendMessage", message("When does the migration end?")).await;
    let mut command = message("/ask when?");
    command["entities"] = json!([{ "type": "bot_command", "offset": 0, "length": 4 }]);
    person("sendCommand", command).await;
    let mut press = message("");
    press["message"] = json!({ "message_id": 3, "chat": { "id": 11, "type": "private" }, "date": 1, "text": "?" });
    press["data"] = json!("ticket:open");
    person("sendCallback", press).await;

    let accepted = soon(host.wait_accepted(3)).await;
    assert_eq!(text(&accepted[0]), "When does the migration end?");
    assert_eq!(accepted[1].body, Body::Command { name: "ask".into(), args: "when?".into() });
    assert_eq!(accepted[2].body, Body::Action { action: "ticket:open".into() });

    let out = |act: Act| Outbound { id: "01J".into(), to: accepted[0].reply_to.clone(), act, repeated: false };
    let said = soon(bot.deliver(&out(say("In March.")))).await.expect("sent").message.expect("a message");
    let body = RichText::plain("In **March** 🌞", &Origin::System);
    let edit = Act::Edit { message: said.clone(), body, buttons: Vec::new() };
    let edited = soon(bot.deliver(&out(edit))).await;
    let history = person("getUpdatesHistory", json!({ "token": TOKEN })).await;
    let told = history["result"].as_array().expect("a history").iter().find(|entry| entry["message"]["chat_id"] == 11);
    let told = &told.expect("the answer")["message"];
    assert_eq!(told["text"], "In **March** 🌞", "{edited:?}: {history}");
    assert_eq!(told["parse_mode"], Value::Null);
    running.stop.cancel();
    soon(running.ended()).await.expect("a clean end");
}
