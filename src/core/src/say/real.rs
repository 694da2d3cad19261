//! "Is this real?", answered: what is not ours stands there as a quotation, which nobody opens by accident; what is ours
//! is shown as the base has it.

use townkeeper_contract::id::TurnId;
use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::{Block, BlockKind, FindingKind, Origin, RichText, Run};
use townkeeper_knowledge::Entry;

use super::{citation, meant, ticket_offer};
use crate::decide::real::{Canon, Judged, Kind, Verdict};
use crate::safety::name;

/// The most lines that show what is ours.
const LINES: usize = 5;

/// The longest thing that is shown, in characters.
const SHOWN: usize = 120;

/// What is told.
pub(crate) struct Told<'a> {
    /// At least one; what is not ours comes first.
    pub(crate) judged: &'a [Judged<'a>],
    /// Whether words show another address than stands behind them.
    pub(crate) masked: bool,
    /// Whether it stands among words that say more than it does.
    pub(crate) among_words: bool,
    pub(crate) canon: &'a Canon<'a>,
    /// The answer that says what is ours.
    pub(crate) source: Option<&'a Entry>,
    /// What else may be meant.
    pub(crate) near: Option<&'a Entry>,
    /// Where the safety page is, if anywhere.
    pub(crate) page: Option<&'a str>,
}

/// The comparison.
pub(crate) fn compared(turn: &TurnId, told: &Told<'_>) -> Reply {
    let mut body = RichText::default();
    if told.masked {
        body.push(said("Careful: the words show something else than the address behind them."));
    }
    for one in told.judged {
        body.push(Block::paragraph(verdict(one)));
    }
    if told.among_words && told.judged.iter().any(|one| one.verdict == Verdict::Ours) {
        body.push(said("That is said of the address alone, and not of the words around it."));
    }
    if told.judged.iter().any(|one| one.verdict != Verdict::Ours) {
        ours(told, &mut body);
    }
    let mut end = vec![system("We never ask for your seed phrase or your keys.")];
    if let Some(page) = told.page {
        end.extend([system(" All that is ours: "), system(page).linked(page)]);
    }
    body.push(Block::paragraph(end));
    let known = told.judged.iter().any(|one| one.verdict != Verdict::Unknown);
    let source = told.source.filter(|_| known);
    let mentioned = told.judged.iter().filter_map(|one| match one.verdict {
        Verdict::Mentioned(entry) => Some(entry),
        _ => None,
    });
    let mut offers = Vec::new();
    for entry in mentioned.chain(told.near) {
        let offer = meant(entry, None);
        if !offers.contains(&offer) {
            offers.push(offer);
        }
    }
    offers.push(ticket_offer(turn));
    let kind = if source.is_some() { ReplyKind::Canonical } else { ReplyKind::Abstention };
    Reply { kind, body, citation: source.map(citation), offers }
}

/// An answer to what else was asked, below a word about what was shown.
pub(crate) fn before(judged: &[Judged<'_>], answer: Reply) -> Reply {
    let mut body = RichText::default();
    for one in judged.iter().filter(|one| one.verdict != Verdict::Ours) {
        body.push(Block::paragraph(verdict(one)));
    }
    body.extend(answer.body);
    Reply { body, ..answer }
}

fn verdict(judged: &Judged<'_>) -> Vec<Run> {
    let says = match judged.verdict {
        Verdict::Ours => return vec![system("Yes, this is ours: "), of_ours(judged), system(".")],
        Verdict::NotOurs => " is not one of ours.",
        Verdict::LookAlike => " is not one of ours. It looks like one of ours and is another: take care.",
        Verdict::OnOurSite => " is on a site that we use, but no answer of ours leads there: I cannot tell.",
        Verdict::Mentioned(_) => " is named in an answer of ours: read there what it says of it.",
        Verdict::Past => " stood in an answer of ours that holds no more: do not rely on it.",
        Verdict::Part => " is only a part of an address: compare every character.",
        Verdict::Unknown => ": I cannot tell, for there is nothing reviewed to compare it with. Treat it as not ours.",
    };
    vec![foreign(judged), system(says)]
}

/// What was shown, so that nobody opens it.
fn foreign(judged: &Judged<'_>) -> Run {
    let mut shown: String = judged.finding.value.chars().take(SHOWN).collect();
    if judged.finding.value.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    if judged.kind == Kind::Handle {
        // Platforms make a mention of any name behind the sign.
        shown = shown.replace('@', "[@]");
    }
    Run::plain(shown, Origin::Quote).bold()
}

/// What was shown and is ours. A site alone is shown, and nothing of it opened that was not published.
fn of_ours(judged: &Judged<'_>) -> Run {
    let value = &judged.finding.value;
    let run = Run::plain(value, Origin::Data);
    match judged.finding.kind {
        FindingKind::Url if value.starts_with("https://") => run.linked(value),
        FindingKind::Address => code(run),
        _ => run.bold(),
    }
}

/// What is ours, of the kinds that were shown.
fn ours(told: &Told<'_>, body: &mut RichText) {
    let canon = told.canon;
    let asked = |kind: &dyn Fn(Kind) -> bool| told.judged.iter().any(|one| kind(one.kind));
    let mut lines = Vec::new();
    for address in &canon.ours.addresses {
        let same = |kind| matches!(kind, Kind::Address(chain) if chain.is_none_or(|chain| chain == address.chain));
        if asked(&same) {
            let label = format!("{} ({})", name(address.id), address.chain.name());
            lines.push(item(&label, code(fact(address.value, address.id))));
        }
    }
    if asked(&|kind| kind == Kind::Handle) {
        lines.extend(canon.handles.iter().map(|(id, value)| item(&name(id), fact(value, id))));
    }
    if asked(&|kind| kind == Kind::Link) {
        let links = canon.ours.links.iter().map(|link| item(&name(link.id), fact(link.url, link.id).linked(link.url)));
        lines.extend(links);
    }
    lines.truncate(LINES);
    let sites = asked(&|kind| kind == Kind::Link) && !canon.ours.hosts.is_empty();
    if sites {
        let hosts = Run::plain(canon.ours.hosts.join(" · "), Origin::Data).bold();
        body.push(Block::paragraph(vec![system("Our websites: "), hosts, system(".")]));
    }
    if !lines.is_empty() {
        body.push(said(if sites { "Where most people want to go:" } else { "Ours; compare every character:" }));
        body.blocks.extend(lines);
    }
}

fn fact(value: &str, id: &str) -> Run {
    Run::plain(value, Origin::Canonical(id.to_owned()))
}

fn code(mut run: Run) -> Run {
    run.style.code = true;
    run
}

fn item(label: &str, value: Run) -> Block {
    let runs = vec![Run::plain(format!("{label}: "), Origin::Data), value];
    Block { kind: BlockKind::Item { depth: 0, ordinal: None }, runs }
}

fn said(text: &str) -> Block {
    Block::paragraph(vec![system(text)])
}

fn system(text: &str) -> Run {
    Run::plain(text, Origin::System)
}
