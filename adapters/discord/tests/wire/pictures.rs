//! Attachments: fetched from where Discord keeps them, without a token, and never more than is wanted.

use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::inbound::PictureRef;
use townkeeper_contract::platform::{DeliverError, Platform as _};
use townkeeper_discord::{Discord, DiscordConfig};
use townkeeper_fakes::discord::DiscordServer;

use crate::{TOKEN, soon, us};

#[tokio::test]
async fn an_attachment_is_fetched_whole_or_not_at_all_and_nobody_is_shown_the_token() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let server = DiscordServer::start(&[us()]).await;
    let config = DiscordConfig {
        api_base: server.api_base(),
        media_base: Some(server.media_base()),
        request_timeout_s: 2,
        ..DiscordConfig::default()
    };
    let bot = Arc::new(Discord::new("discord:main".into(), config, TOKEN.into()).expect("a valid account"));
    let file = server.attach("a.png", "image/png", &[7; 1_000]);
    let there = PictureRef(file["url"].as_str().expect("an address").to_owned());
    assert_eq!(soon(bot.picture(&there, 1_000)).await, Ok(vec![7; 1_000]));
    assert!(matches!(soon(bot.picture(&there, 999)).await, Err(DeliverError::Refused(_))));
    let elsewhere = PictureRef(there.0.replace("cdn.discordapp.com", "cdn.example.net"));
    assert!(matches!(soon(bot.picture(&elsewhere, 1_000)).await, Err(DeliverError::Refused(_))));
    server.advance(Duration::from_hours(25));
    assert!(matches!(soon(bot.picture(&there, 1_000)).await, Err(DeliverError::Refused(_))), "its address is over");
    let asked: Vec<_> = server.look(|s| s.downloads.iter().map(|d| (d.authorised, d.status)).collect());
    assert_eq!(asked, [(false, 200), (false, 200), (false, 404)], "nothing was asked of the other host");
}
