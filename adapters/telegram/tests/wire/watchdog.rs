//! A poll that neither answers nor fails: receiving goes on without it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use townkeeper_fakes::telegram::{Fault, TelegramServer};
use townkeeper_telegram::TelegramConfig;

use crate::host::{Running, TestHost, text};
use crate::{TOKEN, bot_with, soon};

/// Polls are held for a second, and waited for one more.
fn hasty(base: &str) -> TelegramConfig {
    TelegramConfig { api_base: base.into(), poll_timeout_s: 1, request_timeout_s: 1, ..TelegramConfig::default() }
}

#[tokio::test]
async fn a_poll_that_never_answers_is_dropped_and_made_anew() {
    for fault in [Fault::Stall, Fault::SlowBody] {
        let server = TelegramServer::start(TOKEN).await;
        server.fault("getUpdates", fault);
        server.push_message(11, 11, "Still there?");
        let host = Arc::new(TestHost::default());
        let _running = Running::start(&bot_with(hasty(server.base_url())), &host);
        assert!(soon(host.wait_trouble()).await.contains("cannot be reached"));
        assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Still there?");
        soon(host.wait_well()).await;
    }
}

/// Before the server: takes connections and, while it is dead, reads what comes and passes nothing on. Nobody closes
/// anything, which is what a lost route looks like from here.
struct Route {
    address: SocketAddr,
    swallowed: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Route {
    /// Passes `alive` connections on, then swallows `dead` of them, then passes on for good.
    async fn to(server: &TelegramServer, alive: usize, dead: usize) -> Self {
        let upstream = server.base_url().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let swallowed = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&swallowed);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            for n in 0_usize.. {
                let (mut near, _) = listener.accept().await.expect("a connection");
                if (alive..alive + dead).contains(&n) {
                    counted.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(async move {
                        let mut bytes = [0; 1024];
                        while near.read(&mut bytes).await.is_ok_and(|n| n > 0) {}
                        std::future::pending::<()>().await;
                    });
                } else {
                    let mut far = TcpStream::connect(&upstream).await.expect("the server");
                    connections.spawn(async move {
                        copy_bidirectional(&mut near, &mut far).await.ok();
                    });
                }
            }
        });
        Self { address, swallowed, _tasks: tasks }
    }
}

#[tokio::test]
async fn a_connection_that_nobody_is_at_the_end_of_is_given_up() {
    let server = TelegramServer::start(TOKEN).await;
    let route = Route::to(&server, 0, 2).await;
    server.push_message(11, 11, "Anybody?");
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot_with(hasty(&format!("http://{}", route.address))), &host);
    assert!(soon(host.wait_trouble()).await.contains("cannot be reached"));
    assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Anybody?");
    assert_eq!(route.swallowed.load(Ordering::Relaxed), 2);
}

/// A proxy that holds no poll answers at once, and empty: it is not asked as fast as it answers.
#[tokio::test]
async fn a_server_that_holds_no_poll_is_not_asked_without_end() {
    let server = TelegramServer::start(TOKEN).await;
    server.break_down("getUpdates", Fault::Garbage { status: 200, body: r#"{"ok":true,"result":[]}"#.into() });
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot_with(hasty(server.base_url())), &host);
    let polls = soon(server.wait_calls("getUpdates", 4)).await;
    let waited = polls[3].at.duration_since(polls[0].at);
    assert!(waited >= std::time::Duration::from_millis(600), "four polls within {waited:?}");
    server.mend("getUpdates");
    server.push_message(11, 11, "gm");
    soon(host.wait_accepted(1)).await;
}
