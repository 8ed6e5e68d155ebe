//! Who is left out, for how long, and how it comes back.

use super::choice::{end, fail, group};
use super::*;

const FAILURES: [Class; 3] = [Class::Unavailable, Class::Interrupted, Class::NeverSent];

fn standing(group: &Group, number: u32) -> Standing {
    group.slot(number).unwrap().outlier.standing(Instant::now())
}

fn answer(group: &mut Group, number: u32) -> Option<Change> {
    end(group, number, Duration::ZERO, End::Judged(Class::Success))
}

fn lasts(change: Option<Change>) -> Duration {
    let Some(Change::Ejected { lasts, .. }) = change else { panic!("no ejection: {change:?}") };
    lasts
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_are_enough_and_four_are_not() {
    for class in FAILURES {
        let mut group = group(&[A, B]);
        let fails = |group: &mut Group| end(group, 0, Duration::ZERO, End::Judged(class));
        for _ in 0..4 {
            assert_eq!(fails(&mut group), None);
        }
        // In a row: an answer in between begins a new one, whatever it says.
        for good in [Class::Success, Class::Refused, Class::Throttled] {
            end(&mut group, 0, Duration::ZERO, End::Judged(good));
            for _ in 0..4 {
                assert_eq!(fails(&mut group), None, "{class:?} after {good:?}");
            }
        }
        assert!(matches!(fails(&mut group), Some(Change::Ejected { ejections: 1, .. })));
        assert!(matches!(standing(&group, 0), Standing::Ejected(_)));
        assert_eq!(standing(&group, 1), Standing::Serving);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_fault_of_the_endpoint_s_does_not_count() {
    let mut group = group(&[A, B]);
    for end_of_it in [
        End::Judged(Class::Throttled),
        End::Judged(Class::Refused),
        End::Judged(Class::Local),
        End::Dropped,
    ] {
        for _ in 0..20 {
            assert_eq!(end(&mut group, 0, SECOND, end_of_it), None);
        }
        assert_eq!(group.slots[0].outlier.streak(), 0, "{end_of_it:?}");
    }
    // And does not wipe out what does.
    fail(&mut group, 0, 4);
    end(&mut group, 0, SECOND, End::Judged(Class::Local));
    end(&mut group, 0, SECOND, End::Dropped);
    assert_eq!(group.slots[0].outlier.streak(), 4);
}

/// 30 s, 60 s, 90 s … up to 300 s, each up to a fifth shorter; on trial one failure is enough.
#[tokio::test(start_paused = true)]
async fn each_ejection_is_longer_than_the_one_before_up_to_the_cap() {
    let mut group = group(&[A, B]);
    let mut spans = vec![lasts(fail(&mut group, 0, 5))];
    for _ in 0..12 {
        let Standing::Ejected(left) = standing(&group, 0) else { panic!("not ejected") };
        advance(left - MILLI).await;
        assert!(matches!(standing(&group, 0), Standing::Ejected(_)));
        advance(MILLI).await;
        assert_eq!(standing(&group, 0), Standing::Trial(Duration::ZERO));
        spans.push(lasts(fail(&mut group, 0, 1)));
    }
    for (before, span) in spans.iter().enumerate() {
        let whole = Duration::from_secs(30 * (before as u64 + 1)).min(Duration::from_secs(300));
        assert!((whole * 4 / 5..=whole).contains(span), "{span:?} of {whole:?}");
    }
    let distinct: std::collections::HashSet<_> = spans[9..].iter().collect();
    assert_eq!(distinct.len(), 4, "chance has its part in the longest too: {spans:?}");
}

/// "Until I say so": longer than the clock goes. It used to end at the moment when it began.
#[tokio::test(start_paused = true)]
async fn an_ejection_without_an_end_lasts() {
    let mut group = group(&[A, B]);
    group.ejection.set(Ejection::new().base(Duration::MAX).cap(Duration::MAX));
    fail(&mut group, 0, 5);
    for _ in 0..3 {
        assert!(matches!(standing(&group, 0), Standing::Ejected(_)), "{:?}", standing(&group, 0));
        advance(1_000_000 * SECOND).await;
    }
    group.slots[0].outlier.readmit(Instant::now());
    assert_eq!(standing(&group, 0), Standing::Serving);
}

#[tokio::test(start_paused = true)]
async fn good_conduct_shortens_the_next_ejection_bit_by_bit() {
    let mut group = group(&[A, B]);
    fail(&mut group, 0, 5);
    for _ in 0..3 {
        advance(300 * SECOND).await;
        fail(&mut group, 0, 1);
    }
    advance(300 * SECOND).await;
    assert_eq!(answer(&mut group, 0), Some(Change::Readmitted));
    let ejections = |group: &Group| group.slots[0].outlier.ejections();
    assert_eq!(ejections(&group), 4, "one answer forgives nothing yet");
    for (secs, left) in [(29, 4), (1, 3), (29, 3), (31, 1)] {
        advance(secs * SECOND).await;
        assert_eq!(answer(&mut group, 0), None);
        assert_eq!(ejections(&group), left);
    }
    // So it is out for twice the base if it begins again now, not for five times.
    let span = lasts(fail(&mut group, 0, 5));
    assert!((48 * SECOND..=60 * SECOND).contains(&span), "{span:?}");
}

#[tokio::test(start_paused = true)]
async fn on_trial_it_gets_one_read_at_a_time_and_writes_only_when_no_read_came() {
    let read = Ask { read: true, ..Ask::default() };
    let mut group = group(&[A, B]);
    // It was slow, too.
    end(&mut group, 0, 10 * SECOND, End::Judged(Class::Interrupted));
    fail(&mut group, 0, 4);
    assert_eq!(group.pick(&read, Instant::now()), Some(1));
    assert_eq!(group.pick(&Ask::default(), Instant::now()), Some(1));
    advance(30 * SECOND).await;
    end(&mut group, 1, MILLI, End::Judged(Class::Success));
    let now = Instant::now();
    assert_eq!(group.pick(&Ask::default(), now), Some(1), "a write is no guinea pig");
    let again = Ask { avoid: Some(1), ..read };
    assert_eq!(group.pick(&again, now), Some(0));
    group.add(at(C), now);
    assert_eq!(group.pick(&again, now), Some(2), "nor is a call that has failed once");
    assert_eq!(group.choose(&read, now).unwrap().0, 0);
    group.set([at(A), at(B)], now);
    assert_eq!(group.pick(&read, now), Some(1), "one at a time");
    advance(30 * SECOND).await;
    assert_eq!(group.pick(&Ask::default(), Instant::now()), Some(1), "nor a second one");
    // The read was given up, and no other came for as long as an ejection: a write must do.
    let done = Done { number: 0, begun: now, started: None, end: End::Dropped };
    group.done(&done, Instant::now());
    assert_eq!(group.pick(&Ask::default(), Instant::now()), Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_began_before_the_ejection_neither_ends_nor_prolongs_it() {
    let mut group = group(&[A, B]);
    let old = Instant::now();
    advance(SECOND).await;
    fail(&mut group, 0, 5);
    let done = |class| Done { number: 0, begun: old, started: None, end: End::Judged(class) };
    assert_eq!(group.done(&done(Class::Success), Instant::now()), None);
    assert!(matches!(standing(&group, 0), Standing::Ejected(_)));
    advance(40 * SECOND).await;
    assert_eq!(group.done(&done(Class::Interrupted), Instant::now()), None);
    assert!(matches!(standing(&group, 0), Standing::Trial(_)));
}

/// Where all are out, calls go on; whoever answers first is back at once.
#[tokio::test(start_paused = true)]
async fn an_answer_is_better_evidence_than_a_timer() {
    let mut group = group(&[A, B]);
    fail(&mut group, 0, 5);
    fail(&mut group, 1, 5);
    advance(MILLI).await;
    assert_eq!(answer(&mut group, 1), Some(Change::Readmitted));
    assert_eq!(standing(&group, 1), Standing::Serving);
    assert_eq!(group.pick(&Ask::default(), Instant::now()), Some(1));
}

/// Through the whole layer: found out, left out, tried out, taken back.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_breaks_is_left_out_until_it_works_again() {
    let down = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (is_down, order) = (Arc::clone(&down), std::sync::atomic::Ordering::Relaxed);
    let doors = Doors::new(move |host| match host {
        A if is_down.load(order) => Act::Refuse,
        _ => Act::Answer(200, 10 * MILLI),
    });
    let layer = over(&[A, B]);
    for _ in 0..20 {
        assert!(whole(&layer, &doors, write()).await.is_ok());
    }
    let health = layer.endpoints().health();
    assert_eq!(states(&layer), [EndpointState::Ejected, EndpointState::Serving]);
    assert_eq!((health[0].ejections, health[0].failures), (1, 5));
    let asked = doors.seen();
    assert_eq!(asked.iter().filter(|host| *host == A).count(), 5, "{asked:?}");

    sleep(health[0].ejected_for.unwrap()).await;
    assert_eq!(states(&layer)[0], EndpointState::Trial);
    // Still down: one call finds out, and is served elsewhere.
    for _ in 0..20 {
        assert!(whole(&layer, &doors, read()).await.is_ok());
    }
    assert_eq!(doors.seen().iter().filter(|host| *host == A).count(), 1);
    let health = layer.endpoints().health();
    assert_eq!((health[0].state, health[0].ejections), (EndpointState::Ejected, 2));

    down.store(false, order);
    sleep(health[0].ejected_for.unwrap()).await;
    assert!(whole(&layer, &doors, read()).await.is_ok());
    assert_eq!(states(&layer), [EndpointState::Serving; 2]);
    assert!(whole(&layer, &doors, write()).await.is_ok());
    assert_eq!(doors.seen(), [A, A], "writes are back at the first");
}
