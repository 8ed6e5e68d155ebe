//! No coordinated omission: a time counts from when a call was due.

use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::mix::Kind;
use crate::tally::{Ended, Tally};

#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_late_took_all_of_that_time() {
    let tally = Tally::new().unwrap();
    let due = Instant::now();
    advance(Duration::from_millis(300)).await;
    let sent = Instant::now();
    tally.sent(Kind::Fetch, Kind::Fetch);
    advance(Duration::from_millis(5)).await;
    tally.ended(&Ended { kind: Kind::Fetch, due, sent, outcome: Some(Ok((1, false))) });

    let counts = tally.counts();
    let near = |micros: u64, millis: u64| micros.abs_diff(millis * 1000) <= millis * 2;
    assert!(near(counts.response.max(), 305), "{}", counts.response.max());
    assert!(near(counts.service.max(), 5), "{}", counts.service.max());
    assert!(near(counts.late.max(), 300), "{}", counts.late.max());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cut_off_is_in_no_percentile_and_is_told() {
    let tally = Tally::new().unwrap();
    let due = Instant::now();
    tally.sent(Kind::Delete, Kind::Create);
    advance(Duration::from_secs(9)).await;
    tally.ended(&Ended { kind: Kind::Create, due, sent: due, outcome: None });

    let counts = tally.counts();
    assert_eq!((counts.response.len(), counts.failed.len(), counts.swapped), (0, 0, 1));
    assert_eq!(counts.cut_off_after, Duration::from_secs(9));
    assert_eq!(counts.row(Kind::Create).cut_off, 1);
    assert_eq!(counts.row(Kind::Delete).sent, 0);
}
