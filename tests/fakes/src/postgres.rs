//! A throw-away PostgreSQL: a cluster of its own in a folder of its own, reached by a socket in that folder, gone with
//! the value. Not a fake but the real server, from the system's `initdb` and `postgres` (Debian: `postgresql`); never
//! one that happens to run.
#![expect(clippy::expect_used, reason = "a test's tool: what cannot be set up must end the test")]

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Numbers clusters of one process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// How long a cluster may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    bin: PathBuf,
    /// `postgres` refuses to run as root: then it runs as the user of that name.
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Starts a cluster that syncs to disk only if `durable`: nothing kills the machine under a test.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed, or does not start; with what it said.
    pub fn start(durable: bool) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Short, because a socket's path may hold about 100 bytes.
        let folder = std::env::temp_dir().join(format!("tk-pg-{}-{number}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir(&folder).expect("a folder for PostgreSQL");
        let cluster = Self { bin: bin(), user: user(), folder };
        if let Some((uid, gid)) = cluster.user {
            chown(&cluster.folder, Some(uid), Some(gid)).expect("the folder given to postgres");
        }
        let data = cluster.data();
        let initdb = ["--username=postgres", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8", "--pgdata"];
        Self::run(cluster.command("initdb").args(initdb).arg(&data));
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 60\nfsync = {}\n",
            cluster.folder.display(),
            if durable { "on" } else { "off" },
        );
        fs::write(data.join("postgresql.auto.conf"), settings).expect("the cluster's settings");
        cluster.boot();
        cluster
    }

    /// Starts the server again after [`Self::halt`], with all it had committed.
    pub fn boot(&self) {
        let log = self.folder.join("log");
        let mut start = self.command("pg_ctl");
        start.args(["--wait", "--silent", "--timeout=60", "--log"]).arg(log).arg("--pgdata").arg(self.data());
        Self::run(start.arg("start"));
        let began = Instant::now();
        while !self.command("pg_isready").arg("-q").arg("-h").arg(&self.folder).status().is_ok_and(|s| s.success()) {
            assert!(began.elapsed() < PATIENCE, "PostgreSQL did not become ready");
        }
    }

    /// Ends the server at once, as a crash would: connections break, what was committed stays.
    pub fn halt(&self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["--mode=immediate", "--silent", "--pgdata"]).arg(self.data()).arg("stop");
        stop.stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }

    /// An empty database of that name; its URL.
    pub fn database(&self, name: &str) -> String {
        Self::run(self.command("createdb").arg("-h").arg(&self.folder).args(["-U", "postgres", name]));
        format!("postgres://postgres@localhost/{name}?host={}", self.folder.display())
    }

    /// Runs statements in a database, as its superuser; what they gave.
    pub fn psql(&self, database: &str, statements: &str) -> String {
        let mut psql = self.command("psql");
        psql.arg("-h").arg(&self.folder).args(["-U", "postgres", "-At", "-v", "ON_ERROR_STOP=1", "-d", database]);
        Self::run(psql.args(["-c", statements]))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of PostgreSQL's, as the user it may run as.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = match self.user {
            None => Command::new(program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg(program);
                command
            }
        };
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    fn run(command: &mut Command) -> String {
        // A server that is started inherits what is not closed; a pipe would wait for its end.
        let starts = command.get_args().any(|arg| arg == "start");
        if starts {
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("PostgreSQL's programs");
            assert!(status.success(), "{command:?}: {status}");
            return String::new();
        }
        let output = command.output().expect("PostgreSQL's programs");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.halt();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The folder of the newest PostgreSQL that is installed.
fn bin() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = versions.max_by_key(|path| {
        path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok()).unwrap_or(0)
    });
    let found = newest.map(|path| path.join("bin")).filter(|bin| bin.join("initdb").exists());
    let elsewhere = ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"];
    found
        .or_else(|| elsewhere.iter().map(PathBuf::from).find(|bin| bin.join("initdb").exists()))
        .expect("PostgreSQL is not installed (Debian: apt-get install postgresql)")
}

/// Who to be, if we are root.
fn user() -> Option<(u32, u32)> {
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    root.then(|| {
        let passwd = fs::read_to_string(Path::new("/etc/passwd")).expect("/etc/passwd");
        let line = passwd.lines().find(|line| line.starts_with("postgres:")).expect("a user `postgres`");
        let mut ids = line.split(':').skip(2).map(|id| id.parse().expect("a number"));
        (ids.next().expect("a user id"), ids.next().expect("a group id"))
    })
}
