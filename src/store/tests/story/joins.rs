//! Waves of people who join: each is told once, by whichever node, and the next one again.

use townkeeper_store::{JoinWave, Store};

use crate::cases::card;
use crate::home::{Home, stories};
use crate::people::by;
use crate::town::{ACCOUNT, W};

stories!(a_wave_is_told_once_and_the_next_one_again);

const MINUTE_MS: i64 = 60_000;

/// How many rows leave now; `None`: it goes on.
async fn note(store: &Store, place: &str, minute: i64, id: &str) -> Option<usize> {
    let wave = JoinWave {
        by: by(minute * MINUTE_MS),
        account: ACCOUNT.to_owned(),
        place: place.to_owned(),
        joined: 12,
        notes: vec![card(id)],
        node: "n1".to_owned(),
    };
    store.note_wave(wave).await.unwrap().map(|rows| rows.len())
}

async fn a_wave_is_told_once_and_the_next_one_again(home: &Home) {
    let store = home.open().await;
    assert_eq!(note(&store, "square", 0, "c1").await, Some(1));
    for minute in 1..100 {
        assert_eq!(note(&store, "square", minute, "c2").await, None, "it goes on");
    }
    assert_eq!(note(&store, "yard", 99, "c3").await, Some(0), "another place's; it waits in the same line");
    assert_eq!(note(&store, "square", 130, "c4").await, Some(0), "nobody came for half an hour");
    let (_, records) = store.audit(W, 10).await.unwrap();
    assert_eq!(records.iter().filter(|record| record.action == "shield.wave").count(), 3);
}
