//! Pictures: asked for by what a message named, never more than is wanted, and without the token in any text.

use townkeeper_contract::inbound::PictureRef;
use townkeeper_contract::platform::{DeliverError, Platform as _};
use townkeeper_fakes::telegram::{Fault, TelegramServer};

use crate::secret::logging;
use crate::{bot_at, soon};

const TOKEN: &str = "7000000003:CANARY-must-not-sing";

#[tokio::test]
async fn a_picture_is_fetched_whole_or_not_at_all_and_the_token_is_in_no_text() {
    let (log, _logging) = logging();
    let server = TelegramServer::start(TOKEN).await;
    server.push_document(-1_001_234, 66, &[7; 1_000], "image/png", "");
    let bot = bot_at(server.base_url(), TOKEN);
    let there = PictureRef("a-file-of-nobodys-0".to_owned());
    assert_eq!(soon(bot.picture(&there, 1_000)).await, Ok(vec![7; 1_000]));
    let mut texts = Vec::new();
    let mut refused = async |at: &PictureRef, most| {
        let error = soon(bot.picture(at, most)).await.expect_err("nothing to have");
        texts.push(format!("{error} {error:?}"));
        error
    };
    assert!(matches!(refused(&there, 999).await, DeliverError::Refused(_)), "by what Telegram says of its size");
    assert_eq!(server.call_count("file"), 1);
    assert!(matches!(refused(&PictureRef("x".to_owned()), 999).await, DeliverError::Refused(_)));
    server.fault("file", Fault::Garbage { status: 200, body: "more than it said".repeat(1_000) });
    assert!(matches!(refused(&there, 1_000).await, DeliverError::Refused(_)), "and by what really comes");
    let echo = format!("no such path /file/bot{TOKEN}/x");
    for (status, passes) in [(404, false), (302, true), (502, true)] {
        server.fault("file", Fault::Garbage { status, body: echo.clone() });
        let error = refused(&there, 1_000).await;
        assert_eq!(matches!(error, DeliverError::InDoubt(_)), passes, "{status}: {error}");
    }
    server.fault("getFile", Fault::TooMany { retry_after: 3 });
    assert!(matches!(refused(&there, 1_000).await, DeliverError::Throttled { retry_after_ms: 3_000, .. }));
    let texts = texts.join("\n") + &log.text();
    assert!(!texts.contains("CANARY"), "{texts}");
}
