//! What is learnt of a case and what is not, and what becomes of the next message.

use super::*;
use crate::facts::{Facts, Staff};
use crate::{Action, Author, Grounds, List, Lists, Message, Shield, Tier, Verdict, Weights};

/// A shield for which these texts were confirmed, as cases 1, 2, …; the facts are of somebody else.
fn shield(cases: &[&str], ours: &[&str]) -> Shield {
    with_cleared(cases, &[], ours)
}

fn with_cleared(cases: &[&str], cleared: &[&str], ours: &[&str]) -> Shield {
    let of = |texts: &[&str]| texts.iter().map(|text| Entities::of(text)).collect::<Vec<_>>();
    let (cases, cleared) = (of(cases), of(cleared));
    let confirmed = Confirmed::of((1..).zip(&cases), &cleared, &Allowed::of(ours.iter().copied()));
    let facts = Facts {
        staff: vec![Staff {
            ids: vec!["1".into()],
            names: vec!["Ada Quill".into(), "@ada_quill".into()],
            ..Staff::default()
        }],
        ..Facts::default()
    };
    Shield::new(&facts, Lists::default().with_confirmed(confirmed), Weights::default())
}

fn judged(shield: &Shield, text: &str) -> Verdict {
    shield.judge(&Message { text, ..Message::default() }, None, &[])
}

fn ids(shield: &Shield, text: &str) -> Vec<&'static str> {
    judged(shield, text).signals.iter().map(|signal| signal.id).filter(|id| id.starts_with("denied")).collect()
}

const INVITE: &str = "Open a ticket in our help server https://discord.gg/LaNtErN7 and the team will see to it";

#[test]
fn a_room_that_was_confirmed_is_denied_however_it_is_written() {
    let learnt = shield(&[INVITE], &[]);
    for text in [
        "nice pictures here: discord.gg/LaNtErN7",
        "nice pictures here: https://discord.com/invite/LaNtErN7?x=1",
        "nice pictures here: discord[.]gg/LaNtErN7",
        "nice pictures here: d i s c o r d . g g / L a N t E r N 7",
        "nice pictures here: di sco rd . gg / LaNt ErN7",
        "nice pictures here: 𝗱𝗶𝘀𝗰𝗼𝗿𝗱.𝗴𝗴/𝗟𝗮𝗡𝘁𝗘𝗿𝗡𝟳",
        "nice pictures here: discord.gg/LaN\u{200B}tErN7",
        "the invite code is LaNtErN7, nice pictures there",
    ] {
        let verdict = judged(&learnt, text);
        assert_eq!((verdict.action, verdict.grounds), (Action::Delete, Grounds::Listed), "{text}: {verdict:?}");
        assert!(verdict.signals[0].why.ends_with("(case 1)."), "{:?}", verdict.signals[0]);
        assert_eq!(ids(&shield(&[], &[]), text), Vec::<&str>::new(), "red: before the word it is nothing: {text}");
    }
}

#[test]
fn other_rooms_of_the_same_service_are_left_alone() {
    let learnt =
        shield(&[INVITE, "ticket here: t.me/+AbC_dEf9", "ticket: https://matrix.to/#/#lantern:example.net"], &[]);
    for text in [
        "discord.gg/Other123",
        "discord.gg/lantern7",
        "https://t.me/+AbC_dEf8",
        "t.me/+abc_def9",
        "https://matrix.to/#/#lamp:example.net",
        "the invite code is lantern7",
    ] {
        assert_eq!(ids(&learnt, text), Vec::<&str>::new(), "{text}");
    }
    for text in
        ["telegram.me/joinchat/AbC_dEf9", "#lantern:example.net", "https://matrix.to/#/%23lantern%3Aexample.net?via=x"]
    {
        assert_eq!(ids(&learnt, text), ["denied_invite"], "{text}");
    }
    assert_eq!(learnt.lists().workspace.len(), 0, "no service is denied for a room of it");
}

#[test]
fn a_code_without_its_link_may_be_any_services() {
    let learnt = shield(&["use the invite code welcome77 and open a ticket"], &[]);
    assert_eq!(ids(&learnt, "the invite code is welcome77"), Vec::<&str>::new());
}

#[test]
fn whoever_victims_were_sent_to_is_shown_and_never_taken_down_for_it() {
    let bait = "Kindly DM @Lantern_Desk for help, our support team will solve your wallet issue";
    let linked = "Migration help desk: write to the team in private, https://t.me/lantern_desk";
    for case in [bait, linked] {
        let learnt = shield(&[case], &[]);
        for text in ["good morning, message @lantern_desk", "more at t.me/Lantern_Desk", "on telegram: @LANTERN_DESK"] {
            let verdict = judged(&learnt, text);
            assert_eq!(
                (verdict.action, verdict.grounds),
                (Action::Flag, Grounds::Signs),
                "{case}: {text}: {verdict:?}"
            );
            assert!(verdict.signals.iter().any(|signal| signal.why.contains("Case 1")), "{verdict:?}");
            assert_eq!(judged(&shield(&[], &[]), text).action, Action::Pass, "red: {text}");
        }
        for text in ["thank you @lantern_desk!", "never DM @lantern_desk, it is a scam", "is t.me/lantern_desk legit?"]
        {
            assert_eq!(judged(&learnt, text).action, Action::Pass, "{case}: {text}");
        }
    }
}

#[test]
fn a_member_who_is_only_mentioned_is_not_learnt() {
    for text in [
        "@robin_member kindly DM us, our support team will solve your wallet issue",
        "@robin_member hello. Kindly send a dm to the admin for help with your wallet",
        "kindly dm me @robin_member, our support team will solve your wallet issue",
        "Kindly DM for help, our support team solves wallet issues. @robin_member",
        "claim your airdrop at https://claim.example.net @robin_member",
        "as x.com/robin_member/status/1 says, claim your airdrop at https://claim.example.net",
        "never DM @robin_member for help, it is a scam",
    ] {
        let entities = Entities::of(text);
        assert_eq!(entities.people, Vec::<String>::new(), "{text}");
    }
    // The red twin: the same name where the reader is sent there; and the link to a page of their own.
    assert_eq!(Entities::of("Kindly DM @robin_member for help, support team").people, ["robin_member"]);
    assert_eq!(Entities::of("see x.com/robin_member").people, ["robin_member"]);
    assert_eq!(Entities::of("see t.me/share?url=x and kindly DM @bob for help, support").people, Vec::<String>::new());
}

#[test]
fn what_is_ours_is_never_denied_and_whom_moderators_cleared_is_not_either() {
    let bait =
        "Kindly DM @lumen_desk for help, ticket: https://discord.gg/LumenX9 or https://lumen.example.org, support team";
    let ours = "Join https://discord.gg/LumenX9. We are t.me/lumen_desk. https://lumen.example.org/x";
    let text = "discord.gg/LumenX9, message @lumen_desk, https://lumen.example.org";
    assert_eq!(ids(&shield(&[bait], &[ours]), text), Vec::<&str>::new());
    assert_eq!(ids(&shield(&[bait], &[]), text), ["denied_host", "denied_invite", "denied_handle"], "red");
    let staff = "Kindly DM @ada_quill for help, our support team will solve your wallet issue";
    assert_eq!(ids(&shield(&[staff], &[]), "message @ada_quill"), Vec::<&str>::new());
    // One press on the card that a false alarm led to ends it; what it does not name stays.
    let cleared = with_cleared(&[bait], &["good morning, message @lumen_desk"], &[]);
    assert_eq!(ids(&cleared, text), ["denied_host", "denied_invite"]);
}

#[test]
fn a_host_or_a_room_that_a_cleared_case_names_is_denied_no_more() {
    let bait = "claim at https://lumen.example.org/a or https://claim.example.net, ticket: https://discord.gg/LumenX9";
    let text = "lumen.example.org claim.example.net discord.gg/LumenX9";
    let with = |cleared: &str| ids(&with_cleared(&[bait], &[cleared], &[]), text);
    let evidence = |cleared: &str| {
        let signals = judged(&with_cleared(&[bait], &[cleared], &[]), text).signals;
        signals.into_iter().find(|signal| signal.id == "denied_host").map(|signal| signal.evidence.text)
    };
    assert_eq!(with("gm"), ["denied_host", "denied_invite"], "red: it names nothing");
    assert_eq!(with("my pictures: https://discord.gg/LumenX9"), ["denied_host"]);
    assert_eq!(with("https://discord.gg/lumenx9 is another room"), ["denied_host", "denied_invite"]);
    assert_eq!(with("see https://lumen.example.org and https://claim.example.net/rules"), ["denied_invite"]);
    assert_eq!(evidence("see https://docs.lumen.example.org/x").as_deref(), Some("claim[.]example[.]net"), "below it");
    assert_eq!(evidence("see https://claim.example.net").as_deref(), Some("lumen[.]example[.]org"));
    // Who warns, asks or quotes names it as well, and is cleared for that; and a host vouches for itself alone.
    for cleared in [
        "SCAM WARNING: lumen.example.org and discord.gg/LumenX9 are not ours, do not join",
        "is https://lumen.example.org legit, and discord.gg/LumenX9?",
        "somebody sent me this: \"claim at lumen.example.org or discord.gg/LumenX9\"",
        "scam: lumen.example.org discord.gg/LumenX9",
        "see https://other.example.org and https://example.org",
    ] {
        assert_eq!(with(cleared), ["denied_host", "denied_invite"], "{cleared}");
    }
}

#[test]
fn a_room_that_was_named_in_disguise_is_cleared_by_its_letters() {
    let bait = "nice pictures here: d i s c o r d . g g / L a N t E r N 7";
    let text = "see discord.gg/LaNtErN7";
    assert_eq!(ids(&shield(&[bait], &[]), text), ["denied_invite"]);
    assert_eq!(ids(&with_cleared(&[bait], &[text], &[]), text), Vec::<&str>::new());
    assert_eq!(ids(&with_cleared(&[INVITE], &[bait], &[]), text), Vec::<&str>::new(), "either way");
}

#[test]
fn the_team_may_name_a_room_and_who_warns_keeps_the_message() {
    let learnt = shield(&[INVITE], &[]);
    let by = |tier, text| {
        learnt.judge(&Message { text, author: Author { tier, ..Author::default() }, ..Message::default() }, None, &[])
    };
    let warning = "SCAM WARNING: discord.gg/LaNtErN7 is not ours, do not join";
    assert_eq!(by(Tier::Staff, warning).action, Action::Pass);
    let member = by(Tier::Member, warning);
    assert_eq!((member.grounds, member.action), (Grounds::Fact, Action::Hold), "the link must not stay open");
    assert_eq!(by(Tier::Trusted, "see discord.gg/LaNtErN7").grounds, Grounds::Listed, "accounts are stolen");
}

#[test]
fn the_mail_of_a_thief_does_not_deny_its_provider_and_no_message_fills_the_lists() {
    assert_eq!(Entities::of("write to helpdesk@mail.example.net").hosts, Vec::<String>::new());
    assert_eq!(Entities::of("https://lumen@claim.example.net/x").hosts, ["claim.example.net"]);
    let many: Vec<String> = (0..99).map(|n| format!("a{n}.example.net discord.gg/AbCd{n}")).collect();
    let entities = Entities::of(&many.join(" "));
    assert_eq!((entities.hosts.len(), entities.invites.len()), (EACH, EACH));
}

const WORDS: &str =
    "Dear friends, the lantern festival pays every visitor, ask the lamplighter at the gate for your share";

#[test]
fn the_very_words_that_were_confirmed_are_a_hard_fact() {
    let learnt = shield(&["gm", WORDS], &[]);
    for text in [WORDS.to_owned(), WORDS.to_uppercase(), WORDS.replace(' ', "  "), WORDS.replace('a', "\u{430}")] {
        let verdict = judged(&learnt, &text);
        assert_eq!((verdict.action, verdict.signals[0].id), (Action::Delete, "known_scam"), "{text}: {verdict:?}");
        assert!(verdict.signals[0].why.ends_with("(case 2)."), "{verdict:?}");
        assert_eq!(judged(&shield(&["gm"], &[]), &text).action, Action::Pass, "red: {text}");
    }
    // One word more is other words: near copies are the sweep's, and the text model's.
    for text in ["gm".to_owned(), format!("{WORDS} now"), String::new()] {
        assert_eq!(judged(&learnt, &text).action, Action::Pass, "{text}");
    }
}

#[test]
fn who_may_repeat_confirmed_words_is_left_alone_and_so_is_what_was_cleared() {
    let learnt = shield(&[WORDS], &[]);
    let by = |tier, quoted| {
        let author = Author { tier, ..Author::default() };
        learnt.judge(&Message { text: WORDS, quoted, author, ..Message::default() }, None, &[])
    };
    assert_eq!(by(Tier::Staff, "").action, Action::Pass);
    assert_eq!(by(Tier::Trusted, "").grounds, Grounds::Listed, "accounts are stolen");
    let reported = Message { text: WORDS, in_reports: true, ..Message::default() };
    assert_eq!(
        learnt.judge(&reported, None, &[]).grounds,
        Grounds::Fact,
        "where scams are talked about it is no order"
    );
    assert_eq!(judged(&with_cleared(&[WORDS], &[WORDS], &[]), WORDS).action, Action::Pass);
}

#[test]
fn whoever_is_no_newcomer_and_only_forwards_confirmed_words_is_held_at_most() {
    let learnt = shield(&[WORDS], &[]);
    let by = |tier, forwarded| {
        let author = Author { tier, ..Author::default() };
        let verdict = learnt.judge(&Message { text: WORDS, forwarded, author, ..Message::default() }, None, &[]);
        (verdict.grounds, verdict.action)
    };
    assert_eq!(by(Tier::Member, true), (Grounds::Fact, Action::Hold));
    assert_eq!(by(Tier::Trusted, true), (Grounds::Fact, Action::Flag));
    assert_eq!(by(Tier::Staff, true).1, Action::Pass);
    assert_eq!(by(Tier::New, true), (Grounds::Listed, Action::Delete), "as today");
    assert_eq!(by(Tier::Member, false), (Grounds::Listed, Action::Delete), "the twin: words of one's own");
    // What else is denied in it goes all the same.
    let bait = format!("{WORDS} at https://claim.example.net");
    let author = Author { tier: Tier::Member, ..Author::default() };
    let message = Message { text: &bait, forwarded: true, author, ..Message::default() };
    assert_eq!(shield(&[&bait], &[]).judge(&message, None, &[]).grounds, Grounds::Listed);
}

#[test]
fn what_many_people_say_is_no_scam_word_for_word() {
    for text in
        ["can somebody help me with my wallet", "thanks, it works now!", "https://claim.example.net/a/long/way/to/go"]
    {
        assert_eq!(Entities::of(text).words, None, "{text}");
    }
    assert!(Entities::of(WORDS).words.is_some());
}

#[test]
fn the_same_cases_give_the_same_whatever_stood_between_and_a_kept_one_shows() {
    let all = [INVITE, "https://claim.example.net", "Kindly DM @Lantern_Desk for help, support team"].map(Entities::of);
    let of = |numbers: &[i64]| {
        let cases = (1..).zip(&all).filter(|(number, _)| numbers.contains(number));
        Confirmed::of(cases, [], &Allowed::default())
    };
    assert_eq!(of(&[1, 3]), of(&[1, 3]));
    assert_eq!(of(&[]), Confirmed::default());
    assert_ne!(of(&[1, 2, 3]), of(&[1, 3]), "red");
}

#[test]
fn every_reason_says_where_it_is_known_from() {
    let of = |shield: &Shield, text: &str| {
        let verdict = judged(shield, text);
        let source = |signal: &crate::Signal| format!("{}: {}", signal.id, signal.source);
        verdict.signals.iter().map(source).collect::<Vec<_>>()
    };
    let lists = Lists {
        global: vec![List::new(["swap.example.net"], "harbour, 2026-02-04")],
        ..shield(&[INVITE, "claim it at https://claim.example.net"], &[]).lists().clone()
    };
    let facts = Facts { brands: vec!["Lumen".into()], ..Facts::default() };
    let shield = Shield::new(&facts, lists, Weights::default());
    for (text, expected) in [
        ("see https://claim.example.net", "denied_host: case 2"),
        ("see https://swap.example.net", "denied_host: list harbour, 2026-02-04"),
        ("see discord.gg/LaNtErN7", "denied_invite: case 1"),
        ("see https://lumen-x.example.net", "brand_host: base"),
        ("see https://other.example.com", "unknown_link: rules"),
        ("enter your seed phrase", "secret_request: rules"),
    ] {
        assert_eq!(of(&shield, text).first().map(String::as_str), Some(expected), "{:?}", of(&shield, text));
    }
    let spoken = shield.judge(&Message { text: "gm", ..Message::default() }, Some(0.5), &[]);
    assert_eq!(spoken.signals[0].source, "model");
}
