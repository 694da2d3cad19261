//! A stand-in for the daemon: keeps what it accepted in memory, and can refuse or hold a batch back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use townkeeper_contract::command::CommandSpec;
use townkeeper_contract::conformance::platform::ReceiveRules;
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_contract::platform::{Cursor, Host, HostError, Platform, PlatformError};
use townkeeper_contract::{BoxFuture, Stop};
use townkeeper_telegram::Telegram;

/// One offer of a batch.
pub(crate) type Offer = (Vec<Inbound>, Option<Cursor>);

#[derive(Default)]
struct State {
    /// Every batch ever offered, refused ones too.
    offered: Vec<Offer>,
    accepted: Vec<Inbound>,
    cursor: Option<String>,
    /// How many offers to refuse from now on.
    refuse: usize,
    /// While true, an offer waits.
    closed: bool,
    /// What the adapter last said of itself.
    trouble: Option<String>,
    /// What it keeps with the daemon.
    kept: BTreeMap<String, String>,
    /// The rules of receiving, kept over every offer of the test.
    rules: ReceiveRules,
}

#[derive(Default)]
pub(crate) struct TestHost {
    state: watch::Sender<State>,
    commands: Vec<CommandSpec>,
}

impl TestHost {
    pub(crate) fn with_cursor(value: &str) -> Arc<Self> {
        let host = Self::default();
        host.state.send_modify(|s| {
            s.cursor = Some(value.into());
            s.rules = ReceiveRules::from_cursor(value);
        });
        Arc::new(host)
    }

    pub(crate) fn with_commands(commands: Vec<CommandSpec>) -> Arc<Self> {
        Arc::new(Self { commands, ..Self::default() })
    }

    /// The same daemon with other commands, after a restart.
    pub(crate) fn restarted_with(&self, commands: Vec<CommandSpec>) -> Arc<Self> {
        let host = Self { commands, ..Self::default() };
        host.state.send_modify(|s| s.kept.clone_from(&self.state.borrow().kept));
        Arc::new(host)
    }

    /// Waits until the adapter keeps something under this name, other than `before`.
    pub(crate) async fn wait_kept(&self, name: &str, before: &str) -> String {
        let mut watcher = self.state.subscribe();
        let state = watcher.wait_for(|s| s.kept.get(name).is_some_and(|kept| kept != before)).await;
        state.expect("the host lives").kept[name].clone()
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

    /// Waits until `n` batches were offered; returns them.
    pub(crate) async fn wait_offered(&self, n: usize) -> Vec<Offer> {
        let mut watcher = self.state.subscribe();
        watcher.wait_for(|s| s.offered.len() >= n).await.expect("the host lives").offered.clone()
    }

    /// Waits until `n` events were accepted; returns them.
    pub(crate) async fn wait_accepted(&self, n: usize) -> Vec<Inbound> {
        let mut watcher = self.state.subscribe();
        watcher.wait_for(|s| s.accepted.len() >= n).await.expect("the host lives").accepted.clone()
    }

    pub(crate) fn accepted(&self) -> Vec<Inbound> {
        self.state.borrow().accepted.clone()
    }

    /// Waits until the adapter is in trouble; what it says.
    pub(crate) async fn wait_trouble(&self) -> String {
        let mut watcher = self.state.subscribe();
        watcher.wait_for(|s| s.trouble.is_some()).await.expect("the host lives").trouble.clone().unwrap_or_default()
    }

    /// Waits until all is well.
    pub(crate) async fn wait_well(&self) {
        self.state.subscribe().wait_for(|s| s.trouble.is_none()).await.map(drop).expect("the host lives");
    }

    pub(crate) fn trouble_now(&self) -> Option<String> {
        self.state.borrow().trouble.clone()
    }

    /// Checks what the platform was told to forget against what was accepted.
    pub(crate) fn acknowledged(&self, cursor: &str) {
        self.state.borrow().rules.acknowledged(cursor).expect("the rules of receiving");
    }

    pub(crate) fn stored_cursor(&self) -> Option<String> {
        self.state.borrow().cursor.clone()
    }
}

impl Host for TestHost {
    fn accept(&self, batch: Vec<Inbound>, cursor: Option<Cursor>) -> BoxFuture<'_, Result<(), HostError>> {
        Box::pin(async move {
            self.state.send_modify(|s| s.offered.push((batch.clone(), cursor.clone())));
            let mut watcher = self.state.subscribe();
            watcher.wait_for(|s| !s.closed).await.map(drop).expect("the host lives");
            let mut result = Ok(());
            self.state.send_modify(|s| {
                if s.refuse > 0 {
                    s.refuse -= 1;
                    result = Err(HostError::Store("the disk is full".into()));
                    s.rules.refused(&batch, cursor.as_ref()).expect("the rules of receiving");
                } else {
                    s.rules.accepted(&batch, cursor.as_ref()).expect("the rules of receiving");
                    s.accepted.extend(batch);
                    s.cursor = cursor.map(|c| c.value).or(s.cursor.take());
                }
            });
            result
        })
    }

    fn cursor(&self, scope: &str) -> BoxFuture<'_, Result<Option<String>, HostError>> {
        assert_eq!(scope, "updates");
        Box::pin(async { Ok(self.stored_cursor()) })
    }

    fn state_get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, HostError>> {
        Box::pin(async move { Ok(self.state.borrow().kept.get(name).cloned()) })
    }

    fn state_put<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), HostError>> {
        self.state.send_modify(|s| drop(s.kept.insert(name.to_owned(), value.to_owned())));
        Box::pin(async { Ok(()) })
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn suggest(&self, _: &str, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn leave<'a>(&'a self, request: BoxFuture<'a, ()>) -> BoxFuture<'a, bool> {
        Box::pin(async {
            request.await;
            true
        })
    }

    fn heeds(&self, _: &Inbound) -> bool {
        true
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
    pub(crate) fn start(bot: &Arc<Telegram>, host: &Arc<TestHost>) -> Self {
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
        Body::Message { text } => text,
        other => panic!("not a message: {other:?}"),
    }
}
