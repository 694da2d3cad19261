//! People and what they may do, over the API and the command line: tokens, roles, sessions, the log, the keys.

use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use townkeeper_client::{Client, ClientError};
use townkeeper_contract::access::{
    AuditVerdict, CreatedToken, LinkCode, LoginLink, Member, NewMember, NewToken, Permission, Role,
};
use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Home, PATIENCE, http};

/// Runs a command that must succeed, and reads its JSON.
async fn json<T: serde::de::DeserializeOwned>(home: &Home, args: &[&str]) -> T {
    let output = home.run(&[args, &["--json"]].concat()).await;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A client with somebody's token.
pub(crate) fn with_token(daemon: &Daemon, token: &str) -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::new(&daemon.url, Some(SecretString::from(token.to_owned()))).unwrap()
}

/// Adds a person with a role, and makes them a token for everything that their role may ever allow.
pub(crate) async fn with_role(daemon: &Daemon, home: &Home, name: &str, role: Role) -> (Member, Client) {
    let operator = daemon.operator(home);
    let person = operator.add_person(&NewMember { name: name.to_owned(), roles: vec![role] }).await.unwrap();
    let (scopes, named) = (Permission::ALL.to_vec(), Some(person.id.clone()));
    let new = NewToken { name: format!("of {name}"), person: named, scopes, days: 1 };
    let token = operator.create_token(&new).await.unwrap().token;
    (person, with_token(daemon, &token))
}

/// Whether these words stand in the database, or in what belongs to it.
fn is_stored(home: &Home, words: &str) -> bool {
    ["townkeeper.db", "townkeeper.db-wal"].iter().any(|file| {
        let bytes = std::fs::read(home.data().join(file)).unwrap_or_default();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

/// Follows no redirect by itself.
fn browser() -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Status of a refusal.
fn status<T: std::fmt::Debug>(result: Result<T, ClientError>) -> u16 {
    match result {
        Err(ClientError::Refused { status, .. }) => status,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_token_is_made_shown_once_bound_to_its_scopes_and_ended() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let made: CreatedToken =
        json(&home, &["token", "create", "--name", "ci", "--scope", "read_tickets", "--days", "2"]).await;
    assert!(townkeeper_core::secret::is_token(&made.token), "{}", made.token);
    let client = with_token(&daemon, &made.token);
    assert!(client.tickets().await.unwrap().tickets.is_empty());
    assert_eq!(client.me().await.unwrap().permissions, [Permission::ReadTickets]);
    assert_eq!(status(client.people().await), 403, "scopes are the server's");
    assert_eq!(status(client.freeze("").await), 403);

    let listed = home.run(&["token", "list"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("ci") && listed.contains("read_tickets") && listed.contains("used 20"), "{listed}");
    assert!(!listed.contains(&made.token));
    assert!(
        !is_stored(&home, &made.token) && is_stored(&home, &made.info.id),
        "a thief of the database finds no token"
    );

    assert!(home.run(&["token", "revoke", &made.info.id]).await.status.success());
    assert_eq!(status(client.tickets().await), 401);
    assert_eq!(status(with_token(&daemon, "tk_nonsense").tickets().await), 401);
    assert_eq!(status(daemon.client().tickets().await), 401);

    let verdict: AuditVerdict = json(&home, &["audit", "verify"]).await;
    assert!(verdict.whole && verdict.records == 3, "{verdict:?}");
    let log = String::from_utf8(home.run(&["audit", "list"]).await.stdout).unwrap();
    assert!(log.contains("token.create") && log.contains("token.revoke") && log.contains("operator"), "{log}");
}

#[tokio::test]
async fn what_a_request_says_of_its_own_rights_is_refused() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let (person, moderator) = with_role(&daemon, &home, "Robin", Role::Moderator).await;
    assert_eq!(status(moderator.set_role(&person.id, Role::Owner, true).await), 403);
    let new = |person, scopes| NewToken { name: "x".to_owned(), person, scopes, days: 1 };
    assert_eq!(status(moderator.create_token(&new(None, vec![Permission::Freeze])).await), 403);

    let (owner, ada) = with_role(&daemon, &home, "Ada", Role::Owner).await;
    // An owner may do much, but not pass for somebody else.
    assert_eq!(status(ada.create_token(&new(Some(person.id.clone()), vec![Permission::Thaw])).await), 403);
    assert!(ada.create_token(&new(Some(owner.id.clone()), vec![Permission::Thaw])).await.is_ok());
    assert_eq!(status(ada.set_role(&owner.id, Role::Owner, false).await), 409, "the last owner stays");
    assert_eq!(status(ada.set_role("01NOBODY", Role::Owner, true).await), 404);
    assert_eq!(status(ada.revoke_token("01NOTHING").await), 404);

    let body = serde_json::json!({ "name": "x", "scopes": ["read_tickets"], "days": 1, "permissions": ["operate"] });
    let operator = std::fs::read_to_string(home.data().join("api.token")).unwrap();
    let url = format!("{}/v1/tokens", daemon.url);
    let refused = http().post(url).bearer_auth(operator.trim()).json(&body).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);

    // Nobody is let in for somebody else, unless there is nothing that lets them in yet.
    assert_eq!(status(ada.link_code(&person.id).await), 403);
    assert_eq!(status(ada.login_link(&person.id).await), 403);
    let new = ada.add_person(&NewMember { name: "New".to_owned(), roles: Vec::new() }).await.unwrap();
    assert!(ada.link_code(&new.id).await.is_ok() && ada.link_code(&owner.id).await.is_ok());
    ada.freeze("").await.unwrap();
    assert_eq!(status(ada.link_code(&new.id).await), 403, "not while the town is frozen");

    // A role that is taken is gone from every token at once.
    assert!(moderator.audit(1).await.is_ok());
    daemon.operator(&home).set_role(&person.id, Role::Moderator, false).await.unwrap();
    assert_eq!(status(moderator.audit(1).await), 403);
}

#[tokio::test]
async fn while_it_is_frozen_nobody_but_the_operator_changes_who_may_vote() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Owner).await;
    let (bob, voice) = with_role(&daemon, &home, "Bob", Role::Owner).await;
    let new = |name: &str| NewMember { name: name.to_owned(), roles: Vec::new() };
    let puppet = ada.add_person(&new("Puppet")).await.unwrap();
    ada.freeze("").await.unwrap();
    assert_eq!(status(ada.remove_person(&bob.id).await), 403);
    assert_eq!(status(ada.set_role(&bob.id, Role::Owner, false).await), 403);
    assert_eq!(status(ada.set_role(&puppet.id, Role::Owner, true).await), 403);
    assert_eq!(status(ada.unlink(&bob.id, "telegram", "1").await), 403);
    assert_eq!(status(ada.add_person(&new("Another")).await), 403);
    // The twin: the operator may, and so may she once it is over.
    daemon.operator(&home).set_role(&puppet.id, Role::Editor, true).await.unwrap();
    voice.thaw().await.unwrap();
    assert!(!ada.thaw().await.unwrap().frozen);
    ada.remove_person(&bob.id).await.unwrap();
}

#[tokio::test]
async fn who_is_signed_out_is_out_in_every_browser() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let ada: Member = json(&home, &["person", "add", "Ada", "--role", "moderator"]).await;
    let mut cookies = Vec::new();
    for _ in 0..2 {
        let link: LoginLink = json(&home, &["login", &ada.id]).await;
        let opened = browser().post(&link.url).header("origin", &daemon.url).send().await.unwrap();
        cookies.push(opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned());
    }
    let me = async |cookie: &str| {
        let asked = browser().get(format!("{}/v1/me", daemon.url)).header("cookie", cookie);
        asked.send().await.unwrap().status().as_u16()
    };
    assert_eq!((me(&cookies[0]).await, me(&cookies[1]).await), (200, 200));
    assert!(home.run(&["person", "sign-out", &ada.id]).await.status.success());
    assert_eq!((me(&cookies[0]).await, me(&cookies[1]).await), (401, 401));
    assert!(!home.run(&["person", "sign-out", "nobody"]).await.status.success());
}

/// A session and a linked account know no scopes: nobody comes by one with less than it will allow.
#[tokio::test]
async fn a_token_with_few_scopes_becomes_no_session_with_all() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let operator = daemon.operator(&home);
    let (owner, all) = with_role(&daemon, &home, "Ada", Role::Owner).await;
    let scopes = vec![Permission::ReadTickets, Permission::ManagePeople];
    let new = NewToken { name: "few".to_owned(), person: Some(owner.id.clone()), scopes, days: 1 };
    let few = with_token(&daemon, &operator.create_token(&new).await.unwrap().token);
    assert_eq!(status(few.login_link(&owner.id).await), 403);
    assert_eq!(status(few.link_code(&owner.id).await), 403);
    // Nor through somebody who is new and may more.
    let roles = vec![Role::Owner];
    let heir = operator.add_person(&NewMember { name: "Heir".to_owned(), roles }).await.unwrap();
    assert_eq!(status(few.login_link(&heir.id).await), 403);
    // The twins: who may all of it, and somebody new who may nothing yet.
    assert!(all.login_link(&owner.id).await.is_ok() && all.link_code(&owner.id).await.is_ok());
    assert!(all.login_link(&heir.id).await.is_ok());
    let guest = operator.add_person(&NewMember { name: "Guest".to_owned(), roles: Vec::new() }).await.unwrap();
    assert!(few.login_link(&guest.id).await.is_ok());
}

/// A page of another site can make its own name lead to us: then its requests are of our origin, and only `Host` tells.
#[tokio::test]
async fn a_name_that_leads_here_but_is_not_ours_is_refused_on_every_route() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let port = daemon.url.rsplit_once(':').unwrap().1.trim_end_matches('/').to_owned();
    let ask = async |method: Method, path: &str, host: &str| {
        let request = http().request(method, format!("{}{path}", daemon.url)).header("host", host);
        // Their script may add what it likes.
        let request = request.header("origin", format!("http://{host}")).header("x-forwarded-for", "192.0.2.7");
        let answer = request.header("content-type", "application/json").body("{}").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let rebound = format!("lumen-claim.example.net:{port}");
    for (method, path) in [
        (Method::POST, "/v1/chat"),
        (Method::POST, "/"),
        (Method::GET, "/"),
        (Method::GET, "/metrics"),
        (Method::POST, "/v1/thaw"),
    ] {
        let (status, body) = ask(method.clone(), path, &rebound).await;
        assert!(status == 403 && body.contains("foreign_host"), "{method} {path}: {status} {body}");
        // The twin: a name of ours.
        let (status, body) = ask(method.clone(), path, &format!("localhost:{port}")).await;
        assert!(!body.contains("foreign_host"), "{method} {path}: {status} {body}");
    }
    let named = Home::new().with("[web]\nurl = \"https://keeper.example.org\"\nhosts = [\"keeper.lan\"]\n");
    let daemon = Daemon::start(&named).await;
    for (host, status) in [("keeper.example.org", 200), ("keeper.lan:80", 200), ("lumen-claim.example.net", 403)] {
        let answer = http().get(format!("{}/healthz", daemon.url)).header("host", host).send().await.unwrap();
        assert_eq!(answer.status(), status, "{host}");
    }
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_is_slowed_and_the_operator_is_not() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let wrong = with_token(&daemon, &townkeeper_core::secret::token(&[1; 32]));
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(status(wrong.tickets().await));
    }
    assert_eq!((statuses[0], statuses[24]), (401, 429), "{statuses:?}");
    assert!(daemon.operator(&home).tickets().await.is_ok());
    assert_eq!(status(daemon.client().tickets().await), 429);
    let metrics = http().get(format!("{}/metrics", daemon.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("townkeeper_auth_refused_total{why=\"wrong\"} 20"), "{metrics}");
}

#[tokio::test]
async fn a_login_link_opens_a_session_that_only_our_own_pages_use() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let ada: Member = json(&home, &["person", "add", "Ada", "--role", "moderator"]).await;
    let link: LoginLink = json(&home, &["login", &ada.id]).await;
    assert!(link.url.starts_with(&format!("{}/login/", daemon.url)), "{}", link.url);
    let browser = browser();
    // A chat that looks at the link uses nothing up.
    for _ in 0..2 {
        assert_eq!(browser.get(&link.url).send().await.unwrap().status(), StatusCode::OK);
    }
    let opened = browser.post(&link.url).header("origin", &daemon.url).send().await.unwrap();
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap().to_owned();
    for secret in [cookie.split('=').nth(1).unwrap(), link.url.rsplit('/').next().unwrap()] {
        assert!(secret.len() == 64 && !is_stored(&home, secret), "a thief of the database signs in");
        assert!(is_stored(&home, &townkeeper_core::secret::hash(secret)));
    }
    let again = browser.post(&link.url).header("origin", &daemon.url).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::CONFLICT);

    let ask = |method: Method, path: &str, headers: &[(&str, &str)]| {
        let mut request = browser.request(method, format!("{}{path}", daemon.url)).header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        async { request.send().await.unwrap() }
    };
    let me: Value = ask(Method::GET, "/v1/me", &[]).await.json().await.unwrap();
    assert_eq!(me["actor"], format!("person:{}", ada.id));
    assert_eq!(ask(Method::GET, "/v1/people", &[]).await.status(), 403);
    // Cross-site: with a foreign origin, from a sibling, from nowhere that is named.
    let foreign: &[&[(&str, &str)]] = &[
        &[],
        &[("origin", "https://elsewhere.example.org")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &daemon.url)],
    ];
    for headers in foreign {
        for path in ["/v1/thaw", "/v1/logout", "/v1/freeze"] {
            assert_eq!(ask(Method::POST, path, headers).await.status(), 403, "{path} {headers:?}");
        }
    }
    assert_eq!(ask(Method::GET, "/v1/me", &[("sec-fetch-site", "cross-site")]).await.status(), 403);
    // The twin: the same from our own page.
    assert_eq!(ask(Method::POST, "/v1/logout", &[("origin", &daemon.url)]).await.status(), 204);
    assert_eq!(ask(Method::GET, "/v1/me", &[]).await.status(), 401, "signed out");
}

#[tokio::test]
async fn the_key_is_published_and_rotated_with_an_overlap() {
    let home = Home::new().with("[web]\nurl = \"https://keeper.example.org/\"\n");
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let before = client.well_known().await.unwrap();
    assert_eq!(before.url.as_deref(), Some("https://keeper.example.org"));
    assert_eq!((before.workspace.as_str(), before.keys.len()), ("Lumen Keeper", 1));
    assert_eq!(status(client.rotate_key().await), 401);
    assert!(home.run(&["key", "rotate"]).await.status.success());
    let after = client.well_known().await.unwrap();
    assert_eq!(after.keys.len(), 2);
    assert!(after.keys[0].valid_until_ms.is_none() && after.keys[1].valid_until_ms.is_some());
    assert_eq!(after.keys[1].key, before.keys[0].key);
    let log = daemon.operator(&home).audit(1).await.unwrap();
    assert_eq!((log.records[0].action.as_str(), &log.records[0].subject), ("key.rotate", &after.keys[0].key));
    // Where people reach us by https, the cookie never travels without.
    let ada: Member = json(&home, &["person", "add", "Ada"]).await;
    let link: LoginLink = json(&home, &["login", &ada.id]).await;
    let secret = link.url.strip_prefix("https://keeper.example.org").unwrap();
    let browser = browser();
    let opened = browser.post(format!("{}{secret}", daemon.url)).send().await.unwrap();
    assert!(opened.headers()["set-cookie"].to_str().unwrap().contains("; Secure"));
}

#[tokio::test]
async fn a_key_that_others_may_read_keeps_the_daemon_from_starting() {
    let home = Home::new();
    Daemon::start(&home).await.kill().await;
    let path = home.data().join("signing.key");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let refused = home.run(&["serve"]).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("chmod 600"), "{said}");
}

#[tokio::test]
async fn an_operators_token_that_others_may_read_keeps_the_daemon_from_starting() {
    let home = Home::new();
    Daemon::start(&home).await.kill().await;
    let path = home.data().join("api.token");
    let mode = |file: &str| {
        let found = std::fs::metadata(home.data().join(file)).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::mode(&found) & 0o777
    };
    assert_eq!((mode("api.token"), mode("townkeeper.db")), (0o600, 0o600), "nor the database");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let refused = home.run(&["serve"]).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("delete it") && said.contains("644"), "{said}");
    // A draft that is left over gives its mode to nobody.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(home.data().join("api.token.new"), "x").unwrap();
    Daemon::start(&home).await.kill().await;
    assert_eq!(mode("api.token"), 0o600);
}

#[tokio::test]
async fn who_is_linked_and_has_a_role_signs_in_from_a_chat() {
    let telegram = TelegramServer::start("123456:abcDEF").await;
    let home = Home::new().with_telegram(telegram.base_url(), "123456:abcDEF");
    let home = home.with("[web]\nurl = \"http://keeper.example.org\"\n");
    let daemon = Daemon::start(&home).await;
    let ada: Member = json(&home, &["person", "add", "Ada"]).await;
    let code: LinkCode = json(&home, &["person", "link", &ada.id]).await;
    let says = async |text: &str, n: usize| {
        telegram.push_message(42, 42, text);
        let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(n)).await.expect("no answer comes");
        sent[n - 1].text.clone()
    };
    assert!(says("/link", 1).await.contains("Write the code"));
    assert!(says(&format!("/link {}", code.code), 2).await.contains("as Ada"));
    assert!(says("/login", 3).await.contains("for the team"), "linked, but without a role");
    assert!(home.run(&["person", "role", &ada.id, "editor"]).await.status.success());
    let words = says("/login", 4).await;
    let path = words.split("http://keeper.example.org").nth(1).expect("a link").trim();
    let opened = browser().post(format!("{}{path}", daemon.url)).send().await.unwrap();
    assert_eq!(opened.status(), StatusCode::SEE_OTHER, "{words}");
    // A guess signs nobody in.
    let guess = browser().post(format!("{}/login/{}", daemon.url, "0".repeat(64))).send().await.unwrap();
    assert_eq!(guess.status(), StatusCode::CONFLICT);
    let shown = String::from_utf8(home.run(&["person", "list"]).await.stdout).unwrap();
    assert!(shown.contains("telegram:42") && shown.contains("editor"), "{shown}");
    assert!(home.run(&["person", "unlink", &ada.id, "telegram", "42"]).await.status.success());
    assert!(says("/login", 5).await.contains("for the team"), "the account is nobody's now");
    let wrong = home.run(&["person", "unlink", "../tokens", "telegram", "42"]).await;
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("no such person"));
}

/// Somebody wants to be forgotten: one command, and no byte of them is left; the log says that it was done, not to whom.
#[tokio::test]
async fn who_wants_to_be_forgotten_is() {
    const TOKEN: &str = "7000000001:made-up-for-the-loopback-fake";
    const NUMBER: i64 = 7_770_001_777;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN);
    let mut daemon = Daemon::start(&home).await;
    telegram.push_message(NUMBER, NUMBER, "what do you know of my cousin Peregrine?");
    telegram.wait_sent(1).await;
    let erased = home.run(&["person", "erase", "telegram:main", &NUMBER.to_string(), "--json"]).await;
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    let erased: Value = serde_json::from_slice(&erased.stdout).unwrap();
    assert_eq!((erased["tables"]["inbox"].as_u64(), erased["tables"]["turn"].as_u64()), (Some(1), Some(1)), "{erased}");
    let verdict = home.run(&["audit", "verify"]).await;
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stdout));
    let list = home.run(&["audit", "list", "--json"]).await;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("person.erase") && !list.contains(&NUMBER.to_string()), "{list}");
    daemon.signal("TERM").await;
    daemon.gone().await;
    let bytes = std::fs::read(home.data().join("townkeeper.db")).unwrap();
    for canary in ["Peregrine", "7770001777"] {
        assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary} is still there");
    }
}
