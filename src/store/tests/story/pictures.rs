//! What pictures look like: kept with a case and only with one, held against others while a moderator's word stands, and
//! gone with whoever sent them.

use townkeeper_contract::case::CaseState;
use townkeeper_store::{Accept, DecideCase, JudgedPicture, Store};

use crate::cases::found;
use crate::home::{Home, stories};
use crate::ledger;
use crate::people::by;
use crate::town::{ACCOUNT, W};

stories!(
    a_picture_is_kept_with_its_case_and_counts_while_the_word_stands,
    nothing_of_an_erased_persons_pictures_is_left,
    what_came_before_an_erasure_opens_no_case_after_it,
);

/// The first bit says that it is a negative number in a database.
const HASH: u64 = 0x8000_0000_0000_002a;

async fn keep(store: &Store, event: &str) {
    store.keep_pictures(W, ACCOUNT, event, vec![HASH]).await.unwrap();
}

async fn decide(store: &Store, said: i64, to: CaseState) {
    let word = DecideCase { by: by(3_000), number: 1, said, to, debt: None, takes_back: false, wording: 0 };
    store.decide_case(word).await.unwrap();
}

async fn a_picture_is_kept_with_its_case_and_counts_while_the_word_stands(home: &Home) {
    let store = home.open().await;
    let judged = |scam| [JudgedPicture { number: 1, scam, hash: HASH }];
    keep(&store, "m1/picture").await;
    store.open_case(W, ACCOUNT, found("m1/picture", "66"), 1_000).await.unwrap();
    decide(&store, 0, CaseState::Content).await;
    assert_eq!(store.judged_pictures(W).await.unwrap(), [], "without a case nothing was kept");
    // Handed in twice, it is one case.
    for _ in 0..2 {
        store.open_case(W, ACCOUNT, found("m1/picture", "66"), 1_000).await.unwrap();
        keep(&store, "m1/picture").await;
    }
    assert_eq!(store.cases(W, false, None, 10).await.unwrap().len(), 1);
    assert_eq!(store.judged_pictures(W).await.unwrap(), judged(true));
    decide(&store, 1, CaseState::Open).await;
    assert_eq!(store.judged_pictures(W).await.unwrap(), [], "taken back");
    decide(&store, 2, CaseState::Clear).await;
    assert_eq!(store.judged_pictures(W).await.unwrap(), judged(false));
    decide(&store, 3, CaseState::Account).await;
    assert_eq!(store.judged_pictures(W).await.unwrap(), [], "of an account that was stolen the picture says nothing");
}

async fn nothing_of_an_erased_persons_pictures_is_left(home: &Home) {
    let store = home.open().await;
    store.open_case(W, ACCOUNT, found("m1", "66"), 1_000).await.unwrap();
    keep(&store, "m1").await;
    decide(&store, 0, CaseState::Content).await;
    assert_eq!(store.judged_pictures(W).await.unwrap().len(), 1, "it stood beside words that were a case");
    store.erase_person(by(5_000), ACCOUNT, "66").await.unwrap();
    keep(&store, "m1").await;
    assert_eq!(store.judged_pictures(W).await.unwrap(), []);
}

async fn what_came_before_an_erasure_opens_no_case_after_it(home: &Home) {
    let store = home.open().await;
    store.open_case(W, ACCOUNT, found("m1/picture", "66"), 5_000).await.unwrap();
    keep(&store, "m1/picture").await;
    store.erase_person(by(5_000), ACCOUNT, "66").await.unwrap();
    // A picture that was being fetched meanwhile, on whatever node; and a batch that was on its way.
    store.open_case(W, ACCOUNT, found("m2/picture", "66"), 5_000).await.unwrap();
    keep(&store, "m2/picture").await;
    let late = Accept { cases: vec![found("m3", "66")], now_ms: 4_999, ..ledger::accept(&[], None) };
    store.accept(late).await.unwrap();
    let persons = async || {
        store.cases(W, false, None, 9).await.unwrap().into_iter().map(|case| case.person.0).collect::<Vec<_>>()
    };
    assert_eq!(persons().await, ["erased"]);
    assert_eq!(store.shadow(W).await.unwrap().values().sum::<i64>(), 1, "what is not written does not count");
    // The red twins: somebody else, and who comes back as somebody new.
    store.open_case(W, ACCOUNT, found("m4/picture", "67"), 4_000).await.unwrap();
    store.open_case(W, ACCOUNT, found("m5/picture", "66"), 5_001).await.unwrap();
    assert_eq!(persons().await, ["66", "67", "erased"]);
}
