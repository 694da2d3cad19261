//! The menu of commands: per scope, and only when it changed.

use serde_json::{Value, json};
use townkeeper_contract::command::{Audience, CommandSpec};
use townkeeper_fakes::telegram::Fault;

use crate::host::{Running, TestHost};
use crate::{server_and_bot, soon};

fn spec(name: &str, audience: Audience, private: bool) -> CommandSpec {
    CommandSpec {
        name: name.into(),
        summary: format!("What {name} does"),
        argument: None,
        audience,
        menu: None,
        private,
    }
}

fn commands() -> Vec<CommandSpec> {
    vec![
        spec("ask", Audience::Everyone, false),
        spec("memory", Audience::Everyone, true),
        spec("freeze", Audience::Moderators, false),
    ]
}

/// The names in a menu.
fn names(menu: Option<Value>) -> Vec<String> {
    let menu = menu.expect("a menu");
    menu.as_array().expect("commands").iter().map(|c| c["command"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn each_sees_what_is_for_them() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::with_commands(commands());
    let _running = Running::start(&bot, &host);
    soon(host.wait_kept("commands", "")).await;
    assert_eq!(names(server.menu("all_private_chats")), ["ask", "memory"]);
    assert_eq!(names(server.menu("all_group_chats")), ["ask"], "in a group everybody reads the answer");
    assert_eq!(names(server.menu("all_chat_administrators")), ["ask", "freeze"]);
    assert_eq!(server.menu("all_group_chats"), Some(json!([{ "command": "ask", "description": "What ask does" }])));
}

#[tokio::test]
async fn it_is_set_again_only_when_it_changed() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::with_commands(commands());
    let running = Running::start(&bot, &host);
    let first = soon(host.wait_kept("commands", "")).await;
    running.kill().await;

    let host = host.restarted_with(commands());
    let running = Running::start(&bot, &host);
    let update = server.push_message(11, 11, "gm");
    soon(server.wait_confirmed(update)).await;
    running.kill().await;
    assert_eq!(server.call_count("setMyCommands"), 3, "nothing was new");

    let host = host.restarted_with(vec![spec("ask", Audience::Everyone, false)]);
    let _running = Running::start(&bot, &host);
    soon(host.wait_kept("commands", &first)).await;
    assert_eq!(server.call_count("setMyCommands"), 6);
    assert_eq!(names(server.menu("all_private_chats")), ["ask"]);
}

/// The menu is a convenience: receiving does not wait for it, and a refusal is no trouble.
#[tokio::test]
async fn a_menu_that_is_refused_hinders_nobody() {
    let (server, bot) = server_and_bot().await;
    server.break_down("setMyCommands", Fault::Refuse { code: 400, description: "Bad Request: no".into() });
    let host = TestHost::with_commands(commands());
    let _running = Running::start(&bot, &host);
    soon(server.wait_calls("setMyCommands", 1)).await;
    server.push_message(11, 11, "gm");
    soon(host.wait_accepted(1)).await;
    assert_eq!((server.call_count("setMyCommands"), host.trouble_now()), (1, None));
}

#[tokio::test]
async fn a_menu_that_is_asked_to_wait_waits() {
    let (server, bot) = server_and_bot().await;
    server.fault("setMyCommands", Fault::TooMany { retry_after: 1 });
    let host = TestHost::with_commands(commands());
    let _running = Running::start(&bot, &host);
    soon(host.wait_kept("commands", "")).await;
    assert_eq!((server.call_count("setMyCommands"), server.too_early()), (4, 0));
}
