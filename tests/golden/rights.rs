//! Who is restricted or banned by us and let go again stands as before: what an admin had done stays done.

use serde_json::{Value, json};
use townkeeper_client::Client;
use townkeeper_contract::case::CaseWord;
use townkeeper_contract::moderation::{DeliveryState, Former, ModerationAct, Verb};
use townkeeper_fakes::telegram::TelegramServer;

use crate::cases::{GROUP, LURE, MODERATOR, SCAMMER, card, cases, press, stage, writes};
#[cfg(feature = "faults")]
use crate::cases::{TOKEN, home, set_up};
use crate::daemon::PATIENCE;

/// Restricted by an admin, for good: may write, and may not send what could hide a scam.
fn written_only() -> Value {
    let mut member = json!({ "status": "restricted", "is_member": true, "until_date": 0 });
    for kind in ["audios", "documents", "photos", "videos", "video_notes", "voice_notes", "polls", "other_messages"] {
        member[format!("can_send_{kind}")] = json!(false);
    }
    for other in ["add_web_page_previews", "edit_tag", "change_info", "invite_users", "pin_messages", "manage_topics"] {
        member[format!("can_{other}")] = json!(false);
    }
    member["can_send_messages"] = json!(true);
    member["can_react_to_messages"] = json!(true);
    member
}

fn stands(telegram: &TelegramServer, person: i64) -> Value {
    let mut member = telegram.member(GROUP, person);
    member.as_object_mut().expect("an object").remove("user");
    member
}

/// Asks until so many acts of this kind were done; all acts.
async fn done(client: &Client, verb: Verb, times: usize) -> Vec<ModerationAct> {
    let asked = async {
        loop {
            let acts = client.moderation().await.unwrap().acts;
            let is = |act: &&ModerationAct| act.verb == verb && act.state == Some(DeliveryState::Sent);
            if acts.iter().filter(is).count() >= times {
                return acts;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{verb} is not done"))
}

/// A lure of somebody whom an admin had restricted is called an account's, and that is taken back: how they stand then.
async fn restricted_and_let_go(telegram: &TelegramServer, client: &Client) -> Value {
    telegram.set_member(GROUP, SCAMMER, written_only());
    writes(telegram, SCAMMER, LURE);
    let shown = card(telegram, "Case 1").await;
    press(telegram, MODERATOR, &shown, "Scam: account");
    let said = card(telegram, "scam, by its account").await;
    done(client, Verb::Restrict, 1).await;
    assert_eq!(telegram.member(GROUP, SCAMMER)["can_send_messages"], false, "silent meanwhile");
    press(telegram, MODERATOR, &said, "Undo");
    done(client, Verb::Release, 1).await;
    stands(telegram, SCAMMER)
}

#[tokio::test]
async fn what_an_admin_restricted_is_restricted_as_before() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    assert_eq!(restricted_and_let_go(&telegram, &client).await, written_only());
    let acts = client.moderation().await.unwrap().acts;
    let restricted = acts.iter().find(|act| act.verb == Verb::Restrict).and_then(|act| act.former.clone());
    let Some(Former::Held(held)) = restricted else { panic!("{acts:?}") };
    let may: Vec<String> = held.quiet.expect("restricted").may.into_iter().collect();
    assert_eq!(may, ["can_react_to_messages", "can_send_messages"]);
}

/// The red twin: how they stood before is not kept.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_what_an_admin_restricted_is_lifted_where_it_is_not_kept() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = home().with_telegram(telegram.base_url(), TOKEN);
    let daemon = crate::daemon::Daemon::start_with_fault(&home, "rights.former:off").await.expect("it starts");
    set_up(&telegram, "flag").await;
    let left = restricted_and_let_go(&telegram, &daemon.operator(&home)).await;
    assert_eq!(left, json!({ "status": "member" }));
}

#[tokio::test]
async fn whom_an_admin_banned_stays_banned() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    writes(&telegram, SCAMMER, LURE);
    cases(&client, |cases| cases.len() == 1).await;
    let banned = json!({ "status": "kicked", "until_date": 0 });
    telegram.set_member(GROUP, SCAMMER, banned.clone());
    client.say_of_case(1, CaseWord::Account).await.unwrap();
    done(&client, Verb::Restrict, 1).await;
    assert_eq!(stands(&telegram, SCAMMER), banned, "a restriction would take its place");
    client.say_of_case(1, CaseWord::Undo).await.unwrap();
    done(&client, Verb::Release, 1).await;
    assert_eq!(stands(&telegram, SCAMMER), banned);
    // Banned by hand meanwhile, what we did before is not taken back over it.
    writes(&telegram, 67, LURE);
    let number = cases(&client, |cases| cases.len() == 2).await[0].number;
    client.say_of_case(number, CaseWord::Account).await.unwrap();
    done(&client, Verb::Restrict, 2).await;
    assert_eq!(telegram.member(GROUP, 67)["status"], "restricted");
    telegram.set_member(GROUP, 67, banned.clone());
    client.say_of_case(number, CaseWord::Undo).await.unwrap();
    done(&client, Verb::Release, 2).await;
    assert_eq!(stands(&telegram, 67), banned);
}

#[tokio::test]
async fn of_two_cases_upon_one_person_each_is_taken_back_by_itself() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    for (person, before, first_goes_first) in [(66, written_only(), true), (67, json!({ "status": "member" }), false)] {
        telegram.set_member(GROUP, person, before.clone());
        let found = client.cases().await.unwrap().cases.len();
        let acts = client.moderation().await.unwrap().acts;
        let released = acts.iter().filter(|act| act.verb == Verb::Release).count();
        for lure in [LURE, "Send 1 SOL and get 2 SOL back instantly: https://claim-lumen.example.net/x"] {
            writes(&telegram, person, lure);
        }
        let both = cases(&client, |cases| cases.len() == found + 2).await;
        let mut numbers = [both[1].number, both[0].number];
        for number in numbers {
            client.say_of_case(number, CaseWord::Account).await.unwrap();
        }
        done(&client, Verb::Restrict, found + 2).await;
        if !first_goes_first {
            numbers.reverse();
        }
        client.say_of_case(numbers[0], CaseWord::Undo).await.unwrap();
        done(&client, Verb::Release, released + 1).await;
        let still = telegram.member(GROUP, person);
        assert_eq!((&still["status"], &still["can_send_messages"]), (&json!("restricted"), &json!(false)), "{person}");
        client.say_of_case(numbers[1], CaseWord::Undo).await.unwrap();
        done(&client, Verb::Release, released + 2).await;
        assert_eq!(stands(&telegram, person), before);
    }
}

/// Where the platform cannot say, the order says so, and what takes it back lifts what there is.
#[tokio::test]
async fn where_nobody_can_say_how_they_stood_the_order_says_so() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    writes(&telegram, SCAMMER, LURE);
    cases(&client, |cases| cases.len() == 1).await;
    telegram.set_member(GROUP, SCAMMER, json!({ "status": "of a kind that is new" }));
    client.say_of_case(1, CaseWord::Account).await.unwrap();
    let acts = done(&client, Verb::Restrict, 1).await;
    assert!(acts.iter().any(|act| act.former == Some(Former::Unknown)), "{acts:?}");
    let listed = String::from_utf8(home.run(&["moderate", "list"]).await.stdout).unwrap();
    assert!(listed.contains("before: unknown"), "{listed}");
    client.say_of_case(1, CaseWord::Undo).await.unwrap();
    done(&client, Verb::Release, 1).await;
    assert_eq!(telegram.member(GROUP, SCAMMER)["status"], "member");
}

/// Killed when the order is on disk and the platform did it already: what it is asked then it is not asked anew.
#[cfg(feature = "faults")]
#[tokio::test]
async fn a_death_after_the_act_does_not_take_ours_for_what_was_before() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = home().with_telegram(telegram.base_url(), TOKEN);
    let daemon = crate::daemon::Daemon::start(&home).await;
    set_up(&telegram, "flag").await;
    telegram.set_member(GROUP, SCAMMER, written_only());
    writes(&telegram, SCAMMER, LURE);
    cases(&daemon.operator(&home), |cases| cases.len() == 1).await;
    telegram.fault("restrictChatMember", townkeeper_fakes::telegram::Fault::Stall);
    daemon.operator(&home).say_of_case(1, CaseWord::Account).await.unwrap();
    let silenced = telegram.wait_calls("restrictChatMember", 1);
    tokio::time::timeout(PATIENCE, silenced).await.expect("nobody is restricted");
    daemon.kill().await;
    let daemon = crate::daemon::Daemon::start(&home).await;
    let client = daemon.operator(&home);
    done(&client, Verb::Restrict, 1).await;
    client.say_of_case(1, CaseWord::Undo).await.unwrap();
    done(&client, Verb::Release, 1).await;
    assert_eq!(stands(&telegram, SCAMMER), written_only());
}
