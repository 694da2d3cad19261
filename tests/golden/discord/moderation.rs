//! Moderators of a server moderate there by a link or a mention, or by a reply that mentions us; nobody else does.

use serde_json::json;
use townkeeper_contract::access::Role;
use townkeeper_fakes::discord::DiscordServer;

use super::{
    ADA, BOB, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, TEAM, answered, command, guild, ready, said, stage, stage_of,
    to_us, when, write_as,
};
use crate::daemon::{Daemon, Home};
use crate::people::with_role;

const SPAM: &str = "free lanterns at lumen-claim.example.net";
const DELETES: &str = "DELETE /channels/{channel.id}/messages/{message.id}";

async fn keeper(discord: &DiscordServer, person: u64, words: &str) -> String {
    let id = command(discord, person, CHANNEL, "keeper", words);
    answered(discord, id).await
}

fn link(guild: u64, channel: u64, message: u64) -> String {
    format!("https://discord.com/channels/{guild}/{channel}/{message}")
}

async fn is_gone(discord: &DiscordServer, message: u64) {
    when(discord, |s| s.message(message).is_some_and(|m| m.deleted)).await;
}

#[tokio::test]
async fn a_moderator_removes_a_message_and_times_somebody_out_and_a_stranger_does_not() {
    let (discord, home) = stage().await;
    // Nobody moderates as fast as this test does.
    discord.tune(|options| options.global_per_s = None);
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let spam = write_as(&discord, BOB, CHANNEL, SPAM);
    let remove = format!("remove {} spam", link(GUILD, CHANNEL, spam));
    assert!(keeper(&discord, ADA, &remove).await.contains("you may not do that here"));
    assert!(keeper(&discord, ADA, &format!("timeout 1h <@{BOB}>")).await.contains("you may not do that here"));
    assert_eq!(discord.look(|s| (s.calls_of(DELETES).len(), s.timeouts.len())), (0, 0));
    // The twin: who may.
    assert!(keeper(&discord, MODERATOR, &remove).await.contains("Noted as number **1**"));
    is_gone(&discord, spam).await;
    assert_eq!(discord.look(|s| s.calls_of(DELETES)[0].reason.clone()), Some("spam".to_owned()));
    assert!(keeper(&discord, MODERATOR, "undo 1").await.contains("cannot be brought back"));

    // A link does not say who wrote it.
    let nobody = keeper(&discord, MODERATOR, &format!("restrict 1h {}", link(GUILD, CHANNEL, spam))).await;
    assert!(nobody.contains("Mention them"), "{nobody}");
    let timed_out = keeper(&discord, MODERATOR, &format!("timeout 2h <@{BOB}> sells lanterns")).await;
    assert!(timed_out.contains("/keeper undo 2"), "{timed_out}");
    when(&discord, |s| s.timeouts.contains_key(&(GUILD, BOB))).await;
    assert!(keeper(&discord, ADA, "undo 2").await.contains("you may not do that here"));
    assert!(keeper(&discord, MODERATOR, "undo 2").await.contains("may write again"));
    when(&discord, |s| !s.timeouts.contains_key(&(GUILD, BOB))).await;
    // Those who moderate, and we ourselves, are not silenced.
    for who in [MODERATOR, BOT] {
        let told = keeper(&discord, MODERATOR, &format!("ban <@{who}>")).await;
        assert!(told.contains("restrict and ban none of them"), "{who}: {told}");
    }
    assert!(discord.look(|s| s.bans.is_empty()));
}

#[tokio::test]
async fn a_reply_that_mentions_us_is_a_command_too() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let spam = write_as(&discord, BOB, CHANNEL, SPAM);
    let reply = |person: u64| {
        discord.push_message(json!({ "channel_id": CHANNEL, "author": { "id": person },
            "content": to_us("keeper remove spam"), "message_reference": { "message_id": spam.to_string() } }))
    };
    reply(ADA);
    assert!(said(&discord, 1).await[0].content.contains("you may not do that here"));
    reply(MODERATOR);
    assert!(said(&discord, 2).await[1].content.contains("Noted as number **1**"));
    is_gone(&discord, spam).await;
}

/// What is asked about is judged where it is, not where it is asked.
#[tokio::test]
async fn who_moderates_in_one_channel_does_not_in_another() {
    let mut guild = guild(GUILD, &[CHANNEL, ELSEWHERE]);
    guild["channels"][1]["permission_overwrites"] =
        json!([{ "id": TEAM.to_string(), "type": 0, "allow": "0", "deny": (1u64 << 13).to_string() }]);
    let (discord, home) = stage_of(Home::new(), guild).await;
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let there = write_as(&discord, BOB, ELSEWHERE, SPAM);
    let denied = keeper(&discord, MODERATOR, &format!("remove {}", link(GUILD, ELSEWHERE, there))).await;
    assert!(denied.contains("you may not do that here"), "{denied}");
    for elsewhere in [link(GUILD + 1, CHANNEL, there), link(GUILD, GUILD + 7, there)] {
        let unknown = keeper(&discord, MODERATOR, &format!("remove {elsewhere}")).await;
        assert!(unknown.contains("Reply to the message"), "{unknown}");
    }
    assert_eq!(discord.look(|s| s.calls_of(DELETES).len()), 0);
    let here = write_as(&discord, BOB, CHANNEL, SPAM);
    assert!(
        keeper(&discord, MODERATOR, &format!("remove {}", link(GUILD, CHANNEL, here))).await.contains("number **1**")
    );
    is_gone(&discord, here).await;
}

/// Where roles alone count, the platform's word is not enough, to set us up or to moderate.
#[tokio::test]
async fn where_roles_count_only_a_linked_moderator_moderates() {
    let (discord, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let spam = write_as(&discord, BOB, CHANNEL, SPAM);
    let remove = format!("remove {}", link(GUILD, CHANNEL, spam));
    keeper(&discord, MODERATOR, "who roles").await;
    assert!(keeper(&discord, MODERATOR, &remove).await.contains("do not know this account"));
    assert!(keeper(&discord, MODERATOR, "undo 1").await.contains("do not know this account"));
    assert_eq!(discord.look(|s| s.calls_of(DELETES).len()), 0);
    let (person, _) = with_role(&daemon, &home, "Ada", Role::Moderator).await;
    let code = daemon.operator(&home).link_code(&person.id).await.unwrap().code;
    let id = command(&discord, MODERATOR, discord.direct(BOT, MODERATOR), "link", &code);
    assert!(answered(&discord, id).await.contains("Linked"));
    assert!(keeper(&discord, MODERATOR, &remove).await.contains("Noted as number **1**"));
    is_gone(&discord, spam).await;
}
