//! What the page's template sees: turns and replies, taken apart for markup. Escaping is the template's.

use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::{Block, BlockKind, Run};
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
    pub(crate) text: String,
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) strike: bool,
    pub(crate) code: bool,
    pub(crate) href: Option<String>,
}

pub(crate) struct ShownCitation {
    pub(crate) title: String,
    pub(crate) url: String,
    pub(crate) as_of: String,
}

pub(crate) struct ShownOffer {
    pub(crate) action: String,
    pub(crate) label: String,
}

pub(crate) fn turn(turn: PastTurn) -> Shown {
    Shown { question: turn.question, reply: turn.reply.map(reply) }
}

fn reply(reply: Reply) -> ShownReply {
    ShownReply {
        kind: match reply.kind {
            ReplyKind::Canonical => "canonical",
            ReplyKind::Model => "model",
            ReplyKind::Abstention => "abstention",
            ReplyKind::Notice => "notice",
        },
        blocks: reply.body.blocks.into_iter().map(block).collect(),
        citation: reply.citation.map(|c| ShownCitation { title: c.title, url: c.url, as_of: c.as_of }),
        offers: reply.offers.into_iter().map(|o| ShownOffer { action: o.action.0, label: o.label }).collect(),
    }
}

fn block(block: Block) -> ShownBlock {
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
        text: run.text,
        bold: run.style.bold,
        italic: run.style.italic,
        strike: run.style.strike,
        code: run.style.code,
        href: run.link.filter(|link| link.starts_with("https://")),
    }
}
