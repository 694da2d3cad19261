//! Debian's Chromium, driven over WebDriver: one browser, one fresh profile, one page.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::command::FormatRequestData;
use thirtyfour::extensions::query::ElementPollerWithTimeout;
use thirtyfour::prelude::*;
use thirtyfour::{LoggingPrefsLogLevel, RequestData, SessionId};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A hang guard, not a measure.
const PATIENCE: Duration = Duration::from_secs(30);

const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,800",
    // What fades in would count as not displayed at first, and a test would depend on the moment.
    "--force-prefers-reduced-motion",
];

/// A browser on a page. A story ends with [`Chromium::close`]; one that fails drops it, and then it is killed.
pub(super) struct Chromium {
    pub(super) page: WebDriver,
    process: u64,
    _driver: Child,
    /// Held, so that the driver can go on writing.
    _says: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

impl Chromium {
    /// A browser that shows `url`.
    pub(super) async fn open(url: &str) -> Self {
        Self::start(url, json!({})).await
    }

    /// The same for one who has switched scripts off.
    pub(super) async fn open_without_scripts(url: &str) -> Self {
        Self::start(url, json!({ "profile.managed_default_content_settings.javascript": 2 })).await
    }

    async fn start(url: &str, preferences: Value) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        must_be_installed("chromium", "chromium");
        must_be_installed("chromedriver", "chromium-driver");
        let mut command = Command::new("chromedriver");
        let mut driver = command.arg("--port=0").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut says = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = tokio::time::timeout(PATIENCE, port(&mut says)).await.expect("chromedriver does not start");

        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        wanted.add_experimental_option("prefs", preferences).unwrap();
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let page = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.unwrap();
        page.set_poller(Arc::new(ElementPollerWithTimeout::new(PATIENCE, Duration::from_millis(20))));
        let process = page.capabilities().get("goog:processID").and_then(Value::as_u64).expect("the browser's process");
        let browser = Self { page, process, _driver: driver, _says: says, _profile: profile };
        browser.page.goto(url).await.unwrap();
        assert_eq!(browser.run("return matchMedia('(prefers-reduced-motion)').matches").await, true);
        browser
    }

    /// The end of a story in which the browser had nothing to complain about.
    pub(super) async fn close(self) {
        assert_eq!(self.complaints().await, Vec::<String>::new());
        self.page.clone().quit().await.unwrap();
    }

    /// The element, as soon as it is there.
    pub(super) async fn find(&self, css: &str) -> WebElement {
        self.page.query(By::Css(css)).first().await.unwrap_or_else(|_| panic!("no {css} comes to be"))
    }

    /// Waits until the element shows this text, and nothing else but white space at its ends.
    pub(super) async fn shows(&self, css: &str, text: &str) {
        let shown = self.page.query(By::Css(css)).with_filter(says(text)).first().await;
        assert!(shown.is_ok(), "{css} shows {:?}, not {text:?}", self.texts(css).await);
    }

    /// What the elements show now.
    pub(super) async fn texts(&self, css: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.page.find_all(By::Css(css)).await.unwrap() {
            texts.push(element.text().await.unwrap());
        }
        texts
    }

    pub(super) async fn count(&self, css: &str) -> usize {
        self.page.find_all(By::Css(css)).await.unwrap().len()
    }

    /// Waits until nothing is being answered.
    pub(super) async fn settled(&self) {
        self.find("#log:not([aria-busy='true'])").await;
    }

    /// Types where the focus is, as a person would.
    pub(super) async fn keys(&self, keys: impl Into<TypingData>) {
        self.page
            .action_chain_with_delay(Some(Duration::ZERO), Some(Duration::ZERO))
            .send_keys(keys)
            .perform()
            .await
            .unwrap();
    }

    /// Presses a key while others are held.
    pub(super) async fn chord(&self, held: Key, key: impl Into<char>) {
        let chain = self.page.action_chain_with_delay(Some(Duration::ZERO), Some(Duration::ZERO));
        chain.key_down(held.clone()).send_keys(key.into().to_string()).key_up(held).perform().await.unwrap();
    }

    /// The element that has the focus, as its id or, where it has none, its text.
    pub(super) async fn focus(&self) -> String {
        let focus = self.page.active_element().await.unwrap();
        match focus.id().await.unwrap().filter(|id| !id.is_empty()) {
            Some(id) => format!("#{id}"),
            None => focus.text().await.unwrap(),
        }
    }

    /// What a script in the page returns.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// What a script in the page promises.
    pub(super) async fn run_async(&self, script: &str) -> Value {
        let script =
            format!("const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done);");
        self.page.execute_async(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Errors and refusals that the browser has noted since the last call, a blocked script or picture among them.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let log = self.page.browser_log().await.unwrap();
        log.into_iter().filter(|entry| entry.level == "SEVERE").map(|entry| entry.message).collect()
    }

    /// A command of the DevTools protocol.
    pub(super) async fn devtools(&self, command: &'static str, parameters: Value) -> Value {
        self.page.cmd(DevTools { command, parameters }).await.unwrap().value().unwrap()
    }

    /// A screen of this size in CSS pixels, on a device that prefers `scheme` ("light", "dark").
    pub(super) async fn screen(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 700 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let preference = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": preference })).await;
    }

    /// Saves what is to be seen, if `TOWNKEEPER_SCREENSHOTS` names a folder.
    pub(super) async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("TOWNKEEPER_SCREENSHOTS").map(PathBuf::from) {
            std::fs::create_dir_all(&folder).unwrap();
            self.page.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The driver's own teardown on drop would wait for a runtime that waits for it.
        if self.page.clone().leak().is_ok() {
            std::process::Command::new("kill").arg(self.process.to_string()).status().ok();
        }
    }
}

#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl FormatRequestData for DevTools {
    fn format_request(&self, session: &SessionId) -> RequestData {
        RequestData::new(reqwest::Method::POST, format!("session/{session}/goog/cdp/execute"))
            .add_body(json!({ "cmd": self.command, "params": self.parameters }))
    }
}

/// Whether an element shows just this text.
fn says(text: &str) -> impl Fn(WebElement) -> BoxFuture<'static, WebDriverResult<bool>> + use<> {
    let text = text.trim().to_owned();
    move |element| {
        let text = text.clone();
        Box::pin(async move { Ok(element.text().await.is_ok_and(|shown| shown.trim() == text)) })
    }
}

async fn port(says: &mut Lines<BufReader<ChildStdout>>) -> u16 {
    while let Some(line) = says.next_line().await.unwrap() {
        let rest = line.split_once("started successfully on port ").map(|(_, rest)| rest.trim_end_matches('.'));
        if let Some(port) = rest.and_then(|rest| rest.parse().ok()) {
            return port;
        }
    }
    panic!("chromedriver ended without naming its port")
}

fn must_be_installed(program: &str, package: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| is_program(&folder, program.as_ref()));
    assert!(found, "`{program}` is missing; the browser tests need it: apt-get install {package}");
}

fn is_program(folder: &Path, program: &OsStr) -> bool {
    folder.join(program).is_file()
}
