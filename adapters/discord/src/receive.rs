//! Receiving: a task reads the socket; here its events are put into our words and accepted, batch by batch. How far the
//! session is, and the last message, lie in the daemon's cursor and move only behind `Host::accept`: a restart resumes
//! there, and what was accepted before comes with a key that is known.

mod catchup;
mod desk;
pub(crate) mod event;
mod keeper;
mod normalise;
mod quick;
mod ration;
mod socket;
mod trouble;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use townkeeper_contract::Stop;
use townkeeper_contract::command::CommandSpec;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::{Host, HostError, PlatformError};
use tracing::info;

use crate::Discord;
use crate::api::ApiError;
use crate::wire::Id;
use desk::{Desk, Position};
use event::Event;
use socket::{Line, Resume};
use trouble::{Part, Trouble, pause};

pub use normalise::Me;
pub(crate) use quick::unless_frozen;
pub use world::World;

/// Events that wait for the commit before them; then the socket waits too, and Discord keeps the rest.
const QUEUE: usize = 4_096;
/// The one cursor of an account.
const SCOPE: &str = "gateway";
/// Where the session is kept, and what is known of places.
const SESSION: &str = "session";
const PLACES: &str = "places";

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    session: String,
    url: Option<String>,
    seq: u64,
    user: Id,
    application: Id,
    /// Guilds may still have to be caught up with, from this message on.
    #[serde(default)]
    behind: Option<Id>,
    /// The guilds of the last log-in that were not caught up with yet; [`catchup::DIRECTS`] for direct conversations.
    #[serde(default)]
    awaited: BTreeSet<Id>,
}

/// Receives until `stop`, or until Discord refuses the account.
pub(crate) async fn run(bot: Arc<Discord>, host: Arc<dyn Host>, stop: Stop) -> Result<(), PlatformError> {
    let trouble = Arc::new(Trouble::new(bot.account.clone(), Arc::clone(&host)));
    let Some(begun) = stop.run_until_cancelled(begin(&bot, &*host, &trouble)).await else { return Ok(()) };
    let Some(Begun { gateway, mut desk, at }) = begun? else { return Ok(()) };
    let (heard, mut hearing) = mpsc::channel(QUEUE);
    let (ration, mut asked) = ration::ration();
    // Ended when dropped; the session lives on, for nothing says goodbye.
    let mut tasks = JoinSet::new();
    let line = Line {
        bot: Arc::clone(&bot),
        host: Arc::clone(&host),
        trouble: Arc::clone(&trouble),
        ration,
        gateway,
        heard,
        at,
        failures: 0,
        quick: JoinSet::new(),
    };
    tasks.spawn(socket::read(line));
    {
        let (bot, host, trouble) = (Arc::clone(&bot), Arc::clone(&host), Arc::clone(&trouble));
        tasks.spawn(async move { ration::give(&bot, &*host, &trouble, &mut asked).await });
    }
    {
        let (bot, trouble) = (Arc::clone(&bot), Arc::clone(&trouble));
        tasks.spawn(async move { tell_of_silence(&bot, &trouble).await });
    }
    let (mut batch, mut open) = (Vec::new(), true);
    let end = loop {
        tokio::select! {
            n = hearing.recv_many(&mut batch, desk::MOST), if open => {
                open = n > 0;
                // Not interrupted: a commit under way ends by itself.
                if open && !desk.take(batch.drain(..), &stop).await {
                    break Ok(());
                }
            }
            Some(ended) = tasks.join_next() => {
                break Err(ended.unwrap_or_else(|e| PlatformError::Other(format!("a task of the adapter: {e}"))));
            }
            Some(late) = desk.told_late() => {
                if !desk.take_late(late, &stop).await {
                    break Ok(());
                }
            }
            () = stop.cancelled() => break Ok(()),
        }
    };
    desk.leave().await;
    end
}

/// What receiving begins with.
struct Begun {
    gateway: String,
    desk: Desk,
    at: Option<Resume>,
}

/// Where the gateway is, and where we stopped reading. `None` when the daemon is stopping.
async fn begin(bot: &Arc<Discord>, host: &dyn Host, trouble: &Arc<Trouble>) -> Result<Option<Begun>, PlatformError> {
    let mut failures = 0;
    let gateway = loop {
        match ration::look(bot).await {
            Ok(gateway) => break gateway,
            Err(ApiError::Said { status: 401, words, .. }) => return Err(ration::refused(&words)),
            Err(ApiError::TooFast { wait_ms, .. }) => {
                trouble.tell(Part::Ration, "Discord asks us to wait", &format!("{wait_ms} ms"));
                sleep(std::time::Duration::from_millis(wait_ms)).await;
            }
            Err(error) => {
                failures += 1;
                trouble.tell(Part::Ration, "Discord's REST API cannot be reached", &format!("{error:?}"));
                sleep(pause(failures)).await;
            }
        }
    };
    trouble.over(Part::Ration);
    let Some(read) = read_kept(host, trouble).await else { return Ok(None) };
    let (kept, cursor, places) = read;
    let position = cursor.as_deref().and_then(Position::parse).unwrap_or_default();
    // A session whose log-in was not caught up with is no use: what came before it would stay missed.
    let whole = kept.as_ref().filter(|kept| kept.behind.is_none() || *position.session == *kept.session);
    let at = whole.map(|kept| {
        let same = *position.session == *kept.session;
        let seq = if same { position.seq.max(kept.seq) } else { kept.seq };
        Resume { session: kept.session.as_str().into(), seq, url: kept.url.clone() }
    });
    info!(account = %bot.account, resumes = at.is_some(), "receiving");
    let gateway = bot.config.gateway.clone().unwrap_or(gateway.url);
    let desk = Desk::new(bot, trouble.host(), Arc::clone(trouble), position, kept, places);
    Ok(Some(Begun { gateway, desk, at }))
}

type Read = (Option<Kept>, Option<String>, world::Kept);

/// What an earlier life left; `None` when the daemon is stopping. What cannot be read is as good as nothing.
async fn read_kept(host: &dyn Host, trouble: &Trouble) -> Option<Read> {
    let mut failures = 0;
    loop {
        match read_once(host).await {
            Ok(read) => {
                trouble.over(Part::Daemon);
                return Some(read);
            }
            Err(HostError::Stopping) => return None,
            Err(error) => {
                failures += 1;
                trouble.tell(Part::Daemon, "the daemon does not say where we stopped", &error.to_string());
                sleep(pause(failures)).await;
            }
        }
    }
}

async fn read_once(host: &dyn Host) -> Result<Read, HostError> {
    let kept = host.state_get(SESSION).await?.and_then(|kept| serde_json::from_str(&kept).ok());
    let places = host.state_get(PLACES).await?.and_then(|kept| serde_json::from_str(&kept).ok());
    Ok((kept, host.cursor(SCOPE).await?, places.unwrap_or_default()))
}

/// Tells of the time in which nothing leaves, because Discord refused too much.
async fn tell_of_silence(bot: &Discord, trouble: &Trouble) -> PlatformError {
    loop {
        let until: Instant = bot.api.refusals.silence().await;
        trouble.tell(Part::Refusals, "Discord refuses so much that nothing is sent for some minutes", "");
        sleep_until(until).await;
        trouble.over(Part::Refusals);
    }
}

/// One dispatch in our words, for whoever records what comes; `None`: nothing to us, or not readable.
pub fn normalise(kind: &str, data: &RawValue, me: &Me, world: &World, commands: &[CommandSpec]) -> Option<Inbound> {
    match event::read(kind, data).ok()?? {
        Event::Said(message) => normalise::message(&message, me, world),
        Event::Changed(message) => normalise::edited(&message, me, world),
        Event::Asked(asked) => normalise::interaction(&asked, me, commands, world),
        _ => None,
    }
}
