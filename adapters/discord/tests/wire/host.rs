//! A stand-in for the daemon: keeps what it accepted and what the adapter put away in memory, and can refuse or hold a
//! batch back. As an inbox does, it takes an event once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use townkeeper_contract::command::{ArgumentSpec, Audience, CommandSpec};
use townkeeper_contract::conformance::platform::ReceiveRules;
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_contract::platform::{Cursor, Host, HostError, Platform, PlatformError};
use townkeeper_contract::{BoxFuture, Stop};
use townkeeper_discord::Discord;

#[derive(Default)]
struct State {
    /// How many batches were ever offered, refused ones too.
    offered: usize,
    accepted: Vec<Inbound>,
    /// Events offered although they had been accepted before.
    repeats: usize,
    cursor: Option<Cursor>,
    kept: BTreeMap<String, String>,
    /// How many offers to refuse from now on.
    refuse: usize,
    /// While true, an offer waits.
    closed: bool,
    /// What the adapter last said of itself.
    trouble: Option<String>,
    /// The rules of receiving, kept over every offer of the test.
    rules: ReceiveRules,
}

pub(crate) struct TestHost {
    state: watch::Sender<State>,
    commands: Vec<CommandSpec>,
}

impl TestHost {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(commands())
    }

    pub(crate) fn with(commands: Vec<CommandSpec>) -> Arc<Self> {
        Arc::new(Self { state: watch::Sender::default(), commands })
    }

    pub(crate) fn refuse(&self, offers: usize) {
        self.state.send_modify(|s| s.refuse = offers);
    }

    pub(crate) fn close(&self) {
        self.state.send_modify(|s| s.closed = true);
    }

    pub(crate) fn open(&self) {
        self.state.send_modify(|s| s.closed = false);
    }

    async fn wait(&self, fact: impl Fn(&State) -> bool) {
        self.state.subscribe().wait_for(|s| fact(s)).await.map(drop).expect("the host lives");
    }

    pub(crate) fn offered(&self) -> usize {
        self.state.borrow().offered
    }

    pub(crate) async fn wait_offered(&self, n: usize) {
        self.wait(|s| s.offered >= n).await;
    }

    /// Waits until `n` events were accepted that are more than somebody coming or going; returns these.
    pub(crate) async fn wait_accepted(&self, n: usize) -> Vec<Inbound> {
        self.wait(|s| s.accepted.iter().filter(|inbound| is_word(inbound)).count() >= n).await;
        self.accepted()
    }

    /// Waits until such an event was accepted; the first.
    pub(crate) async fn wait_event(&self, fact: impl Fn(&Inbound) -> bool) -> Inbound {
        self.wait(|s| s.accepted.iter().any(&fact)).await;
        self.state.borrow().accepted.iter().find(|inbound| fact(inbound)).cloned().expect("it was there")
    }

    pub(crate) fn accepted(&self) -> Vec<Inbound> {
        self.state.borrow().accepted.iter().filter(|inbound| is_word(inbound)).cloned().collect()
    }

    pub(crate) fn everything(&self) -> Vec<Inbound> {
        self.state.borrow().accepted.clone()
    }

    pub(crate) fn repeats(&self) -> usize {
        self.state.borrow().repeats
    }

    pub(crate) fn kept(&self, name: &str) -> Option<String> {
        self.state.borrow().kept.get(name).cloned()
    }

    pub(crate) async fn wait_kept(&self, name: &str) {
        self.wait(|s| s.kept.contains_key(name)).await;
    }

    /// As if an earlier life had left this.
    pub(crate) fn keep(&self, name: &str, value: &str) {
        self.state.send_modify(|s| drop(s.kept.insert(name.into(), value.into())));
    }

    /// Waits until the adapter is in trouble; what it says.
    pub(crate) async fn wait_trouble(&self) -> String {
        let mut watcher = self.state.subscribe();
        watcher.wait_for(|s| s.trouble.is_some()).await.expect("the host lives").trouble.clone().unwrap_or_default()
    }

    /// Waits until all is well.
    pub(crate) async fn wait_well(&self) {
        self.wait(|s| s.trouble.is_none()).await;
    }
}

/// A command with these words is not heeded.
pub(crate) const UNHEEDED: &str = "where nobody answers";

fn text_of_command(inbound: &Inbound) -> Option<&str> {
    if let Body::Command { args, .. } = &inbound.body { Some(args) } else { None }
}

/// Somebody's doing, not a coming or going.
fn is_word(inbound: &Inbound) -> bool {
    !matches!(inbound.body, Body::Roster { .. } | Body::Presence { .. })
}

/// The commands of these tests: one of each kind.
pub(crate) fn commands() -> Vec<CommandSpec> {
    let spec = |name: &str, argument: Option<(bool, bool)>, audience, private| CommandSpec {
        name: name.into(),
        summary: format!("What {name} does"),
        argument: argument.map(|(required, suggests)| ArgumentSpec {
            name: "words".into(),
            summary: "The words behind it".into(),
            required,
            suggests,
        }),
        audience,
        menu: (name == "report").then(|| "Report it".into()),
        private,
    };
    vec![
        spec("ask", Some((true, true)), Audience::Everyone, false),
        spec("ticket", Some((false, true)), Audience::Everyone, false),
        spec("memory", None, Audience::Everyone, true),
        spec("report", None, Audience::Everyone, false),
        spec("freeze", Some((false, false)), Audience::Moderators, false),
    ]
}

impl Host for TestHost {
    fn accept(&self, batch: Vec<Inbound>, cursor: Option<Cursor>) -> BoxFuture<'_, Result<(), HostError>> {
        Box::pin(async move {
            self.state.send_modify(|s| s.offered += 1);
            self.wait(|s| !s.closed).await;
            let mut result = Ok(());
            self.state.send_modify(|s| {
                if s.refuse > 0 {
                    s.refuse -= 1;
                    result = Err(HostError::Store("the disk is full".into()));
                    s.rules.refused(&batch, cursor.as_ref()).expect("the rules of receiving");
                    return;
                }
                s.rules.accepted(&batch, cursor.as_ref()).expect("the rules of receiving");
                let known: BTreeSet<_> = s.accepted.iter().map(|inbound| inbound.event.clone()).collect();
                let (again, new): (Vec<_>, Vec<_>) = batch.into_iter().partition(|i| known.contains(&i.event));
                s.repeats += again.len();
                s.accepted.extend(new);
                if cursor.is_some() {
                    s.cursor = cursor;
                }
            });
            result
        })
    }

    fn cursor(&self, scope: &str) -> BoxFuture<'_, Result<Option<String>, HostError>> {
        let cursor = self.state.borrow().cursor.clone().filter(|cursor| cursor.scope == scope);
        Box::pin(async { Ok(cursor.map(|cursor| cursor.value)) })
    }

    fn state_get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, HostError>> {
        Box::pin(async { Ok(self.kept(name)) })
    }

    fn state_put<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), HostError>> {
        self.keep(name, value);
        Box::pin(async { Ok(()) })
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn suggest(&self, command: &str, typed: &str) -> Vec<String> {
        vec![format!("{command}: {typed}…"), "x".repeat(101), String::new()]
    }

    fn leave<'a>(&'a self, request: BoxFuture<'a, ()>) -> BoxFuture<'a, bool> {
        Box::pin(async {
            request.await;
            true
        })
    }

    fn heeds(&self, event: &Inbound) -> bool {
        text_of_command(event).is_none_or(|words| words != UNHEEDED)
    }

    fn start_link(&self, _: &str) {}

    fn trouble(&self, what: Option<&str>) {
        self.state.send_modify(|s| s.trouble = what.map(str::to_owned));
    }
}

/// An adapter that is receiving; killed where it stands when dropped.
pub(crate) struct Running {
    pub(crate) stop: Stop,
    tasks: tokio::task::JoinSet<Result<(), PlatformError>>,
}

impl Running {
    pub(crate) fn start(bot: &Arc<Discord>, host: &Arc<TestHost>) -> Self {
        let stop = Stop::new();
        let mut tasks = tokio::task::JoinSet::new();
        let host: Arc<dyn Host> = Arc::<TestHost>::clone(host);
        tasks.spawn(Arc::clone(bot).run(host, stop.clone()));
        Self { stop, tasks }
    }

    /// Waits until receiving has ended; how it ended.
    pub(crate) async fn ended(&mut self) -> Result<(), PlatformError> {
        self.tasks.join_next().await.expect("one task").expect("no panic")
    }

    /// `kill -9`: gone between two instructions.
    pub(crate) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

/// What was said, for short assertions.
pub(crate) fn text(inbound: &Inbound) -> &str {
    match &inbound.body {
        Body::Message { text } | Body::Edited { text } => text,
        other => panic!("not words: {other:?}"),
    }
}
