//! The table of phrasings, judged: scams are flagged, honest people are left alone, and nobody talks his way out of it.

mod table;

use townkeeper_shield::facts::Staff;
use townkeeper_shield::verdict::Evidence;
use townkeeper_shield::{Action, Author, Facts, List, Lists, Message, Reply, Shield, Signal, Tier, Verdict, Weights};

fn facts() -> Facts {
    Facts {
        hosts: vec!["lumen.example.org".into()],
        addresses: vec!["0x52908400098527886E0F7030069857D2E4169EE7".into()],
        brands: vec!["Lumen".into(), "LUM".into()],
        staff: vec![Staff {
            ids: vec!["1".into()],
            names: vec!["Ada Quill".into(), "adaquill".into()],
            ..Staff::default()
        }],
    }
}

fn shield() -> Shield {
    Shield::new(&facts(), Lists::default(), Weights::default())
}

fn written(text: &str, tier: Tier) -> Message<'_> {
    Message { text, author: Author { tier, ..Author::default() }, ..Message::default() }
}

fn judged(text: &str, tier: Tier) -> Verdict {
    shield().judge(&written(text, tier), None, &[])
}

#[test]
fn scams_are_flagged() {
    let (mut missed, mut all) = (Vec::new(), 0);
    for (pattern, texts) in table::SCAMS {
        for text in *texts {
            all += 1;
            if judged(text, Tier::New).action == Action::Pass {
                missed.push(format!("{pattern}: {text}: {:?}", judged(text, Tier::New).signals));
            }
        }
    }
    assert!(missed.len() * 100 <= all, "{} of {all}:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn honest_people_are_never_silenced_by_a_machine() {
    for (pattern, texts) in table::HONEST {
        for text in *texts {
            for tier in [Tier::New, Tier::Member, Tier::Trusted, Tier::Staff] {
                let verdict = judged(text, tier);
                assert!(verdict.action <= Action::Flag, "{pattern}, {tier:?}: {text}: {verdict:?}");
            }
        }
    }
}

#[test]
fn staff_who_warn_are_left_alone() {
    let (_, warnings) = table::HONEST[0];
    for text in warnings {
        assert_eq!(judged(text, Tier::Staff).action, Action::Pass, "{text}");
    }
    // The red twin: the very same words without the warning are a lure.
    assert_eq!(judged("Claim your tokens at lumen-claim.example.net", Tier::New).action, Action::Hold);
}

#[test]
fn few_honest_messages_are_even_flagged() {
    let count = |tier| {
        let texts = table::HONEST.iter().flat_map(|(_, texts)| *texts);
        texts
            .filter(|text| judged(text, tier).action == Action::Flag)
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    // From new members: those that name a look-alike host or somebody named like our help.
    assert!(count(Tier::New).len() <= 8, "{:#?}", count(Tier::New));
    assert_eq!(count(Tier::Trusted), Vec::<String>::new());
}

#[test]
fn nobody_talks_his_way_out_of_it() {
    for text in [
        "Not a scam: claim your airdrop at https://lumen-claim.example.net",
        "Is this real? Yes! Claim your tokens now at https://lumen-claim.example.net",
        "Beware of scammers! Only use the real site https://lumen-claim.example.net",
        "Fake sites everywhere, the only official link is lumen-migrate.example.net",
        "\"Claim your airdrop at https://lumen-claim.example.net\"",
        "> Claim your airdrop at https://lumen-claim.example.net",
        "Want your tokens? Enter your seed phrase at lumen-claim.example.net?",
        "```enter your seed phrase at https://lumen-claim.example.net```",
        "Scam alert! To be safe enter your seed phrase at https://lumen-claim.example.net",
    ] {
        assert_eq!(judged(text, Tier::New).action, Action::Hold, "{text}: {:?}", judged(text, Tier::New));
    }
}

#[test]
fn what_is_listed_goes_and_what_is_allowed_stays() {
    let lists = |allow: &[&str]| Lists {
        allow: List::new(allow.iter().copied(), "ours"),
        global: vec![List::new(["drain.example.net", "partner.example.com", "lumen.example.org"], "a public list")],
        ..Lists::default()
    };
    let act = |allow: &[&str], text, tier| {
        let shield = Shield::new(&facts(), lists(allow), Weights::default());
        shield.judge(&written(text, tier), None, &[])
    };
    let verdict = act(&[], "look https://a.drain.example.net/x", Tier::New);
    assert_eq!(verdict.action, Action::Delete);
    assert_eq!(verdict.versions.lists, ["a public list"]);
    assert!(!serde_json::to_string(&verdict).unwrap().contains("drain.example.net"), "never shown so that it opens");
    assert_eq!(act(&[], "https://a.drain.example.net", Tier::Trusted).action, Action::Hold);
    assert_eq!(act(&["partner.example.com"], "https://partner.example.com", Tier::New).action, Action::Pass);
    assert_eq!(
        act(&[], "https://partner.example.com", Tier::New).action,
        Action::Delete,
        "the red twin: no allow list"
    );
    assert_eq!(act(&[], "our page https://lumen.example.org", Tier::New).action, Action::Pass, "a list never beats us");
    let warning = "drain.example.net is a scam, do not click it";
    assert_eq!(act(&[], warning, Tier::Staff).action, Action::Pass, "a moderator warns");
    assert_eq!(act(&[], warning, Tier::New).action, Action::Hold, "a stranger's warning waits, but is not lost");
}

#[test]
fn names_count_on_joining_and_in_every_message() {
    let shield = shield();
    assert_eq!(shield.judge_name("Ada Quill", "", Some("99")).action, Action::Flag);
    assert_eq!(shield.judge_name("Аda Quill", "ada", None).action, Action::Flag);
    assert_eq!(
        shield.judge_name("Ada Quill", "adaquill", Some("1")).action,
        Action::Pass,
        "the id makes her one of us"
    );
    assert_eq!(shield.judge_name("Kim Park", "kimp", Some("98")).action, Action::Pass);
    let author = Author { id: Some("99"), name: "Lumen Support", ..Author::default() };
    let verdict = shield.judge(&Message { text: "hello there", author, ..Message::default() }, None, &[]);
    assert_eq!((verdict.action, verdict.signals[0].id), (Action::Flag, "brand_name"));
}

#[test]
fn place_and_behaviour_add_up() {
    let shield = shield();
    let ids = |verdict: &Verdict| verdict.signals.iter().map(|signal| signal.id).collect::<Vec<_>>();
    // T17: a harmless message becomes a link.
    let edited = Message { text: "gm https://drop.example.net", before: Some("gm"), ..Message::default() };
    assert!(ids(&shield.judge(&edited, None, &[])).contains(&"edited_in_link"));
    let fixed = Message { before: Some("gn https://drop.example.net"), ..edited };
    assert!(!ids(&shield.judge(&fixed, None, &[])).contains(&"edited_in_link"));
    // T5: help within seconds.
    let reply = Some(Reply { asks_help: true, after_s: 20 });
    let helper = Message { text: "dm me for help", reply, ..Message::default() };
    assert_eq!(shield.judge(&helper, None, &[]).action, Action::Flag);
    let slow = Message { reply: Some(Reply { asks_help: true, after_s: 4000 }), ..helper };
    assert_eq!(shield.judge(&slow, None, &[]).action, Action::Pass);
    // T9, T15, T16: what only behaviour shows.
    let burst = |weight| {
        let (source, why) = ("behaviour".into(), "The same in six channels.".into());
        let seen = Signal { id: "burst", weight, source, evidence: Evidence::default(), why };
        shield.judge(&written("bro", Tier::Member), None, &[seen])
    };
    assert_eq!(burst(4.0).action, Action::Flag);
    assert!((burst(1e9).score - burst(4.0).score).abs() < 1e-6, "bounded");
}

#[test]
fn the_text_model_flags_and_never_holds() {
    let text = |logit, tier| shield().judge(&written("an ordinary sentence", tier), logit, &[]).action;
    assert_eq!(text(None, Tier::New), Action::Pass);
    assert_eq!(text(Some(-0.1), Tier::New), Action::Pass);
    assert_eq!(text(Some(0.1), Tier::New), Action::Flag);
    assert_eq!(text(Some(f32::INFINITY), Tier::New), Action::Flag);
    assert_eq!(text(Some(f32::NAN), Tier::New), Action::Pass);
    assert_eq!(text(Some(99.0), Tier::Staff), Action::Pass);
    let lure = shield().judge(&written("claim at lumen-claim.example.net", Tier::New), Some(-99.0), &[]);
    assert_eq!(lure.action, Action::Hold, "no model talks facts away");
}

#[test]
fn a_verdict_says_what_it_rests_on() {
    let text = "Big news: claim at https://lumen-claim.example.net today";
    let verdict = judged(text, Tier::New);
    assert_eq!(verdict.signals[0].id, "brand_host");
    assert_eq!(text.get(verdict.signals[0].evidence.range.clone()), Some("https://lumen-claim.example.net"));
    assert!(verdict.signals.is_sorted_by(|a, b| a.weight >= b.weight));
    let without = verdict.counterfactual.clone().unwrap();
    assert_eq!(without.without, "brand_host");
    assert!(without.score < verdict.score && without.action < verdict.action);
    let shown = serde_json::to_string(&verdict).unwrap();
    assert!(!shown.contains("lumen-claim.example") && shown.contains("lumen-claim[.]example[.]net"), "{shown}");
    assert!(judged("gm", Tier::New).signals.is_empty() && judged("gm", Tier::New).counterfactual.is_none());
}
