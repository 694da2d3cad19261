//! What a moderator confirms on one platform goes on the other as well.

use townkeeper_contract::case::CaseWord;
use townkeeper_fakes::discord::DiscordServer;
use townkeeper_fakes::telegram::TelegramServer;

use super::{
    BOB, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, answered, command, guild, ready, stage_of, when, write_as,
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
