//! A canary in every place where a secret stands, driven through every way an error can go. Then everything that the
//! daemon and its commands left behind is searched: logs at their loudest, output, metrics, database, backup.

use std::path::Path;
use std::process::{Output, Stdio};

use townkeeper_client::Client;
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::{Fault, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE, http, question, say};
use crate::model::SMALL_TALK;

/// One for each slot. The operator's token makes itself, and is read.
const BOT: &str = "7000000003:canary-in-the-bots-token-slot";
const KEY_FILE: &str = "sk-canary-in-the-file-of-a-key";
const KEY_VARIABLE: &str = "sk-canary-in-a-variable";
const DATABASE: &str = "canary-in-a-database-url";
const PASSPHRASE: &str = "canary of a passphrase";
const VARIABLE: &str = "TOWNKEEPER_TEST_CANARY_KEY";

/// What was said anywhere, with where.
#[derive(Default)]
struct Heard(Vec<(String, Vec<u8>)>);

impl Heard {
    fn output(&mut self, what: &str, output: &Output) {
        self.0.push((format!("{what}: standard output"), output.stdout.clone()));
        self.0.push((format!("{what}: standard error"), output.stderr.clone()));
    }

    fn file(&mut self, path: &Path) {
        self.0.push((path.display().to_string(), std::fs::read(path).unwrap()));
    }

    /// Every file below a folder, but those whose purpose is to hold a secret.
    fn folder(&mut self, folder: &Path) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                self.folder(&path);
            } else if !path.ends_with("api.token") {
                self.file(&path);
            }
        }
    }

    /// Where any of these stands: as it is, or as an address would spell it.
    fn hits(&self, secrets: &[String]) -> Vec<String> {
        let spelled =
            secrets.iter().flat_map(|secret| [secret.clone(), secret.replace(':', "%3A").replace(' ', "%20")]);
        let needles: Vec<String> = spelled.collect();
        let holds = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            needles.iter().any(|needle| text.contains(needle.as_str()))
        };
        self.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(place, _)| place.clone()).collect()
    }
}

/// What a model's server may answer wrong; where it can, it says the key itself.
fn wrongs(key: &str) -> Vec<Reply> {
    let echo = format!("{{\"error\":{{\"message\":\"no such key {key}\",\"code\":\"invalid_api_key\"}}}}");
    let status = |status| Reply::Status {
        status,
        headers: vec![("www-authenticate".to_owned(), format!("Bearer {key}"))],
        body: echo.clone(),
    };
    let after = vec!["Once ".to_owned()];
    vec![
        status(401),
        status(403),
        status(400),
        status(429),
        status(500),
        Reply::Html,
        Reply::ErrorMidStream { after: after.clone() },
        Reply::Cut { after },
    ]
}

/// What a Bot API server may answer wrong, saying the token where it can.
fn faults() -> Vec<Fault> {
    let echo = format!("no such path /bot{BOT}/sendMessage");
    vec![
        Fault::Refuse { code: 400, description: echo.clone() },
        Fault::Refuse { code: 403, description: echo.clone() },
        Fault::Garbage { status: 200, body: format!("not JSON, {echo}") },
        Fault::Garbage { status: 502, body: echo },
        Fault::DropResponse,
        Fault::DropRequest,
    ]
}

/// A daemon that logs everything to a file, with the variable set.
async fn daemon(home: &Home, name: &str) -> Daemon {
    let mut command = home.command(&["serve"]);
    command.env(VARIABLE, KEY_VARIABLE).env("RUST_BACKTRACE", "full");
    let log = std::fs::File::create(home.folder().join(format!("{name}.log"))).unwrap();
    command.stderr(Stdio::from(log));
    Daemon::spawned(command).await
}

async fn run(home: &Home, heard: &mut Heard, args: &[&str]) {
    let mut command = home.command(args);
    command.env(VARIABLE, KEY_VARIABLE);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    heard.output(&args.join(" "), &output);
}

/// Drives one daemon through everything that goes wrong with its model and its bot.
async fn misfortunes(home: &Home, heard: &mut Heard, model: &ModelServer, telegram: &TelegramServer, key: &str) {
    let life = daemon(home, "misfortunes").await;
    let client = life.client();
    for wrong in wrongs(key) {
        model.set(Script::always(wrong));
        let told = say(&client, &question(SMALL_TALK)).await;
        heard.0.push(("a failed answer".to_owned(), format!("{told:?}").into_bytes()));
    }
    for (n, fault) in faults().into_iter().enumerate() {
        telegram.fault("sendMessage", fault.clone());
        telegram.fault("getUpdates", fault);
        telegram.push_message(100 + i64::try_from(n).unwrap(), 42, "When does the migration end?");
        tokio::time::timeout(PATIENCE, telegram.wait_calls("sendMessage", n + 1)).await.unwrap();
    }
    telegram.fault("getUpdates", Fault::Refuse { code: 401, description: format!("Unauthorized {BOT}") });
    let stranger = Client::new(&life.url, Some("tk_wrong".to_owned().into())).unwrap();
    heard.0.push(("a wrong token".to_owned(), format!("{:?}", stranger.tickets().await).into_bytes()));
    life.operator(home).tickets().await.unwrap();
    for args in [["doctor"].as_slice(), &["ticket", "list"], &["scorecard"], &["health"], &["ask", "deadline?"]] {
        run(home, heard, args).await;
    }
    for path in ["/metrics", "/readyz", "/", "/.well-known/security.txt"] {
        let page = http().get(format!("{}{path}", life.url)).send().await.unwrap();
        heard.0.push((path.to_owned(), page.bytes().await.unwrap().to_vec()));
    }
    life.kill().await;
    // Dies in the middle of an answer, by a fault point.
    model.set(Script::always(Reply::text("Once upon a time there was a lantern.")));
    let mut command = home.command(&["serve"]);
    command.env(VARIABLE, KEY_VARIABLE).env("RUST_BACKTRACE", "full").env("TOWNKEEPER_FAULT", "stream.mid_chunk:1");
    command.stderr(Stdio::from(std::fs::File::create(home.folder().join("death.log")).unwrap()));
    let mut dying = Daemon::spawned(command).await;
    dying.client().chat(&question(SMALL_TALK)).await.unwrap();
    dying.gone().await;
}

/// Commands that need no daemon, also with secrets that cannot work; then the backup, opened again.
async fn commands(home: &Home, heard: &mut Heard) {
    for args in
        [["config", "show"].as_slice(), &["config", "show", "--json"], &["config", "check"], &["doctor", "--json"]]
    {
        run(home, heard, args).await;
    }
    let passphrase = home.folder().join("passphrase");
    std::fs::write(&passphrase, PASSPHRASE).unwrap();
    let url = home.folder().join("database.url");
    std::fs::write(&url, format!("postgres://keeper:{DATABASE}@127.0.0.1:9/town")).unwrap();
    let backup = home.folder().join("town.backup");
    let plain = home.folder().join("plain.backup");
    let (backup, plain) = (backup.to_str().unwrap(), plain.to_str().unwrap());
    let (passphrase, url) = (passphrase.to_str().unwrap(), url.to_str().unwrap());
    run(home, heard, &["backup", "--to", backup, "--passphrase-file", passphrase]).await;
    run(home, heard, &["backup", "--to", plain, "--plaintext"]).await;
    run(home, heard, &["backup", "--to", "/dev/null/x", "--plaintext", "--database-url-file", url]).await;
    run(home, heard, &["restore", backup, "--check", "--identity", passphrase]).await;
    heard.file(Path::new(backup));
    let restored = Home::new();
    run(&restored, heard, &["restore", plain]).await;
    let files = heard.0.len();
    heard.folder(&restored.data());
    assert!(heard.0.len() > files + 1, "the backup was not restored");
}

/// A token file beside the home, and an account that uses it.
fn account(home: &Home, telegram: &TelegramServer) -> String {
    let file = home.folder().join("bot.token");
    std::fs::write(&file, BOT).unwrap();
    format!(
        "[log]\nlevel = \"trace\"\n[[account]]\nplatform = \"telegram\"\nname = \"main\"\ntoken_file = \"{}\"\n\
         api_base = \"{}\"\npoll_timeout_s = 1\nrequest_timeout_s = 2\n",
        file.display(),
        telegram.base_url()
    )
}

fn provider(model: &ModelServer, key: &str) -> String {
    format!("[[provider]]\nkind = \"compatible\"\nmodel = \"fake\"\nbase_url = \"{}\"\n{key}\n", model.base_url())
}

#[tokio::test]
async fn no_secret_gets_out_by_any_error() {
    let mut heard = Heard::default();
    let mut secrets: Vec<String> = [BOT, KEY_FILE, KEY_VARIABLE, DATABASE, PASSPHRASE].map(str::to_owned).to_vec();
    // A token without its number, as some messages would cut it.
    secrets.push(BOT.rsplit(':').next().unwrap().to_owned());
    for (key, file) in [(KEY_FILE, true), (KEY_VARIABLE, false)] {
        let model = ModelServer::start(Script::new()).await;
        let telegram = TelegramServer::start(BOT).await;
        let home = Home::new();
        let key_file = home.folder().join("model.key");
        std::fs::write(&key_file, KEY_FILE).unwrap();
        let slot = if file {
            format!("api_key_file = \"{}\"", key_file.display())
        } else {
            format!("api_key_env = \"{VARIABLE}\"")
        };
        let config = format!("{}{}", account(&home, &telegram), provider(&model, &slot));
        let home = home.with(&config);
        misfortunes(&home, &mut heard, &model, &telegram, key).await;
        commands(&home, &mut heard).await;
        secrets.push(std::fs::read_to_string(home.data().join("api.token")).unwrap().trim().to_owned());
        heard.folder(&home.data());
        for log in ["misfortunes.log", "death.log"] {
            heard.file(&home.folder().join(log));
        }
    }
    let places = heard.0.len();
    assert!(places > 60, "only {places} places were searched");
    let loud = heard.0.iter().any(|(place, log)| place.ends_with("misfortunes.log") && log.len() > 10_000);
    assert!(loud, "the logs were not at their loudest");
    assert_eq!(heard.hits(&secrets), Vec::<String>::new());
}

/// Live: a secret in a place that is no slot for one is found, by the same search, in what the commands show and keep.
#[tokio::test]
async fn red_twin_a_secret_in_the_wrong_place_is_found() {
    let home = Home::new().with(&format!("persona = \"{KEY_FILE}\"\n"));
    Daemon::start(&home).await.kill().await;
    let mut heard = Heard::default();
    commands(&home, &mut heard).await;
    let hits = heard.hits(&[KEY_FILE.to_owned()]);
    assert!(hits.iter().any(|place| place.starts_with("config show")), "{hits:?}");
    assert!(hits.iter().any(|place| place.ends_with("restored/config/townkeeper.toml")), "{hits:?}");
}
