//! The safety page as a message that stands in a channel.

use townkeeper_fakes::discord::{DiscordServer, Message};

use super::{BOT, CHANNEL, EDITS, MODERATOR, answered, command, ready, stage_at, when};
use crate::daemon::{Daemon, Home};
use crate::publish::publish;
use crate::standing::{CONTRACT, NEW, OLD, facts, with_ours};

async fn keeper(discord: &DiscordServer, words: &str) -> String {
    let id = command(discord, MODERATOR, CHANNEL, "keeper", words);
    answered(discord, id).await
}

/// Every page that was posted, gone ones too.
fn pages(discord: &DiscordServer) -> Vec<Message> {
    let is_page = |m: &&Message| m.content.contains("Staying safe");
    discord.look(|s| s.by(BOT).into_iter().filter(is_page).cloned().collect())
}

/// Waits until the newest page says this and is the one that is pinned.
async fn stands(discord: &DiscordServer, words: &str) -> Message {
    when(discord, |s| {
        let page = s.by(BOT).into_iter().rfind(|m| m.content.contains("Staying safe") && !m.deleted);
        page.is_some_and(|page| {
            page.content.contains(words) && s.pins.get(&CHANNEL).is_some_and(|pins| *pins == [page.id])
        })
    })
    .await;
    pages(discord).pop().unwrap()
}

#[tokio::test]
async fn the_page_stands_in_a_channel_and_follows_the_base() {
    let (discord, home) = stage_at(Home::new()).await;
    // Nobody moderates as fast as this test does.
    discord.tune(|options| options.global_per_s = None);
    let home = with_ours(home);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    assert!(keeper(&discord, "safety here").await.contains("stands here, pinned"));
    let page = stands(&discord, OLD).await;
    assert!(page.channel == CHANNEL && page.content.contains(CONTRACT), "{}", page.content);
    assert!(page.message_reference.is_none() && page.content.chars().count() <= 2_000);

    publish(&home, &daemon, "facts.toml", facts(NEW)).await;
    let edited = stands(&discord, NEW).await;
    assert_eq!((edited.id, edited.edits.len()), (page.id, 1));
    assert!(keeper(&discord, "safety here").await.contains("stands here"));
    when(&discord, |s| s.calls_of(EDITS).len() >= 2).await;
    stands(&discord, NEW).await;
    assert_eq!(pages(&discord).len(), 1, "said twice it stands once");

    // Somebody takes it away.
    discord.delete_message(CHANNEL, page.id);
    publish(&home, &daemon, "facts.toml", facts(OLD)).await;
    when(&discord, |s| s.by(BOT).iter().filter(|m| m.content.contains("Staying safe")).count() == 2).await;
    let anew = pages(&discord).pop().unwrap();
    when(&discord, |s| s.pins.get(&CHANNEL).is_some_and(|pins| pins.contains(&anew.id))).await;
    assert!(anew.id != page.id && anew.content.contains(OLD), "{}", anew.content);

    assert!(keeper(&discord, "safety off").await.contains("does not stand here any more"));
    when(&discord, |s| s.message(anew.id).is_some_and(|m| m.deleted)).await;
    assert!(discord.look(|s| s.pins.get(&CHANNEL).is_none_or(|pins| !pins.contains(&anew.id))));
    assert_eq!(pages(&discord).len(), 2);
}
