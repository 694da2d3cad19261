//! Rendering: what people see, cut out of the sent text by Telegram's own units.

use serde_json::{Value, json};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Outbound};
use townkeeper_contract::platform::Platform;
use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run, Style};
use townkeeper_fakes::telegram::SentMessage;

use crate::{raw, server_and_bot, soon};

/// Sends the blocks through the adapter; the message as the server took it.
async fn sent(blocks: Vec<Block>) -> SentMessage {
    let (server, bot) = server_and_bot().await;
    let act = Act::Message { body: RichText { blocks }, buttons: Vec::new() };
    let out = Outbound { id: "01J".into(), to: ReplyTo(json!({ "chat": 11 }).to_string()), act, repeated: false };
    soon(bot.deliver(&out)).await.expect("Telegram takes the entities");
    server.sent().remove(0)
}

/// Each entity as (type, the words it covers).
fn marked(message: &SentMessage) -> Vec<(String, String)> {
    let units: Vec<u16> = message.text.encode_utf16().collect();
    let at = |entity: &Value, field: &str| usize::try_from(entity[field].as_u64().expect("a number")).expect("small");
    let words = |entity: &Value| {
        let start = at(entity, "offset");
        String::from_utf16(&units[start..start + at(entity, "length")]).expect("whole characters")
    };
    message.entities.iter().map(|e| (e["type"].as_str().expect("a type").to_owned(), words(e))).collect()
}

fn styled(text: &str, style: Style) -> Run {
    Run { style, ..Run::plain(text, Origin::System) }
}

fn has(found: &[(String, String)], kind: &str, words: &str) {
    assert!(found.iter().any(|(k, w)| k == kind && w == words), "no {kind} over {words:?} in {found:?}");
}

#[tokio::test]
async fn styles_count_in_utf16_units() {
    let message = sent(vec![Block::paragraph(vec![
        // One, two and four code units of UTF-8 trouble before anything is marked.
        Run::plain("Grüße 🌞👩‍🚀 ", Origin::System),
        styled("bold🌞", Style { bold: true, ..Style::default() }),
        Run::plain(" ", Origin::System),
        styled("italic", Style { italic: true, ..Style::default() }),
        Run::plain(" ", Origin::System),
        styled("struck", Style { strike: true, ..Style::default() }),
        Run::plain(" ", Origin::System),
        styled("lmn_burn()", Style { code: true, bold: true, ..Style::default() }),
    ])])
    .await;
    let found = marked(&message);
    has(&found, "bold", "bold🌞");
    has(&found, "italic", "italic");
    has(&found, "strikethrough", "struck");
    has(&found, "code", "lmn_burn()");
    assert_eq!(found.len(), 4, "code takes no other style: {found:?}");
}

#[tokio::test]
async fn blocks_become_entities() {
    let block = |kind: BlockKind, text: &str| Block { kind, runs: vec![Run::plain(text, Origin::System)] };
    let message = sent(vec![
        block(BlockKind::Heading { level: 2 }, "🌞 Migration"),
        block(BlockKind::Quote { depth: 0 }, "As published"),
        block(BlockKind::Code { info: "rust ignore".into() }, "fn main() {}\nlet x = 1;"),
    ])
    .await;
    let found = marked(&message);
    has(&found, "bold", "🌞 Migration");
    has(&found, "pre", "fn main() {}\nlet x = 1;");
    assert!(found.iter().any(|(kind, words)| kind == "blockquote" && words.contains("As published")), "{found:?}");
    let pre = message.entities.iter().find(|e| e["type"] == "pre").expect("code");
    assert_eq!(pre["language"], "rust");
}

#[tokio::test]
async fn a_link_shows_where_it_leads() {
    let url = "https://lumen.example.org/migrate";
    let message = sent(vec![Block::paragraph(vec![
        Run::plain("🌞 See ", Origin::System),
        Run::plain("the guide", Origin::System).linked(url),
    ])])
    .await;
    assert!(message.text.contains(url), "the target is spelt out: {}", message.text);
    let link = message.entities.iter().find(|e| e["type"] == "text_link").expect("a link");
    assert_eq!(link["url"], url);
    has(&marked(&message), "text_link", url);
}

#[tokio::test]
async fn markup_that_somebody_wrote_stays_text() {
    let hostile = "*bold* _it_ `code` <b>html</b> [x](https://evil.example.org) @everyone";
    let message = sent(vec![Block::paragraph(vec![Run::plain(hostile, Origin::Person)])]).await;
    assert_eq!(message.text, hostile);
    assert!(message.entities.is_empty() && message.body.get("parse_mode").is_none());
}

/// The red twin: the same marks counted in bytes are refused, so the fake would notice.
#[tokio::test]
async fn red_twin_offsets_in_bytes_are_refused() {
    let (server, _bot) = server_and_bot().await;
    let text = "🌞🌞 bold";
    let start = text.find("bold").expect("there");
    let entity = json!({ "type": "bold", "offset": start, "length": 4 });
    let body = json!({ "chat_id": 11, "text": text, "entities": [entity] });
    let answer = raw(server.base_url(), "sendMessage", body).await;
    assert_eq!(answer["error_code"], 400);
}
