//! Commands are registered; interactions are answered in time, once, and followed up while the token lives.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::{APPLICATION, Api, BOT, CHANNEL, Client, GUILD, INTENTS, PERSON, TOKEN, said, server};

fn command() -> serde_json::Value {
    json!({ "type": 2, "guild_id": GUILD, "channel_id": CHANNEL, "user": { "id": PERSON },
        "data": { "id": "1", "name": "ask", "type": 1 } })
}

#[tokio::test]
async fn a_deferred_answer_is_said_later_and_followed_up() {
    let server = server().await;
    let api = Api::of(&server);
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(TOKEN, INTENTS).await;
    client.event("GUILD_CREATE").await;
    let (id, token) = server.push_interaction(command());
    let heard = client.event("INTERACTION_CREATE").await;
    assert_eq!(heard["d"]["token"], token);
    assert_eq!(heard["d"]["member"]["user"]["id"], PERSON.to_string());
    let callback = format!("/interactions/{id}/{token}/callback");
    let original = format!("/webhooks/{APPLICATION}/{token}/messages/@original");
    assert_eq!(api.get(&original).await.1["code"], 10015);
    assert_eq!(api.post(&callback, json!({ "type": 5 })).await.0, 204);
    assert_eq!(api.post(&callback, json!({ "type": 5 })).await.1["code"], 40060);
    assert_eq!(server.state().by(BOT)[0].flags, 1 << 7);
    let said = json!({ "content": format!("@everyone <@{PERSON}>") });
    assert_eq!(api.call(Method::PATCH, &original, Some(said)).await.0, 200);
    let state = server.state();
    let answer = state.by(BOT)[0];
    assert_eq!((answer.flags, answer.pings.as_slice()), (0, [format!("user:{PERSON}")].as_slice()));
    assert_eq!(answer.interaction, Some(id));

    let hook = format!("/webhooks/{APPLICATION}/{token}");
    let secret = json!({ "content": "only you", "flags": 64 });
    assert_eq!(api.post(&hook, secret).await.1["flags"], 64);
    server.advance(Duration::from_mins(15));
    assert_eq!(api.post(&hook, json!({ "content": "in time" })).await.0, 200);
    server.advance(Duration::from_secs(1));
    let late = api.post(&hook, json!({ "content": "late" })).await;
    assert_eq!((late.0, &late.1["code"]), (401, &json!(50027)));
    assert_eq!(server.state().interactions[&id].followups.len(), 2);
}

#[tokio::test]
async fn who_answers_after_three_seconds_is_too_late() {
    let server = server().await;
    let api = Api::of(&server);
    let (id, token) = server.push_interaction(command());
    server.advance(Duration::from_millis(3001));
    let late = api.post(&format!("/interactions/{id}/{token}/callback"), json!({ "type": 5 })).await;
    assert_eq!((late.0, &late.1["code"]), (404, &json!(10062)));
    assert!(server.state().interactions[&id].response.is_none());
}

#[tokio::test]
async fn a_button_changes_the_message_it_is_on() {
    let server = server().await;
    let api = Api::of(&server);
    let row = json!([{ "type": 1, "components": [{ "type": 2, "style": 1, "label": "Yes", "custom_id": "yes" }] }]);
    let body = json!({ "content": "sure?", "components": row });
    let (_, asked) = api.post(&format!("/channels/{CHANNEL}/messages"), body).await;
    let press = json!({ "type": 3, "guild_id": GUILD, "channel_id": CHANNEL, "user": { "id": PERSON },
        "message": { "id": asked["id"] }, "data": { "custom_id": "yes", "component_type": 2 } });
    let (id, token) = server.push_interaction(press);
    let done = json!({ "type": 7, "data": { "content": "done", "components": [] } });
    assert_eq!(api.post(&format!("/interactions/{id}/{token}/callback"), done).await.0, 204);
    let state = server.state();
    let message = state.by(BOT)[0];
    assert_eq!((message.content.as_str(), message.components.len()), ("done", 0));
    // A command has no message to change, and wants no choices.
    let (id, token) = server.push_interaction(command());
    for kind in [6, 7, 8] {
        let callback = format!("/interactions/{id}/{token}/callback?with_response=true");
        assert_eq!(api.post(&callback, json!({ "type": kind, "data": {} })).await.0, 400);
    }
    let data = json!({ "content": "hello", "flags": 64 });
    let (_, answer) = api
        .post(&format!("/interactions/{id}/{token}/callback?with_response=true"), json!({ "type": 4, "data": data }))
        .await;
    assert_eq!(answer["interaction"]["response_message_ephemeral"], true);
    server.push_message(said("others see only this"));
    assert_eq!(api.get(&format!("/channels/{CHANNEL}/messages")).await.1.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn commands_are_replaced_and_keep_their_ids() {
    let server = server().await;
    let api = Api::of(&server);
    let global = format!("/applications/{APPLICATION}/commands");
    let ask = json!({ "name": "ask", "description": "Ask the keeper" });
    let (_, first) = api.call(Method::PUT, &global, Some(json!([ask]))).await;
    let both = json!([ask, { "name": "Report", "type": 3 }]);
    let (_, second) = api.call(Method::PUT, &global, Some(both)).await;
    assert_eq!(first[0]["id"], second[0]["id"]);
    let bad = json!([{ "name": "Ask", "description": "upper case" }]);
    assert_eq!(api.call(Method::PUT, &global, Some(bad)).await.0, 400);
    let local = format!("/applications/{APPLICATION}/guilds/{GUILD}/commands");
    assert_eq!(api.call(Method::PUT, &local, Some(json!([ask]))).await.1[0]["guild_id"], GUILD.to_string());
    let state = server.state();
    assert_eq!(state.commands[&(APPLICATION, None)].len(), 2);
    assert_eq!(state.commands[&(APPLICATION, Some(GUILD))].len(), 1);
    let foreign = api.call(Method::PUT, "/applications/1/commands", Some(json!([]))).await;
    assert_eq!((foreign.0, &foreign.1["code"]), (403, &json!(20012)));
}
