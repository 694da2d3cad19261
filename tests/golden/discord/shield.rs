//! What a moderator confirms on one platform goes on the other as well.

use townkeeper_contract::access::NewMember;
use townkeeper_contract::case::{CaseWord, ShieldMode};
use townkeeper_fakes::discord::DiscordServer;
use townkeeper_fakes::telegram::TelegramServer;

use super::{
    ADA, BOB, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, answered, command, guild, ready, stage_of, to_us, when,
    write_as,
};
use crate::daemon::{Daemon, PATIENCE};

const TELEGRAM_TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;

/// Long enough to be known again, a little changed.
fn lure(ending: &str) -> String {
    format!(
        "Dear community, the LUM migration ends tonight and unmigrated tokens are lost. Connect your wallet and claim your \
         share at https://claim-lumen.example.net before the window closes{ending}"
    )
}

async fn keeper(discord: &DiscordServer, words: &str) -> String {
    let id = command(discord, MODERATOR, CHANNEL, "keeper", words);
    answered(discord, id).await
}

#[tokio::test]
async fn a_lure_of_telegram_is_confirmed_and_its_twin_on_discord_is_gone() {
    let telegram = TelegramServer::start(TELEGRAM_TOKEN).await;
    let home = crate::cases::home().with_telegram(telegram.base_url(), TELEGRAM_TOKEN);
    let (discord, home) = stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    telegram.promote(GROUP, 0, &["can_delete_messages", "can_restrict_members"]);
    assert!(keeper(&discord, "shield flag").await.contains("show moderators"));
    let notices = command(&discord, MODERATOR, ELSEWHERE, "keeper", "notices here");
    assert!(answered(&discord, notices).await.contains("come here from now on"));
    telegram.push_message(GROUP, 66, &lure("."));
    let client = daemon.operator(&home);
    let found = async { while client.cases().await.unwrap().cases.is_empty() {} };
    tokio::time::timeout(PATIENCE, found).await.expect("nothing was found on Telegram");
    let twin = write_as(&discord, BOB, CHANNEL, &lure("! 🚀"));
    // The card of either stands in the one moderators' channel.
    when(&discord, |s| s.by(BOT).iter().filter(|m| m.content.contains("Case ")).count() >= 1).await;
    let found = async { while client.cases().await.unwrap().cases.len() < 2 {} };
    tokio::time::timeout(PATIENCE, found).await.expect("nothing was found on Discord");
    let found = client.cases().await.unwrap().cases;
    let telegrams = found.iter().find(|case| case.account.as_str() == "telegram:main");
    let number = telegrams.expect("a case of Telegram's").number;
    client.say_of_case(number, CaseWord::Content).await.unwrap();
    when(&discord, |s| s.message(twin).is_some_and(|message| message.deleted)).await;
    tokio::time::timeout(PATIENCE, telegram.wait_calls("deleteMessage", 1)).await.expect("the first one stays");
}

/// The same in one place of Telegram and two of Discord.
fn posts(telegram: &TelegramServer, discord: &DiscordServer, (on_telegram, on_discord): (i64, u64), text: &str) {
    telegram.push_message(GROUP, on_telegram, text);
    for channel in [CHANNEL, ELSEWHERE] {
        write_as(discord, on_discord, channel, text);
    }
}

#[tokio::test]
async fn what_one_person_posts_on_two_platforms_is_one_burst() {
    let telegram = TelegramServer::start(TELEGRAM_TOKEN).await;
    let home = crate::cases::home().with_telegram(telegram.base_url(), TELEGRAM_TOKEN);
    let (discord, home) = stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    ready(&discord).await;
    for channel in [CHANNEL, ELSEWHERE] {
        let id = command(&discord, MODERATOR, channel, "keeper", "shield flag");
        assert!(answered(&discord, id).await.contains("show moderators"));
    }
    // Bob has proven both accounts; he holds no office.
    let bob = client.add_person(&NewMember { name: "Bob".to_owned(), roles: Vec::new() }).await.unwrap();
    let code = client.link_code(&bob.id).await.unwrap().code;
    telegram.push_message(66, 66, &format!("/link {code}"));
    let linked = telegram.wait_message(|message| message.text.contains("Linked"));
    tokio::time::timeout(PATIENCE, linked).await.expect("not linked on Telegram");
    let code = client.link_code(&bob.id).await.unwrap().code;
    let id = command(&discord, BOB, discord.direct(BOT, BOB), "link", &code);
    assert!(answered(&discord, id).await.contains("Linked"));
    let cases = async |count: usize| {
        let found = async {
            loop {
                let found = client.cases().await.unwrap().cases;
                if found.len() == count {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("not so many cases")
    };
    // Who is who is read at the latest when a case is decided.
    telegram.push_message(GROUP, 99, &lure("."));
    cases(1).await;
    client.say_of_case(1, CaseWord::Unsure).await.unwrap();
    posts(&telegram, &discord, (66, BOB), "Send 1 SOL and get 2 SOL back instantly, doubling is live for an hour more");
    // The twin: two people whom nobody has shown to be one.
    posts(&telegram, &discord, (67, ADA), "Dear friends, validate your wallet with support now or lose all your coins");
    let found = cases(7).await;
    let bursts = |person: &str| {
        let theirs = found.iter().filter(|case| case.person.as_str() == person);
        theirs.filter(|case| case.verdict.to_string().contains("\"burst\"")).count()
    };
    let (bob, ada) = (bursts(&BOB.to_string()) + bursts("66"), bursts(&ADA.to_string()) + bursts("67"));
    assert_eq!((bob, ada), (1, 0), "{found:?}");
}

/// A command names a message of another channel: what it says there is for that channel, where it stands is not.
#[tokio::test]
async fn a_command_about_another_channel_is_judged_where_it_is_written() {
    let (discord, home) = stage_of(crate::cases::home(), guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    assert!(keeper(&discord, "shield flag").await.contains("show moderators"));
    let words = "claim LUM now: https://claim-lumen.example.net";
    let order = format!("keeper https://discord.com/channels/{GUILD}/{ELSEWHERE}/7 {words}");
    write_as(&discord, BOB, CHANNEL, &to_us(&order));
    let client = daemon.operator(&home);
    let found = async { while client.cases().await.unwrap().cases.is_empty() {} };
    tokio::time::timeout(PATIENCE, found).await.expect("nothing was found");
    let case = client.cases().await.unwrap().cases.remove(0);
    // The other channel is only watched in shadow.
    assert_eq!((case.place.as_str(), case.mode), (CHANNEL.to_string().as_str(), ShieldMode::Flag));
}

#[tokio::test]
async fn by_the_table_a_newcomer_is_banned_on_telegram_and_on_discord_only_shown() {
    let telegram = TelegramServer::start(TELEGRAM_TOKEN).await;
    let home = crate::cases::home()
        .with("[[shield.policy]]\nplatform = \"telegram\"\ntier = \"new\"\nfact = [\"delete\", \"ban\"]\n")
        .with("[[shield.policy]]\nplatform = \"discord\"\nfact = [\"flag\"]\n")
        .with_telegram(telegram.base_url(), TELEGRAM_TOKEN);
    let (discord, home) = stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    telegram.promote(GROUP, 0, &["can_delete_messages", "can_restrict_members"]);
    telegram.promote(GROUP, 50, &["can_delete_messages"]);
    telegram.push_message(GROUP, 50, "/keeper shield guard");
    let set = telegram.wait_message(|message| message.text.contains("take down"));
    tokio::time::timeout(PATIENCE, set).await.expect("no guard on Telegram");
    assert!(keeper(&discord, "shield guard").await.contains("take down"));
    let notices = command(&discord, MODERATOR, ELSEWHERE, "keeper", "notices here");
    assert!(answered(&discord, notices).await.contains("come here from now on"));
    let kept = write_as(&discord, BOB, CHANNEL, &lure("."));
    // What is done by itself is done before a card says what.
    when(&discord, |s| s.by(BOT).iter().any(|m| m.content.contains("Case ") && m.content.contains("discord"))).await;
    assert!(discord.state().message(kept).is_some_and(|message| !message.deleted));
    telegram.push_message(GROUP, 66, &lure("!"));
    tokio::time::timeout(PATIENCE, telegram.wait_calls("banChatMember", 1)).await.expect("nobody is banned");
    tokio::time::timeout(PATIENCE, telegram.wait_calls("deleteMessage", 1)).await.expect("the message stays");
    when(&discord, |s| s.by(BOT).iter().any(|m| m.content.contains("I took it down and banned its author"))).await;
    let found = daemon.operator(&home).cases().await.unwrap().cases;
    assert!(found.iter().all(|case| (case.account.as_str() == "telegram:main") != case.also.is_empty()), "{found:?}");
}

/// Nothing in it is known to be bad before a moderator says so.
const TICKET: &str = "Wallet not showing your tokens? Open a support ticket here and our team will help you: \
    https://discord.gg/LaNtErN7";

/// What is known of a case's entities counts everywhere, whatever words stand around them; and no longer than the word.
#[tokio::test]
async fn a_room_that_was_confirmed_on_telegram_is_denied_on_discord_until_it_is_taken_back() {
    let telegram = TelegramServer::start(TELEGRAM_TOKEN).await;
    let home = crate::cases::home().with_telegram(telegram.base_url(), TELEGRAM_TOKEN);
    let (discord, home) = stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    assert!(keeper(&discord, "shield guard").await.contains("take down"));
    telegram.push_message(GROUP, 66, TICKET);
    let client = daemon.operator(&home);
    let cases = async |number: usize| {
        let found = async {
            loop {
                let found = client.cases().await.unwrap().cases;
                if found.len() >= number {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("nothing was found")
    };
    let first = cases(1).await.remove(0);
    client.say_of_case(first.number, CaseWord::Content).await.unwrap();
    let known =
        write_as(&discord, BOB, CHANNEL, "good morning, my holiday pictures are in discord.com/invite/LaNtErN7");
    when(&discord, |s| s.message(known).is_some_and(|message| message.deleted)).await;
    let found = cases(2).await.remove(0);
    let reason = &found.verdict["signals"][0];
    assert_eq!((&reason["id"], found.account.as_str()), (&"denied_invite".into(), "discord:main"), "{found:?}");
    assert!(found.why.contains(&format!("case {}", first.number)), "{}", found.why);
    let source = format!("case {}", first.number);
    assert_eq!(reason["source"], source.as_str());
    // Word for word, whoever says it.
    let copied = write_as(&discord, ADA, CHANNEL, TICKET);
    when(&discord, |s| s.message(copied).is_some_and(|message| message.deleted)).await;
    let copy = cases(3).await.remove(0);
    let signals = copy.verdict["signals"].as_array().expect("signals");
    let of_it = |id: &str| signals.iter().any(|signal| signal["id"] == id && signal["source"] == source.as_str());
    assert!(of_it("known_scam") && of_it("denied_invite"), "{signals:?}");
    client.say_of_case(first.number, CaseWord::Undo).await.unwrap();
    let other = write_as(&discord, BOB, CHANNEL, "and those of last year in discord.gg/Pictures24");
    let again = write_as(&discord, ADA, CHANNEL, "good evening, my holiday pictures are in discord.gg/LaNtErN7");
    // Whatever came before this is judged by now.
    let last = write_as(&discord, BOB, CHANNEL, &lure("."));
    when(&discord, |s| s.message(last).is_some_and(|message| message.deleted)).await;
    for message in [other, again] {
        assert!(discord.look(|s| s.message(message).is_some_and(|message| !message.deleted)), "{message}");
    }
    let found = client.cases().await.unwrap().cases;
    let denied = found.iter().filter(|case| case.verdict.to_string().contains("denied_invite")).count();
    assert_eq!(denied, 2, "{found:?}");
    assert_eq!(found.iter().filter(|case| case.verdict.to_string().contains("known_scam")).count(), 1, "{found:?}");
}
