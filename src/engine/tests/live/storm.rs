//! A platform that refuses everything for ten minutes, on every route: nothing is asked of it before it may be, what is
//! still of use arrives once, and what is not expires where it can be seen.

use std::collections::BTreeMap;

use townkeeper_contract::outbound::Act;

use crate::square::{Call, KNOWN, SMALL_TALK, T0, Weather, facts, in_time, stage};

const MINUTE: i64 = 60_000;

/// The first refusal, long enough for a reply to become useless in the storm; and those of the storm.
const FIRST_MS: i64 = 21 * MINUTE;
const EACH_MS: i64 = 35_000;

/// Not sent: some of them too late by now.
const WAITING: [&str; 2] = ["ready", "expired"];

#[tokio::test]
async fn a_storm_is_sat_out() {
    let stage = stage(facts()).await;
    let storm = |ms: i64| Weather { storm: Some((ms.unsigned_abs(), None)), ..Weather::default() };
    stage.square.weather(storm(FIRST_MS));
    stage.asks("early", KNOWN).await;
    stage.rows("ready", 1).await;
    stage.square.weather(storm(EACH_MS));
    stage.clock.set(T0 + 5 * MINUTE);

    // Ten minutes, from refusal to refusal. Somebody asks at the beginning of each wait, and somebody just before its end.
    let (mut may, mut asked) = (T0 + FIRST_MS, 1);
    let over = may + 10 * MINUTE;
    let mut answers = Vec::new();
    while may < over {
        let calls = stage.square.calls().len();
        let (soon, late) = (format!("soon{asked}"), format!("late{asked}"));
        stage.asks(&soon, KNOWN).await;
        stage.rows_in(&WAITING, asked + 1).await;
        stage.clock.set(may - 1);
        stage.asks(&late, KNOWN).await;
        stage.rows_in(&WAITING, asked + 2).await;
        assert_eq!(stage.square.calls().len(), calls, "something was asked before it might be");
        answers.extend([soon, late]);
        asked += 2;
        stage.clock.set(may);
        stage.square.until(|now| now.len() > calls).await;
        stage.rows("sending", 0).await;
        may += EACH_MS;
    }
    // Typing and the first words of a model's answer are routes like any other.
    stage.asks("talk", SMALL_TALK).await;
    stage.muse.says("The lantern burns in the evening, and nobody puts it out.");
    let calls = stage.square.calls().len();
    stage.clock.set(may - 1);
    stage.muse.ends();
    stage.rows_in(&WAITING, asked + 1).await;
    assert_eq!(stage.square.calls().len(), calls, "something was asked before it might be");

    stage.square.weather(Weather::default());
    stage.clock.set(may);
    stage.rows("sent", asked).await;
    stage.rows("expired", 1).await;
    assert_storm(&stage.square.calls(), over);
    let mut heard: BTreeMap<String, usize> = BTreeMap::new();
    for call in stage.square.calls().iter().filter(|call| call.done && call.act != Act::Typing) {
        *heard.entry(call.to.clone()).or_default() += 1;
    }
    answers.push("talk".to_owned());
    answers.sort();
    assert_eq!(heard.keys().cloned().collect::<Vec<_>>(), answers, "the early one is of no use any more");
    assert!(heard.values().all(|times| *times == 1), "{heard:?}");
    in_time(stage.engine.stop()).await;
}

/// The red twin: one request too soon is noticed.
#[test]
#[should_panic(expected = "asked too soon")]
fn red_twin_a_request_too_soon_is_noticed() {
    let call = |at_ms| Call { at_ms, to: String::new(), act: Act::Typing, done: false };
    let mut times: Vec<i64> = (0..18).map(|n| T0 + FIRST_MS + n * EACH_MS).collect();
    times.insert(3, times[2] + EACH_MS - 1);
    let calls: Vec<Call> = std::iter::once(T0).chain(times).map(call).collect();
    assert_storm(&calls, i64::MAX);
}

/// After each refusal nothing was asked for as long as it said.
fn assert_storm(calls: &[Call], over: i64) {
    let mut times: Vec<i64> = calls.iter().map(|call| call.at_ms).collect();
    times.dedup();
    assert_eq!((times[0], times[1]), (T0, T0 + FIRST_MS));
    assert!(times[1..].windows(2).all(|pair| pair[1] - pair[0] >= EACH_MS), "asked too soon: {times:?}");
    assert!(calls.iter().all(|call| call.done == (call.at_ms >= over)), "{calls:?}");
    assert!(times.len() >= 18, "the storm was hardly one: {times:?}");
}
