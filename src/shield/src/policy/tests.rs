//! What the table leads to, and which tables are refused.

use super::*;

fn policy(rows: &[Row]) -> Policy {
    Policy::new(rows.to_vec()).unwrap()
}

fn place(tier: Tier) -> Place<'static> {
    Place { platform: "discord", channel: Channel::Open, tier }
}

fn decided(score: f32, grounds: Grounds, tier: Tier) -> Measures {
    Policy::default().limits(&place(tier), &Shadows::default()).measures(score, grounds)
}

fn row(platform: Option<&str>, channel: Option<Channel>, tier: Option<Tier>) -> Row {
    Row { platform: platform.map(str::to_owned), channel, tier, ..Row::default() }
}

#[test]
fn only_hard_facts_hold_and_only_lists_delete() {
    let message = |score, grounds, tier| decided(score, grounds, tier).message;
    assert_eq!(message(0.999, Grounds::Signs, Tier::New), Action::Flag, "no score alone does more");
    assert_eq!(message(0.4, Grounds::Signs, Tier::New), Action::Pass);
    assert_eq!(message(0.9, Grounds::Fact, Tier::New), Action::Hold);
    assert_eq!(message(0.9, Grounds::Fact, Tier::Trusted), Action::Flag);
    assert_eq!(message(0.9, Grounds::Listed, Tier::Member), Action::Delete);
    assert_eq!(message(0.9, Grounds::Listed, Tier::Trusted), Action::Hold, "accounts are stolen");
    assert_eq!(message(0.9, Grounds::Listed, Tier::Staff), Action::Flag);
    assert_eq!(decided(0.9, Grounds::Listed, Tier::New).author, Some(Sanction::Restrict), "nobody is banned");
}

#[test]
fn where_scams_are_talked_about_nobody_is_silenced_for_it() {
    let there = |channel| Policy::default().limits(&Place { channel, ..place(Tier::New) }, &Shadows::default());
    let listed = |channel| there(channel).measures(0.9, Grounds::Listed);
    assert_eq!(listed(Channel::Reports), Measures::of(Action::Hold));
    assert_eq!(listed(Channel::Staff), Measures::of(Action::Flag));
    assert_eq!(there(Channel::Reports).fact, Measures::of(Action::Flag));
    assert_eq!(listed(Channel::Support), listed(Channel::Open));
}

#[test]
fn each_thing_is_said_by_the_most_exact_row_that_says_it() {
    let score = |row: Row, score| Row { flag_score: Some(score), ..row };
    let policy = policy(&[
        score(row(None, None, Some(Tier::New)), 0.1),
        Row { listed: Some(vec![Measure::Ban]), ..score(row(Some("discord"), None, None), 0.2) },
        score(row(Some("discord"), Some(Channel::Support), None), 0.3),
        score(row(None, None, None), 0.4),
    ]);
    let limits = |platform, channel, tier| policy.limits(&Place { platform, channel, tier }, &Shadows::default());
    let flag = |platform, channel, tier| limits(platform, channel, tier).flag;
    assert!((flag("discord", Channel::Open, Tier::New) - 0.1).abs() < 1e-6);
    assert!((flag("discord", Channel::Open, Tier::Member) - 0.2).abs() < 1e-6);
    assert!((flag("discord", Channel::Support, Tier::Member) - 0.3).abs() < 1e-6);
    assert!((flag("telegram", Channel::Support, Tier::Member) - 0.4).abs() < 1e-6);
    // The row for newcomers says nothing of lists: the one for Discord does.
    let banned = Measures { author: Some(Sanction::Ban), ..Measures::of(Action::Flag) };
    assert_eq!(limits("discord", Channel::Open, Tier::New).listed, banned);
    assert_eq!(limits("telegram", Channel::Open, Tier::New).listed.author, Some(Sanction::Restrict));
    assert_eq!(limits("discord", Channel::Open, Tier::Staff).listed, Measures::of(Action::Flag), "the team never");
}

#[test]
fn a_share_of_false_alarms_becomes_a_score_once_the_shadow_knows_enough() {
    let share = |row: Row| Row { flag_fpr: Some(0.01), ..row };
    let policy = policy(&[share(row(None, None, None)), share(row(Some("telegram"), None, None))]);
    let mut shadows = Shadows::default();
    let flag = |shadows: &Shadows, platform| policy.limits(&Place { platform, ..place(Tier::New) }, shadows).flag;
    assert!((flag(&shadows, "discord") - FLAG).abs() < 1e-6, "by the default");
    shadows.add("discord", bin(0.02).unwrap(), 5000);
    shadows.add("discord", bin(0.25).unwrap(), 20);
    assert!(flag(&shadows, "discord") < 0.25);
    assert!((flag(&shadows, "x") - flag(&shadows, "discord")).abs() < 1e-6, "by the traffic of all");
    assert!((flag(&shadows, "telegram") - FLAG).abs() < 1e-6, "a row of a platform goes by that platform's alone");
}

#[test]
fn neither_a_raid_nor_silence_carries_a_threshold_away() {
    let share = Threshold::FalsePositives(0.001);
    let traffic = |score| {
        let mut shadow = Shadow::default();
        shadow.add(bin(score).unwrap(), 100_000);
        shadow
    };
    assert!((share.over(&traffic(0.99)) - WITHIN.1).abs() < 1e-6);
    assert!((share.over(&traffic(0.01)) - WITHIN.0).abs() < 1e-6);
}

#[test]
fn rows_that_cannot_be_meant_are_refused_with_their_number_and_a_remedy() {
    use Measure::{Ban, Delete, Flag, Hold, Notify, Restrict};
    let lists = |score: &[Measure], fact: &[Measure]| Row {
        score: Some(score.to_vec()),
        fact: Some(fact.to_vec()),
        ..Row::default()
    };
    let staff = Row { tier: Some(Tier::Staff), listed: Some(vec![Flag, Delete]), ..Row::default() };
    let share = |share| Row { flag_fpr: Some(share), ..Row::default() };
    let score = |score| Row { flag_score: Some(score), ..Row::default() };
    for (row, told) in [
        (Row::default(), "says nothing"),
        (row(Some("discord"), None, Some(Tier::New)), "says nothing"),
        (share(0.0), "0.001 is one in a thousand"),
        (share(1.5), "1.5"),
        (share(f64::NAN), "NaN"),
        (score(1.0), "between 0 and 1"),
        (score(-0.2), "-0.2"),
        (Row { flag_score: Some(0.5), ..share(0.01) }, "keep one"),
        (lists(&[Flag, Delete], &[]), "score names `delete`"),
        (lists(&[Hold], &[]), "score names `hold`"),
        (lists(&[Notify, Ban], &[]), "score names `ban`"),
        (lists(&[], &[Delete, Hold]), "fact names `hold` and `delete`"),
        (lists(&[], &[Restrict, Ban]), "`restrict` and `ban`"),
        (staff, "listed names `delete` for staff"),
    ] {
        let refused = Policy::new(vec![score_of(0.7), row]).unwrap_err();
        assert!(refused.row == 2 && refused.to_string().contains(told), "{refused}");
    }
    let twice = Policy::new(vec![score_of(0.6), lists(&[Flag], &[]), score_of(0.7)]).unwrap_err();
    assert_eq!(twice, Refused { row: 3, fault: Fault::Twice { key: "flag_fpr or flag_score", other: 1 } });
    policy(&[lists(&[Flag, Notify], &[Hold, Notify]), score_of(0.6)]);
}

fn score_of(score: f64) -> Row {
    Row { flag_score: Some(score), tier: Some(Tier::Member), ..Row::default() }
}

/// The red twin: were a row that deletes on a score let through, the limits still would not.
#[test]
fn a_score_alone_does_no_more_than_flag_whatever_the_table_says() {
    let row = Row { score: Some(vec![Measure::Delete, Measure::Ban, Measure::Notify]), ..Row::default() };
    let unchecked = Policy { rows: vec![row], version: None };
    let limits = unchecked.limits(&place(Tier::New), &Shadows::default());
    let flag_and_call = Measures { notify: true, ..Measures::of(Action::Flag) };
    assert_eq!(limits.measures(0.999, Grounds::Signs), flag_and_call);
    assert_eq!(limits.measures(0.999, Grounds::Listed).message, Action::Delete, "a hard fact does");
}

#[test]
fn a_verdict_says_what_holds_where_it_was_reached() {
    let mut verdict = Verdict { score: 0.4, ..Verdict::default() };
    verdict.counterfactual = Some(crate::verdict::Counterfactual {
        without: "x",
        score: 0.3,
        grounds: Grounds::Signs,
        action: Action::Flag,
    });
    let limits = Limits { flag: 0.35, ..Limits::at(Channel::Open, Tier::New) };
    let (verdict, _) = limits.decide(verdict);
    assert_eq!((verdict.action, verdict.threshold), (Action::Flag, Some(0.35)));
    assert_eq!(verdict.counterfactual.unwrap().action, Action::Pass);
}

#[test]
fn a_verdict_says_by_which_table_it_was_reached() {
    let row = |platform: &str, listed| Row {
        platform: Some(platform.to_owned()),
        listed: Some(vec![listed]),
        ..Row::default()
    };
    let table = |rows: &[Row]| Policy::new(rows.to_vec()).unwrap();
    let by = |policy: &Policy| {
        let (verdict, _) = policy.decide(&place(Tier::New), &Shadows::default(), Verdict::default());
        verdict.versions.table.map(|table| table.to_string())
    };
    let (one, other) = (row("discord", Measure::Delete), row("telegram", Measure::Ban));
    let both = by(&table(&[one.clone(), other.clone()])).unwrap();
    // In any order, in any release: who keeps a record must find its table again.
    assert_eq!(by(&table(&[other.clone(), one.clone()])).as_ref(), Some(&both));
    assert_eq!(both, "d49eaebd");
    assert_ne!(by(&table(&[one.clone(), row("telegram", Measure::Hold)])), Some(both));
    assert_eq!(by(&Policy::default()), None);
    let (verdict, _) = table(&[one]).decide(&place(Tier::New), &Shadows::default(), Verdict::default());
    let shown = serde_json::to_value(&verdict).unwrap();
    assert!(shown["versions"]["table"].as_str().is_some_and(|table| table.len() == 8), "{shown}");
}
