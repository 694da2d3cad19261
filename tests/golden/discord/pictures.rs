//! A picture that a moderator confirmed on one platform is known on the other, at another size and quality.

use image::ImageFormat;
use serde_json::json;
use townkeeper_contract::case::{CaseAction, CaseWord};
use townkeeper_fakes::discord::DiscordServer;
use townkeeper_fakes::telegram::TelegramServer;

use super::{BOB, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, answered, command, guild, ready, stage_of, when};
use crate::daemon::{Daemon, PATIENCE};
use crate::pictures::{came_to, file, poster};

const TELEGRAM_TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;

/// Bob posts the picture, smaller and as another kind of file.
fn posts_again(discord: &DiscordServer) {
    let picture = file(&poster(7).thumbnail(240, 240), ImageFormat::Jpeg);
    let attached = discord.attach("poster.jpg", "image/jpeg", &picture);
    discord.push_message(json!({ "channel_id": CHANNEL, "author": { "id": BOB }, "attachments": [attached] }));
}

#[tokio::test]
async fn a_picture_confirmed_on_telegram_is_known_on_discord_until_that_is_taken_back() {
    let telegram = TelegramServer::start(TELEGRAM_TOKEN).await;
    let home = crate::cases::home().with_telegram(telegram.base_url(), TELEGRAM_TOKEN);
    let (discord, home) = stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    ready(&discord).await;
    telegram.promote(GROUP, 0, &["can_delete_messages", "can_restrict_members"]);
    for (channel, words, said) in
        [(CHANNEL, "shield flag", "show moderators"), (ELSEWHERE, "notices here", "come here from now on")]
    {
        let asked = command(&discord, MODERATOR, channel, "keeper", words);
        assert!(answered(&discord, asked).await.contains(said));
    }
    // The words beside it make it a case; nobody has said yet that it is one.
    let words = "The migration ends tonight: claim your LUM at https://claim-lumen.example.net now";
    telegram.push_photo(GROUP, 66, &file(&poster(7), ImageFormat::Png), words);
    came_to(&daemon, "clean", 1).await;
    posts_again(&discord);
    came_to(&daemon, "clean", 2).await;
    assert_eq!(client.cases().await.unwrap().cases.len(), 1, "the red twin: nothing is held against the picture yet");
    client.say_of_case(1, CaseWord::Content).await.unwrap();
    posts_again(&discord);
    came_to(&daemon, "found", 1).await;
    when(&discord, |s| s.by(BOT).iter().any(|m| m.content.contains("a picture like the one of case 1"))).await;
    let found = client.cases().await.unwrap().cases.remove(0);
    assert_eq!((found.number, found.action, found.text.as_str()), (2, CaseAction::Flag, ""));
    assert_eq!(found.account.as_str(), "discord:main");
    client.say_of_case(1, CaseWord::Undo).await.unwrap();
    posts_again(&discord);
    came_to(&daemon, "clean", 3).await;
    assert_eq!(client.cases().await.unwrap().cases.len(), 2);
    tokio::time::timeout(PATIENCE, telegram.wait_calls("deleteMessage", 1)).await.expect("the first one stays");
    let downloads = discord.look(|s| s.downloads.clone());
    assert!(downloads.len() == 3 && downloads.iter().all(|d| !d.authorised && d.status == 200), "{downloads:?}");
}
