//! What follows from a verdict, where and to whom: by the defaults, by a table, and by thresholds that come from how the
//! community itself writes. A score alone never does more than flag, a table that says otherwise does not start.

use serde_json::{Value, json};
use townkeeper_client::Client;
use townkeeper_contract::case::{CaseAction, CaseExtra, CaseWord, ShieldMode};
use townkeeper_contract::place::PlaceChannel;
use townkeeper_contract::policy::{PolicyLine, ShieldPolicy, Trust};
use townkeeper_fakes::telegram::TelegramServer;

use crate::cases::{
    GROUP, LURE, MODERATOR, OFFICE, RIGHTS, SCAMMER, card, cases, deleted, is_deleted, judged, says, writes,
};
use crate::daemon::{Daemon, Home, PATIENCE};

const TOKEN: &str = "123456:abcDEF";

/// Nothing in it passes for ours: some newcomer's link.
const LINK: &str = "hello friends look what I found https://lucky-lantern.example.net/other";

async fn stage(shield: &str, mode: &str) -> (TelegramServer, Home, Daemon) {
    stage_of(Home::new(), shield, mode).await
}

/// With what stands in `[shield]` besides our name, and the moderators' room.
async fn stage_of(home: Home, shield: &str, mode: &str) -> (TelegramServer, Home, Daemon) {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = home.with(&format!("[shield]\nbrands = [\"lumen\"]\n{shield}"));
    let home = home.with_telegram(telegram.base_url(), TOKEN);
    let daemon = Daemon::start(&home).await;
    for group in [GROUP, OFFICE] {
        telegram.promote(group, 0, &RIGHTS);
        telegram.promote(group, MODERATOR, &RIGHTS);
    }
    says(&telegram, OFFICE, "/keeper notices here", "come here from now on").await;
    let set = match mode {
        "shadow" => "do nothing",
        "flag" => "show moderators",
        _ => "take down",
    };
    says(&telegram, GROUP, &format!("/keeper shield {mode}"), set).await;
    (telegram, home, daemon)
}

fn row(says: &str) -> String {
    format!("[[shield.policy]]\n{says}\n")
}

fn line(policy: &ShieldPolicy, channel: PlaceChannel, tier: Trust) -> &PolicyLine {
    let found = policy.lines.iter().find(|line| (line.channel, line.tier) == (channel, tier));
    found.expect("every place has its line")
}

async fn silenced(telegram: &TelegramServer, how: &str) {
    tokio::time::timeout(PATIENCE, telegram.wait_calls(how, 1)).await.unwrap_or_else(|_| panic!("no {how}"));
}

#[tokio::test]
async fn without_a_table_what_is_listed_goes_its_author_reads_and_nobody_is_banned() {
    let home = Home::new();
    let listed = home.folder().join("denied.txt");
    std::fs::write(&listed, "lucky-lantern.example.net\n").unwrap();
    let deny = format!("deny = [{:?}]\n", listed.display().to_string());
    let (telegram, home, daemon) = stage_of(home, &deny, "guard").await;
    let policy = daemon.operator(&home).shield_policy().await.unwrap();
    assert_eq!(policy.lines.len(), 20, "{policy:?}");
    let new = line(&policy, PlaceChannel::Open, Trust::New);
    let words = [&new.score, &new.fact, &new.listed].map(|words| words.join(" "));
    assert_eq!(words, ["flag", "hold", "delete restrict"]);
    assert!((new.flag_score - 0.5).abs() < 1e-6 && new.flag_fpr.is_none());
    let all = policy.lines.iter().flat_map(|line| [&line.score, &line.fact, &line.listed]).flatten();
    assert!(all.into_iter().all(|word| word != "ban"), "{policy:?}");
    let staff = line(&policy, PlaceChannel::Open, Trust::Staff);
    assert_eq!([&staff.score, &staff.fact, &staff.listed].map(|words| words.join(" ")), ["flag", "flag", "flag"]);
    let said = home.run(&["shield", "policy"]).await;
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("from a score of 0.50: flag") && said.contains("new, member in open, support"), "{said}");
    writes(&telegram, SCAMMER, LINK);
    is_deleted(&telegram, 1).await;
    silenced(&telegram, "restrictChatMember").await;
    assert!(telegram.calls("banChatMember").is_empty());
}

/// The same table, in shadow and on guard: the second is the first's red twin.
#[tokio::test]
async fn in_shadow_a_table_that_bans_acts_on_nothing() {
    let bans = row("platform = \"telegram\"\ntier = \"new\"\nfact = [\"delete\", \"ban\", \"notify\"]");
    let (telegram, home, daemon) = stage(&bans, "shadow").await;
    let client = daemon.operator(&home);
    writes(&telegram, SCAMMER, LURE);
    let found = cases(&client, |cases| cases.len() == 1).await.remove(0);
    let would = (found.mode, found.action, found.also);
    assert_eq!(would, (ShieldMode::Shadow, CaseAction::Delete, vec![CaseExtra::Ban, CaseExtra::Notify]));
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty() && telegram.calls("banChatMember").is_empty());
    assert!(telegram.sent().iter().all(|message| !message.text.contains("Case 1")), "nobody is called");
    says(&telegram, GROUP, "/keeper shield guard", "take down").await;
    writes(&telegram, 67, LURE);
    silenced(&telegram, "banChatMember").await;
    is_deleted(&telegram, 1).await;
    assert!(telegram.calls("restrictChatMember").is_empty(), "whoever is gone need not be restricted");
    // A moderator takes it back, and who was banned may come again.
    client.say_of_case(2, CaseWord::Clear).await.unwrap();
    silenced(&telegram, "unbanChatMember").await;
}

#[tokio::test]
async fn whoever_is_to_be_called_is_not_put_off_with_a_digest() {
    let (telegram, _home, _daemon) = stage(&row("fact = [\"flag\", \"notify\"]"), "flag").await;
    for person in 100..112 {
        writes(&telegram, person, &format!("{LURE} {person}"));
    }
    card(&telegram, "Case 12 ").await;
    assert!(deleted(&telegram).is_empty(), "called, and nothing else");
    assert!(telegram.sent().iter().all(|message| !message.text.contains("more cases within a minute")));
}

#[tokio::test]
async fn where_scams_are_reported_naming_one_is_no_scam() {
    let (telegram, home, daemon) = stage("", "guard").await;
    let client = daemon.operator(&home);
    let seen = "claim-lumen.example.net was posted in the support room";
    says(&telegram, GROUP, "/keeper channel reports", "scams are talked about here").await;
    says(&telegram, GROUP, "/keeper show", "channel: reports").await;
    writes(&telegram, SCAMMER, seen);
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty() && client.cases().await.unwrap().cases.is_empty());
    // The red twin: the same words where nobody reports anything.
    says(&telegram, GROUP, "/keeper channel open", "goes by that").await;
    writes(&telegram, 67, seen);
    is_deleted(&telegram, 1).await;
}

/// What a newcomer advertises weighs something, and not enough for the default.
#[tokio::test]
async fn a_share_of_false_alarms_becomes_a_score_once_enough_was_said() {
    const SAID: u64 = 2_600;
    // The lure, and two orders of a moderator: what begins with a slash is judged too.
    const ALL: u64 = SAID + 3;
    let (telegram, home, mut daemon) = stage(&row("flag_fpr = 0.01"), "flag").await;
    let client = daemon.operator(&home);
    let open =
        async |client: &Client| line(&client.shield_policy().await.unwrap(), PlaceChannel::Open, Trust::New).clone();
    let before = open(&client).await;
    assert_eq!((before.flag_score, before.flag_fpr, before.read_off), (0.5, Some(0.01), Some(0)));
    writes(&telegram, SCAMMER, "Check out this new project everybody, great team: https://lucky-lantern.example.net");
    for n in 0..SAID {
        writes(&telegram, 10_000 + i64::try_from(n).unwrap(), &format!("gm {n}"));
    }
    judged(&telegram).await;
    let found = client.cases().await.unwrap().cases;
    assert!(found.is_empty(), "by the default: {found:?}");
    let knows = async { while open(&client).await.read_off < Some(2_000) {} };
    tokio::time::timeout(PATIENCE, knows).await.expect("what was said is not counted");
    let after = open(&client).await;
    assert!(after.flag_score < 0.5 && after.flagged <= after.messages / 100, "{after:?}");
    writes(&telegram, 67, "the team pays early users at https://lucky-lantern.example.net/start");
    let found = cases(&client, |cases| cases.len() == 1).await.remove(0);
    let number = |key: &str| found.verdict[key].as_f64().expect("a number");
    assert!(number("score") < 0.5, "the red twin: by the default it would pass: {:?}", found.verdict);
    assert!(found.action == CaseAction::Flag && (number("threshold") - f64::from(after.flag_score)).abs() < 1e-6);
    // A confirmed scam is no clean message; all others are known over a stop, on whichever node they were said.
    client.say_of_case(found.number, CaseWord::Account).await.unwrap();
    daemon.signal("TERM").await;
    daemon.gone().await;
    let daemon = Daemon::start(&home).await;
    assert_eq!(open(&daemon.operator(&home)).await.messages, ALL);
    let said = String::from_utf8(home.run(&["shield", "policy"]).await.stdout).unwrap();
    assert!(said.contains(&format!("(for 1.00 % of {ALL} message(s))")), "{said}");
}

#[tokio::test]
async fn what_moderators_cleared_is_not_flagged_by_what_they_teach_later() {
    let (telegram, home, daemon) = stage("", "flag").await;
    let client = daemon.operator(&home);
    let honest = "The airdrop page at claim-lumen.example.net paid me today, thanks to the team";
    writes(&telegram, 70, honest);
    writes(&telegram, 71, &honest.replace("paid me today", "paid me well today"));
    cases(&client, |cases| cases.len() == 2).await;
    let not_learnt = async || client.shield_policy().await.unwrap().not_learnt;
    client.say_of_case(2, CaseWord::Content).await.unwrap();
    assert!(not_learnt().await.is_empty(), "the red twin: nobody said that its like is honest, so it is learnt");
    client.say_of_case(1, CaseWord::Clear).await.unwrap();
    assert_eq!(not_learnt().await, [2]);
    let said = String::from_utf8(home.run(&["shield", "policy"]).await.stdout).unwrap();
    assert!(said.contains("The words of case 2 are not learnt"), "{said}");
    client.say_of_case(1, CaseWord::Undo).await.unwrap();
    assert!(not_learnt().await.is_empty());
}

/// Once, the text counted twice where messages come from a platform.
#[tokio::test]
async fn words_weigh_in_the_daemon_what_scan_says() {
    let (telegram, home, daemon) = stage("", "flag").await;
    let client = daemon.operator(&home);
    let weight = |verdict: &Value| {
        let signals = verdict["signals"].as_array().expect("signals");
        signals.iter().find(|signal| signal["id"] == "text").and_then(|signal| signal["weight"].as_f64())
    };
    let file = home.folder().join("lines.jsonl");
    std::fs::write(&file, json!({ "text": LURE }).to_string()).unwrap();
    let scanned = home.run(&["shield", "scan", "--jsonl", &file.display().to_string()]).await;
    let scanned: Value = serde_json::from_slice(&scanned.stdout).unwrap();
    writes(&telegram, SCAMMER, LURE);
    let found = cases(&client, |cases| cases.len() == 1).await.remove(0);
    assert!(weight(&scanned).is_some_and(|weight| weight != 0.0), "{scanned}");
    assert_eq!(weight(&found.verdict), weight(&scanned), "{:?}", found.verdict);
}

#[tokio::test]
async fn a_table_that_cannot_be_meant_does_not_start() {
    let good = row("platform = \"discord\"\nchannel = \"support\"\nflag_fpr = 0.001");
    for (says, expected) in [
        ("score = [\"flag\", \"delete\"]", ["score names `delete`", "a score alone never does more"].as_slice()),
        ("fact = [\"hold\", \"vanish\"]", &["`vanish`", "`delete`", "`notify`"]),
        ("tier = \"newcomer\"\nfact = []", &["`newcomer`", "`member`"]),
        ("channel = \"suport\"\nfact = []", &["`suport`", "`support`"]),
        ("platform = \"irc\"\nfact = []", &["row 2", "\"irc\"", "discord"]),
        ("flag_frp = 0.01", &["unknown key `flag_frp`", "did you mean `flag_fpr`"]),
        ("flag_fpr = 40", &["row 2", "flag_fpr = 40", "0.001 is one in a thousand"]),
        ("flag_fpr = 0.01\nflag_score = 0.6", &["row 2", "keep one"]),
        ("platform = \"discord\"\nchannel = \"support\"\nflag_score = 0.6", &["row 2", "as row 1", "keep one"]),
        ("tier = \"staff\"\nlisted = [\"ban\"]", &["row 2", "staff", "leave flag or notify"]),
        ("tier = \"new\"", &["row 2", "it says nothing"]),
    ] {
        let home = Home::new().with(&format!("{good}{}", row(says)));
        for command in ["serve", "config"] {
            let args: &[&str] = if command == "serve" { &["serve"] } else { &["config", "check"] };
            let ended = home.run(args).await;
            let err = String::from_utf8(ended.stderr).unwrap();
            assert!(ended.status.code() == Some(1) && err.contains("townkeeper.toml:"), "{says}: {err}");
            assert!(expected.iter().all(|words| err.contains(words)), "{says}: {err}");
            assert_eq!(err.trim_end().lines().count(), 1, "{err}");
        }
        assert!(!home.data().exists(), "nothing was made");
    }
    // The red twin: a table that can be meant starts.
    let said = Home::new().with(&good).run(&["config", "check"]).await;
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
}

/// The same words in two places of one table: taken down, nobody answers them; where only their author is silenced, they stand.
#[tokio::test]
async fn what_stands_is_answered_though_its_author_is_silenced() {
    let silences = row("channel = \"support\"\nfact = [\"flag\", \"restrict\"]");
    let (telegram, _home, _daemon) = stage(&silences, "guard").await;
    let answers = |after: i64| {
        let sent = telegram.sent();
        sent.iter().filter(|message| message.chat_id == GROUP && message.message_id > after).count()
    };
    let ours = telegram.sent().iter().rfind(|message| message.chat_id == GROUP).expect("it was set up").message_id;
    telegram.push_reply(GROUP, SCAMMER, LURE, ours);
    let gone = telegram.last_message();
    is_deleted(&telegram, 1).await;
    judged(&telegram).await;
    assert_eq!(answers(gone), 0);
    says(&telegram, GROUP, "/keeper channel support", "goes by that").await;
    telegram.push_reply(GROUP, 67, LURE, ours);
    let stands = telegram.last_message();
    silenced(&telegram, "restrictChatMember").await;
    let answered = telegram.wait_message(|message| message.chat_id == GROUP && message.message_id > stands);
    tokio::time::timeout(PATIENCE, answered).await.expect("nobody answers");
    assert_eq!(deleted(&telegram), [json!(gone)]);
}
