//! Messages and their limits, notifications, rate limits, faults, and moderation by REST.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use townkeeper_fakes::discord::{DiscordFault, MESSAGE_CONTENT};

use crate::{Api, BOT, CHANNEL, GUILD, OWNER, PERSON, ROLE, said, server};

const CREATE: &str = "POST /channels/{channel.id}/messages";

fn messages() -> String {
    format!("/channels/{CHANNEL}/messages")
}

#[tokio::test]
async fn a_nonce_makes_one_message() {
    let server = server().await;
    let api = Api::of(&server);
    let body = json!({ "content": "hello", "nonce": "turn-1", "enforce_nonce": true });
    server.fault(CREATE, DiscordFault::DropResponse);
    assert!(api.send(Method::POST, &messages(), Some(body.clone())).await.is_err());
    let (status, again) = api.post(&messages(), body.clone()).await;
    let made = server.look(|s| s.by(BOT).iter().map(|m| m.id).collect::<Vec<_>>());
    assert_eq!((status, again["id"].as_str().unwrap()), (200, made[0].to_string().as_str()));
    assert_eq!((made.len(), again["nonce"].as_str()), (1, Some("turn-1")));
    // Without being enforced, or minutes later, it makes another.
    let loose = json!({ "content": "hello", "nonce": "turn-1" });
    api.post(&messages(), loose).await;
    assert_eq!(server.state().by(BOT).len(), 2);
    server.advance(Duration::from_mins(10));
    api.post(&messages(), body).await;
    assert_eq!(server.state().by(BOT).len(), 3);
}

#[tokio::test]
async fn a_request_that_is_dropped_does_nothing() {
    let server = server().await;
    let api = Api::of(&server);
    server.fault(CREATE, DiscordFault::DropRequest);
    assert!(api.send(Method::POST, &messages(), Some(json!({ "content": "hello" }))).await.is_err());
    assert_eq!(server.state().by(BOT).len(), 0);
}

#[tokio::test]
async fn a_stalled_call_happens_and_is_never_answered() {
    let server = server().await;
    let api = Api::of(&server);
    server.break_route(CREATE, DiscordFault::Stall);
    let path = messages();
    tokio::select! {
        answer = api.post(&path, json!({ "content": "hello" })) => panic!("answered: {answer:?}"),
        () = server.wait(|s| s.by(BOT).len() == 1) => {}
    }
    server.mend(CREATE);
    server.fault("*", DiscordFault::Refuse { status: 503, code: 0, message: "later".into() });
    assert_eq!(api.get(&messages()).await.0, 503);
    server.tune(|options| options.keep_calls = 2);
    assert_eq!(api.post(&messages(), json!({ "content": "again" })).await.0, 200);
    let state = server.state();
    let kept: Vec<_> = state.calls.iter().map(|call| call.status).collect();
    assert_eq!((kept.as_slice(), state.counts[CREATE]), ([503, 200].as_slice(), 2));
}

#[tokio::test]
async fn messages_have_limits() {
    let server = server().await;
    let api = Api::of(&server);
    let code = async |path: &str, body: Value| {
        let (status, answer) = api.post(path, body).await;
        (status, answer["code"].as_u64().unwrap_or(0))
    };
    let here = messages();
    assert_eq!(code(&here, json!({ "content": "é".repeat(2000) })).await, (200, 0));
    assert_eq!(code(&here, json!({ "content": "é".repeat(2001) })).await, (400, 50035));
    assert_eq!(code(&here, json!({ "content": " \n" })).await, (400, 50006));
    assert_eq!(code(&here, json!({ "content": "a", "nonce": "n".repeat(26) })).await, (400, 50035));
    assert_eq!(code("/channels/1/messages", json!({ "content": "a" })).await, (404, 10003));
    assert_eq!(code("/channels/x/messages", json!({ "content": "a" })).await, (400, 50035));
    let reply = json!({ "content": "a", "message_reference": { "message_id": "1" } });
    assert_eq!(code(&here, reply).await, (400, 50035));
    let both = json!({ "parse": ["users"], "users": ["1"] });
    assert_eq!(code(&here, json!({ "content": "a", "allowed_mentions": both })).await, (400, 50035));

    let rules = |deny: u64| json!([{ "id": GUILD.to_string(), "type": 0, "allow": "0", "deny": deny.to_string() }]);
    server.add_guild(json!({ "id": 501, "members": [{ "user": { "id": BOT } }], "channels": [
        { "id": 601, "permission_overwrites": json!([{ "id": "501", "type": 0, "allow": "0", "deny": "2048" }]) },
        { "id": 602, "permission_overwrites": json!([{ "id": "501", "type": 0, "allow": "0", "deny": "1024" }]) },
        { "id": 603, "permission_overwrites": rules(2048) }] }));
    assert_eq!(code("/channels/601/messages", json!({ "content": "a" })).await, (403, 50013));
    assert_eq!(code("/channels/602/messages", json!({ "content": "a" })).await, (403, 50001));
    assert_eq!(code("/channels/603/messages", json!({ "content": "a" })).await, (200, 0));
    assert_eq!(server.state().invalid_requests, 2);
}

#[tokio::test]
async fn a_message_notifies_whom_it_names_unless_it_says_otherwise() {
    let server = server().await;
    let api = Api::of(&server);
    let asked = server.push_message(said("hello?"));
    let content = format!("@everyone @here <@&{ROLE}> <@{PERSON}>");
    let body = json!({ "content": content, "message_reference": { "message_id": asked.to_string() } });
    let pings = async |body: Value| {
        let (status, message) = api.post(&messages(), body).await;
        assert_eq!(status, 200);
        let id = message["id"].as_str().unwrap().parse().unwrap();
        server.look(|s| s.message(id).unwrap().pings.clone())
    };
    // The bot may neither mention everyone nor this role.
    assert_eq!(pings(body.clone()).await, [format!("user:{PERSON}")]);
    let mut quiet = body.clone();
    quiet["allowed_mentions"] = json!({ "parse": [] });
    assert_eq!(pings(quiet).await, Vec::<String>::new());
    server.add_guild(json!({ "id": 502, "owner_id": BOT, "members": [{ "user": { "id": BOT } }],
        "roles": [{ "id": ROLE }], "channels": [{ "id": 605 }] }));
    let (_, message) = api.post("/channels/605/messages", json!({ "content": content })).await;
    let loud = message["id"].as_str().unwrap().parse().unwrap();
    let everyone = ["everyone", "here", &format!("role:{ROLE}"), &format!("user:{PERSON}")].map(String::from);
    assert_eq!(server.look(|s| s.message(loud).unwrap().pings.clone()), everyone);
}

#[tokio::test]
async fn limits_are_in_every_answer_and_429_says_when() {
    let server = server().await;
    let api = Api::of(&server);
    server.limit(CREATE, 2, 3_600_000);
    let hello = || Some(json!({ "content": "hello" }));
    let first = api.send(Method::POST, &messages(), hello()).await.unwrap();
    let header = |response: &reqwest::Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(header(&first, "x-ratelimit-limit").as_deref(), Some("2"));
    assert_eq!(header(&first, "x-ratelimit-remaining").as_deref(), Some("1"));
    let after: f64 = header(&first, "x-ratelimit-reset-after").unwrap().parse().unwrap();
    assert!((after - 3600.0).abs() < f64::EPSILON);
    let bucket = header(&first, "x-ratelimit-bucket");
    api.send(Method::POST, &messages(), hello()).await.unwrap();
    let over = api.send(Method::POST, &messages(), hello()).await.unwrap();
    assert_eq!((over.status().as_u16(), header(&over, "x-ratelimit-bucket")), (429, bucket));
    assert_eq!(header(&over, "x-ratelimit-scope").as_deref(), Some("user"));
    assert_eq!(header(&over, "x-ratelimit-global"), None);
    let retry: u64 = header(&over, "retry-after").unwrap().parse().unwrap();
    let body: Value = over.json().await.unwrap();
    assert!(body["retry_after"].as_f64().unwrap() <= f64::from(u32::try_from(retry).unwrap()));
    assert_eq!((&body["global"], server.state().too_early), (&json!(false), 0));
    // Who comes back too early is refused and counted; another route is free; later this one is too.
    assert_eq!(api.post(&messages(), json!({ "content": "hello" })).await.0, 429);
    assert_eq!((server.state().too_early, api.get(&messages()).await.0), (1, 200));
    server.advance(Duration::from_hours(1));
    assert_eq!(api.post(&messages(), json!({ "content": "hello" })).await.0, 200);
}

#[tokio::test]
async fn the_global_limit_and_a_shared_one() {
    let server = server().await;
    let api = Api::of(&server);
    server.fault(CREATE, DiscordFault::TooMany { retry_after_s: 3600.5, global: true, scope: "global" });
    let global = api.send(Method::POST, &messages(), Some(json!({ "content": "a" }))).await.unwrap();
    assert_eq!(global.headers().get("x-ratelimit-global").unwrap(), "true");
    assert_eq!(global.headers().get("retry-after").unwrap(), "3601");
    assert_eq!(global.json::<Value>().await.unwrap()["retry_after"], 3600.5);
    assert_eq!(api.get(&messages()).await.0, 429);
    server.advance(Duration::from_secs(3601));
    server.fault(CREATE, DiscordFault::TooMany { retry_after_s: 3600.0, global: false, scope: "shared" });
    assert_eq!(api.post(&messages(), json!({ "content": "a" })).await.0, 429);
    let state = server.state();
    assert_eq!((state.too_many, state.too_early, state.invalid_requests), (3, 1, 2));

    server.tune(|options| options.global_per_s = Some(0));
    server.advance(Duration::from_hours(1));
    assert_eq!(api.get(&messages()).await.1["global"], true);
}

#[tokio::test]
async fn history_is_read_changed_and_deleted() {
    let server = server().await;
    let api = Api::of(&server);
    let ids: Vec<u64> = (0..5).map(|n| server.push_message(said(&format!("line {n}")))).collect();
    let (_, page) = api.get(&format!("{}?after={}&limit=2", messages(), ids[0])).await;
    let contents: Vec<_> = page.as_array().unwrap().iter().map(|m| m["content"].clone()).collect();
    assert_eq!(contents, ["line 2", "line 1"]);
    server.withhold_intents(BOT, MESSAGE_CONTENT);
    assert_eq!(api.get(&messages()).await.1[0]["content"], "");

    let (_, made) = api.post(&messages(), json!({ "content": "first", "flags": 4 })).await;
    let own = format!("{}/{}", messages(), made["id"].as_str().unwrap());
    let (status, edited) = api.call(Method::PATCH, &own, Some(json!({ "content": "second" }))).await;
    assert_eq!((status, &edited["content"]), (200, &json!("second")));
    let foreign = format!("{}/{}", messages(), ids[4]);
    assert_eq!(api.call(Method::PATCH, &foreign, Some(json!({ "content": "x" }))).await.1["code"], 50005);
    for method in [Method::PUT, Method::DELETE] {
        let pin = format!("{}/pins/{}", messages(), ids[1]);
        assert_eq!(api.call(method.clone(), &pin, None).await.0, 204);
        assert_eq!(server.state().pins[&CHANNEL].len(), usize::from(method == Method::PUT));
    }
    assert_eq!(api.call(Method::DELETE, &own, None).await.0, 204);
    assert_eq!(api.get(&own).await.1["code"], 10008);
    let state = server.state();
    let message = state.by(BOT)[0];
    assert_eq!((message.edits.as_slice(), message.deleted, message.flags), (["first".to_owned()].as_slice(), true, 4));
    let both = json!({ "messages": [ids[0].to_string(), ids[1].to_string()] });
    assert_eq!(api.post(&format!("{}/bulk-delete", messages()), both).await.0, 204);
    assert_eq!(server.state().by(PERSON).iter().filter(|m| m.deleted).count(), 2);
}

#[tokio::test]
async fn moderation_has_its_bounds() {
    let server = server().await;
    let api = Api::of(&server);
    let member = |id: u64| format!("/guilds/{GUILD}/members/{id}");
    let until = |until: &str| Some(json!({ "communication_disabled_until": until }));
    let far = api.call(Method::PATCH, &member(PERSON), until("2199-01-01T00:00:00Z")).await;
    assert_eq!((far.0, &far.1["code"]), (400, &json!(50035)));
    let past = "2020-02-29T12:00:00.000000+00:00";
    assert_eq!(api.call(Method::PATCH, &member(OWNER), until(past)).await.0, 403);
    assert_eq!(api.call(Method::PATCH, &member(PERSON), until(past)).await.0, 200);
    assert_eq!(server.state().timeouts[&(GUILD, PERSON)], past);
    assert_eq!(api.get(&member(PERSON)).await.1["communication_disabled_until"], past);
    assert_eq!(api.get(&member(9)).await.1["code"], 10007);

    let spam = server.push_message(said("spam"));
    let ban = format!("/guilds/{GUILD}/bans/{PERSON}");
    assert_eq!(api.call(Method::DELETE, &ban, None).await.1["code"], 10026);
    assert_eq!(api.call(Method::PUT, &ban, Some(json!({ "delete_message_seconds": 604_801 }))).await.0, 400);
    assert_eq!(api.call(Method::PUT, &ban, Some(json!({ "delete_message_seconds": 604_800 }))).await.0, 204);
    let state = server.state();
    assert!(state.message(spam).unwrap().deleted && state.bans.contains_key(&(GUILD, PERSON)));
    assert!(!state.guilds[&GUILD].members.contains_key(&PERSON));
    assert_eq!(api.call(Method::DELETE, &ban, None).await.0, 204);
    assert!(server.state().bans.is_empty());
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_path() {
    let server = server().await;
    let api = Api::of(&server);
    let response = api.http.get(format!("{}/users/@me", api.base)).header("authorization", "Bot no").send().await;
    assert_eq!(response.unwrap().status(), 401);
    assert_eq!(api.get("/users/@me").await.1["id"], BOT.to_string());
    assert_eq!(api.get("/no/such/path").await.0, 404);
    assert_eq!(api.get("/gateway/bot").await.1["session_start_limit"]["remaining"], 1000);
    let (_, direct) = api.post("/users/@me/channels", json!({ "recipient_id": PERSON.to_string() })).await;
    let path = format!("/channels/{}/messages", direct["id"].as_str().unwrap());
    server.shut_direct(PERSON);
    assert_eq!(api.post(&path, json!({ "content": "hi" })).await.1["code"], 50007);
}
