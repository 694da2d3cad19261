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
