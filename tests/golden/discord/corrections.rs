//! Corrections on Discord: in private, in a channel, and to a command.

use townkeeper_contract::learning::CorrectionWay;

use super::{ADA, BOT, CHANNEL, EDITS, SENDS, answered, command, nth, ready, stage_at, to_us, when, write};
use crate::corrections::{ASKED, NEW, bring_live, correct, of, with_old_words};
use crate::daemon::{Daemon, Home};

#[tokio::test]
async fn whoever_got_the_old_words_on_discord_has_them_put_right_once() {
    let (discord, home) = stage_at(Home::new()).await;
    let home = with_old_words(home);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let direct = discord.direct(BOT, ADA);
    write(&discord, direct, ASKED);
    nth(&discord, 1).await;
    write(&discord, CHANNEL, &to_us(ASKED));
    nth(&discord, 2).await;
    let id = command(&discord, ADA, CHANNEL, "ask", ASKED);
    answered(&discord, id).await;
    bring_live(&home, daemon, NEW).await;
    let _daemon = Daemon::start(&home).await;

    let dry = correct(&home, &[]).await;
    assert_eq!(of(&dry, CorrectionWay::Edit).iter().map(|group| group.2).sum::<u64>(), 3, "{dry:?}");
    let sends = discord.look(|s| s.calls_of(SENDS).len());
    assert_eq!(correct(&home, &["--send"]).await.sent, 3);
    let right = |m: &&townkeeper_fakes::discord::Message| m.content.contains("1 April 2027");
    when(&discord, |s| s.by(BOT).into_iter().filter(right).count() == 3).await;
    let edits = discord.look(|s| s.calls_of(EDITS).len());
    assert_eq!(correct(&home, &["--send"]).await.sent, 0);
    assert_eq!(
        discord.look(|s| (s.calls_of(SENDS).len(), s.calls_of(EDITS).len(), s.by(BOT).len())),
        (sends, edits, 3)
    );
}
