//! The built binary under test: its home (configuration and data, which outlive it), start, end, and death.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use townkeeper_client::{Client, ClientError, Events};
use townkeeper_contract::api::ChatBody;
use townkeeper_contract::id::{ActionId, ConversationId, TurnId};
use townkeeper_contract::stream::{Envelope, ErrorClass, Event, Outcome, Reply, ResumePoint};
use townkeeper_contract::verify::Verifier;

/// A hang guard, not a measure: nothing here takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The workspace of the first house.
pub(crate) const WORKSPACE: &str = "main";

/// Where a daemon lives: a folder that outlives it.
pub(crate) struct Home {
    folder: TempDir,
    config: String,
    listen: String,
}

impl Home {
    /// The sample base, no account, no model.
    pub(crate) fn new() -> Self {
        let config = "[agent]\nname = \"Lumen Keeper\"\n".to_owned();
        Self { folder: tempfile::tempdir().unwrap(), config, listen: "127.0.0.1:0".to_owned() }
    }

    /// With a model server of the OpenAI form. It may take its time: a slow machine is no stall.
    pub(crate) fn with_model(self, base_url: &str) -> Self {
        self.with_impatience(base_url, PATIENCE)
    }

    /// With a model server whose silence is a stall after `idle`.
    pub(crate) fn with_impatience(mut self, base_url: &str, idle: Duration) -> Self {
        let idle = idle.as_secs_f64();
        write!(
            self.config,
            "[[provider]]\nkind = \"compatible\"\nmodel = \"fake\"\nbase_url = \"{base_url}\"\n\
             first_content_timeout_s = 60.0\nidle_timeout_s = {idle:?}\n"
        )
        .unwrap();
        self
    }

    /// With a Telegram account. The fake is patient; tests of limits set their own.
    pub(crate) fn with_telegram(mut self, api_base: &str, token: &str) -> Self {
        let file = self.folder.path().join("telegram.token");
        std::fs::write(&file, token).unwrap();
        let file = file.display();
        write!(
            self.config,
            "[[account]]\nplatform = \"telegram\"\nname = \"main\"\ntoken_file = \"{file}\"\napi_base = \"{api_base}\"\n\
             poll_timeout_s = 1\nrequest_timeout_s = 2\ngroups = \"any\"\n\
             rate = {{ per_second = 1000, per_group_minute = 0, per_chat_ms = 0 }}\n"
        )
        .unwrap();
        self
    }

    /// With more configuration, as TOML.
    pub(crate) fn with(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self
    }

    /// With some of its configuration changed.
    pub(crate) fn replacing(mut self, what: &str, with: &str) -> Self {
        assert!(self.config.contains(what), "there is no {what}");
        self.config = self.config.replace(what, with);
        self
    }

    /// Where a daemon of this home listened before, for those who come back to its address.
    pub(crate) fn listening_on(mut self, url: &str) -> Self {
        url.trim_start_matches("http://").trim_end_matches('/').clone_into(&mut self.listen);
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary with this home, listening on a free port unless told otherwise.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let config = self.folder.path().join("townkeeper.toml");
        std::fs::write(&config, &self.config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_townkeeper"));
        command.arg("--config").arg(config).arg("--data").arg(self.data()).args(args);
        // Slow machines are no stall, and busy tests no flood; tests of those set their own.
        command.env("TOWNKEEPER__AGENT__FIRST_CONTENT_S", "60.0").env("TOWNKEEPER__FLOOD__REPLY_DEPTH", "1000000");
        command.env("TOWNKEEPER__FLOOD__MESSAGES_PER_MINUTE", "1000000");
        for scope in ["PERSON", "WORKSPACE"] {
            command.env(format!("TOWNKEEPER__BUDGET__{scope}_TOKENS_PER_DAY"), "1000000000");
        }
        command.env("TOWNKEEPER__WEB__LISTEN", &self.listen).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        tokio::time::timeout(PATIENCE, self.command(args).output()).await.expect("the command hangs").unwrap()
    }
}

/// A running daemon. Dropping it kills it; a test fails if it died by itself before.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) url: String,
    expected: bool,
}

impl Daemon {
    pub(crate) async fn start(home: &Home) -> Self {
        Self::spawn(home.command(&["serve"])).await.expect("the daemon did not start")
    }

    /// With a fault point armed, as `name:nth`; the daemon may die while it starts, too.
    pub(crate) async fn start_with_fault(home: &Home, fault: &str) -> Option<Self> {
        let mut command = home.command(&["serve"]);
        command.env("TOWNKEEPER_FAULT", fault);
        let mut daemon = Self::spawn(command).await?;
        daemon.expected = true;
        Some(daemon)
    }

    /// From a command of one's own.
    pub(crate) async fn spawned(command: Command) -> Self {
        Self::spawn(command).await.expect("the daemon did not start")
    }

    async fn spawn(mut command: Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(url) = line.strip_prefix("Open ").and_then(|rest| rest.split_whitespace().next()) {
                    return Some(url.to_owned());
                }
            }
            None
        });
        let url = url.await.expect("the daemon does not say that it is ready")?;
        Some(Self { child, url, expected: false })
    }

    pub(crate) fn client(&self) -> Client {
        rustls::crypto::ring::default_provider().install_default().ok();
        Client::new(&self.url, None).unwrap()
    }

    /// A client with the operator's token.
    pub(crate) fn operator(&self, home: &Home) -> Client {
        rustls::crypto::ring::default_provider().install_default().ok();
        let token = std::fs::read_to_string(home.data().join("api.token")).unwrap();
        Client::new(&self.url, Some(SecretString::from(token.trim().to_owned()))).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the daemon has ended")
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.expected = true;
        self.child.kill().await.unwrap();
    }

    /// Sends a signal by its name (`TERM`).
    pub(crate) async fn signal(&mut self, name: &str) {
        self.expected = true;
        let kill = format!("kill -{name} {}", self.pid());
        // The shell's own: not every machine has the program.
        let sent = Command::new("sh").arg("-c").arg(kill).status().await.unwrap();
        assert!(sent.success(), "the signal could not be sent");
    }

    /// Waits until it is gone.
    pub(crate) async fn gone(&mut self) -> ExitStatus {
        self.expected = true;
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("the daemon does not end").unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let died = self.child.try_wait().ok().flatten();
        // Not left behind: what the next test starts should not share the machine with it.
        while self.child.start_kill().is_ok() && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
        if let Some(status) = died.filter(|_| !self.expected && !std::thread::panicking()) {
            panic!("the daemon died under test: {status}");
        }
    }
}

/// A question in a new conversation.
pub(crate) fn question(text: &str) -> ChatBody {
    ChatBody { text: Some(text.to_owned()), action: None, conversation: None, key: None }
}

/// A question in a conversation.
pub(crate) fn follow_up(text: &str, conversation: &ConversationId) -> ChatBody {
    ChatBody { conversation: Some(conversation.clone()), ..question(text) }
}

/// A button.
pub(crate) fn press(action: &ActionId, conversation: &ConversationId) -> ChatBody {
    ChatBody { text: None, action: Some(action.clone()), ..follow_up("", conversation) }
}

/// A turn as its client saw it, checked against the rules of the stream.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) envelopes: Vec<Envelope>,
    pub(crate) conversation: ConversationId,
    pub(crate) outcome: Outcome,
    pub(crate) reply: Option<Reply>,
}

impl Heard {
    pub(crate) fn reply(&self) -> &Reply {
        self.reply.as_ref().expect("the turn has no reply")
    }

    /// The final words.
    pub(crate) fn text(&self) -> String {
        self.reply().body.to_plain()
    }

    /// What stood on the reader's screen when the turn ended.
    pub(crate) fn shown(&self) -> String {
        shown(&self.envelopes)
    }

    /// Whether any event is like this.
    pub(crate) fn has(&self, fact: impl Fn(&Event) -> bool) -> bool {
        self.envelopes.iter().any(|envelope| fact(&envelope.event))
    }

    /// The class of its failure.
    pub(crate) fn failure(&self) -> ErrorClass {
        match &self.outcome {
            Outcome::Failed { error } => error.class,
            other => panic!("the turn did not fail: {other:?}"),
        }
    }

    /// What was streamed, joined.
    pub(crate) fn streamed(&self) -> String {
        let deltas = self.envelopes.iter().filter_map(|envelope| match &envelope.event {
            Event::StreamChunk { delta, .. } => Some(delta.as_str()),
            _ => None,
        });
        deltas.collect()
    }
}

/// One reader of a turn, step by step and across resumes; every event is checked against the rules of the stream.
pub(crate) struct Ear {
    events: Option<Events>,
    verifier: Verifier,
    envelopes: Vec<Envelope>,
}

impl Ear {
    pub(crate) fn new(events: Events) -> Self {
        Self { events: Some(events), verifier: Verifier::new(), envelopes: Vec::new() }
    }

    /// Says something, to be read step by step.
    pub(crate) async fn ask(client: &Client, body: &ChatBody) -> Self {
        Self::new(client.chat(body).await.unwrap())
    }

    /// The next event; `None` where the stream is over, or broke off.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let events = self.events.as_mut()?;
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("the turn stands still")?;
        let envelope = match event {
            Err(ClientError::Broken(_)) => return None,
            event => event.unwrap(),
        };
        self.verifier.check(&envelope).unwrap();
        self.envelopes.push(envelope.clone());
        Some(envelope.event)
    }

    /// Reads up to the first event of which this is true.
    pub(crate) async fn until(&mut self, fact: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream ended before the event that was waited for");
            if fact(&event) {
                return event;
            }
        }
    }

    /// The next piece of text.
    pub(crate) async fn words(&mut self) -> String {
        match self.until(|event| matches!(event, Event::StreamChunk { .. })).await {
            Event::StreamChunk { delta, .. } => delta,
            other => panic!("not a piece of text: {other:?}"),
        }
    }

    pub(crate) fn turn(&self) -> TurnId {
        self.last().turn
    }

    /// The attempt of the event read last.
    pub(crate) fn attempt(&self) -> u32 {
        self.last().attempt
    }

    pub(crate) fn conversation(&self) -> ConversationId {
        conversation(&self.envelopes).expect("the turn has not begun")
    }

    /// Where reading would go on.
    pub(crate) fn last(&self) -> ResumePoint {
        let last = self.envelopes.last().expect("nothing was read yet");
        ResumePoint { turn: last.turn.clone(), attempt: last.attempt, seq: last.seq }
    }

    /// The reader goes away, without a word.
    pub(crate) fn hang_up(&mut self) {
        self.events = None;
    }

    /// Takes the turn up again behind the event read last. `false`: there is nothing more.
    pub(crate) async fn resume(&mut self, client: &Client) -> bool {
        self.events = client.resume(&self.last()).await.unwrap();
        self.events.is_some()
    }

    /// Reads to the end.
    pub(crate) async fn rest(mut self) -> Heard {
        while self.next().await.is_some() {}
        self.verifier.finish().unwrap();
        let conversation = conversation(&self.envelopes).unwrap_or_else(|| ConversationId::from(""));
        let Some(Event::TurnEnded { outcome, reply }) = self.envelopes.last().map(|last| last.event.clone()) else {
            panic!("the last event is no terminal");
        };
        Heard { envelopes: self.envelopes, conversation, outcome, reply: reply.map(|reply| *reply) }
    }
}

fn conversation(envelopes: &[Envelope]) -> Option<ConversationId> {
    envelopes.iter().find_map(|envelope| match &envelope.event {
        Event::TurnStarted { conversation } => Some(conversation.clone()),
        _ => None,
    })
}

/// The text of all parts as a consumer puts it together: chunks append, a snapshot and a new attempt replace.
fn shown(envelopes: &[Envelope]) -> String {
    let mut parts: BTreeMap<u32, String> = BTreeMap::new();
    for envelope in envelopes {
        match &envelope.event {
            Event::TurnStarted { .. } => parts.clear(),
            Event::StreamChunk { part, delta, .. } => parts.entry(*part).or_default().push_str(delta),
            Event::Snapshot { parts: all, .. } => parts = all.iter().map(|p| (p.part, p.text.clone())).collect(),
            _ => {}
        }
    }
    parts.into_values().collect()
}

/// Reads a turn to its end.
pub(crate) async fn listen(events: Events) -> Heard {
    Ear::new(events).rest().await
}

/// Says something and reads the turn to its end.
pub(crate) async fn say(client: &Client, body: &ChatBody) -> Heard {
    listen(client.chat(body).await.unwrap()).await
}

/// A plain HTTP client, for what our own would not send.
pub(crate) fn http() -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}
