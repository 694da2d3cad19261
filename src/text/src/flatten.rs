//! Rich text as one string with spans over it: what a platform with entities sends, and what every length is
//! measured on.
//!
//! Blocks are separated by a blank line (list items by a line break). A link is shown by its URL, and the URL alone
//! is the link, so a label can never claim another host than the one it leads to.

use std::ops::Range;

use crate::rich::{Block, BlockKind, RichText, Run, Style, prefix};

/// A rich text as one string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flat {
    pub text: String,
    /// By their start; a block's span comes before the inline spans inside it. Inline spans never overlap.
    pub spans: Vec<Span>,
}

/// A stretch of [`Flat::text`] that is more than plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Bytes in [`Flat::text`].
    pub range: Range<usize>,
    pub style: Style,
    /// The target; always equal to the words of the range.
    pub link: Option<String>,
    pub block: SpanKind,
}

/// What a span stands for. All but `Inline` cover one whole block, its quote marks included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Words with a style or a link.
    Inline,
    /// A code block; no inline span lies within. `info` is the fence's info string.
    Code { info: String },
    /// A quoted paragraph. Every line of it begins with `"> "`, once per depth.
    Quote,
    /// A heading.
    Heading,
}

impl RichText {
    /// One string with spans over it. Blocks without any text are left out.
    pub fn flatten(&self) -> Flat {
        let mut flat = Flat::default();
        let mut previous: Option<&BlockKind> = None;
        for block in self.blocks.iter().filter(|block| !is_blank(block)) {
            if let Some(before) = previous {
                flat.text.push_str(separator(before, &block.kind));
            }
            flat.push_block(block);
            previous = Some(&block.kind);
        }
        flat
    }
}

impl Flat {
    fn push_block(&mut self, block: &Block) {
        let start = self.text.len();
        let mark = prefix(&block.kind);
        self.text.push_str(&mark);
        let first_inline = self.spans.len();
        for run in visible(block) {
            let from = self.text.len();
            push_words(&mut self.text, &run.text, &block.kind, &mark);
            self.push_inline(from..self.text.len(), run);
        }
        let kind = match &block.kind {
            BlockKind::Code { info } => {
                self.spans.truncate(first_inline);
                SpanKind::Code { info: info.clone() }
            }
            BlockKind::Quote { .. } => SpanKind::Quote,
            BlockKind::Heading { .. } => SpanKind::Heading,
            BlockKind::Paragraph | BlockKind::Item { .. } => return,
        };
        let span = Span { range: start..self.text.len(), style: Style::default(), link: None, block: kind };
        self.spans.insert(first_inline, span);
    }

    fn push_inline(&mut self, range: Range<usize>, run: Run) {
        if range.is_empty() || (run.link.is_none() && run.style == Style::default()) {
            return;
        }
        let span = Span { range, style: run.style, link: run.link, block: SpanKind::Inline };
        match self.spans.last_mut() {
            Some(last) if last.continues_into(&span) => last.range.end = span.range.end,
            _ => self.spans.push(span),
        }
    }
}

impl Span {
    /// Whether `next` is the same formatting going on. Two links side by side stay two links.
    fn continues_into(&self, next: &Self) -> bool {
        self.range.end == next.range.start
            && self.link.is_none()
            && next.link.is_none()
            && self.style == next.style
            && self.block == next.block
    }
}

/// Repeats a quote's mark on each of its lines: a line break must not turn somebody else's words into ours.
fn push_words(out: &mut String, words: &str, kind: &BlockKind, mark: &str) {
    if matches!(kind, BlockKind::Quote { .. }) {
        out.push_str(&words.replace('\n', &format!("\n{mark}")));
    } else {
        out.push_str(words);
    }
}

/// Whether a block shows nothing at all.
pub(crate) fn is_blank(block: &Block) -> bool {
    block.runs.iter().all(|run| run.text.is_empty() && target(run).is_none())
}

/// What stands between two blocks.
pub(crate) fn separator(before: &BlockKind, after: &BlockKind) -> &'static str {
    let tight = matches!((before, after), (BlockKind::Item { .. }, BlockKind::Item { .. }));
    if tight { "\n" } else { "\n\n" }
}

/// The runs of a block as a reader sees them: labels without a link, followed by their URL in brackets unless they
/// show it already; a run with a link is then always the URL itself.
pub(crate) fn visible(block: &Block) -> Vec<Run> {
    let mut out = Vec::with_capacity(block.runs.len());
    for group in block.runs.chunk_by(|a, b| a.link == b.link) {
        match group.first().and_then(target) {
            None => out.extend(group.iter().cloned().map(unlinked)),
            Some(url) => push_link(&mut out, group, url),
        }
    }
    out
}

fn push_link(out: &mut Vec<Run>, group: &[Run], url: &str) {
    let mut shown = false;
    for run in group {
        match position(&run.text, url) {
            Some(at) if !shown => {
                shown = true;
                let (before, rest) = run.text.split_at(at);
                let (_, after) = rest.split_at(url.len());
                out.extend(piece(run, before));
                out.extend(piece(run, url).map(|shown| shown.linked(url)));
                out.extend(piece(run, after));
            }
            _ => out.push(unlinked(run.clone())),
        }
    }
    let Some(last) = group.last().filter(|_| !shown) else { return };
    let bare = Run::plain("", last.origin.clone());
    let blank = group.iter().all(|run| run.text.trim().is_empty());
    out.extend(piece(&bare, if blank { "" } else { " (" }));
    out.extend(piece(&bare, url).map(|shown| shown.linked(url)));
    out.extend(piece(&bare, if blank { "" } else { ")" }));
}

/// Where `text` shows `url` as a word of its own, so that a longer URL which only begins alike does not count.
fn position(text: &str, url: &str) -> Option<usize> {
    let at = text.find(url)?;
    let (before, rest) = text.split_at(at);
    let (_, after) = rest.split_at(url.len());
    let edge = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '"');
    (before.chars().next_back().is_none_or(edge) && after.chars().next().is_none_or(edge)).then_some(at)
}

fn target(run: &Run) -> Option<&str> {
    run.link.as_deref().filter(|url| !url.is_empty())
}

fn unlinked(run: Run) -> Run {
    Run { link: None, ..run }
}

/// A run like `run` that says `words`; nothing if there are none.
fn piece(run: &Run, words: &str) -> Option<Run> {
    (!words.is_empty()).then(|| Run {
        text: words.to_owned(),
        origin: run.origin.clone(),
        style: run.style,
        link: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rich::Origin;

    fn run(text: &str) -> Run {
        Run::plain(text, Origin::System)
    }

    fn one(runs: Vec<Run>) -> Flat {
        RichText { blocks: vec![Block::paragraph(runs)] }.flatten()
    }

    fn words<'a>(flat: &'a Flat, span: &Span) -> &'a str {
        flat.text.get(span.range.clone()).unwrap()
    }

    #[test]
    fn a_label_is_followed_by_its_target_and_only_the_target_is_the_link() {
        let flat = one(vec![run("Go to "), run("the portal").linked("https://a.example.org/x"), run(".")]);
        assert_eq!(flat.text, "Go to the portal (https://a.example.org/x).");
        assert_eq!(flat.spans.len(), 1);
        assert_eq!(words(&flat, &flat.spans[0]), "https://a.example.org/x");
    }

    #[test]
    fn no_linked_span_ever_shows_another_address() {
        let cases = [
            ("https://good.example.org", "https://evil.example.org"),
            ("https://evil.example.org.good.example.net", "https://evil.example.org"),
            ("xhttps://evil.example.org", "https://evil.example.org"),
            ("", "https://evil.example.org"),
            ("look: https://evil.example.org here", "https://evil.example.org"),
        ];
        for (label, url) in cases {
            let flat = one(vec![run(label).linked(url)]);
            let linked: Vec<_> = flat.spans.iter().filter(|span| span.link.is_some()).collect();
            assert_eq!(linked.len(), 1, "{label}");
            assert_eq!(Some(words(&flat, linked[0])), linked[0].link.as_deref(), "{label}");
        }
    }

    /// The red twin: a label shown as the link itself would name one host and lead to another.
    #[test]
    fn a_label_as_the_link_would_deceive() {
        let run = run("https://good.example.org").linked("https://evil.example.org");
        assert_ne!(Some(run.text.as_str()), run.link.as_deref());
        assert!(
            visible(&Block::paragraph(vec![run]))
                .iter()
                .all(|run| run.link.as_ref().is_none_or(|url| *url == run.text))
        );
    }

    #[test]
    fn a_link_of_several_runs_is_followed_by_its_target_once() {
        let flat = one(vec![run("a ").linked("https://x.org"), run("b").bold().linked("https://x.org")]);
        assert_eq!(flat.text, "a b (https://x.org)");
        assert_eq!(flat.spans.len(), 2);
    }

    #[test]
    fn a_shown_url_is_not_repeated() {
        assert_eq!(one(vec![run("https://x.org").linked("https://x.org")]).text, "https://x.org");
        assert_eq!(one(vec![run("see https://x.org now").linked("https://x.org")]).text, "see https://x.org now");
    }

    #[test]
    fn adjacent_equal_spans_are_one() {
        let flat = one(vec![run("a").bold(), run("b").bold(), run("c")]);
        assert_eq!(flat.spans.len(), 1);
        assert_eq!(words(&flat, &flat.spans[0]), "ab");
    }

    #[test]
    fn every_line_of_a_quote_is_marked() {
        let quote = Block { kind: BlockKind::Quote { depth: 0 }, runs: vec![run("a\nb")] };
        let flat = RichText { blocks: vec![quote, Block::paragraph(vec![run("c")])] }.flatten();
        assert_eq!(flat.text, "> a\n> b\n\nc");
        assert_eq!((&flat.spans[0].block, words(&flat, &flat.spans[0])), (&SpanKind::Quote, "> a\n> b"));
    }

    #[test]
    fn items_are_tight_and_code_is_one_span() {
        let item = |ordinal| Block { kind: BlockKind::Item { depth: 0, ordinal }, runs: vec![run("x").bold()] };
        let code = Block { kind: BlockKind::Code { info: "sh".into() }, runs: vec![run("ls\n-l").bold()] };
        let flat = RichText { blocks: vec![item(None), item(Some(7)), code] }.flatten();
        assert_eq!(flat.text, "• x\n7. x\n\nls\n-l");
        assert_eq!(flat.spans.len(), 3);
        assert_eq!(flat.spans[2].block, SpanKind::Code { info: "sh".into() });
    }

    #[test]
    fn empty_blocks_leave_no_trace() {
        let text = RichText { blocks: vec![Block::paragraph(vec![]), Block::paragraph(vec![run("a")])] };
        assert_eq!(text.to_plain(), "a");
    }
}
