//! Every way to make us talk to this machine: nothing arrives at its listener. For each gate a red twin, in which the
//! same request does arrive.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A listener on this machine that counts who comes and answers each with `answer(path)`, head and all.
struct Listener {
    port: u16,
    arrived: Arc<AtomicUsize>,
}

impl Listener {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let arrived = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (arrived.clone(), Arc::new(answer));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    let read = socket.read(&mut request).await.unwrap_or(0);
                    let request = String::from_utf8_lossy(&request[..read]).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or("/");
                    socket.write_all(&answer(path)).await.ok();
                });
            }
        });
        Self { port, arrived }
    }

    fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into()
}

fn moved(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into()
}

fn rules() -> Rules {
    let hosts = ["town.example.org", "inner.example.org", "localhost"].map(str::to_owned).to_vec();
    Rules { hosts, types: &["text/html"], bytes: 1000, within: TOTAL }
}

/// One that knows these names alone, and trusts no authority: nothing leaves this machine.
fn fetcher(guards: Guards, names: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Fetcher {
    rustls::crypto::ring::default_provider().install_default().ok();
    Fetcher::guarded(rules(), guards, Resolver::given(names), client().tls_certs_only(Vec::new())).unwrap()
}

/// In the clear, to this machine, for one name: what a test server needs, and no release has.
fn near() -> Guards {
    Guards { https: false, private: vec!["town.example.org".to_owned()], ..ALL }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Spellings of this machine's address, and what is wrong with each.
fn spellings(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "①②⑦.⓪.⓪.①",
        "%31%32%37.0.0.1",
        "127。0。0。1",
    ];
    hosts.iter().map(|host| format!("https://{host}:{port}/")).collect()
}

#[tokio::test]
async fn no_spelling_of_an_address_is_connected_to() {
    let listener = Listener::start(|_| ok("secret")).await;
    let guarded = fetcher(ALL, |_| vec![LOOPBACK]);
    let open = fetcher(Guards { literals: false, ..ALL }, |_| vec![LOOPBACK]);
    for (n, spelling) in spellings(listener.port).iter().enumerate() {
        let url = url(spelling);
        assert!(matches!(guarded.get(&url).await, Err(FetchError::Literal(_))), "{spelling}");
        assert_eq!(listener.arrived(), 0, "{spelling}");
        // The red twin, for those that mean 127.0.0.1: without the gate it arrives, to fail at its TLS alone.
        if n < 8 {
            assert!(matches!(open.get(&url).await, Err(FetchError::Unreachable { .. })), "{spelling}");
            assert_eq!(listener.arrived.swap(0, Ordering::SeqCst), 1, "{spelling}");
        }
    }
}

#[tokio::test]
async fn no_name_that_leads_to_this_machine_is_connected_to() {
    let listener = Listener::start(|_| ok("secret")).await;
    let public: IpAddr = "192.88.98.1".parse().unwrap();
    for addresses in [vec![LOOPBACK], vec![public, LOOPBACK], vec!["::1".parse().unwrap()]] {
        let listed = addresses.clone();
        let guarded = fetcher(ALL, move |_| listed.clone());
        for host in ["inner.example.org", "localhost"] {
            let url = url(&format!("https://{host}:{}/", listener.port));
            assert!(matches!(guarded.get(&url).await, Err(FetchError::Private { .. })), "{host} {addresses:?}");
        }
    }
    assert_eq!(listener.arrived(), 0);
    // The red twin.
    let open = fetcher(Guards { private: vec!["inner.example.org".to_owned()], ..ALL }, |_| vec![LOOPBACK]);
    open.get(&url(&format!("https://inner.example.org:{}/", listener.port))).await.unwrap_err();
    assert_eq!(listener.arrived(), 1);
}

/// A name that is public when it is looked at and private when it is used: it is looked at when it is used.
#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let listener = Listener::start(|path| if path == "/" { moved("/again") } else { ok("secret") }).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let rebinding = fetcher(Guards { https: false, ..ALL }, move |_| {
        // At first it leads nowhere.
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        if first { Vec::new() } else { vec![LOOPBACK] }
    });
    let url = url(&format!("http://inner.example.org:{}/", listener.port));
    assert!(matches!(rebinding.get(&url).await, Err(FetchError::Unreachable { .. })));
    assert!(matches!(rebinding.get(&url).await, Err(FetchError::Private { .. })));
    assert_eq!((asked.load(Ordering::SeqCst), listener.arrived()), (2, 0));
}

#[tokio::test]
async fn redirects_go_through_the_same_gates() {
    let inner = Listener::start(|_| ok("secret")).await;
    let port = inner.port;
    let mut targets: Vec<String> = spellings(port);
    targets.extend([
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://inner.example.org:{port}/"),
        format!("http://elsewhere.example.net:{port}/"),
        format!("http://town.example.org@127.0.0.1:{port}/"),
        format!("http://a:b@town.example.org:{port}/"),
        "file:///etc/hostname".to_owned(),
        format!("gopher://town.example.org:{port}/"),
    ]);
    let listed = targets.clone();
    let outer = Listener::start(move |path| {
        let n: usize = path.trim_start_matches('/').parse().unwrap_or(0);
        moved(&listed[n])
    })
    .await;
    let guarded = fetcher(near(), |_| vec![LOOPBACK]);
    for (n, target) in targets.iter().enumerate() {
        let fetched = guarded.get(&url(&format!("http://town.example.org:{}/{n}", outer.port))).await;
        assert!(fetched.is_err(), "{target}");
        assert_eq!(inner.arrived(), 0, "{target}: {fetched:?}");
    }
    assert!(outer.arrived() >= targets.len(), "each was asked for");
    // The red twins: the same redirects, each with its gate open.
    let literal = targets.iter().position(|target| target.starts_with("http://127")).unwrap();
    let named = targets.iter().position(|target| target.starts_with("http://inner")).unwrap();
    let both = vec!["town.example.org".to_owned(), "inner.example.org".to_owned()];
    for (n, guards) in [(literal, Guards { literals: false, ..near() }), (named, Guards { private: both, ..near() })] {
        let open = fetcher(guards, |_| vec![LOOPBACK]);
        let page = open.get(&url(&format!("http://town.example.org:{}/{n}", outer.port))).await.unwrap();
        assert_eq!(page.body, b"secret");
    }
    assert_eq!(inner.arrived(), 2);
}

#[tokio::test]
async fn a_page_is_read_within_its_size_its_type_and_its_redirects() {
    let listener = Listener::start(|path| match path {
        "/page" => ok("<h1>Hello</h1>"),
        "/moved" => moved("/page"),
        "/circle" => moved("/circle"),
        "/lost" => b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        "/large" => ok(&"a".repeat(1001)),
        // Says nothing of its length, and does not end.
        "/endless" => [b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n".to_vec(), vec![b'a'; 5000]].concat(),
        "/binary" => b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 1\r\n\r\nx".to_vec(),
        "/untyped" => b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx".to_vec(),
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
    })
    .await;
    let fetcher = fetcher(near(), |_| vec![LOOPBACK]);
    let get = async |path: &str| fetcher.get(&url(&format!("http://town.example.org:{}{path}", listener.port))).await;
    let page = get("/page").await.unwrap();
    assert_eq!((page.body.as_slice(), page.media.as_str()), (b"<h1>Hello</h1>".as_slice(), "text/html"));
    assert_eq!(get("/moved").await.unwrap().url.path(), "/page");
    assert!(matches!(get("/circle").await, Err(FetchError::Redirects(_))));
    assert!(matches!(get("/lost").await, Err(FetchError::Status { status: 302, .. })));
    assert!(matches!(get("/large").await, Err(FetchError::Size { .. })));
    assert!(matches!(get("/endless").await, Err(FetchError::Size { .. })));
    assert!(matches!(get("/binary").await, Err(FetchError::Type { .. })));
    assert!(matches!(get("/untyped").await, Err(FetchError::Type { .. })));
    assert!(matches!(get("/none").await, Err(FetchError::Status { status: 404, .. })));
}

#[tokio::test]
async fn a_page_that_is_as_it_was_is_not_read_again() {
    let listener = Listener::start(|path| match path {
        "/same" => b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\netag: \"a\"\r\nlast-modified: x\r\ncontent-length: 1\r\n\r\ny"
            .to_vec(),
    })
    .await;
    let fetcher = fetcher(near(), |_| vec![LOOPBACK]);
    let at = |path: &str| url(&format!("http://town.example.org:{}{path}", listener.port));
    let page = fetcher.get(&at("/new")).await.unwrap();
    assert_eq!(page.validators, Validators { etag: Some("\"a\"".to_owned()), last_modified: Some("x".to_owned()) });
    assert!(fetcher.get_if_changed(&at("/same"), &page.validators).await.unwrap().is_none());
    assert_eq!(fetcher.get_if_changed(&at("/new"), &page.validators).await.unwrap().unwrap().body, b"y");
    // Who asks for no change is told of none.
    assert!(matches!(fetcher.get(&at("/same")).await, Err(FetchError::Status { status: 304, .. })));
}

#[tokio::test]
async fn only_https_and_only_allowed_hosts() {
    let listener = Listener::start(|_| ok("secret")).await;
    let guarded = fetcher(ALL, |_| vec![LOOPBACK]);
    let port = listener.port;
    for text in
        [&format!("http://town.example.org:{port}/"), "file:///etc/passwd", "ftp://town.example.org/", "data:,x"]
    {
        assert!(matches!(guarded.get(&url(text)).await, Err(FetchError::Scheme(_))), "{text}");
    }
    for host in ["example.org", "a.town.example.org", "town.example.org.evil.example", "xn--twn-2na.example.org"] {
        let refused = guarded.get(&url(&format!("https://{host}:{port}/"))).await;
        assert!(matches!(refused, Err(FetchError::Host { .. })), "{host}");
    }
    assert_eq!(listener.arrived(), 0);
}
