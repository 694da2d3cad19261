//! What `strace -f -y -xx` wrote, as steps in the order in which they happened.

/// One thing that the recorded process did.
#[derive(Debug)]
pub(crate) enum Step {
    Write {
        file: String,
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        size: usize,
    },
    Unlink {
        file: String,
    },
    /// Asked for: covers what was written before.
    SyncBegins {
        file: String,
    },
    /// Answered: from now on it is promised.
    SyncEnds {
        file: String,
    },
    Acknowledged(String),
}

/// Files of the database; everything else that is written is no matter of ours.
fn is_ours(path: &str) -> bool {
    path.ends_with("townkeeper.db") || path.ends_with("townkeeper.db-wal") || path.ends_with("townkeeper.db-journal")
}

/// Every step of a log. A call that another thread interrupts stands in two lines: it takes effect with the first, save
/// a sync, which counts when it has returned.
pub(crate) fn read(log: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut syncing: Vec<(&str, String)> = Vec::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("<... fsync resumed") || call.starts_with("<... fdatasync resumed") {
            if let Some(at) = syncing.iter().position(|(waiting, _)| *waiting == thread) {
                steps.push(Step::SyncEnds { file: syncing.remove(at).1 });
            }
            continue;
        }
        let Some((name, rest)) = call.split_once('(') else { continue };
        match name {
            "fsync" | "fdatasync" => {
                let file = path(rest);
                steps.push(Step::SyncBegins { file: file.clone() });
                if call.contains("<unfinished") {
                    syncing.push((thread, file));
                } else {
                    steps.push(Step::SyncEnds { file });
                }
            }
            "unlink" => steps.extend(text(rest).map(unhex).map(|file| Step::Unlink { file }).filter(ours)),
            "ftruncate" => steps.push(Step::Truncate { file: path(rest), size: number(rest, 1) }),
            "pwrite64" => {
                let bytes = raw(text(rest).expect("a write without bytes"));
                assert_eq!(bytes.len(), number(rest, 2), "the log is cut short");
                steps.push(Step::Write { file: path(rest), offset: number(rest, 3), bytes });
            }
            "write" if path(rest).ends_with("/acknowledged") => {
                let said = unhex(text(rest).expect("a write without bytes"));
                steps.push(Step::Acknowledged(said.trim_end().to_owned()));
            }
            // SQLite could seek and write; then this would simulate nothing, and must say so.
            "write" => assert!(!is_ours(&path(rest)), "a write without its place"),
            _ => {}
        }
    }
    steps.retain(ours);
    steps
}

fn ours(step: &Step) -> bool {
    match step {
        Step::Write { file, .. } | Step::Truncate { file, .. } | Step::Unlink { file } => is_ours(file),
        // Of a folder, too: that keeps what was unlinked in it.
        Step::SyncBegins { file } | Step::SyncEnds { file } => is_ours(file) || file.ends_with("/data"),
        Step::Acknowledged(_) => true,
    }
}

/// The file behind a descriptor: `12<\x2f\x74…>, …`.
fn path(arguments: &str) -> String {
    let inside = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(hex, _)| unhex(hex)).unwrap_or_default()
}

/// What stands between the first quotation marks.
fn text(arguments: &str) -> Option<&str> {
    Some(arguments.split_once('"')?.1.split_once('"')?.0)
}

/// The n-th argument as a number. Texts hold no comma: all of them are written in hexadecimal.
fn number(arguments: &str, n: usize) -> usize {
    let argument = arguments.split(',').nth(n).unwrap_or_default().trim();
    let digits: String = argument.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// `\x2f\x74` as bytes.
fn raw(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte - b'a' + 10,
    };
    hex.as_bytes().chunks_exact(4).map(|byte| digit(byte[2]) << 4 | digit(byte[3])).collect()
}

fn unhex(hex: &str) -> String {
    String::from_utf8_lossy(&raw(hex)).into_owned()
}
