//! Standing and examination: by numbers and by Discord's own word.

use serde_json::{Value, json};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::moderation::{Held, Quiet, Term};
use townkeeper_contract::platform::{DeliverError, Platform, Right, Standing};
use townkeeper_fakes::discord::{DiscordFault, DiscordServer};

use crate::{ADA, APPLICATION, BOT, CHANNEL, GUILD, THREAD, TOKEN, bot_at, server_and_bot, soon, us};

const BAN_MEMBERS: u64 = 1 << 2;
const MANAGE_GUILD: u64 = 1 << 5;
const MANAGE_MESSAGES: u64 = 1 << 13;
const SEND_MESSAGES: u64 = 1 << 11;
const MODERATE: u64 = 1 << 40;
const PIN: u64 = 1 << 51;

/// A guild whose moderators' role is 7; the channel's own rules are these.
async fn guild(rules: Value, member: Value) -> DiscordServer {
    let server = DiscordServer::start(&[us()]).await;
    let may = MANAGE_MESSAGES | MODERATE | PIN;
    server.add_guild(json!({ "id": GUILD, "owner_id": "1",
        "roles": [{ "id": "7", "permissions": may.to_string() }, { "id": "8", "permissions": "8" }],
        "channels": [{ "id": CHANNEL, "permission_overwrites": rules }],
        "threads": [{ "id": THREAD, "type": 11, "parent_id": CHANNEL }],
        "members": [{ "user": { "id": BOT } }, { "user": { "id": 1 } }, member] }));
    server
}

async fn of(server: &DiscordServer, channel: u64, person: Option<u64>) -> Standing {
    let bot = bot_at(&server.api_base(), TOKEN);
    let at = ReplyTo(json!({ "channel": channel.to_string(), "guild": GUILD.to_string() }).to_string());
    let person = person.map(|id| id.to_string().into());
    soon(bot.standing(&at, person.as_ref())).await.expect("an answer")
}

fn rights(rights: &[Right]) -> Standing {
    Standing { member: true, rights: rights.iter().copied().collect(), held: Some(Held::default()) }
}

#[tokio::test]
async fn roles_rules_and_owners() {
    use Right::{Ban, Manage, Pin, Remove, Restrict, Speak};
    let all = rights(&[Speak, Manage, Remove, Restrict, Ban, Pin]);
    let plain = json!({ "user": { "id": ADA } });
    let moderator = json!({ "user": { "id": ADA }, "roles": ["7"] });
    let deny = |id: &str| json!([{ "id": id, "type": 0, "deny": SEND_MESSAGES.to_string(), "allow": "0" }]);
    let allow = |id: u64| {
        json!([{ "id": GUILD.to_string(), "type": 0, "deny": SEND_MESSAGES.to_string(), "allow": "0" },
            { "id": id.to_string(), "type": 1, "deny": "0", "allow": (SEND_MESSAGES | MANAGE_GUILD).to_string() }])
    };
    let cases = [
        (json!([]), plain.clone(), rights(&[Speak])),
        (json!([]), moderator.clone(), rights(&[Speak, Remove, Restrict, Pin])),
        (deny(&GUILD.to_string()), plain.clone(), rights(&[])),
        (deny("7"), moderator, rights(&[Remove, Restrict, Pin])),
        (allow(ADA), plain.clone(), rights(&[Speak, Manage])),
        (deny(&GUILD.to_string()), json!({ "user": { "id": ADA }, "roles": ["8"] }), all.clone()),
    ];
    for (rules, member, expected) in cases {
        let server = guild(rules.clone(), member.clone()).await;
        assert_eq!(of(&server, CHANNEL, Some(ADA)).await, expected, "{rules} {member}");
    }
    let server = guild(deny(&GUILD.to_string()), plain).await;
    assert_eq!(of(&server, CHANNEL, Some(1)).await, all, "the owner may everything");
    assert_eq!(of(&server, CHANNEL, None).await, rights(&[]), "we ourselves");
    assert_eq!(of(&server, CHANNEL, Some(404)).await.rights, [].into(), "a stranger");
    // In threads another permission counts than in their channel.
    assert_eq!(of(&server, THREAD, Some(ADA)).await, rights(&[Speak]));
}

#[tokio::test]
async fn who_is_timed_out_may_say_nothing() {
    let member = |until: &str| json!({ "user": { "id": ADA }, "roles": ["7"], "communication_disabled_until": until });
    let server = guild(json!([]), member("2099-01-01T00:00:00+00:00")).await;
    let quiet = Quiet { term: Term { until_ms: Some(4_070_908_800_000) }, ..Quiet::default() };
    let silent = Standing { held: Some(Held { ban: None, quiet: Some(quiet) }), ..rights(&[]) };
    assert_eq!(of(&server, CHANNEL, Some(ADA)).await, silent);
    let server = guild(json!([]), member("2020-01-01T00:00:00+00:00")).await;
    assert!(of(&server, CHANNEL, Some(ADA)).await.may(Right::Speak), "it is over");
}

/// Whoever is taken for not banned is let back in with our own undo: only Discord's word that they are not counts.
#[tokio::test]
async fn a_ban_that_could_not_be_looked_up_is_asked_about_again() {
    const BAN: &str = "GET /guilds/{guild.id}/bans/{user.id}";
    let server = DiscordServer::start(&[us()]).await;
    server.add_guild(json!({ "id": GUILD, "owner_id": "1", "channels": [{ "id": CHANNEL }],
        "roles": [{ "id": "7", "permissions": BAN_MEMBERS.to_string() }],
        "members": [{ "user": { "id": BOT }, "roles": ["7"] }, { "user": { "id": ADA } }] }));
    server.throw_out(GUILD, ADA);
    let bot = bot_at(&server.api_base(), TOKEN);
    let at = ReplyTo(json!({ "channel": CHANNEL.to_string(), "guild": GUILD.to_string() }).to_string());
    let person = ADA.to_string().into();
    let held = async || soon(bot.standing(&at, Some(&person))).await.map(|standing| standing.held);
    let refuse = |status, code| DiscordFault::Refuse { status, code, message: "words".into() };
    server.fault(BAN, DiscordFault::TooMany { retry_after_s: 0.0, global: false, scope: "user" });
    assert!(matches!(held().await, Err(DeliverError::Throttled { .. })), "too many");
    for fault in [refuse(500, 0), DiscordFault::DropRequest, refuse(404, 10_004)] {
        server.fault(BAN, fault.clone());
        assert!(held().await.is_err(), "{fault:?}");
    }
    assert_eq!(held().await, Ok(Some(Held { ban: Some(Term::default()), quiet: None })));
    // The twins: two answers that are no failure.
    for says in [refuse(403, 50_013), refuse(404, 10_026)] {
        server.fault(BAN, says);
        assert_eq!(held().await, Ok(None));
    }
}

#[tokio::test]
async fn in_private_there_is_nobody_to_moderate() {
    let (server, bot) = server_and_bot().await;
    let at = ReplyTo(json!({ "channel": server.direct(BOT, ADA).to_string() }).to_string());
    let ada = ADA.to_string().into();
    let private = Standing { held: None, ..rights(&[Right::Speak]) };
    assert_eq!(soon(bot.standing(&at, Some(&ada))).await, Ok(private));
    let another = "7".to_owned().into();
    assert!(!soon(bot.standing(&at, Some(&another))).await.expect("an answer").may(Right::Speak));
    let path = "1/../../../users/@me".to_owned().into();
    assert!(soon(bot.standing(&at, Some(&path))).await.is_err(), "people are numbers");
}

#[tokio::test]
async fn what_the_account_lacks_is_found_with_its_remedy() {
    let (server, bot) = server_and_bot().await;
    let given = |flags: u64| {
        let body = json!({ "id": APPLICATION.to_string(), "flags": flags }).to_string();
        DiscordFault::Garbage { status: 200, body }
    };
    server.fault("GET /applications/@me", given(1 << 19 | 1 << 14));
    assert!(soon(bot.examine()).await.iter().all(|finding| finding.ok && finding.remedy.is_none()));

    server.fault("GET /applications/@me", given(1 << 15));
    let found = soon(bot.examine()).await;
    let lacks: Vec<_> = found.iter().filter(|finding| !finding.ok).collect();
    assert_eq!(lacks.len(), 1);
    assert!(
        lacks[0].what.contains("Message Content") && lacks[0].remedy.as_ref().is_some_and(|r| r.contains("Privileged"))
    );

    server.fault("GET /users/@me/guilds", DiscordFault::Garbage { status: 200, body: "[]".into() });
    let found = soon(bot.examine()).await;
    let invite = found.iter().filter_map(|finding| finding.remedy.as_ref()).find(|remedy| remedy.contains("oauth2"));
    assert!(invite.is_some_and(|remedy| remedy.contains(&format!("client_id={APPLICATION}"))), "{found:?}");

    let stranger = bot_at(&server.api_base(), "another.token");
    let found = soon(stranger.examine()).await;
    assert!(!found[0].ok && found[0].remedy.as_ref().is_some_and(|remedy| remedy.contains("Reset Token")));
    let nowhere = bot_at("http://127.0.0.1:9", TOKEN);
    assert!(soon(nowhere.examine()).await[0].what.contains("could not be asked"));
}
