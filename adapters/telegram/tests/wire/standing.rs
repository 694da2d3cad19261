//! What somebody may do in a chat, and what the account lacks.

use serde_json::{Value, json};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::platform::{DeliverError, Platform as _, Right, Standing};
use townkeeper_telegram::Telegram;

use crate::{TOKEN, bot_at, server_and_bot, soon};

const GROUP: i64 = -1_001_234;

async fn standing(bot: &Telegram, chat: i64, person: Option<&str>) -> Result<Standing, DeliverError> {
    let at = ReplyTo(json!({ "chat": chat }).to_string());
    soon(bot.standing(&at, person.map(Into::into).as_ref())).await
}

#[tokio::test]
async fn rights_are_those_that_telegram_says() {
    let (server, bot) = server_and_bot().await;
    let administrator = |right: &str| json!({ "status": "administrator", right: true });
    let muted = |there: bool| json!({ "status": "restricted", "is_member": there, "can_send_messages": false });
    let table: [(Value, bool, &[Right]); 10] = [
        (
            json!({ "status": "creator" }),
            true,
            &[Right::Speak, Right::Manage, Right::Remove, Right::Restrict, Right::Ban, Right::Pin],
        ),
        (administrator("can_delete_messages"), true, &[Right::Speak, Right::Remove]),
        (administrator("can_restrict_members"), true, &[Right::Speak, Right::Restrict, Right::Ban]),
        (administrator("can_pin_messages"), true, &[Right::Speak, Right::Pin]),
        (administrator("can_change_info"), true, &[Right::Speak, Right::Manage]),
        (json!({ "status": "member" }), true, &[Right::Speak]),
        (muted(true), true, &[]),
        (muted(false), false, &[]),
        (json!({ "status": "left" }), false, &[]),
        (json!({ "status": "kicked" }), false, &[]),
    ];
    for (member, there, rights) in table {
        server.set_member(GROUP, 66, member.clone());
        server.set_member(GROUP, 0, member.clone());
        for person in [Some("66"), None] {
            let standing = standing(&bot, GROUP, person).await.expect("an answer");
            assert_eq!((standing.member, &standing.rights), (there, &rights.iter().copied().collect()), "{member}");
        }
    }
}

#[tokio::test]
async fn in_private_there_is_nobody_to_moderate() {
    let (server, bot) = server_and_bot().await;
    let own = standing(&bot, 11, Some("11")).await.expect("known without asking");
    assert!(own.may(Right::Speak) && !own.may(Right::Ban));
    assert!(!standing(&bot, 11, Some("12")).await.expect("known").member);
    assert_eq!(server.call_count("getChatMember"), 0);
}

#[tokio::test]
async fn who_cannot_be_asked_about_has_no_rights() {
    let (server, bot) = server_and_bot().await;
    assert!(matches!(standing(&bot, GROUP, Some("@ada")).await, Err(DeliverError::Refused(_))));
    server.kick(GROUP, 11);
    assert!(matches!(standing(&bot, GROUP, Some("66")).await, Err(DeliverError::Refused(_))));
    server.migrate(-5, -10_077, 11);
    assert!(matches!(standing(&bot, -5, Some("66")).await, Err(DeliverError::Moved { .. })));
}

#[tokio::test]
async fn an_examination_says_what_is_lacking_and_what_to_do() {
    let (server, bot) = server_and_bot().await;
    let found = soon(bot.examine()).await;
    assert!(found[0].ok && found[0].what.contains("@lumen_keeper_bot"), "{found:?}");
    assert!(found[1].ok && found[1].remedy.as_deref().is_some_and(|what| what.contains("/setprivacy")), "{found:?}");
    server.read_all(true);
    assert!(soon(bot.examine()).await.iter().all(|finding| finding.ok && finding.remedy.is_none()));

    server.revoke();
    let found = soon(bot.examine()).await;
    assert!(!found[0].ok && found[0].remedy.as_deref().is_some_and(|what| what.contains("@BotFather")), "{found:?}");
    let nobody = soon(bot_at("http://127.0.0.1:9", TOKEN).examine()).await;
    assert!(!nobody[0].ok && nobody[0].what.contains("could not be asked"), "{nobody:?}");
}
