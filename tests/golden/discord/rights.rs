//! Who is timed out or banned by us and let go again stands as before: what an admin had done stays done.

use townkeeper_client::Client;
use townkeeper_contract::moderation::{DeliveryState, Former, Verb};
use townkeeper_fakes::discord::DiscordServer;

use super::{BOB, CHANNEL, ELSEWHERE, GUILD, MODERATOR, answered, command, ready, stage, when};
use crate::daemon::{Daemon, PATIENCE};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const BANS: &str = "PUT /guilds/{guild.id}/bans/{user.id}";
const UNBANS: &str = "DELETE /guilds/{guild.id}/bans/{user.id}";

async fn keeper(discord: &DiscordServer, channel: u64, words: &str) -> String {
    let id = command(discord, MODERATOR, channel, "keeper", words);
    answered(discord, id).await
}

/// An order with that number is done.
async fn done(client: &Client, number: i64) {
    let is_done = async {
        loop {
            let acts = client.moderation().await.unwrap().acts;
            if acts.iter().any(|act| act.number == number && act.state == Some(DeliveryState::Sent)) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, is_done).await.unwrap_or_else(|_| panic!("{number} is not done"));
}

fn timed_out(discord: &DiscordServer) -> Option<String> {
    discord.look(|s| s.timeouts.get(&(GUILD, BOB)).cloned())
}

/// An admin timed somebody out for ten days; a moderator of ours says three weeks, and takes that back.
async fn timed_out_and_let_go(discord: &DiscordServer, client: &Client) -> (String, Option<String>) {
    let before = discord.time_out(GUILD, BOB, 10 * DAY_MS);
    assert!(keeper(discord, CHANNEL, &format!("timeout 3w <@{BOB}>")).await.contains("number **1**"));
    done(client, 1).await;
    assert_ne!(timed_out(discord).as_ref(), Some(&before), "longer now");
    assert!(keeper(discord, CHANNEL, "undo 1").await.contains("may write again"));
    done(client, 2).await;
    (before, timed_out(discord))
}

/// The same moment, however it is written.
fn is_same(one: &str, other: Option<&String>) -> bool {
    let at = |until: &str| chrono::DateTime::parse_from_rfc3339(until).unwrap().timestamp_millis();
    other.is_some_and(|other| at(one) == at(other))
}

#[tokio::test]
async fn an_admins_time_out_and_ban_stay_when_ours_is_taken_back() {
    let (discord, home) = stage().await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let client = daemon.operator(&home);
    let (before, after) = timed_out_and_let_go(&discord, &client).await;
    assert!(is_same(&before, after.as_ref()), "{before} {after:?}");
    // A shorter one of ours does not shorten it, from whichever channel of the server it is said.
    assert!(keeper(&discord, ELSEWHERE, &format!("timeout 1h <@{BOB}>")).await.contains("number **3**"));
    done(&client, 3).await;
    assert!(is_same(&before, timed_out(&discord).as_ref()));
    assert!(keeper(&discord, CHANNEL, "undo 3").await.contains("may write again"));
    done(&client, 4).await;
    assert!(is_same(&before, timed_out(&discord).as_ref()));

    discord.throw_out(GUILD, BOB);
    assert!(keeper(&discord, CHANNEL, &format!("ban <@{BOB}>")).await.contains("number **5**"));
    done(&client, 5).await;
    let acts = client.moderation().await.unwrap().acts;
    let Some(Former::Held(held)) = acts[0].former.clone() else { panic!("{:?}", acts[0]) };
    assert!(acts[0].verb == Verb::Ban && held.ban.is_some(), "{held:?}");
    assert!(keeper(&discord, ELSEWHERE, "undo 5").await.contains("may come back"));
    done(&client, 6).await;
    assert!(discord.look(|s| s.bans.contains_key(&(GUILD, BOB)) && s.calls_of(UNBANS).is_empty()));
}

/// Of two moderators, in two channels of one server: what one takes back leaves what the other said.
#[tokio::test]
async fn what_one_takes_back_leaves_what_the_other_said() {
    let (discord, home) = stage().await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let client = daemon.operator(&home);
    keeper(&discord, CHANNEL, &format!("timeout 1h <@{BOB}>")).await;
    done(&client, 1).await;
    let first = timed_out(&discord).expect("timed out");
    keeper(&discord, ELSEWHERE, &format!("timeout 2h <@{BOB}>")).await;
    done(&client, 2).await;
    keeper(&discord, ELSEWHERE, "undo 2").await;
    done(&client, 3).await;
    assert!(is_same(&first, timed_out(&discord).as_ref()));
    keeper(&discord, CHANNEL, "undo 1").await;
    done(&client, 4).await;
    assert_eq!(timed_out(&discord), None);
}

/// The red twin: how they stood before is not kept.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_an_admins_time_out_is_lifted_where_it_is_not_kept() {
    let (discord, home) = stage().await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start_with_fault(&home, "rights.former:off").await.expect("it starts");
    ready(&discord).await;
    let client = daemon.operator(&home);
    assert_eq!(timed_out_and_let_go(&discord, &client).await.1, None);
    discord.throw_out(GUILD, BOB);
    keeper(&discord, CHANNEL, &format!("ban <@{BOB}>")).await;
    when(&discord, |s| !s.calls_of(BANS).is_empty()).await;
    done(&client, 3).await;
    keeper(&discord, CHANNEL, "undo 3").await;
    done(&client, 4).await;
    assert!(discord.look(|s| s.bans.is_empty()));
}
