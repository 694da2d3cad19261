//! Hosts that everybody uses: what is bad there is one page of millions. Public lists name them now and then, mostly as
//! what is left of a link without its path; we deny none of them.

/// In order, without `www.`.
const SHARED: &[&str] = &[
    "amazon.com",
    "apple.com",
    "bit.ly",
    "cdn.discordapp.com",
    "chat.whatsapp.com",
    "cloudflare-ipfs.com",
    "cutt.ly",
    "discord.com",
    "discord.gg",
    "discord.me",
    "discordapp.com",
    "docs.google.com",
    "drive.google.com",
    "dropbox.com",
    "dsc.gg",
    "etherscan.io",
    "facebook.com",
    "forms.gle",
    "gist.github.com",
    "github.com",
    "gitlab.com",
    "goo.gl",
    "google.com",
    "instagram.com",
    "ipfs.io",
    "is.gd",
    "linkedin.com",
    "linktr.ee",
    "matrix.to",
    "medium.com",
    "microsoft.com",
    "notion.so",
    "raw.githubusercontent.com",
    "rebrand.ly",
    "reddit.com",
    "signal.group",
    "sites.google.com",
    "steamcommunity.com",
    "t.co",
    "t.me",
    "telegram.dog",
    "telegram.me",
    "telegram.org",
    "tiktok.com",
    "tinyurl.com",
    "twitch.tv",
    "twitter.com",
    "wa.me",
    "whatsapp.com",
    "wikipedia.org",
    "x.com",
    "youtu.be",
    "youtube.com",
    "zoom.us",
];

/// Whether a host, in lower case, is one of them.
pub fn is_shared(host: &str) -> bool {
    let host = host.strip_prefix("www.").unwrap_or(host);
    SHARED.binary_search(&host).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_and_what_is_like_them_is_not() {
        assert!(SHARED.is_sorted());
        assert!(is_shared("t.me") && is_shared("www.youtube.com"));
        assert!(!is_shared("t.me.example.net") && !is_shared("youtube.com.example.net") && !is_shared("a.github.com"));
    }
}
