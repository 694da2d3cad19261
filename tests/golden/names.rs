//! Whoever takes a name of the team is shown with their number, on Telegram; whoever takes another name is left alone.

use townkeeper_contract::access::{NewMember, Role};
use townkeeper_contract::case::CaseWord;
use townkeeper_fakes::telegram::TelegramServer;

use crate::cases::{LURE, MODERATOR, OFFICE, SCAMMER, card, cases, stage, writes};
use crate::daemon::{Daemon, Home, PATIENCE};

/// As the team knows her.
pub(crate) const CLARA: &str = "Clara Lanternlight";
/// With a Cyrillic letter.
pub(crate) const NOT_CLARA: &str = "Cl\u{430}ra Lanternlight";
/// Nobody's name.
pub(crate) const DORA: &str = "Dora Meadow";

const IMPOSTOR: i64 = 77;
const MEMBER: i64 = 78;
const EARLY: i64 = 79;

/// Clara joins the team, and has proven this account of hers.
async fn clara_is_linked(telegram: &TelegramServer, daemon: &Daemon, home: &Home) {
    let client = daemon.operator(home);
    let clara = NewMember { name: CLARA.to_owned(), roles: vec![Role::Moderator] };
    let person = client.add_person(&clara).await.unwrap();
    let code = client.link_code(&person.id).await.unwrap().code;
    telegram.push_message(MODERATOR, MODERATOR, &format!("/link {code}"));
    let linked = telegram.wait_message(|message| message.text.contains("Linked"));
    tokio::time::timeout(PATIENCE, linked).await.expect("not linked");
    // The team is read at the latest when the next case is decided.
    writes(telegram, SCAMMER, LURE);
    let case = cases(&client, |cases| cases.len() == 1).await.remove(0);
    client.say_of_case(case.number, CaseWord::Unsure).await.unwrap();
}

#[tokio::test]
async fn whoever_renames_after_one_of_the_team_is_shown_and_nobody_else() {
    let (telegram, home, daemon) = stage("flag").await;
    clara_is_linked(&telegram, &daemon, &home).await;
    for person in [IMPOSTOR, MEMBER] {
        telegram.rename(person, "Grace");
        writes(&telegram, person, "good morning");
    }
    telegram.rename(MEMBER, DORA);
    writes(&telegram, MEMBER, "how are you all today");
    telegram.rename(IMPOSTOR, NOT_CLARA);
    writes(&telegram, IMPOSTOR, "a fine day to all");
    let shown = card(&telegram, "(77) is called so").await;
    assert!(shown.text.contains(CLARA), "{}", shown.text);
    // Clara herself may be called so, and whatever comes later is judged later.
    telegram.rename(MODERATOR, CLARA);
    writes(&telegram, MODERATOR, "good evening");
    writes(&telegram, 69, LURE);
    card(&telegram, "(69) wrote").await;
    let found = daemon.operator(&home).cases().await.unwrap().cases;
    let about = |person: &str| found.iter().filter(|case| case.person.as_str() == person).count();
    assert!(about("77") > 0 && about("78") == 0 && about("50") == 0, "{found:?}");
    assert!(telegram.sent().iter().all(|m| m.chat_id != OFFICE || !m.text.contains("(78)")), "{:?}", telegram.sent());
}

#[tokio::test]
async fn whoever_takes_a_handle_like_one_of_the_team_is_shown_also_after_a_start() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    telegram.rename(MODERATOR, "Ann");
    telegram.take_handle(MODERATOR, "moderator_ann");
    clara_is_linked(&telegram, &daemon, &home).await;
    // The twin: nobody has seen yet what she is called there.
    telegram.take_handle(EARLY, "moderat0r_ann");
    writes(&telegram, EARLY, "good morning");
    writes(&telegram, MODERATOR, "good morning to all of you");
    // What is said about a case writes down what was seen until then.
    writes(&telegram, 70, LURE);
    let case = cases(&client, |cases| cases.len() == 2).await.remove(0);
    client.say_of_case(case.number, CaseWord::Content).await.unwrap();
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    // Whose first name is the same, or a handle of their own, is left alone, and she is.
    telegram.rename(MEMBER, "Ann");
    telegram.take_handle(MEMBER, "annika_meadow");
    writes(&telegram, MEMBER, "how are you all today");
    writes(&telegram, MODERATOR, "good evening");
    telegram.rename(IMPOSTOR, "Grace");
    telegram.take_handle(IMPOSTOR, "moderat0r_ann");
    writes(&telegram, IMPOSTOR, "a fine day to all");
    card(&telegram, "(77)").await;
    let found = daemon.operator(&home).cases().await.unwrap().cases;
    let about = |person: &str| found.iter().filter(|case| case.person.as_str() == person).count();
    assert_eq!((about("77"), about("78"), about("50"), about("79")), (1, 0, 0, 0), "{found:?}");
    assert!(found[0].why.contains("moderator_ann"), "{found:?}");
}
