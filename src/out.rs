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

/// Words from elsewhere, for a terminal: what it would obey instead of showing (control characters, and those that
/// turn the direction of writing) becomes a space; lines stay.
pub(crate) fn words(text: &str) -> String {
    let obeyed =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.replace(obeyed, " ")
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
