//! Links that show one address and open another.

use std::sync::LazyLock;

use regex::Regex;

use super::{Finding, extract, pattern};

/// `[label](target)`, on one line.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\[(?P<label>[^\[\]\n]{1,300})\]\( {0,3}<?(?P<target>[^ ()<>\n]{1,2000})"));

/// Whether a Markdown link in `text` shows another host than it opens.
pub fn masks(text: &str) -> bool {
    text.contains("](")
        && LINK.captures_iter(text).any(|found| match (found.name("label"), found.name("target")) {
            (Some(label), Some(target)) => deceives(label.as_str(), target.as_str()),
            _ => false,
        })
}

/// Whether a link with this label, opening this target, shows a reader another host than it leads to.
pub fn deceives(label: &str, target: &str) -> bool {
    let shown = extract(label);
    let mut shown = shown.iter().filter_map(Finding::host).peekable();
    if shown.peek().is_none() {
        return false;
    }
    let opened = extract(target);
    let opened = opened.iter().find_map(Finding::host);
    shown.any(|host| Some(host) != opened)
}
