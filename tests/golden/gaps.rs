//! What was asked in vain becomes the beginning of an entry; and how often a topic is asked about is counted.

use townkeeper_contract::learning::{GapList, TrendList};
use townkeeper_knowledge::{Status, parse};

use crate::daemon::{Daemon, Home, press, question, say};

const IN_VAIN: [&str; 5] = [
    "is there a hackathon for basket weavers",
    "basket weavers hackathon, any prizes?",
    "how do basket weavers join the hackathon",
    "hackathon for basket weavers? ask ada@example.org",
    "will LUM be listed on the moon next year?",
];

async fn printed(home: &Home, args: &[&str]) -> String {
    let done = home.run(args).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn what_was_asked_in_vain_becomes_a_draft() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    for asked in IN_VAIN {
        say(&daemon.client(), &question(asked)).await;
    }
    let folder = home.folder().join("drafts");
    let out = folder.to_str().unwrap();
    let found: GapList =
        serde_json::from_str(&printed(&home, &["knowledge", "gaps", "--json", "--out", out]).await).unwrap();
    let first = &found.gaps[0];
    assert_eq!((first.questions, first.people, first.wordings.len()), (4, 4, 4), "{found:#?}");
    assert!(!format!("{found:?}").contains("ada@"), "{found:#?}");
    let draft = first.draft.as_ref().expect("asked in four ways");
    let text = std::fs::read_to_string(folder.join(&draft.name)).unwrap();
    assert_eq!(parse(&draft.name, &text).unwrap().status, Status::Draft);
    // What somebody has begun to write stays.
    std::fs::write(folder.join(&draft.name), "mine").unwrap();
    let words = printed(&home, &["knowledge", "gaps", "--out", out]).await;
    assert!(words.contains("4 questions of 4 people"), "{words}");
    assert_eq!(std::fs::read_to_string(folder.join(&draft.name)).unwrap(), "mine");
}

#[tokio::test]
async fn what_is_not_quite_is_a_gap_and_its_ticket_is_counted() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let answered = say(&client, &question("how do I migrate from a hardware wallet?")).await;
    let turn = answered.envelopes[0].turn.clone();
    let not_quite = say(&client, &press(&format!("not_quite:{turn}").as_str().into(), &answered.conversation)).await;
    let ticket = not_quite.reply().offers.iter().find(|offer| offer.label == "Open a ticket").unwrap();
    say(&client, &press(&ticket.action, &answered.conversation)).await;
    let revision = &answered.reply().citation.as_ref().unwrap().revision;
    let counts = daemon.operator(&home).feedback().await.unwrap().entries;
    let count = counts.iter().find(|count| &count.revision == revision).expect("counted by its wording");
    assert_eq!((count.helped, count.not_quite, count.tickets), (0, 1, 1));
    let words = printed(&home, &["knowledge", "feedback"]).await;
    assert!(words.contains("tickets     1"), "{words}");
    let gaps = daemon.operator(&home).gaps().await.unwrap().gaps;
    assert_eq!(gaps[0].answered_by, ["hardware-wallet".into()], "{gaps:?}");
}

#[tokio::test]
async fn a_topic_is_counted_and_few_questions_are_no_trend() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    for _ in 0..3 {
        say(&daemon.client(), &question("When does the migration end?")).await;
    }
    let args = ["knowledge", "trend", "migration-deadline", "--json"];
    let found: TrendList = serde_json::from_str(&printed(&home, &args).await).unwrap();
    assert_eq!(found.entries.len(), 1, "{found:?}");
    let trend = &found.entries[0];
    assert_eq!(trend.weeks.iter().map(|week| week.answered).sum::<u64>(), 3, "{trend:?}");
    assert!(trend.changes.iter().all(|change| change.percent.is_none()), "{trend:?}");
    let words = printed(&home, &["knowledge", "trend"]).await;
    assert!(words.contains("migration-deadline") && words.contains("too few to say"), "{words}");
}
