//! What is compared, what it is called, and what is left to the other answers.

use chrono::NaiveDate;
use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId, TurnId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::Origin;
use townkeeper_knowledge::{Base, Written};

use crate::Agent;
use crate::decide::{Ask, Decision, Event, Snapshot, decide};
use crate::flood::Pace;
use crate::gate::leaving;
use crate::places::Here;

const CONTRACT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const SOMEBODYS: &str = "0x52908400098527886E0F7030069857D2E4169EE7";
const FACTS: &str = "[link.portal]\nurl = \"https://lumen.example.org/migrate\"\n\n[address.token]\nchain = \"evm\"\n\
                     value = \"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\"\n\n[handle.help]\nvalue = \"@lumen_support\"\n";

fn entry(id: &str, class: &str, more: &str, body: &str) -> (String, Vec<u8>) {
    let text = format!(
        "---\nid: {id}\ntitle: About {id}\nclass: {class}\nowner: team\nreviewed_by: others\nreviewed_at: 2026-11-12\n\
         review_by: 2027-06-30\n{more}---\n{body}\n"
    );
    (format!("{id}.md"), text.into_bytes())
}

fn base() -> Base {
    let at = |url: &str, variants: &[&str]| {
        let variants = variants.iter().map(|asked| format!("  - {asked}\n")).collect::<Vec<_>>().concat();
        format!("status: published\ncanonical_url: {url}\nvariants:\n{variants}")
    };
    let files = vec![
        ("facts.toml".to_owned(), FACTS.as_bytes().to_vec()),
        entry(
            "portal",
            "safety",
            &at("link.portal", &["where do I migrate", "is lumen.example.org the right page", "official portal"]),
            "The only portal is {link.portal}, not `fake.example.com`.",
        ),
        entry(
            "contract",
            "safety",
            &at("https://lumen.example.org/contract", &["contract address", "token address", "what is the contract"]),
            "The token is `{address.token}`, and our help is {handle.help}.",
        ),
        entry(
            "wallets",
            "routine",
            &at(
                "https://lumen.example.org/wallets",
                &["how do I add the network to my wallet", "wallet network", "which wallet to add"],
            ),
            "Take [one of these](https://wallet.example.com/get).",
        ),
        entry(
            "old",
            "safety",
            "status: superseded\ncanonical_url: https://old.example.net/swap\nvariants:\n  - a\n  - b\n  - c\n",
            "The portal was [there](https://old.example.net/swap).",
        ),
    ];
    let Written { facts, entries, .. } = Written::read(files).expect("good");
    Base::build(entries).expect("good").with_facts(facts)
}

fn inbound(text: &str, carried: Carried) -> Inbound {
    Inbound {
        event: EventKey::from("e"),
        account: AccountId::from("web"),
        place: Place { id: PlaceId::from("p"), kind: PlaceKind::Group, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from("1"), name: String::new(), handle: None, bot: false },
        at_ms: 0,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried,
        reply_to: ReplyTo(String::new()),
        body: Body::Message { text: text.to_owned() },
    }
}

fn decided(asked: &Inbound) -> Decision {
    let (base, agent, here, turn) = (base(), Agent::default(), Here::default(), TurnId::from("T1"));
    let snapshot = Snapshot {
        turn: &turn,
        agent: &agent,
        base: &base,
        model: true,
        today: NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day"),
        boundary: "FENCE",
        frozen: false,
        past: Some(&[]),
        notes: &[],
        meaning: crate::decide::Meaning::Known(None),
        pace: Pace::Free,
        here: &here,
        start_link: None,
        safety_page: Some("https://keeper.example.org/safety"),
    };
    let decision = decide(&snapshot, &Event::Came(asked));
    let Decision { end, then, .. } = decision;
    // As it leaves.
    let end = end.map(|(outcome, reply)| (outcome, leaving(reply, &base).expect("it may leave")));
    Decision { end, then, ..Decision::default() }
}

fn reply_to(asked: &Inbound) -> Reply {
    decided(asked).end.expect("it should be answered").1
}

fn asks(text: &str) -> Reply {
    reply_to(&inbound(text, Carried::default()))
}

fn says(text: &str) -> String {
    asks(text).body.to_plain()
}

/// Nothing in it can be opened that is not ours.
fn is_harmless(reply: &Reply) {
    let links: Vec<&str> = reply.body.runs().filter_map(|run| run.link.as_deref()).collect();
    let known = ["https://lumen.example.org/migrate", "https://keeper.example.org/safety"];
    assert!(links.iter().all(|link| known.contains(link)), "{links:?}");
    assert!(!reply.body.to_plain().contains("claim.example"), "{reply:?}");
}

#[test]
fn what_is_ours_is_said_to_be_with_its_source_and_date() {
    for text in [
        "is https://lumen.example.org/migrate real?",
        "https://lumen.example.org/migrate",
        "Ist lumen.example.org echt?",
        "https://lumen.example.org/ legit?",
    ] {
        let reply = asks(text);
        let words = reply.body.to_plain();
        assert!(words.starts_with("Yes, this is ours: "), "{text}: {words}");
        assert!(!words.contains("not one of ours") && !words.contains("Our websites"), "{words}");
        let source = reply.citation.expect("a source");
        assert_eq!((source.entry.as_str(), source.as_of.as_str()), ("portal", "2026-11-12"), "{text}");
    }
    for text in [format!("is {CONTRACT} the right contract"), format!("{} real?", CONTRACT.to_lowercase())] {
        let reply = asks(&text);
        assert!(reply.body.to_plain().starts_with("Yes, this is ours: 0x5a"), "{reply:?}");
        assert_eq!(reply.citation.expect("a source").entry.as_str(), "contract");
    }
    assert!(says("is @lumen_support official").starts_with("Yes, this is ours: @lumen_support"));
    assert!(says("is https://lumen.example.org/wallets real").starts_with("Yes, this is ours"), "a page of an answer");
}

#[test]
fn what_is_not_ours_is_shown_harmless_beside_what_is() {
    for text in [
        "is https://claim.example.net/x real?",
        "is hxxps://claim[.]example[.]net/x legit",
        "https://claim.example.net/x",
        "https://claim.example.net/x это скам?",
    ] {
        let reply = asks(text);
        let words = reply.body.to_plain();
        assert!(words.starts_with("hxxps[:]//claim[.]example[.]net/x is not one of ours."), "{text}: {words}");
        assert!(
            words.contains("Our websites: ") && words.contains("portal: https://lumen.example.org/migrate"),
            "{words}"
        );
        assert!(
            words.contains("never ask for your seed phrase") && words.contains("keeper.example.org/safety"),
            "{words}"
        );
        assert!(!words.to_lowercase().contains("scam"), "unknown is not yet a scam: {words}");
        assert_eq!(reply.kind, ReplyKind::Canonical);
        assert!(reply.offers.iter().any(|offer| offer.action.as_str() == "ticket:T1"));
        is_harmless(&reply);
        let quoted = reply.body.runs().find(|run| run.text.contains("claim[.]")).expect("shown");
        assert_eq!((&quoted.origin, &quoted.link), (&Origin::Quote, &None));
    }
}

#[test]
fn what_looks_like_ours_is_called_so() {
    for text in
        ["is https://lumen-claim.example.net real?", "lumen.example.com", "is https://1umen.example.org/migrate real"]
    {
        assert!(says(text).contains("It looks like one of ours and is another: take care."), "{text}: {}", says(text));
    }
    let twin = CONTRACT.replace("3F3E94C9", "3F0094C9");
    let words = says(&format!("is {twin} correct?"));
    assert!(words.starts_with("0x5aAe…eAed is not one of ours. It looks like"), "{words}");
    assert!(words.contains(&format!("token (EVM): {CONTRACT}")) && !words.contains("Our websites"), "{words}");
    assert!(says("is @lumen_suport official").starts_with("[@]lumen_suport is not one of ours. It looks"), "a name");
    assert!(says("is 0x5aAe...eAed real?").contains("only a part of an address"));
}

#[test]
fn an_address_is_compared_with_those_of_its_chain() {
    let words = says(&format!("is {SOMEBODYS} yours"));
    assert!(words.starts_with("0x5290…9EE7 is not one of ours.") && words.contains(CONTRACT), "{words}");
    // Of Solana there is nothing: that is said, and nothing is claimed.
    let reply = asks("is EcDhSYGxXyscszYEpKHNvvwsvAuLKTzXwCFLtVaaaaa the right contract?");
    let words = reply.body.to_plain();
    assert!(words.contains("I cannot tell") && words.contains("Treat it as not ours"), "{words}");
    assert!(!words.contains(CONTRACT), "another chain's: {words}");
    assert_eq!((reply.kind, reply.citation), (ReplyKind::Abstention, None));
}

#[test]
fn what_stands_in_an_answer_is_not_for_that_ours() {
    let fake = asks("is fake.example.com real?");
    assert!(fake.body.to_plain().starts_with("fake[.]example[.]com is named in an answer of ours"), "{fake:?}");
    assert_eq!(fake.offers[0].action.as_str(), "entry:portal");
    assert!(says("https://wallet.example.com/get").contains("is named in an answer of ours"));
    assert!(says("is https://old.example.net/swap legit").contains("holds no more: do not rely on it"));
    let there = says("is https://lumen.example.org/claim?x=1 official");
    assert!(there.contains("is on a site that we use, but no answer of ours leads there"), "{there}");
}

#[test]
fn what_stands_behind_words_or_is_quoted_is_judged_too() {
    let behind = Carried { links: vec!["https://claim.example.net/x".to_owned()], ..Carried::default() };
    for text in ["is this real?", "is https://lumen.example.org/migrate real?"] {
        let reply = reply_to(&inbound(text, behind.clone()));
        let words = reply.body.to_plain();
        assert!(words.starts_with("Careful: the words show something else"), "{words}");
        assert!(words.contains("claim[.]example[.]net/x is not one of ours."), "{words}");
        is_harmless(&reply);
    }
    let masked = says("is [lumen.example.org](https://claim.example.net/x) real?");
    assert!(
        masked.starts_with("Careful:") && masked.find("is not one").unwrap() < masked.find("Yes,").unwrap(),
        "{masked}"
    );
    let quoted = Carried { quoted: "claim at https://claim.example.net/x now".to_owned(), ..Carried::default() };
    assert!(reply_to(&inbound("is this real?", quoted)).body.to_plain().starts_with("hxxps[:]//claim"));
    // Whoever writes something false beside our own link gets no word for it.
    let beside = Carried { quoted: "it ends tonight! lumen.example.org".to_owned(), ..Carried::default() };
    let words = reply_to(&inbound("is this real?", beside)).body.to_plain();
    assert!(words.starts_with("Yes, this is ours: ") && words.contains("said of the address alone"), "{words}");
}

#[test]
fn several_are_judged_in_one_short_reply_what_is_foreign_first() {
    let words = says(&format!(
        "real? https://lumen.example.org/migrate https://a.example.net {SOMEBODYS} https://b.example.net"
    ));
    let first = words.lines().next().unwrap_or_default();
    assert!(first.contains("a[.]example[.]net is not one of ours"), "{words}");
    assert!(words.contains("Yes, this is ours: https://lumen.example.org/migrate"), "{words}");
    assert!(!words.contains("b[.]example"), "three at most: {words}");
    assert!(words.lines().filter(|line| !line.is_empty()).count() <= 12, "{words}");
}

#[test]
fn other_questions_are_answered_as_ever() {
    let canonical = |text: &str, words: &str| {
        let reply = asks(text);
        assert_eq!((reply.kind, reply.body.to_plain().as_str()), (ReplyKind::Canonical, words), "{text}");
    };
    let portal = "The only portal is https://lumen.example.org/migrate, not fake.example.com.";
    // A question that the base holds word for word, and ours merely named.
    canonical("is lumen.example.org the right page?", portal);
    canonical("where do I migrate, at lumen.example.org?", portal);
    // Somebody's own wallet, and a transaction.
    let wallets = "Take one of these (https://wallet.example.com/get).";
    let plain = asks(&format!("how do I add the network to my wallet {SOMEBODYS}?"));
    assert_eq!(plain.citation.expect("an entry").entry.as_str(), "wallets", "{wallets}");
    let transaction = format!("0x{}", "ab12".repeat(16));
    assert!(!says(&format!("why did {transaction} fail?")).contains("one of ours"));
    // Nobody asks what a link is.
    assert!(!says("I signed something at https://claim.example.net yesterday").contains("one of ours"));
    let mail = decided(&inbound("who weaves baskets? ask ada@claim.example.net", Carried::default()));
    assert!(!matches!(mail.end, Some((_, reply)) if reply.body.to_plain().contains("one of ours")));
    assert!(says("is ada@claim.example.net of you, is it legit").contains("ada[@]claim[.]example[.]net is not one"));
    let names = decided(&inbound("@ada when is it?", Carried::default()));
    assert!(!matches!(names.end, Some((_, reply)) if reply.body.to_plain().contains("one of ours")));
    assert!(matches!(
        decided(&inbound("tell me of the weather on sea", Carried::default())).then,
        Some(Ask::Model { .. })
    ));
}

#[test]
fn what_else_is_asked_is_answered_below_a_word_about_the_link() {
    let reply = asks("how do I add the network to my wallet with https://claim.example.net?");
    let words = reply.body.to_plain();
    assert!(words.starts_with("hxxps[:]//claim[.]example[.]net is not one of ours."), "{words}");
    assert!(words.contains("Take one of these"), "{words}");
    assert_eq!(reply.citation.expect("a source").entry.as_str(), "wallets");
}

/// It is the origin of the words that keeps what is not ours shut: as words of our own it would leave as it is.
#[test]
fn red_twin_as_words_of_ours_the_link_would_be_open() {
    let mut reply = asks("is https://claim.example.net/x real?");
    is_harmless(&reply);
    for run in reply.body.blocks.iter_mut().flat_map(|block| &mut block.runs) {
        if run.origin == Origin::Quote {
            run.text = "https://claim.example.net/x".to_owned();
            run.origin = Origin::System;
        }
    }
    let left = leaving(reply, &base()).expect("it may leave");
    assert!(left.body.to_plain().contains("https://claim.example.net/x"), "the detector is blind: {left:?}");
}
