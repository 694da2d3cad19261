//! The ration of log-ins: Discord gives a bot a thousand IDENTIFYs a day and resets the token of one that takes more.
//! A reserve is never touched, and a process that keeps dying logs in ever more slowly.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use townkeeper_contract::platform::{Host, PlatformError};
use tracing::debug;
use twilight_gateway::queue::Queue;

use super::trouble::{Part, Trouble, pause};
use crate::Discord;
use crate::api::{ApiError, Ask};

/// Log-ins that are left for whoever has to repair something.
const RESERVE: u32 = 100;
/// Where the times of the last log-ins are kept.
const KEPT: &str = "identify";
/// How far back log-ins count, in ms.
const HOUR_MS: i64 = 3_600_000;
/// Discord's own: one log-in in five seconds.
const APART_MS: i64 = 5_000;
/// The longest we wait between two, in ms.
const LONGEST_MS: i64 = 600_000;
/// Log-ins in an hour that are nothing unusual.
const USUAL: u32 = 4;

/// `GET /gateway/bot`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Gateway {
    pub(super) url: String,
    session_start_limit: Starts,
}

#[derive(Clone, Debug, Deserialize)]
struct Starts {
    remaining: u32,
    /// In ms.
    reset_after: u64,
}

/// Where the gateway is, and what is left of the ration.
pub(super) async fn look(bot: &Discord) -> Result<Gateway, ApiError> {
    bot.api.call(Ask::get("/gateway/bot")).await
}

/// What the socket's library asks before each log-in.
#[derive(Clone, Debug)]
pub(super) struct Ration(mpsc::UnboundedSender<oneshot::Sender<()>>);

pub(super) type Asked = mpsc::UnboundedReceiver<oneshot::Sender<()>>;

pub(super) fn ration() -> (Ration, Asked) {
    let (ask, asked) = mpsc::unbounded_channel();
    (Ration(ask), asked)
}

impl Queue for Ration {
    fn enqueue(&self, _: u32) -> oneshot::Receiver<()> {
        let (give, given) = oneshot::channel();
        // Who gives lives as long as the socket.
        self.0.send(give).ok();
        given
    }
}

/// Gives log-ins one by one. Ends only when Discord refuses the account.
pub(super) async fn give(bot: &Discord, host: &dyn Host, trouble: &Trouble, asked: &mut Asked) -> PlatformError {
    while let Some(ask) = asked.recv().await {
        if let Err(error) = wait(bot, host, trouble).await {
            return error;
        }
        // The socket may have gone meanwhile; then nothing was used.
        ask.send(()).ok();
    }
    PlatformError::Other("the socket asks for no log-in any more".into())
}

async fn wait(bot: &Discord, host: &dyn Host, trouble: &Trouble) -> Result<(), PlatformError> {
    let mut failures = 0;
    loop {
        match look(bot).await {
            Ok(gateway) if gateway.session_start_limit.remaining > RESERVE => break,
            Ok(gateway) => {
                let what = "the day's log-ins are used up but for a reserve";
                let starts = gateway.session_start_limit;
                trouble.tell(Part::Ration, what, &format!("{} are left", starts.remaining));
                sleep(Duration::from_millis(starts.reset_after).min(Duration::from_hours(1))).await;
            }
            Err(ApiError::Said { status: 401, words, .. }) => return Err(refused(&words)),
            Err(error) => {
                failures += 1;
                trouble.tell(Part::Ration, "Discord's REST API cannot be reached", &format!("{error:?}"));
                sleep(pause(failures)).await;
            }
        }
    }
    trouble.over(Part::Ration);
    space(bot, host).await;
    Ok(())
}

pub(super) fn refused(words: &str) -> PlatformError {
    PlatformError::Refused(format!(
        "{words}: Discord does not know this token; make a new one at discord.com/developers/applications (Bot, Reset \
         Token)"
    ))
}

/// Keeps log-ins apart, those of former lives too.
async fn space(bot: &Discord, host: &dyn Host) {
    let Some(now_ms) = bot.api.now_ms() else { return };
    let kept = host.state_get(KEPT).await.ok().flatten().unwrap_or_default();
    let mut times: Vec<i64> = serde_json::from_str(&kept).unwrap_or_default();
    times.retain(|time| now_ms - time < HOUR_MS);
    let wait_ms = apart(&times, now_ms);
    times.push(now_ms + wait_ms);
    if let Err(error) = host.state_put(KEPT, &serde_json::json!(times).to_string()).await {
        debug!(account = %bot.account, %error, "the next life does not know of this log-in");
    }
    sleep(Duration::from_millis(wait_ms.unsigned_abs())).await;
}

/// How long to wait, in ms, after log-ins at these times of the last hour.
fn apart(times: &[i64], now_ms: i64) -> i64 {
    let Some(last) = times.iter().max() else { return 0 };
    let many = u32::try_from(times.len()).unwrap_or(u32::MAX).saturating_sub(USUAL).min(10);
    let gap = (APART_MS << many).min(LONGEST_MS);
    (last + gap - now_ms).clamp(0, LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_that_keeps_dying_logs_in_ever_more_slowly() {
        assert_eq!(apart(&[], 1_000), 0);
        assert_eq!(apart(&[1_000], 1_000), 5_000);
        assert_eq!(apart(&[1_000], 600_000), 0, "a restart now and then waits for nothing");
        let mut times = Vec::new();
        let mut now_ms = 0;
        while now_ms < HOUR_MS {
            now_ms += apart(&times, now_ms);
            times.push(now_ms);
            times.retain(|time| now_ms - time < HOUR_MS);
        }
        assert!((8..16).contains(&times.len()), "{} log-ins in an hour", times.len());
    }

    /// The red twin: at Discord's own pace the day's ration is gone in an hour and a half.
    #[test]
    fn red_twin_at_the_usual_pace_nothing_is_left() {
        let times: Vec<i64> = (0..HOUR_MS).step_by(5_000).collect();
        assert!(times.len() > 700);
        assert_eq!(apart(&times, HOUR_MS), LONGEST_MS - APART_MS, "which is why they count");
    }
}
