//! The safety page as a message that stands in a place, and what moderators are told of it. Facts stand in it as the table
//! has them, byte for byte; the rest is the same in every place.

use chrono::NaiveDate;
use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run};

use crate::safety::{Ours, name};

/// The most links in it, and the most tricks that are going round: people read it on a phone.
const LINKS: usize = 6;
const TRICKS: usize = 4;

/// What a message is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition<'a> {
    /// Where the whole page is, if anywhere.
    pub page: Option<&'a str>,
    /// The base's revision, and the day on which it was published.
    pub revision: i64,
    pub day: NaiveDate,
}

/// The message, with as much of what is ours as `fits`: addresses before links, and both before what is going round.
pub fn page(ours: &Ours<'_>, of: &Edition<'_>, fits: impl Fn(&RichText) -> bool) -> RichText {
    let most = ours.addresses.len() + ours.links.len().min(LINKS);
    let shorter = (0..=TRICKS).rev().map(|tricks| (most, tricks)).chain((0..most).rev().map(|facts| (facts, 0)));
    let longest = shorter.map(|(facts, tricks)| written(ours, of, facts, tricks)).find(fits);
    longest.unwrap_or_else(|| written(ours, of, 0, 0))
}

/// The message with so many facts and tricks.
fn written(ours: &Ours<'_>, of: &Edition<'_>, facts: usize, tricks: usize) -> RichText {
    let plain = |text: &str| Run::plain(text, Origin::System);
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![plain("Staying safe").bold()]));
    body.push(Block::paragraph(vec![plain(
        "We never message you first. Nobody of us ever asks for your seed phrase or your keys.",
    )]));
    if !ours.hosts.is_empty() {
        let hosts = Run::plain(ours.hosts.join(" · "), Origin::Data).bold();
        let end = plain(". A site that is not on this list is not ours.");
        body.push(Block::paragraph(vec![plain("Our websites: "), hosts, end]));
    }
    let (addresses, links) = (facts.min(ours.addresses.len()), facts.saturating_sub(ours.addresses.len()));
    if links > 0 {
        body.push(Block::paragraph(vec![plain("Our links:")]));
    }
    for link in ours.links.iter().take(links) {
        let url = Run::plain(link.url, Origin::Canonical(link.id.to_owned())).linked(link.url);
        body.push(item(&name(link.id), url));
    }
    if addresses > 0 {
        body.push(Block::paragraph(vec![plain("Our contract addresses; compare every character:")]));
    }
    for address in ours.addresses.iter().take(addresses) {
        let mut value = Run::plain(address.value, Origin::Canonical(address.id.to_owned()));
        value.style.code = true;
        body.push(item(&format!("{} ({})", name(address.id), address.chain.name()), value));
    }
    if addresses < ours.addresses.len() {
        body.push(Block::paragraph(vec![plain("There are more addresses of ours than fit in here: ask me.")]));
    }
    if let Some((entry, items)) = ours.going_round().filter(|_| tricks > 0) {
        let day = Run::plain(format!(" (as of {}):", entry.reviewed_at), Origin::Data);
        body.push(Block::paragraph(vec![plain("Going round at the moment; none of it is from us"), day]));
        body.blocks.extend(items.into_iter().take(tricks).cloned());
    }
    body.push(Block::paragraph(vec![plain(
        "Where to ask: /ask and your question, here. /ticket hands it to the team.",
    )]));
    if let Some(page) = of.page {
        body.push(Block::paragraph(vec![plain("All of it: "), plain(page).linked(page)]));
    }
    let as_of = format!("as of {} · rev {}", of.day, of.revision);
    body.push(Block::paragraph(vec![Run::plain(as_of, Origin::Data)]));
    body
}

fn item(name: &str, value: Run) -> Block {
    let runs = vec![Run::plain(format!("{name}: "), Origin::Data), value];
    Block { kind: BlockKind::Item { depth: 0, ordinal: None }, runs }
}

/// What a moderator is told who had it put up or taken down.
pub(crate) fn stands(here: bool, linked: bool, pins: bool) -> &'static str {
    match (here, linked, pins) {
        (false, ..) => "The safety page does not stand here any more.",
        (true, false, _) => "Noted. The safety page comes here once I am linked: /keeper link",
        (true, true, true) => {
            "The safety page stands here, pinned, and I keep it up to date. /keeper safety off takes it down."
        }
        (true, true, false) => {
            "The safety page stands here, and I keep it up to date. It is not pinned: I lack the right to pin messages here. \
             Give it to me, and say /keeper safety here once more."
        }
    }
}

#[cfg(test)]
mod tests {
    use townkeeper_knowledge::facts::Chain;

    use super::*;
    use crate::safety::{OurAddress, OurLink};

    const ADDRESS: &str = "0x52908400098527886E0F7030069857D2E4169EE7";

    fn ours() -> Ours<'static> {
        Ours {
            entries: Vec::new(),
            hosts: vec!["docs.example.org".to_owned(), "example.org".to_owned()],
            links: vec![OurLink { id: "link.the-portal", url: "https://example.org/swap" }],
            addresses: vec![OurAddress { id: "address.token", chain: Chain::Evm, value: ADDRESS }],
        }
    }

    fn edition() -> Edition<'static> {
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap_or_default();
        Edition { page: Some("https://keeper.example.org/safety"), revision: 7, day }
    }

    #[test]
    fn it_says_what_is_ours_from_when_it_is_and_where_there_is_more() {
        let body = page(&ours(), &edition(), |_| true);
        let text = body.to_plain();
        for part in [
            "Our websites: docs.example.org · example.org.",
            "• the portal: https://example.org/swap",
            &format!("• token (EVM): {ADDRESS}"),
            "All of it: https://keeper.example.org/safety",
            "as of 2026-11-22 · rev 7",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let facts: Vec<_> = body.runs().filter(|run| matches!(run.origin, Origin::Canonical(_))).collect();
        assert_eq!(
            facts.iter().map(|run| run.text.as_str()).collect::<Vec<_>>(),
            ["https://example.org/swap", ADDRESS]
        );
        let nowhere = Edition { page: None, ..edition() };
        assert!(!page(&ours(), &nowhere, |_| true).to_plain().contains("All of it"));
    }

    #[test]
    fn where_room_is_short_links_go_before_addresses_and_no_address_goes_in_silence() {
        let room = |most: usize| page(&ours(), &edition(), |body| body.to_plain().chars().count() <= most).to_plain();
        let whole = room(usize::MAX).chars().count();
        let tighter = room(whole - 1);
        assert!(!tighter.contains("the portal") && tighter.contains(ADDRESS), "{tighter}");
        let tightest = room(tighter.chars().count() - 1);
        assert!(!tightest.contains(ADDRESS) && tightest.contains("There are more addresses"), "{tightest}");
    }

    /// An entry that says what is going round, in so many items.
    fn tricks(items: usize) -> townkeeper_knowledge::Entry {
        let items = (1..=items).map(|n| format!("- Trick number {n}.\n")).collect::<Vec<_>>().concat();
        let text = format!(
            "---\nid: current-scams\ntitle: What is going round?\nclass: safety\nowner: team\nreviewed_by: others\n\
             reviewed_at: 2026-11-12\nreview_by: 2027-06-30\nstatus: published\n\
             canonical_url: https://example.org/scams\nvariants:\n  - scams\n  - tricks\n  - frauds\n---\n\
             These are:\n\n{items}\nAsk us.\n"
        );
        townkeeper_knowledge::parse("current-scams.md", &text).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    #[test]
    fn what_is_going_round_stands_in_it_and_goes_first_where_room_is_short() {
        let entry = tricks(6);
        let with = Ours { entries: vec![&entry], ..ours() };
        let room = |most: usize| page(&with, &edition(), |body| body.to_plain().chars().count() <= most).to_plain();
        let whole = room(usize::MAX);
        assert!(whole.contains("Going round at the moment; none of it is from us (as of 2026-11-12):"), "{whole}");
        assert!(whole.contains("• Trick number 4.") && !whole.contains("number 5"), "four at most: {whole}");
        assert!(!whole.contains("These are") && !whole.contains("Ask us."), "its list alone: {whole}");
        let tighter = room(whole.chars().count() - 1);
        assert!(
            !tighter.contains("number 4") && tighter.contains("number 3") && tighter.contains("the portal"),
            "{tighter}"
        );
        let bare = page(&ours(), &edition(), |_| true).to_plain();
        assert!(!bare.contains("Going round"), "nobody wrote any down: {bare}");
        assert_eq!(room(bare.chars().count()), bare, "facts stay longer");
    }
}
