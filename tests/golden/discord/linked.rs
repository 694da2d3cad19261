//! What a moderator says of somebody's account holds for what the person has linked to it, and for nobody else's.

use serde_json::json;
use townkeeper_client::Client;
use townkeeper_contract::access::NewMember;
use townkeeper_contract::case::CaseWord;
use townkeeper_contract::moderation::{DeliveryState, Verb};
use townkeeper_fakes::telegram::TelegramServer;

use super::{
    ADA, ASKED, BOB, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, answered, command, guild, ready, stage_of, to_us, when,
};
use crate::cases::{GROUP, LURE, SCAMMER, TOKEN, set_up};
use crate::daemon::{Daemon, PATIENCE};

/// Asks until so many acts of this kind were done.
async fn done(client: &Client, verb: Verb, times: usize) {
    let is = async {
        loop {
            let acts = client.moderation().await.unwrap().acts;
            if acts.iter().filter(|act| act.verb == verb && act.state == Some(DeliveryState::Sent)).count() == times {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, is).await.unwrap_or_else(|_| panic!("{verb} is not done"));
}

#[tokio::test]
async fn a_linked_account_is_timed_out_too_and_let_go_and_a_namesake_is_not() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = crate::cases::home().with_telegram(telegram.base_url(), TOKEN);
    let (discord, home) = stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    set_up(&telegram, "flag").await;
    let set = command(&discord, MODERATOR, CHANNEL, "keeper", "shield flag");
    assert!(answered(&discord, set).await.contains("show moderators"));
    let client = daemon.operator(&home);
    let person = client.add_person(&NewMember { name: "Mallory".to_owned(), roles: Vec::new() }).await.unwrap();
    let code = client.link_code(&person.id).await.unwrap().code;
    telegram.push_message(SCAMMER, SCAMMER, &format!("/link {code}"));
    let linked = telegram.wait_message(|message| message.text.contains("Linked"));
    tokio::time::timeout(PATIENCE, linked).await.expect("not linked");
    let code = client.link_code(&person.id).await.unwrap().code;
    let linked = command(&discord, BOB, discord.direct(BOT, BOB), "link", &code);
    assert!(answered(&discord, linked).await.contains("Linked"));
    // Both are seen on Discord; the one who is only called the same is nobody's account but their own.
    for (said, (who, name)) in [(BOB, "bob"), (ADA, "Person 66")].into_iter().enumerate() {
        discord.push_message(json!({ "channel_id": CHANNEL, "content": to_us(ASKED.0),
            "author": { "id": who, "username": name, "global_name": name } }));
        let answers = |s: &townkeeper_fakes::discord::DiscordState| {
            s.by(BOT).iter().filter(|m| m.channel == CHANNEL && m.content.contains(ASKED.1)).count()
        };
        when(&discord, |s| answers(s) > said).await;
    }

    telegram.push_message(GROUP, SCAMMER, LURE);
    let found = async { while client.cases().await.unwrap().cases.is_empty() {} };
    tokio::time::timeout(PATIENCE, found).await.expect("no case");
    let told = client.say_of_case(1, CaseWord::Account).await.unwrap();
    assert!(told.undone.is_empty() && told.acts.len() == 3, "{told:?}");
    when(&discord, |s| s.timeouts.contains_key(&(GUILD, BOB))).await;
    assert_eq!(discord.look(|s| s.timeouts.len()), 1, "the namesake is left alone");
    done(&client, Verb::Restrict, 2).await;
    assert_eq!(telegram.member(GROUP, SCAMMER)["status"], "restricted");
    client.say_of_case(1, CaseWord::Undo).await.unwrap();
    done(&client, Verb::Release, 2).await;
    assert_eq!(telegram.member(GROUP, SCAMMER)["status"], "member");
    assert!(discord.look(|s| s.timeouts.is_empty()));
    // The twin: not linked any more, it is left alone.
    client.unlink(&person.id, "discord", &BOB.to_string()).await.unwrap();
    let told = client.say_of_case(1, CaseWord::Account).await.unwrap();
    assert_eq!(told.acts.len(), 2, "{told:?}");
    done(&client, Verb::Restrict, 3).await;
    assert!(discord.look(|s| s.timeouts.is_empty()));
}
