//! What the page's template sees: turns and replies, taken apart for markup. Escaping is the template's; which address
//! may become a link, and what its reader sees of it, is decided here (and alike in `assets/chat.js`).

use std::collections::HashMap;

use chrono::NaiveDate;
use townkeeper_contract::stream::{Citation, Reply, ReplyKind};
use townkeeper_contract::text::{Block, BlockKind, Run};
use townkeeper_core::safety::host;
use townkeeper_store::PastTurn;

/// One question and its answer.
pub(crate) struct Shown {
    pub(crate) question: String,
    pub(crate) reply: Option<ShownReply>,
}

pub(crate) struct ShownReply {
    pub(crate) kind: &'static str,
    pub(crate) blocks: Vec<ShownBlock>,
    pub(crate) citation: Option<ShownCitation>,
    pub(crate) offers: Vec<ShownOffer>,
}

pub(crate) struct ShownBlock {
    pub(crate) tag: &'static str,
    pub(crate) depth: u8,
    pub(crate) ordinal: Option<u64>,
    pub(crate) runs: Vec<ShownRun>,
}

pub(crate) struct ShownRun {
    pub(crate) label: Label,
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) strike: bool,
    pub(crate) code: bool,
}

/// Words, and where they lead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) text: String,
    /// An address that passed [`host`].
    pub(crate) href: Option<String>,
    /// Shown behind the words where they do not name the address themselves.
    pub(crate) host: Option<String>,
}

pub(crate) struct ShownCitation {
    pub(crate) label: Label,
    pub(crate) as_of: String,
    pub(crate) revision: String,
}

pub(crate) struct ShownOffer {
    pub(crate) action: String,
    pub(crate) label: String,
}

/// A conversation. Where somebody pressed a button, the question is what stood on it.
pub(crate) fn exchange(past: Vec<PastTurn>) -> Vec<Shown> {
    let mut labels: HashMap<String, String> = HashMap::new();
    let mut shown = Vec::with_capacity(past.len());
    for turn in past {
        let question = labels.get(&turn.question).cloned().unwrap_or(turn.question);
        let offers = turn.reply.iter().flat_map(|reply| &reply.offers);
        labels.extend(offers.map(|offer| (offer.action.0.clone(), offer.label.clone())));
        shown.push(Shown { question, reply: turn.reply.map(reply) });
    }
    shown
}

pub(crate) fn reply(reply: Reply) -> ShownReply {
    ShownReply {
        kind: match reply.kind {
            ReplyKind::Canonical => "canonical",
            ReplyKind::Model => "model",
            ReplyKind::Abstention => "abstention",
            ReplyKind::Notice => "notice",
        },
        blocks: reply.body.blocks.into_iter().map(block).collect(),
        citation: reply.citation.map(citation),
        offers: reply.offers.into_iter().map(|o| ShownOffer { action: o.action.0, label: o.label }).collect(),
    }
}

pub(crate) fn block(block: Block) -> ShownBlock {
    let (tag, depth, ordinal) = match block.kind {
        BlockKind::Paragraph => ("p", 0, None),
        BlockKind::Heading { .. } => ("h3", 0, None),
        BlockKind::Item { depth, ordinal } => ("li", depth, ordinal),
        BlockKind::Quote { depth } => ("quote", depth, None),
        BlockKind::Code { .. } => ("pre", 0, None),
    };
    ShownBlock { tag, depth, ordinal, runs: block.runs.into_iter().map(run).collect() }
}

fn run(run: Run) -> ShownRun {
    ShownRun {
        label: match run.link {
            Some(url) => linked(run.text, url),
            None => Label { text: run.text, href: None, host: None },
        },
        bold: run.style.bold,
        italic: run.style.italic,
        strike: run.style.strike,
        code: run.style.code,
    }
}

fn citation(citation: Citation) -> ShownCitation {
    let day = NaiveDate::parse_from_str(&citation.as_of, "%Y-%m-%d");
    let as_of = day.map_or(citation.as_of.clone(), |day| day.format("%-d %b %Y").to_string());
    let revision = citation.short_revision().to_owned();
    ShownCitation { label: linked(citation.title, citation.url), as_of, revision }
}

/// `text` leading to `url`. The host is always visible, and words that name another address give way to it.
fn linked(text: String, url: String) -> Label {
    let Some(host) = host(&url) else {
        let text = if text.contains(&url) { text } else { format!("{text} ({url})") };
        return Label { text, href: None, host: None };
    };
    if bare(&text) == bare(&url) {
        Label { text, href: Some(url), host: None }
    } else if looks_like_address(&text) {
        Label { text: bare(&url).to_owned(), href: Some(url), host: None }
    } else {
        Label { text, host: Some(host.to_owned()), href: Some(url) }
    }
}

/// An address as people say it: without scheme and closing slash.
fn bare(url: &str) -> &str {
    let url = url.trim();
    let rest = url.split_at_checked("https://".len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("https://"));
    let rest = rest.map_or(url, |(_, rest)| rest);
    rest.strip_suffix('/').unwrap_or(rest)
}

/// Whether a reader would take it for an address: a scheme, or a dot with a letter or digit before it and two letters
/// after it.
fn looks_like_address(text: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let two_letters = |after: &str| after.chars().take(2).filter(|c| c.is_alphabetic()).count() == 2;
    let names = text.split('.').zip(text.match_indices('.'));
    text.contains("://")
        || names
            .into_iter()
            .any(|(before, (dot, _))| before.ends_with(in_name) && text.get(dot + 1..).is_some_and(two_letters))
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::id::{ActionId, EntryId};
    use townkeeper_contract::stream::Offer;
    use townkeeper_contract::text::RichText;

    use super::{Citation, Label, PastTurn, Reply, ReplyKind, citation, exchange, host, linked, looks_like_address};

    fn label(text: &str, href: Option<&str>, host: Option<&str>) -> Label {
        Label { text: text.to_owned(), href: href.map(str::to_owned), host: host.map(str::to_owned) }
    }

    fn link(text: &str, url: &str) -> Label {
        linked(text.to_owned(), url.to_owned())
    }

    #[test]
    fn only_plain_https_addresses_are_links() {
        for (url, expected) in [
            ("https://lumen.example.org", "lumen.example.org"),
            ("HTTPS://Lumen.Example.Org/Path", "Lumen.Example.Org"),
            ("https://lumen.example.org:8443/a?b=c#d", "lumen.example.org:8443"),
            ("https://lumen.example.org?q", "lumen.example.org"),
        ] {
            assert_eq!(host(url), Some(expected), "{url}");
        }
        for url in [
            "",
            "https:/",
            "https://",
            "https:///path",
            "http://lumen.example.org",
            "javascript:alert(1)",
            "data:text/html,x",
            "//lumen.example.org",
            "https://lumen.example.org@other.example.net",
            "https://lumen.example.org:pass@other.example.net",
            "https://lumen.example.org:123456/",
            "https://lumen.example.org:/",
            "https://lumen.example.org\\@other.example.net",
            "https://lumen.example.org/a\\b",
            "https://lumen.example.org/a b",
            "https://lumen.example.org/\u{202e}",
            "https://l\u{fc}men.example.org",
            "https://\u{43b}umen.example.org",
            "https:\u{2f}\u{2215}lumen.example.org",
        ] {
            assert_eq!(host(url), None, "{url}");
        }
    }

    #[test]
    fn the_host_of_a_link_is_always_visible() {
        let url = "https://migrate.example.org/start";
        assert_eq!(link("the portal", url), label("the portal", Some(url), Some("migrate.example.org")));
        // Words that name the address need no addition; words that name another one are replaced.
        assert_eq!(link("migrate.example.org/start", url), label("migrate.example.org/start", Some(url), None));
        assert_eq!(link(url, url), label(url, Some(url), None));
        assert_eq!(link("safe.example.net", url), label("migrate.example.org/start", Some(url), None));
        assert_eq!(link("migrate.example.org", url), label("migrate.example.org/start", Some(url), None));
    }

    #[test]
    fn what_is_no_link_shows_where_it_would_have_led() {
        let url = "javascript:alert(1)";
        assert_eq!(link("press here", url), label("press here (javascript:alert(1))", None, None));
        assert_eq!(link(url, url), label(url, None, None));
    }

    #[test]
    fn addresses_are_told_from_words() {
        for text in ["lumen.example", "see x.org now", "http://x", "a_.org", "m\u{fc}nze.de", "..a.bc"] {
            assert!(looks_like_address(text), "{text}");
        }
        for text in ["the portal", "Done. Next", "1.5 LMN", "e.g. this", "...", "", "a. bc", "v2.0"] {
            assert!(!looks_like_address(text), "{text}");
        }
    }

    #[test]
    fn a_pressed_button_is_shown_as_it_was_labelled() {
        let offers = vec![Offer { action: ActionId::from("ticket:1"), label: "Open a ticket".to_owned() }];
        let reply = Reply { kind: ReplyKind::Abstention, body: RichText::default(), citation: None, offers };
        let turn = |question: &str, reply: Option<Reply>| PastTurn {
            turn: String::new(),
            question: question.to_owned(),
            reply,
            ended_ms: 0,
        };
        let past =
            vec![turn("ticket:1", None), turn("why?", Some(reply)), turn("ticket:1", None), turn("ticket:2", None)];
        let questions: Vec<_> = exchange(past).into_iter().map(|shown| shown.question).collect();
        assert_eq!(questions, ["ticket:1", "why?", "Open a ticket", "ticket:2"], "only what was offered before");
    }

    #[test]
    fn a_source_is_dated_as_people_say_it() {
        let given = |as_of: &str| Citation {
            entry: EntryId::from("a"),
            title: "Migration portal".to_owned(),
            url: "https://docs.example.org/a".to_owned(),
            revision: "r".to_owned(),
            as_of: as_of.to_owned(),
        };
        let shown = citation(given("2026-11-02"));
        assert_eq!(shown.as_of, "2 Nov 2026");
        assert_eq!(shown.label.host.as_deref(), Some("docs.example.org"));
        assert_eq!(citation(given("lately")).as_of, "lately");
    }
}
