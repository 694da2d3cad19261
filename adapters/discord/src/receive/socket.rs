//! The gateway's socket, read by a task of its own: heartbeats, resumes and log-ins are twilight's; ours are the watch
//! over it, the pauses between reconnects, and what must be answered faster than a commit.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use townkeeper_contract::platform::{Host, PlatformError};
use tracing::debug;
use twilight_gateway::error::ReceiveMessageErrorType;
use twilight_gateway::{ConfigBuilder, Intents, Message, Session, Shard, ShardId};

use secrecy::ExposeSecret as _;

use super::event::{self, Event};
use super::ration::Ration;
use super::trouble::{Part, Trouble, pause};
use crate::Discord;
use crate::config::is_url;
use crate::standing::missing_intents;
use crate::wire::Frame;

/// Longer than connecting may take, and the first frame after it.
const HELLO: Duration = Duration::from_secs(20);
/// How many heartbeats may pass in silence: twilight itself reconnects after two.
const SILENT: u32 = 3;

/// An event, and how far its session is with it.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) session: Arc<str>,
    pub(super) seq: u64,
    pub(super) event: Event,
}

/// Where a session stands that may be resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) session: Arc<str>,
    pub(super) seq: u64,
    pub(super) url: Option<String>,
}

pub(super) struct Line {
    pub(super) bot: Arc<Discord>,
    pub(super) host: Arc<dyn Host>,
    pub(super) trouble: Arc<Trouble>,
    pub(super) ration: Ration,
    /// Where to connect when there is nothing to resume.
    pub(super) gateway: String,
    pub(super) heard: mpsc::Sender<Heard>,
    pub(super) at: Option<Resume>,
    /// Connections in a row that came to nothing.
    pub(super) failures: u32,
    /// Answers that cannot wait for a commit: suggestions and forms.
    pub(super) quick: JoinSet<()>,
}

/// Why a connection is given up.
enum End {
    /// For another one.
    Anew,
    /// Discord closed it with a code after which there is none.
    Closed(Option<u16>),
    /// Nobody listens to us any more.
    Alone,
}

/// Reads until Discord refuses the account.
pub(super) async fn read(mut line: Line) -> PlatformError {
    loop {
        let mut shard = line.shard();
        match line.drive(&mut shard).await {
            End::Anew => sleep(pause(line.failures)).await,
            End::Closed(code) => return line.refused(code).await,
            End::Alone => return PlatformError::Other("nobody takes what the gateway says".into()),
        }
    }
}

impl Line {
    fn shard(&self) -> Shard<Ration> {
        let token = self.bot.api.token().expose_secret().to_owned();
        let mut config = ConfigBuilder::new(token, self.intents()).proxy_url(self.gateway.clone());
        if let Some(at) = &self.at {
            config = config.session(Session::new(at.seq, at.session.to_string()));
            if let Some(url) = &at.url {
                config = config.resume_url(url.clone());
            }
        }
        Shard::with_config(ShardId::ONE, config.queue(self.ration.clone()).build())
    }

    fn intents(&self) -> Intents {
        let mut intents = Intents::GUILDS | Intents::GUILD_MESSAGES | Intents::DIRECT_MESSAGES;
        intents.set(Intents::MESSAGE_CONTENT, self.bot.config.message_content);
        intents.set(Intents::GUILD_MEMBERS, self.bot.config.members);
        intents
    }

    /// Reads one shard, through as many connections as it makes by itself.
    async fn drive(&mut self, shard: &mut Shard<Ration>) -> End {
        let mut patience = HELLO;
        let mut closed = None;
        loop {
            while self.quick.try_join_next().is_some() {}
            let Ok(next) = timeout(patience, shard.next()).await else {
                self.failed("the gateway is silent", "no frame and no acknowledged heartbeat");
                return End::Anew;
            };
            match next {
                None => return End::Closed(closed),
                Some(Ok(Message::Text(text))) => match self.frame(&text).await {
                    Ok(Some(interval)) => patience = HELLO.max(interval * SILENT),
                    Ok(None) => {}
                    Err(end) => return end,
                },
                Some(Ok(Message::Close(frame))) => {
                    closed = frame.map(|frame| frame.code);
                    patience = HELLO;
                    self.closed(&format!("{closed:?}")).await;
                }
                Some(Err(error)) if matches!(error.kind(), ReceiveMessageErrorType::Reconnect) => {
                    self.failed("the gateway cannot be reached", &self.bot.api.clean(&format!("{error:?}")));
                    // The address to resume at may be what cannot be reached.
                    if let Some(at) = &mut self.at {
                        at.url = None;
                    }
                    return End::Anew;
                }
                Some(Err(error)) if matches!(error.kind(), ReceiveMessageErrorType::Compression) => {
                    self.closed("what it compressed cannot be read").await;
                }
                // Its text is somebody's words: not for the log.
                Some(Err(_)) => self.unreadable("a frame of the gateway"),
            }
        }
    }

    /// The connection is gone. The first time after an event another is made at once; polling the shard makes it.
    async fn closed(&mut self, detail: &str) {
        self.failures += 1;
        if self.failures > 1 {
            self.trouble.tell(Part::Gateway, "the gateway closes every connection", detail);
            sleep(pause(self.failures - 1)).await;
        }
    }

    fn failed(&mut self, what: &'static str, detail: &str) {
        self.failures += 1;
        self.trouble.tell(Part::Gateway, what, detail);
    }

    fn unreadable(&self, what: &str) {
        self.bot.seen.unreadable.fetch_add(1, Relaxed);
        debug!(account = %self.bot.account, what, "cannot be read, and is passed over");
    }

    /// One frame; the heartbeat's interval, if it says that.
    async fn frame(&mut self, text: &str) -> Result<Option<Duration>, End> {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
            self.unreadable("a frame");
            return Ok(None);
        };
        match (frame.op, frame.t, frame.s, frame.d) {
            (10, _, _, Some(hello)) => {
                let hello: Value = serde_json::from_str(hello.get()).unwrap_or_default();
                return Ok(hello["heartbeat_interval"].as_u64().map(Duration::from_millis));
            }
            // The session is over, unless it may be resumed.
            (9, _, _, d) if d.is_none_or(|d| d.get() != "true") => self.at = None,
            (0, Some(kind), Some(seq), Some(data)) => {
                self.well();
                match event::read(&kind, data) {
                    Ok(Some(event)) => return self.heard(seq, event).await.map(|()| None),
                    Ok(None) => {
                        self.bot.seen.skipped.fetch_add(1, Relaxed);
                        self.pass(seq);
                    }
                    Err(error) => {
                        self.unreadable(&format!("{kind}: {error}"));
                        self.pass(seq);
                    }
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// A dispatch came: the connection is worth something.
    fn well(&mut self) {
        self.failures = 0;
        self.trouble.over(Part::Gateway);
    }

    /// Numbers only rise: one that falls back is replayed, and recognised.
    fn pass(&mut self, seq: u64) {
        if let Some(at) = &mut self.at {
            at.seq = at.seq.max(seq);
        }
    }

    async fn heard(&mut self, seq: u64, event: Event) -> Result<(), End> {
        let mut anew = false;
        if let Event::Ready(ready) = &event {
            let url = ready.resume_gateway_url.clone().filter(|url| is_url(url, &["ws", "wss"]));
            // twilight would build its next connection on what is no address.
            anew = url != ready.resume_gateway_url;
            self.at = Some(Resume { session: ready.session_id.as_str().into(), seq, url });
        }
        if let Event::Asked(asked) = &event
            && let Some(answer) = crate::receive::quick::answer(asked, &*self.host)
        {
            self.pass(seq);
            let (bot, host) = (Arc::clone(&self.bot), Arc::clone(&self.host));
            let (id, token) = (asked.id, asked.token.clone());
            self.quick.spawn(async move {
                host.leave(Box::pin(crate::receive::quick::send(&bot, id, &token, &answer))).await;
            });
            return Ok(());
        }
        self.pass(seq);
        let Some(at) = &self.at else {
            self.unreadable("an event before any session");
            return Ok(());
        };
        let heard = Heard { session: Arc::clone(&at.session), seq, event };
        self.heard.send(heard).await.map_err(|_| End::Alone)?;
        if anew { Err(End::Anew) } else { Ok(()) }
    }

    /// What a closing code means for whoever runs us.
    async fn refused(&self, code: Option<u16>) -> PlatformError {
        let why = match code {
            Some(4004) => return super::ration::refused("the gateway says 4004"),
            Some(4013) => "the gateway says 4013: it does not know an intent; this is a mistake of ours".to_owned(),
            Some(4014) => missing_intents(&self.bot.api, &self.bot.config).await,
            Some(4011) => "the bot is in too many servers for one connection (4011); it needs sharding, which this \
                           version does not do"
                .to_owned(),
            code => format!("the gateway closed for good ({})", code.map_or_else(String::new, |code| code.to_string())),
        };
        PlatformError::Refused(why)
    }
}
