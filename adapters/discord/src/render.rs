//! Rich text as Discord's Markdown: our formatting is markup, and nothing else is. What anybody wrote is escaped.

use std::ops::Range;

use townkeeper_contract::text::{Flat, RichText, Span, SpanKind, Style};

/// The longest content Discord takes, in characters.
const LONGEST: usize = 2_000;
/// What the content of a [`RichText`] may measure: the rest is room for marks.
pub(crate) const MAX_LEN: usize = 1_800;
/// Keeps two marks apart that would read as one.
const APART: char = '\u{200b}';
/// Looks like a backtick.
const LIKE_BACKTICK: char = '\u{02cb}';

/// The content. What has so many signs to escape that they find no room is shown as it is, in a block of code.
pub(crate) fn render(body: &RichText) -> String {
    let flat = body.flatten();
    let content = Page::of(&flat);
    if content.chars().count() <= LONGEST { content } else { fenced(&flat.text, "") }
}

/// The content as it grows.
struct Page<'a> {
    text: &'a str,
    out: String,
    /// Where the quote ends that we are in.
    quoted: usize,
}

impl<'a> Page<'a> {
    fn of(flat: &'a Flat) -> String {
        let mut page = Self { text: &flat.text, out: String::new(), quoted: 0 };
        let mut at = 0;
        for span in &flat.spans {
            page.plain(at..span.range.start);
            at = span.range.start;
            match &span.block {
                SpanKind::Code { info } => {
                    page.out.push_str(&fenced(page.words(&span.range), info));
                    at = span.range.end;
                }
                SpanKind::Quote => page.quoted = span.range.end,
                SpanKind::Heading => page.out.push_str("### "),
                SpanKind::Inline => {
                    page.inline(span);
                    at = span.range.end;
                }
            }
        }
        page.plain(at..flat.text.len());
        page.out
    }

    fn words(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Words without a style. A quote's own mark stands; one that somebody wrote is escaped.
    fn plain(&mut self, range: Range<usize>) {
        let mut at = range.start;
        for line in self.words(&range).split_inclusive('\n') {
            let mut words = line;
            let begins = self.out.is_empty() || self.out.ends_with('\n');
            if begins
                && at < self.quoted
                && let Some(rest) = words.strip_prefix("> ")
            {
                self.out.push_str("> ");
                words = rest;
            }
            at += line.len();
            escape(words, &mut self.out);
        }
    }

    /// Words with a style, or a link, which is always its own words.
    fn inline(&mut self, span: &Span) {
        let words = self.words(&span.range);
        if let Some(url) = span.link.as_deref().filter(|url| is_plain(url)) {
            self.out.push_str(url);
            return;
        }
        if span.style.code {
            self.out.push_str(&code(words));
            return;
        }
        let marks = marks(span.style);
        // A mark beside a space would not be one.
        let inner = words.trim();
        let lead = words.len() - words.trim_start().len();
        self.plain(span.range.start..span.range.start + lead);
        if self.out.ends_with('*') && marks.starts_with('*') {
            self.out.push(APART);
        }
        if !inner.is_empty() {
            let begin = span.range.start + lead;
            self.out.push_str(&marks);
            self.plain(begin..begin + inner.len());
            self.out.extend(marks.chars().rev());
            self.plain(begin + inner.len()..span.range.end);
        }
    }
}

/// The marks before the words; behind them they stand in reverse.
fn marks(style: Style) -> String {
    let all = [("~~", style.strike), ("**", style.bold), ("*", style.italic)];
    all.iter().filter(|(_, on)| *on).map(|(mark, _)| *mark).collect()
}

/// Escapes every sign that is markup for Discord.
fn escape(words: &str, out: &mut String) {
    for c in words.chars() {
        let at_start = out.is_empty() || out.ends_with('\n');
        let marks = matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '@' | '[' | ']');
        if marks || (at_start && matches!(c, '#' | '-' | '+')) {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Whether Discord makes the whole of it a link as it stands.
fn is_plain(url: &str) -> bool {
    let scheme = url.starts_with("https://") || url.starts_with("http://");
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'+,;=%".contains(c);
    scheme && url.chars().all(fits)
}

/// A block of code that its words cannot end.
fn fenced(words: &str, info: &str) -> String {
    let language: String = info.chars().take_while(char::is_ascii_alphanumeric).take(20).collect();
    let mut inner = String::with_capacity(words.len());
    let mut run = 0;
    for c in words.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        inner.push(if run == 3 { LIKE_BACKTICK } else { c });
        run %= 3;
    }
    format!("```{language}\n{inner}\n```")
}

/// Code within a line, between as many backticks as it does not hold.
fn code(words: &str) -> String {
    let longest = words.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let mark = "`".repeat(longest + 1);
    let room = if words.starts_with('`') || words.ends_with('`') { " " } else { "" };
    format!("{mark}{room}{words}{room}{mark}")
}
