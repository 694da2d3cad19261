//! Rich text as everything we say is kept: blocks of runs, each run with its origin.
//!
//! Two levels on purpose. Lists and quotes are blocks with a depth, so that a cut, a gate or a renderer walks one
//! flat sequence and can never leave a half-open element behind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a run of text came from. The gate judges each run by it, never by what the run claims about itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "from", content = "id")]
pub enum Origin {
    /// The published words of the canonical entry with this id, or the value of the fact with this one (`link.portal`).
    Canonical(String),
    /// Our own sentences (`core::say`).
    System,
    /// Recorded data: ticket numbers, dates, names of entries.
    Data,
    /// Written by the person we talk to.
    Person,
    /// A quotation of somebody else; shown defanged.
    Quote,
    /// Written by a language model: untrusted.
    Model,
}

/// How a run looks. Plain data: each platform maps it to its own entities or tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Style {
    #[serde(skip_serializing_if = "is_false")]
    pub bold: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub italic: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub strike: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub code: bool,
}

fn is_false(b: &bool) -> bool {
    !*b
}

/// A stretch of text with one origin, one style and at most one link target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The visible text, UTF-8; may hold `\n` (a line break inside the block).
    pub text: String,
    pub origin: Origin,
    #[serde(default, skip_serializing_if = "is_plain")]
    pub style: Style,
    /// Absolute URL the text leads to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

fn is_plain(s: &Style) -> bool {
    *s == Style::default()
}

impl Run {
    pub fn plain(text: impl Into<String>, origin: Origin) -> Self {
        Self { text: text.into(), origin, style: Style::default(), link: None }
    }

    #[must_use]
    pub fn bold(mut self) -> Self {
        self.style.bold = true;
        self
    }

    #[must_use]
    pub fn linked(mut self, url: impl Into<String>) -> Self {
        self.link = Some(url.into());
        self
    }
}

/// What a block is. `depth` counts from 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum BlockKind {
    Paragraph,
    /// Level 1 to 6.
    Heading {
        level: u8,
    },
    /// A list item; `ordinal` is its number in an ordered list.
    Item {
        depth: u8,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ordinal: Option<u64>,
    },
    Quote {
        depth: u8,
    },
    /// A code block: one run, whose text keeps its line breaks. `info` is the fence's info string.
    Code {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        info: String,
    },
}

/// One block: a paragraph, a heading, a list item, a quoted paragraph or a code block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    #[serde(flatten)]
    pub kind: BlockKind,
    pub runs: Vec<Run>,
}

impl Block {
    pub fn paragraph(runs: Vec<Run>) -> Self {
        Self { kind: BlockKind::Paragraph, runs }
    }
}

/// A message as we keep it: a sequence of blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RichText {
    pub blocks: Vec<Block>,
}

impl RichText {
    /// One paragraph per line of `text`, all of one origin.
    pub fn plain(text: &str, origin: &Origin) -> Self {
        let blocks = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| Block::paragraph(vec![Run::plain(line, origin.clone())]))
            .collect();
        Self { blocks }
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.iter().all(|b| b.runs.iter().all(|r| r.text.is_empty()))
    }

    pub fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }

    pub fn extend(&mut self, other: Self) {
        self.blocks.extend(other.blocks);
    }

    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.blocks.iter().flat_map(|b| b.runs.iter())
    }

    /// The words alone, for logs, terminals and search: the text of [`RichText::flatten`].
    pub fn to_plain(&self) -> String {
        self.flatten().text
    }
}

/// What a block begins with where there is no markup: bullets, numbers, quote marks.
pub fn prefix(kind: &BlockKind) -> String {
    match kind {
        BlockKind::Item { depth, ordinal } => {
            let indent = "  ".repeat(usize::from(*depth));
            ordinal.map_or_else(|| format!("{indent}• "), |n| format!("{indent}{n}. "))
        }
        BlockKind::Quote { depth } => "> ".repeat(usize::from(*depth) + 1),
        BlockKind::Paragraph | BlockKind::Heading { .. } | BlockKind::Code { .. } => String::new(),
    }
}
