//! Nobody is pinged, however it is spelled: by a message, an edit, an answer to a command or what follows it.

use serde_json::json;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Outbound};
use townkeeper_contract::platform::Platform;
use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run, from_markdown};
use townkeeper_fakes::discord::DiscordServer;

use crate::deliver::out;
use crate::{ADA, BOT, CHANNEL, GUILD, THREAD, TOKEN, bot_at, raw, soon, us};

const ROLE: u64 = 9_007_199_254_745_555;

/// A guild in which our bot may ping everyone, and a role that anybody may.
async fn server() -> DiscordServer {
    let server = DiscordServer::start(&[us()]).await;
    let all = 1_u64 << 3;
    server.add_guild(json!({ "id": GUILD, "owner_id": "1", "channels": [{ "id": CHANNEL }],
        "threads": [{ "id": THREAD, "type": 11, "parent_id": CHANNEL }],
        "roles": [{ "id": "7", "permissions": all.to_string() }, { "id": ROLE, "mentionable": true }],
        "members": [{ "user": { "id": BOT }, "roles": ["7"] }, { "user": { "id": ADA } }] }));
    server
}

/// Fifty ways to call for everybody, or for somebody.
fn spellings() -> Vec<String> {
    let names = ["@everyone", "@here"].map(str::to_owned);
    let marks = [format!("<@{ADA}>"), format!("<@!{ADA}>"), format!("<@&{ROLE}>")];
    let wraps: [&str; 10] =
        ["%", "**%**", "`%`", "```\n%\n```", "> %", "||%||", "[%](https://example.org)", "\\%", "%%%", "# %"];
    let names = names.iter().chain(&marks);
    names.flat_map(|name| wraps.iter().map(move |wrap| wrap.replace('%', name))).collect()
}

/// Every way a text can get in: as a person's words, as a model's Markdown, as code.
fn bodies(words: &str) -> Vec<RichText> {
    let code =
        Block { kind: BlockKind::Code { info: "@everyone".into() }, runs: vec![Run::plain(words, Origin::Model)] };
    let linked = Run::plain(words, Origin::Model).linked("https://example.org/@everyone");
    vec![
        RichText::plain(words, &Origin::Person),
        from_markdown(words, &Origin::Model),
        RichText { blocks: vec![code, Block::paragraph(vec![linked])] },
    ]
}

#[tokio::test]
async fn fifty_spellings_of_everyone_ping_nobody() {
    let server = server().await;
    server.tune(|o| o.global_per_s = None);
    let bot = bot_at(&server.api_base(), TOKEN);
    let spellings = spellings();
    assert_eq!(spellings.len(), 50);
    let mut n = 0;
    for body in spellings.iter().flat_map(|words| bodies(words)) {
        n += 1;
        let act = Act::Message { body: body.clone(), buttons: Vec::new() };
        let sent = soon(bot.deliver(&out(&n.to_string(), act))).await.expect("sent");
        let edit = Act::Edit { message: sent.message.expect("a message"), body, buttons: Vec::new() };
        soon(bot.deliver(&out("e", edit))).await.expect("edited");
    }
    // And as an answer to a command that was deferred by somebody's hand.
    let command = json!({ "type": 2, "channel_id": CHANNEL, "user": { "id": ADA }, "data": { "name": "ask" } });
    for words in ["@everyone", "@here", &format!("<@{ADA}>")] {
        let (id, token) = server.push_interaction(command.clone());
        let callback = format!("/interactions/{id}/{token}/callback?with_response=true");
        raw(&server, &callback, json!({ "type": 5, "data": {} })).await;
        let via = json!({ "id": id.to_string(), "app": us().application_id.to_string(), "token": token });
        let to = json!({ "channel": CHANNEL.to_string(), "guild": GUILD.to_string(), "via": via });
        for part in ["first", "second"] {
            let body = RichText::plain(&format!("{part} {words}"), &Origin::Model);
            let row = format!("{id}{part}");
            let act = Act::Message { body, buttons: Vec::new() };
            let out = Outbound { id: row.as_str().into(), to: ReplyTo(to.to_string()), act, repeated: false };
            soon(bot.deliver(&out)).await.expect("answered");
        }
    }
    server.look(|s| {
        let ours = s.by(BOT);
        assert_eq!(ours.len(), 150 + 6);
        for message in ours {
            assert_eq!(message.pings, Vec::<String>::new(), "{}", message.content);
            assert!(message.allowed_mentions.is_some() && message.flags & 4 != 0, "{}", message.content);
        }
    });
}

/// The red twin: what we send, with `allowed_mentions` left out, pings. Escaping alone is no guard.
#[tokio::test]
async fn red_twin_without_allowed_mentions_everyone_is_pinged() {
    let server = server().await;
    let bot = bot_at(&server.api_base(), TOKEN);
    let act = Act::Message { body: RichText::plain("@everyone!", &Origin::Model), buttons: Vec::new() };
    soon(bot.deliver(&out("1", act))).await.expect("sent");
    let mut body = server.look(|s| s.by(BOT)[0].request.clone());
    body.as_object_mut().expect("an object").retain(|field, _| field != "allowed_mentions" && field != "nonce");
    raw(&server, &format!("/channels/{CHANNEL}/messages"), body).await;
    let pings: Vec<_> = server.look(|s| s.by(BOT).iter().map(|m| m.pings.clone()).collect());
    assert_eq!(pings, [vec![], vec!["everyone".to_owned()]]);
}
