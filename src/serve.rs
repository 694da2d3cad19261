//! The daemon as a straight recipe: settings, base, store, platforms, engine, web, wait, drain.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::join_all;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sd_notify::NotifyState;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use townkeeper_contract::Stop;
use townkeeper_contract::provider::Provider;
use townkeeper_core::budget::Prices;
use townkeeper_engine::Engine;
use townkeeper_engine::clock::Clock;
use townkeeper_engine::keys::Keyring;
use townkeeper_engine::lists::Keeper;
use townkeeper_engine::vault::Vault;
use townkeeper_store::Store;
use townkeeper_web::{Names, Web, WrongTokens};
use tracing_subscriber::EnvFilter;

use crate::settings::{LogSection, Settings};
use crate::workspaces::{self, Workspace};
use crate::{api, database, knowledge, out, platforms, settings};

/// Runs the daemon until it is told to stop.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    log(&settings.log)?;
    let retention = settings.retention.retention()?;
    let workspaces = workspaces::all(&settings)?;
    let providers = providers(&settings)?;
    let first = !settings.data.exists() && !settings.store.is_elsewhere();
    check_before_anything_is_made(&workspaces, first)?;
    make_folder(&settings.data)?;
    let listener = listen(&settings.web.listen).await?;
    let store = database::open(&settings.store, &settings.data).await?;
    let token = api::token(&settings.data)?;
    let now_ms = Clock::system().now_ms();
    let credentials = settings::credentials_folder();
    let keys = Arc::new(Keyring::open(&settings.data, credentials.as_deref(), now_ms)?);
    let vault = Vault::open(&settings.data, credentials.as_deref())?;
    let recorder = recorder()?;
    let lists = Arc::new(Keeper::open(&settings.data, settings.shield.sources()?, Clock::system()));
    let url = url(listener.local_addr().context("the listener has no address")?);
    let wrong = Arc::new(WrongTokens::default());
    let (mut engines, mut webs) = (Vec::new(), Vec::new());
    for workspace in &workspaces {
        let engine = workspace.start(&store, &providers, &vault, &lists).await?;
        let web = web(workspace, &engine, token.clone(), Arc::clone(&keys), &url, recorder.clone());
        webs.push(Web { wrong: Arc::clone(&wrong), ..web });
        engines.push(engine);
    }
    let router = townkeeper_web::router(webs);
    let entries = engines.iter().map(|engine| engine.base().len()).sum();
    let names = Names { hosts: settings.web.hosts.clone(), url: canonical(&settings) };
    let stop = Stop::new();
    let mut web = Box::pin(townkeeper_web::serve(listener, router, names, stop.clone()));
    api::publish(&settings.data, &url)?;
    for engine in &engines {
        engine.ready().await?;
    }
    greet(&settings, entries, &url);
    for engine in &engines {
        engine.keep(retention);
    }
    let mut signals = Signals::new()?;
    notify(&[NotifyState::Ready]);
    tokio::select! {
        served = &mut web => served.context("the web server ended")?,
        () = signals.next() => {}
        () = tend(&engines, &recorder) => {}
        () = lists.run() => {}
    }
    notify(&[NotifyState::Stopping]);
    tracing::info!("draining; a second signal ends at once");
    tokio::select! {
        () = signals.next() => leave_at_once(&settings),
        () = drain(&engines, &store, &stop, web) => {}
    }
    api::withdraw(&settings.data);
    Ok(())
}

/// What the HTTP face is made of.
fn web(
    workspace: &Workspace,
    engine: &Engine,
    token: SecretString,
    keys: Arc<Keyring>,
    url: &str,
    recorder: PrometheusHandle,
) -> Web {
    let settings = &workspace.settings;
    let canonical = canonical(settings).map(|url| format!("{url}{}", workspace.base));
    if let Some(url) = &canonical {
        engine.reachable_at(url);
    }
    Web {
        engine: engine.clone(),
        base: workspace.base.clone(),
        intro: settings.web.intro.clone(),
        suggestions: settings.web.suggestions.clone(),
        token,
        keys,
        url: canonical.clone().unwrap_or_else(|| format!("{url}{}", workspace.base)),
        canonical,
        wrong: Arc::default(),
        proxies: settings.web.proxies.clone(),
        security_txt: security_txt(&settings.web.security_contact),
        metrics: Box::new(move || recorder.render()),
    }
}

/// Refuses an account or an agent with a fault, and at the first start a base: later one is published, whatever files say.
fn check_before_anything_is_made(workspaces: &[Workspace], first: bool) -> anyhow::Result<()> {
    for workspace in workspaces {
        if first {
            knowledge::load(&workspace.settings.knowledge)?;
        }
        platforms::open(&workspace.settings, Some(&workspace.name))?;
        workspace.settings.agent()?;
    }
    Ok(())
}

/// Lets turns end, then open requests. Together within ten seconds.
async fn drain(engines: &[Engine], store: &Store, stop: &Stop, web: impl Future<Output = std::io::Result<()>>) {
    let served = async {
        // The engines were told before: whoever hears from us that we stop is refused from then on, and waits for nothing.
        stop.cancel();
        tokio::time::timeout(Duration::from_millis(9_500), web).await
    };
    let stopped = async {
        join_all(engines.iter().map(Engine::drain)).await;
        townkeeper_engine::close(store).await;
    };
    let ((), served) = tokio::join!(stopped, served);
    if let Ok(Err(error)) = served {
        tracing::warn!(%error, "the web server did not end cleanly");
    }
}

/// A second signal: no more waiting. What is not settled is taken up at the next start.
fn leave_at_once(settings: &Settings) {
    api::withdraw(&settings.data);
    #[expect(clippy::exit, reason = "asked for, twice")]
    std::process::exit(130);
}

/// The model vendors and what they take, in the order in which they are asked.
pub(crate) fn providers(settings: &Settings) -> anyhow::Result<Vec<(Arc<dyn Provider>, Prices)>> {
    let build = |(config, key)| {
        let prices = settings.prices(&config).context("[[provider]]")?;
        Ok((townkeeper_providers::build(config, key).context("[[provider]]")?, prices))
    };
    settings.providers()?.into_iter().map(build).collect()
}

pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let remedy = "choose another with --data or TOWNKEEPER_DATA, or make it writable for this user";
    builder.create(folder).with_context(|| format!("cannot make the data folder {}; {remedy}", folder.display()))
}

/// Whom to tell of a weakness: this installation's own contact, else words on where to go.
fn security_txt(contact: &str) -> String {
    let project = include_str!("../deploy/security.txt");
    if contact.is_empty() {
        return project.to_owned();
    }
    let others = project.lines().filter(|line| !line.starts_with('#'));
    others.fold(format!("Contact: {contact}\n"), |text, line| text + line + "\n")
}

async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    let remedy = "stop what uses it, or choose another with `townkeeper serve --listen` or [web] listen";
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}; {remedy}"))
}

/// The address as a person can open it: "every interface" is no address.
fn url(listening: SocketAddr) -> String {
    let port = listening.port();
    if listening.ip().is_unspecified() { format!("http://localhost:{port}") } else { format!("http://{listening}") }
}

/// The configured address, without a slash at its end.
fn canonical(settings: &Settings) -> Option<String> {
    let url = settings.web.url.trim_end_matches('/');
    (!url.is_empty()).then(|| url.to_owned())
}

fn recorder() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().context("the metrics recorder could not be installed")
}

fn log(section: &LogSection) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&section.level).with_context(|| format!("[log] level = {:?}", section.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    let installed = if section.json { builder.json().try_init() } else { builder.try_init() };
    installed.map_err(|error| anyhow::anyhow!("logging could not be set up: {error}"))
}

fn greet(settings: &Settings, entries: usize, url: &str) {
    let version = env!("CARGO_PKG_VERSION");
    let model = settings.provider.first().map_or("no model: published answers only", |p| p.model.as_str());
    out::line(format!("Townkeeper {version}: {} knows {entries} reviewed answers ({model}).", settings.agent.name));
    out::line(format!("Open {url}  (Ctrl-C stops)"));
}

/// Keeps metrics tidy, and tells the service manager that we live: only while the store answers.
async fn tend(engines: &[Engine], recorder: &PrometheusHandle) {
    let every = sd_notify::watchdog_enabled().map_or(Duration::from_secs(5), |timeout| timeout / 2);
    loop {
        tokio::time::sleep(every).await;
        recorder.run_upkeep();
        // They share the store: one answer is enough.
        let Some(engine) = engines.first() else { return };
        match engine.alive().await {
            Ok(()) => notify(&[NotifyState::Watchdog]),
            Err(error) => tracing::error!(%error, "the store does not answer"),
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "no service manager was told");
    }
}

/// SIGTERM and SIGINT, as one stream.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self { term: on(SignalKind::terminate())?, int: on(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// `TOWNKEEPER_FAULT=name:n` kills the process at the n-th passing of that point; only in builds made for tests.
pub(crate) fn arm_faults() {
    #[cfg(feature = "faults")]
    {
        #[expect(clippy::disallowed_methods, reason = "a switch for tests, not a setting")]
        let armed = std::env::var("TOWNKEEPER_FAULT");
        if let Some((name, nth)) = armed.as_deref().ok().and_then(|fault| fault.split_once(':')) {
            match nth {
                "off" => townkeeper_store::fault::take_away(name),
                nth => townkeeper_store::fault::arm(name, nth.parse().unwrap_or(1)),
            }
        }
    }
}
