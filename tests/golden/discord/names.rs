//! Whoever takes a name of the team on a server is shown in that server, whichever of its channels is watched.

use serde_json::{Value, json};
use townkeeper_contract::access::Role;
use townkeeper_contract::case::{Case, CaseWord};
use townkeeper_fakes::discord::{DiscordServer, DiscordState};

use super::{
    ADA, BOB, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, OWNER, answered, command, guild, ready, stage_of, when,
    write_as,
};
use crate::daemon::Daemon;
use crate::names::{CLARA, DORA, NOT_CLARA};
use crate::people::with_role;

/// Another server of the same bot, and its channels.
const HARBOUR: u64 = GUILD + (1 << 30);
const QUAY: u64 = CHANNEL + (1 << 30);
const HUT: u64 = ELSEWHERE + (1 << 30);

async fn keeper(discord: &DiscordServer, channel: u64, words: &str) -> String {
    let id = command(discord, MODERATOR, channel, "keeper", words);
    answered(discord, id).await
}

fn renames(discord: &DiscordServer, person: u64, nick: &str) {
    let user = json!({ "id": person.to_string(), "username": "somebody", "global_name": "Somebody" });
    let member = json!({ "guild_id": GUILD.to_string(), "user": user, "nick": nick, "roles": [] });
    discord.push_dispatch("GUILD_MEMBER_UPDATE", member);
}

/// The cards that stand in a channel.
fn cards(state: &DiscordState, channel: u64) -> Vec<String> {
    let said = state.by(BOT).into_iter().filter(|message| message.channel == channel);
    said.map(|message| message.content.clone()).filter(|content| content.contains("Case ")).collect()
}

async fn shown(discord: &DiscordServer, channel: u64, words: &str) {
    when(discord, |s| cards(s, channel).iter().any(|card| card.contains(words))).await;
}

#[tokio::test]
async fn whoever_renames_after_one_of_the_team_is_shown_in_that_server_and_can_be_silenced() {
    let home = crate::cases::home();
    let (discord, home) = stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    let mut harbour: Value = guild(HARBOUR, &[QUAY, HUT]);
    harbour["threads"] = json!([]);
    discord.add_guild(harbour);
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let client = daemon.operator(&home);
    let (clara, _) = with_role(&daemon, &home, CLARA, Role::Moderator).await;
    let code = client.link_code(&clara.id).await.unwrap().code;
    let id = command(&discord, MODERATOR, discord.direct(BOT, MODERATOR), "link", &code);
    assert!(answered(&discord, id).await.contains("Linked"));
    for (talk, room) in [(CHANNEL, ELSEWHERE), (QUAY, HUT)] {
        let set = keeper(&discord, talk, "shield flag").await;
        assert!(set.contains("for this channel") && set.contains("for the whole server"), "{set}");
        assert!(keeper(&discord, room, "notices here").await.contains("come here from now on"));
    }
    // The team is read at the latest when the next case is decided.
    write_as(&discord, OWNER, CHANNEL, crate::cases::LURE);
    shown(&discord, ELSEWHERE, "wrote").await;
    let first = client.cases().await.unwrap().cases.remove(0);
    client.say_of_case(first.number, CaseWord::Unsure).await.unwrap();

    renames(&discord, ADA, "Grace");
    renames(&discord, BOB, DORA);
    renames(&discord, ADA, NOT_CLARA);
    shown(&discord, ELSEWHERE, &format!("({ADA}) is called so")).await;
    // Whatever comes later is judged later, and the other server's moderators read of their own only.
    write_as(&discord, OWNER, QUAY, crate::cases::LURE);
    shown(&discord, HUT, "wrote").await;
    let found = client.cases().await.unwrap().cases;
    let of = |person: u64| found.iter().filter(move |case: &&Case| case.person.as_str() == person.to_string());
    assert_eq!((of(ADA).count(), of(BOB).count()), (1, 0), "{found:?}");
    assert_eq!(discord.look(|s| cards(s, HUT).len()), 1);
    // The name stands in no message; its bearer is silenced all the same.
    client.say_of_case(of(ADA).next().unwrap().number, CaseWord::Account).await.unwrap();
    when(&discord, |s| !s.timeouts.is_empty()).await;
}
