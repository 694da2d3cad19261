//! Markdown in, rich text out: CommonMark with strike-through and tables. Raw HTML stays literal text.
//!
//! Rich text has two levels only, so a quote's lists, headings and tables become quoted paragraphs: what somebody
//! else said must stay visibly theirs.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

use crate::rich::{Block, BlockKind, Origin, RichText, Run, Style, prefix};

/// Reads Markdown; every run gets `origin`. Never fails: whatever is not markup is text.
///
/// Links keep their target in [`Run::link`]; images become their alternative text, linked; a table becomes one list
/// item a row; thematic breaks are dropped. A link or image without words shows its target.
pub fn from_markdown(markdown: &str, origin: &Origin) -> RichText {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    let mut reader = Reader::new(origin);
    for event in Parser::new_ext(markdown, options) {
        reader.read(event);
    }
    reader.end_block();
    reader.out
}

struct Reader<'a> {
    origin: &'a Origin,
    out: RichText,
    /// The block being read.
    runs: Vec<Run>,
    /// The bullet the next block begins with.
    item: Option<BlockKind>,
    heading: Option<u8>,
    code: Option<String>,
    quotes: u8,
    /// One entry a nested list: its next number, if it is ordered.
    lists: Vec<Option<u64>>,
    /// Targets of the open links and images; the outermost is the one a click leads to.
    links: Vec<String>,
    /// The number of runs when the outermost link began.
    link_start: usize,
    bold: u8,
    italic: u8,
    strike: u8,
    cells: usize,
}

impl<'a> Reader<'a> {
    fn new(origin: &'a Origin) -> Self {
        Self {
            origin,
            out: RichText::default(),
            runs: Vec::new(),
            item: None,
            heading: None,
            code: None,
            quotes: 0,
            lists: Vec::new(),
            links: Vec::new(),
            link_start: 0,
            bold: 0,
            italic: 0,
            strike: 0,
            cells: 0,
        }
    }

    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.push(&text, false),
            Event::Code(text) => self.push(&text, true),
            Event::SoftBreak => self.push(" ", false),
            Event::HardBreak => self.push("\n", false),
            Event::Rule => self.end_block(),
            // Extensions that are not switched on.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.push(&text, false);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Emphasis => self.italic = self.italic.saturating_add(1),
            Tag::Strong => self.bold = self.bold.saturating_add(1),
            Tag::Strikethrough => self.strike = self.strike.saturating_add(1),
            Tag::Link { link_type, dest_url, .. } => self.start_link(link_type, &dest_url),
            Tag::Image { dest_url, .. } => self.start_link(LinkType::Inline, &dest_url),
            Tag::TableCell => {
                if self.cells > 0 {
                    self.push(" | ", false);
                }
                self.cells += 1;
            }
            block => {
                self.end_block();
                self.start_block(block);
            }
        }
    }

    fn start_block(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.heading = Some(level as u8),
            Tag::BlockQuote(_) => {
                self.quotes = self.quotes.saturating_add(1);
                // A quote that opens an item stands without its bullet.
                self.item = None;
            }
            Tag::CodeBlock(kind) => {
                self.code = Some(match kind {
                    CodeBlockKind::Fenced(info) => info.into_string(),
                    CodeBlockKind::Indented => String::new(),
                });
            }
            Tag::List(first) => self.lists.push(first),
            Tag::Item => {
                let depth = u8::try_from(self.lists.len().saturating_sub(1)).unwrap_or(u8::MAX);
                let next = self.lists.last_mut().and_then(Option::as_mut);
                let ordinal = next.map(|n| std::mem::replace(n, n.saturating_add(1)));
                self.item = Some(BlockKind::Item { depth, ordinal });
            }
            Tag::TableHead => {
                self.cells = 0;
                self.bold = self.bold.saturating_add(1);
            }
            Tag::TableRow => {
                self.cells = 0;
                self.item = Some(BlockKind::Item { depth: 0, ordinal: None });
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::TableCell => {}
            block => {
                self.end_block();
                match block {
                    TagEnd::Heading(_) => self.heading = None,
                    TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
                    TagEnd::List(_) => {
                        self.lists.pop();
                    }
                    TagEnd::TableHead => self.bold = self.bold.saturating_sub(1),
                    TagEnd::Item => self.item = None,
                    _ => {}
                }
            }
        }
    }

    fn start_link(&mut self, kind: LinkType, target: &CowStr<'_>) {
        if self.links.is_empty() {
            self.link_start = self.runs.len();
        }
        let scheme = if kind == LinkType::Email { "mailto:" } else { "" };
        self.links.push(format!("{scheme}{target}"));
    }

    fn end_link(&mut self) {
        if self.links.len() == 1
            && let Some(target) = self.links.first().cloned()
            && self.runs.iter().skip(self.link_start).all(|run| run.text.trim().is_empty())
        {
            self.push(&target, false);
        }
        self.links.pop();
    }

    fn push(&mut self, text: &str, code: bool) {
        if text.is_empty() {
            return;
        }
        let style = Style { bold: self.bold > 0, italic: self.italic > 0, strike: self.strike > 0, code };
        let link = self.links.first().filter(|target| !target.is_empty());
        // Two links side by side to one place stay two, hence no joining across the beginning of a link.
        let joins = self.links.is_empty() || self.runs.len() > self.link_start;
        match self.runs.last_mut() {
            Some(last) if joins && last.style == style && last.link.as_ref() == link => last.text.push_str(text),
            _ => self.runs.push(Run { text: text.to_owned(), origin: self.origin.clone(), style, link: link.cloned() }),
        }
    }

    /// Closes the block being read, if anything was said in it.
    fn end_block(&mut self) {
        let code = self.code.take();
        let mut runs = std::mem::take(&mut self.runs);
        if let Some(last) = runs.last_mut() {
            let kept = if code.is_some() { last.text.strip_suffix('\n') } else { Some(last.text.trim_end()) };
            let kept = kept.map_or(last.text.len(), str::len);
            last.text.truncate(kept);
        }
        runs.retain(|run| !run.text.is_empty());
        if runs.is_empty() {
            return;
        }
        let kind = self.kind(code, &mut runs);
        self.out.push(Block { kind, runs });
    }

    fn kind(&mut self, code: Option<String>, runs: &mut Vec<Run>) -> BlockKind {
        if let Some(info) = code {
            return BlockKind::Code { info };
        }
        let item = self.item.take();
        if let Some(depth) = self.quotes.checked_sub(1) {
            if let Some(item) = item {
                runs.insert(0, Run::plain(prefix(&item), self.origin.clone()));
            }
            return BlockKind::Quote { depth };
        }
        match (item, self.heading) {
            (Some(item), _) => item,
            (None, Some(level)) => BlockKind::Heading { level },
            (None, None) => BlockKind::Paragraph,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(markdown: &str) -> RichText {
        from_markdown(markdown, &Origin::Model)
    }

    fn plain(markdown: &str) -> String {
        read(markdown).to_plain()
    }

    #[test]
    fn blocks_become_blocks() {
        let cases = [
            ("# One\n\ntwo\nthree", "One\n\ntwo three"),
            ("a  \nb", "a\nb"),
            ("- a\n- b\n  - c\n\n3. d\n4. e", "• a\n• b\n  • c\n3. d\n4. e"),
            ("1. a\n\n   more\n\n2. b", "1. a\n\nmore\n\n2. b"),
            ("> a\n>\n> > b", "> a\n\n> > b"),
            ("> - a\n> 1. b", "> • a\n\n> 1. b"),
            ("```sh\nls\n\n-l\n```", "ls\n\n-l"),
            ("a\n\n---\n\nb", "a\n\nb"),
            ("| k | v |\n|---|---|\n| a | **b** |\n| c | |", "k | v\n\n• a | b\n• c |"),
            ("", ""),
        ];
        for (markdown, expected) in cases {
            assert_eq!(plain(markdown), expected, "{markdown:?}");
        }
    }

    #[test]
    fn styles_and_links_become_runs() {
        let text = read("**b** *i* ~~s~~ `c` [t](https://x.org/a) <https://x.org> <a@x.org>");
        let shown: Vec<_> = text.runs().filter(|run| run.text != " ").collect();
        assert!(shown[0].style.bold && shown[1].style.italic && shown[2].style.strike && shown[3].style.code);
        let links: Vec<_> = text.runs().filter_map(|run| run.link.as_deref()).collect();
        assert_eq!(links, ["https://x.org/a", "https://x.org", "mailto:a@x.org"]);
        assert!(text.runs().all(|run| run.origin == Origin::Model));
    }

    #[test]
    fn raw_html_is_only_text() {
        let block = "<script>alert(1)</script>";
        assert_eq!(plain(block), block);
        assert_eq!(plain("a <img src=x onerror=y> b &lt;"), "a <img src=x onerror=y> b <");
        assert!(read("<a href='https://x.org'>y</a>").runs().all(|run| run.link.is_none()));
    }

    #[test]
    fn images_and_empty_links_show_where_they_lead() {
        assert_eq!(plain("![alt](https://x.org/i.png)"), "alt (https://x.org/i.png)");
        assert_eq!(plain("![](https://x.org/i.png)"), "https://x.org/i.png");
        assert_eq!(plain("[](https://x.org)"), "https://x.org");
        assert_eq!(plain("[![alt](https://x.org/i.png)](https://x.org)"), "alt (https://x.org)");
        assert_eq!(plain("[x]()"), "x");
    }

    #[test]
    fn quoted_headings_and_items_stay_quotes() {
        let text = read("> # h\n> - a\n\n- > q");
        assert!(text.blocks.iter().all(|block| matches!(block.kind, BlockKind::Quote { depth: 0 })));
    }

    #[test]
    fn deep_nesting_is_survived() {
        for mark in ["> ", "- ", "[", "*", "![", "<", "&"] {
            assert!(plain(&format!("{}x", mark.repeat(20_000))).contains('x'), "{mark}");
        }
    }

    proptest! {
        #[test]
        fn anything_reads_and_no_word_is_lost(markdown in "[a-c \n>#*_`~|!<>()\\[\\]1.:-]{0,80}") {
            let letters = |text: &str| text.chars().filter(|c| matches!(c, 'a'..='c')).collect::<String>();
            let text = read(&markdown);
            // Targets and info strings are kept beside the words, hence a bound and not equality.
            prop_assert!(letters(&text.to_plain()).len() <= 2 * letters(&markdown).len());
        }
    }
}
