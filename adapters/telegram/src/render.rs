//! Rich text as Telegram takes it: plain text, and entities whose offsets count UTF-16 code units.

use std::ops::Range;

use serde_json::{Value, json};
use townkeeper_contract::text::{Flat, Measure, RichText, Span, SpanKind};

/// The words, and the entities over them.
pub(crate) fn render(body: &RichText) -> (String, Vec<Value>) {
    let Flat { text, spans } = body.flatten();
    let entities = spans.iter().flat_map(|span| entities_of(span, &text)).collect();
    (text, entities)
}

/// One span's entities; none for a span without letters, which Telegram would refuse.
fn entities_of(span: &Span, text: &str) -> Vec<Value> {
    let Some((offset, length)) = utf16(&span.range, text).filter(|(_, length)| *length > 0) else { return Vec::new() };
    let entity = |kind: &str| json!({ "type": kind, "offset": offset, "length": length });
    let mut entities = Vec::new();
    match &span.block {
        // Telegram's code takes no other style.
        SpanKind::Code { info } => {
            let mut pre = entity("pre");
            if let Some(language) = info.split_whitespace().next() {
                pre["language"] = json!(language);
            }
            return vec![pre];
        }
        SpanKind::Quote => entities.push(entity("blockquote")),
        SpanKind::Heading => entities.push(entity("bold")),
        SpanKind::Inline => {}
    }
    if let Some(url) = &span.link {
        let mut link = entity("text_link");
        link["url"] = json!(url);
        entities.push(link);
    } else if span.style.code {
        entities.push(entity("code"));
        return entities;
    }
    let styles = [("bold", span.style.bold), ("italic", span.style.italic), ("strikethrough", span.style.strike)];
    entities.extend(styles.iter().filter(|(_, on)| *on).map(|(kind, _)| entity(kind)));
    entities
}

/// Offset and length in UTF-16 code units; `None` if the range is not one of the text.
fn utf16(range: &Range<usize>, text: &str) -> Option<(usize, usize)> {
    Some((Measure::Utf16.of(text.get(..range.start)?), Measure::Utf16.of(text.get(range.clone())?)))
}
