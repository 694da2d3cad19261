//! What commands print: results to standard output, errors to standard error. A closed pipe ends quietly.

use std::io::Write as _;

/// One line for people or programs.
pub(crate) fn line(text: impl AsRef<str>) {
    // `townkeeper … | head` closes the pipe; there is nobody left to tell.
    writeln!(std::io::stdout(), "{}", text.as_ref()).ok();
}

/// Text without a line's end, shown at once: an answer while it is written.
pub(crate) fn part(text: &str) {
    let mut out = std::io::stdout();
    write!(out, "{text}").and_then(|()| out.flush()).ok();
}

/// A value as one line of JSON.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?);
    Ok(())
}

/// Something for people beside the result.
pub(crate) fn hint(text: impl AsRef<str>) {
    writeln!(std::io::stderr(), "{}", text.as_ref()).ok();
}

/// A failed command: what went wrong, and what led to it.
pub(crate) fn error(error: &anyhow::Error) {
    writeln!(std::io::stderr(), "townkeeper: {error:#}").ok();
}
