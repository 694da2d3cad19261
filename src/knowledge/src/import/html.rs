//! HTML in, Markdown out: headings, paragraphs, lists, links, code and emphasis. What surrounds a page's words (menus,
//! scripts, styles, forms) is left out. Works on the stream of tags and builds no tree, so that no nesting is too deep.

use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct PageText {
    pub(super) title: String,
    pub(super) lang: Option<String>,
    /// Markdown.
    pub(super) words: String,
}

/// What surrounds the words.
const AROUND: &[&str] = &[
    "script", "style", "nav", "header", "footer", "aside", "form", "noscript", "svg", "iframe", "template", "button",
    "select",
];
const BREAKS: &[&str] = &[
    "p",
    "div",
    "section",
    "article",
    "main",
    "ul",
    "ol",
    "table",
    "tr",
    "blockquote",
    "pre",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "dl",
    "dt",
    "dd",
    "hr",
    "figure",
];

pub(super) fn read(html: &str) -> PageText {
    let writer = Writer { page: RefCell::default() };
    let tokenizer = Tokenizer::new(writer, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    // It stops at what only a browser would do, and goes on when it is asked again.
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    let mut page = tokenizer.sink.page.take();
    page.end_block();
    page.done
}

struct Writer {
    page: RefCell<Page>,
}

#[derive(Default)]
struct Page {
    done: PageText,
    /// The block being read.
    block: String,
    /// What the block begins with: `# `, `* `.
    mark: &'static str,
    /// Open elements of what is left out.
    around: usize,
    in_title: bool,
    code: bool,
    links: Vec<Option<String>>,
}

impl TokenSink for Writer {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.page.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return page.start(&tag),
            Token::TagToken(tag) => page.end(&tag.name),
            Token::CharacterTokens(text) => page.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Page {
    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if AROUND.contains(&name) && !tag.self_closing {
            self.around += 1;
        }
        if BREAKS.contains(&name) {
            self.end_block();
        }
        let attribute = |wanted: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == wanted);
            found.map(|attribute| attribute.value.to_string())
        };
        match name {
            "html" => self.done.lang = attribute("lang"),
            "title" => self.in_title = self.done.title.is_empty(),
            "h1" => self.mark = "# ",
            "h2" => self.mark = "## ",
            "h3" | "h4" | "h5" | "h6" => self.mark = "### ",
            "li" => {
                self.end_block();
                self.mark = "* ";
            }
            "br" => self.block.push('\n'),
            "pre" => self.code = true,
            "code" if !self.code => self.block.push('`'),
            "strong" | "b" => self.block.push_str("**"),
            "a" => {
                let target = attribute("href").filter(|href| href.starts_with("https://"));
                if target.is_some() {
                    self.block.push('[');
                }
                self.links.push(target);
            }
            _ => {}
        }
        match name {
            "script" | "style" | "iframe" | "noscript" => TokenSinkResult::RawData(RawKind::Rawtext),
            "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }

    fn end(&mut self, name: &str) {
        if BREAKS.contains(&name) || name == "li" {
            self.end_block();
        }
        match name {
            "title" => self.in_title = false,
            "pre" => self.code = false,
            "code" if !self.code => self.block.push('`'),
            "strong" | "b" => self.block.push_str("**"),
            "a" => {
                if let Some(target) = self.links.pop().flatten() {
                    self.block.push_str("](");
                    self.block.push_str(&target.replace([' ', ')', '\n'], ""));
                    self.block.push(')');
                }
            }
            _ => {}
        }
        if AROUND.contains(&name) {
            self.around = self.around.saturating_sub(1);
            // What was written while it was left out is no words.
            self.block.clear();
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.done.title.push_str(text);
        } else if self.around == 0 && self.code {
            self.block.push_str(text);
        } else if self.around == 0 {
            // White space is one blank, whatever it was.
            for (n, word) in text.split(char::is_whitespace).enumerate() {
                if n > 0 && !self.block.ends_with(char::is_whitespace) && !self.block.is_empty() {
                    self.block.push(' ');
                }
                self.block.push_str(word);
            }
        }
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        let mark = std::mem::take(&mut self.mark);
        let words = if self.code { block.trim_matches('\n') } else { block.trim() };
        let words = if words.chars().all(|c| !c.is_alphanumeric()) { "" } else { words };
        if self.around > 0 || words.is_empty() {
            // A heading's or item's mark waits for its words.
            self.mark = mark;
            return;
        }
        if !self.done.words.is_empty() {
            self.done.words.push_str(if mark == "* " && last_is_item(&self.done.words) { "\n" } else { "\n\n" });
        }
        if self.code {
            self.done.words.push_str("```\n");
            self.done.words.push_str(words);
            self.done.words.push_str("\n```");
        } else {
            self.done.words.push_str(mark);
            self.done.words.push_str(words);
        }
    }
}

fn last_is_item(words: &str) -> bool {
    words.rsplit('\n').next().is_some_and(|line| line.starts_with("* "))
}
