//! Invitations to other rooms: by link, whatever the host's name of the day is, or by a bare code.

use std::sync::LazyLock;

use super::Hit;
use super::sought::{ASCII, Sought};

/// "invite code: AbC123", "the code of the invite is AbC123".
static CODE: LazyLock<Sought> = LazyLock::new(|| {
    Sought::around(
        "(?i-u:invit|code )",
        ASCII,
        r#"(?i)\b(?:invit(?:e|ation)[ -](?:code|link|id)|code (?:of|for|to) the (?:invite|server|group|channel))(?: is| are| was|:|=|,)* ?["'`*(]*(?P<code>[a-z0-9_-]{4,40})"#,
    )
});

/// Words that follow where no code does.
const WORDS: &[&str] = &[
    "above", "after", "again", "also", "always", "anybody", "before", "below", "because", "comes", "does", "expired",
    "expires", "from", "given", "here", "needed", "never", "none", "nobody", "only", "posted", "soon", "that", "there",
    "they", "this", "when", "where", "which", "will", "with", "without", "works",
];

/// Codes that are said without a link. Their value is `code:AbC123`.
pub(super) fn codes(text: &str) -> Vec<Hit> {
    let found = CODE.captures(text);
    let codes = found.iter().filter_map(|found| found.name("code"));
    let codes = codes.filter(|code| !WORDS.contains(&code.as_str().to_ascii_lowercase().as_str()));
    codes.map(|code| Hit::new(code.range(), format!("code:{}", code.as_str()))).collect()
}

/// The one spelling of an invitation's link: `https://discord.gg/AbC`, `https://t.me/+AbC`. `None` if it is none.
pub(super) fn of_url(value: &str) -> Option<String> {
    let (_, rest) = value.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.strip_prefix("www.").unwrap_or(host);
    let code = |path: &str| path.split(['/', '?', '#']).next().filter(|code| !code.is_empty()).map(str::to_owned);
    let below = |folder: &str| path.strip_prefix(folder).and_then(code);
    match host {
        "discord.gg" | "discord.io" | "dsc.gg" | "discord.me" => {
            code(path).map(|code| format!("https://{host}/{code}"))
        }
        "discord.com" | "discordapp.com" | "ptb.discord.com" | "canary.discord.com" => {
            below("invite/").map(|code| format!("https://discord.gg/{code}"))
        }
        "t.me" | "telegram.me" | "telegram.dog" => {
            below("+").or_else(|| below("joinchat/")).map(|code| format!("https://t.me/+{code}"))
        }
        "chat.whatsapp.com" => code(path).map(|code| format!("https://{host}/{code}")),
        "signal.group" => path.strip_prefix('#').map(|code| format!("https://{host}/#{code}")),
        // tg://join?invite=AbC
        _ => value.strip_prefix("tg://join?invite=").map(|code| format!("https://t.me/+{code}")),
    }
}

/// The pattern that is looked for at its places.
#[cfg(test)]
pub(super) fn sought() -> Vec<&'static Sought> {
    vec![&CODE]
}
