//! Receiving: what comes, in order, accepted before it counts as read.

use serde_json::json;
use townkeeper_contract::inbound::{Body, PlaceKind, PresenceChange, RosterChange};
use townkeeper_contract::platform::Platform as _;

use crate::host::{Running, TestHost, text};
use crate::{ADA, BOT, CHANNEL, GUILD, THREAD, server_and_bot, soon, write};

#[tokio::test]
async fn its_facts_can_be_worked_with() {
    let (_server, bot) = server_and_bot().await;
    townkeeper_contract::conformance::platform::facts(&bot.facts()).expect("the rules of a platform's facts");
}

#[tokio::test]
async fn a_direct_message_a_mention_a_reply_and_chatter() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "When does the migration end?");
    write(&server, CHANNEL, &format!("<@{BOT}>, and where?"));
    write(&server, CHANNEL, "just talk");
    let heard = soon(host.wait_accepted(3)).await;
    assert_eq!(text(&heard[0]), "When does the migration end?");
    assert_eq!((heard[0].place.kind, heard[0].addressed), (PlaceKind::Private, true));
    assert_eq!(heard[0].person.id.as_str(), ADA.to_string());
    assert_eq!((text(&heard[1]), heard[1].addressed), ("and where?", true));
    assert_eq!((heard[1].place.kind, heard[1].place.id.as_str()), (PlaceKind::Group, &*CHANNEL.to_string()));
    assert_eq!((text(&heard[2]), heard[2].addressed), ("just talk", false));
}

#[tokio::test]
async fn a_thread_belongs_to_its_channel() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    write(&server, THREAD, &format!("<@{BOT}> here"));
    let heard = soon(host.wait_accepted(1)).await.remove(0);
    assert_eq!(heard.place.id.as_str(), CHANNEL.to_string());
    assert_eq!(heard.thread.expect("a thread").as_str(), THREAD.to_string());
}

/// Clients offer a bot's own role where its name is typed; people do not see the difference.
#[tokio::test]
async fn our_own_role_means_us_over_a_restart_too() {
    let (server, bot) = server_and_bot().await;
    let role = |id: u64, bot: u64| json!({ "id": id, "managed": true, "tags": { "bot_id": bot.to_string() } });
    server.add_guild(json!({ "id": GUILD, "owner_id": "1", "channels": [{ "id": CHANNEL }],
        "roles": [role(71, BOT), role(72, ADA)], "members": [{ "user": { "id": BOT } }, { "user": { "id": ADA } }] }));
    let host = TestHost::new();
    let running = Running::start(&bot, &host);
    soon(host.wait_kept("places")).await;
    let mention = |role: u64| write(&server, CHANNEL, &format!("<@&{role}> when?"));
    mention(72);
    mention(71);
    let heard = soon(host.wait_accepted(2)).await;
    assert_eq!((text(&heard[0]), heard[0].addressed), ("<@&72> when?", false), "another bot's");
    assert_eq!((text(&heard[1]), heard[1].addressed), ("when?", true));
    running.kill().await;
    let _again = Running::start(&bot, &host);
    soon(server.wait(|s| s.resumes.len() == 1 && s.connected() == 1)).await;
    mention(71);
    assert!(soon(host.wait_accepted(3)).await[2].addressed);
}

#[tokio::test]
async fn an_edit_counts_where_the_words_differ() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    let direct = server.direct(BOT, ADA);
    let id = write(&server, direct, "https://lumen.example.org");
    // A preview that Discord adds: the same words, never edited.
    let preview = server.look(|s| s.message(id).expect("there").json.clone());
    server.push_dispatch("MESSAGE_UPDATE", preview);
    server.edit_message(direct, id, "https://docs.lumen.example.org");
    let heard = soon(host.wait_accepted(2)).await;
    assert_eq!(heard[1].body, Body::Edited { text: "https://docs.lumen.example.org".into() });
    assert_eq!(heard[1].message, heard[0].message);
    assert_eq!(heard.len(), 2);
}

#[tokio::test]
async fn who_comes_goes_and_is_called_otherwise() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(host.wait_event(|i| matches!(i.body, Body::Presence { change: PresenceChange::Added }))).await;
    let user = json!({ "id": "77", "username": "grace", "global_name": "Grace" });
    let member = |nick| json!({ "guild_id": GUILD, "user": user, "nick": nick, "roles": [] });
    server.push_dispatch("GUILD_MEMBER_ADD", member(json!(null)));
    server.push_dispatch("GUILD_MEMBER_UPDATE", member(json!(null)));
    server.push_dispatch("GUILD_MEMBER_UPDATE", member(json!("Lumen Support")));
    server.push_dispatch("GUILD_MEMBER_REMOVE", member(json!(null)));
    soon(host.wait_event(|i| matches!(i.body, Body::Roster { change: RosterChange::Left }))).await;
    let roster: Vec<_> = host.everything().into_iter().filter(|i| matches!(i.body, Body::Roster { .. })).collect();
    let changes: Vec<_> = roster.iter().map(|i| (i.body.clone(), i.person.name.as_str())).collect();
    let body = |change| Body::Roster { change };
    assert_eq!(
        changes,
        [
            (body(RosterChange::Joined), "Grace"),
            (body(RosterChange::Renamed { from: "Grace".into() }), "Lumen Support"),
            (body(RosterChange::Left), "Grace"),
        ],
        "a new role is no new name"
    );
    assert!(roster.iter().all(|i| !i.addressed && i.place.id.as_str() == GUILD.to_string()));
    server.push_dispatch("GUILD_DELETE", json!({ "id": GUILD, "unavailable": true }));
    server.push_dispatch("GUILD_DELETE", json!({ "id": GUILD }));
    soon(host.wait_event(|i| matches!(i.body, Body::Presence { change: PresenceChange::Removed }))).await;
}

#[tokio::test]
async fn a_refused_batch_is_offered_again_unchanged() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    host.refuse(2);
    let _running = Running::start(&bot, &host);
    assert!(soon(host.wait_trouble()).await.contains("does not take events"));
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "Patience");
    assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Patience");
    soon(host.wait_well()).await;
}

#[tokio::test]
async fn stopping_leaves_the_session_to_be_resumed() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let mut running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    running.stop.cancel();
    soon(running.ended()).await.expect("a clean end");
    soon(server.wait(|s| s.connections.iter().all(|c| !c.open))).await;
    assert!(server.look(|s| s.sessions.values().all(|session| !session.ended)));
}
