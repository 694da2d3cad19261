//! Rendering: our formatting is Discord's Markdown, and nobody else's is.

use townkeeper_contract::outbound::Act;
use townkeeper_contract::platform::Platform;
use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run, Style, cut, from_markdown};

use crate::deliver::out;
use crate::{BOT, server_and_bot, soon};

/// The content as Discord took it.
async fn shown(body: RichText) -> String {
    let (server, bot) = server_and_bot().await;
    soon(bot.deliver(&out("1", Act::Message { body, buttons: Vec::new() }))).await.expect("sent");
    server.look(|s| s.by(BOT)[0].content.clone())
}

fn styled(text: &str, style: Style) -> Run {
    Run { style, ..Run::plain(text, Origin::System) }
}

#[tokio::test]
async fn styles_blocks_and_links() {
    let block = |kind, text: &str| Block { kind, runs: vec![Run::plain(text, Origin::System)] };
    let bold = Style { bold: true, ..Style::default() };
    let both = Style { bold: true, italic: true, ..Style::default() };
    let code = Style { code: true, ..Style::default() };
    let body = RichText {
        blocks: vec![
            block(BlockKind::Heading { level: 2 }, "Migration"),
            Block::paragraph(vec![
                styled("bold ", bold),
                styled("both", both),
                styled("a_b`c", code),
                Run::plain(" see ", Origin::System),
                Run::plain("the guide", Origin::System).linked("https://lumen.example.org/a_b"),
            ]),
            block(BlockKind::Quote { depth: 0 }, "as *said*\n> twice"),
            block(BlockKind::Item { depth: 0, ordinal: Some(1) }, "first"),
            block(BlockKind::Code { info: "rust ignore".into() }, "let x = *y;\n```"),
        ],
    };
    assert_eq!(
        shown(body).await,
        "### Migration\n\n**bold** ***both***``a_b`c`` see the guide (https://lumen.example.org/a_b)\n\n\
         > as \\*said\\*\n> \\> twice\n\n1. first\n\n```rust\nlet x = *y;\n``\u{2cb}\n```"
    );
}

#[tokio::test]
async fn marks_that_touch_stay_apart() {
    let bold = Style { bold: true, ..Style::default() };
    let italic = Style { italic: true, ..Style::default() };
    let body = RichText { blocks: vec![Block::paragraph(vec![styled("a", bold), styled("b", italic)])] };
    assert_eq!(shown(body).await, "**a**\u{200b}*b*");
}

#[tokio::test]
async fn markup_that_somebody_wrote_stays_text() {
    let hostile = "# *b* _i_ ~~s~~ `c` ||x|| [good](https://evil.example.org) <@1> <t:1> @here\n- item\n> quote";
    let content = shown(RichText::plain(hostile, &Origin::Person)).await;
    let plain: String = content.replace('\\', "");
    assert_eq!(plain, hostile.replace('\n', "\n\n"), "nothing is lost but the marks' meaning");
    let mut before = ' ';
    for c in content.chars() {
        let marks = "*_~`|[]<>@#".contains(c);
        assert!(!marks || before == '\\', "{c} stands unescaped in {content}");
        before = c;
    }
}

#[tokio::test]
async fn a_long_code_block_stays_in_fences_over_every_cut() {
    let (server, bot) = server_and_bot().await;
    let line = "let answer = base.look_up(\"when does it end?\"); // `quoted`\n";
    let markdown = format!("Before.\n\n```rust\n{}```\n\nAfter.", line.repeat(100));
    let facts = bot.facts();
    let pieces = cut(&from_markdown(&markdown, &Origin::Model), facts.max_len, facts.measure);
    assert!(pieces.len() > 2);
    for (n, body) in pieces.into_iter().enumerate() {
        let act = Act::Message { body, buttons: Vec::new() };
        soon(bot.deliver(&out(&n.to_string(), act))).await.expect("it fits, fences and all");
    }
    for message in server.look(|s| s.by(BOT).into_iter().cloned().collect::<Vec<_>>()) {
        let fences = message.content.matches("```").count();
        assert!(fences.is_multiple_of(2) && fences > 0, "{}", message.content);
        assert!(message.content.contains("```rust\n"), "{}", message.content);
    }
}
