//! Who is chosen: reads by cost, and never nobody.

use super::*;

const READ: Ask<'static> = Ask { fixed: None, read: true, avoid: None, stay: None, tried: &[] };
const WRITE: Ask<'static> = Ask { read: false, ..READ };

pub(super) fn group(hosts: &[&str]) -> Group {
    let now = Instant::now();
    let mut group = Group::new(Arc::new(at(hosts[0])), now);
    hosts.iter().for_each(|host| group.add(at(host), now));
    group.rng = Rng::seeded(3);
    group
}

/// Has an endpoint answer once, after so long.
pub(super) fn end(group: &mut Group, number: u32, took: Duration, end: End) -> Option<Change> {
    let now = Instant::now();
    let ask = Ask { fixed: Some(number), ..READ };
    assert_eq!(group.choose(&ask, now).map(|(number, _)| number), Some(number));
    let begun = now.checked_sub(took).unwrap();
    group.done(&Done { number, begun, started: Some(begun), end }, now)
}

pub(super) fn fail(group: &mut Group, number: u32, times: u32) -> Option<Change> {
    let failed = End::Judged(Class::NeverSent);
    (0..times).filter_map(|_| end(group, number, Duration::ZERO, failed)).last()
}

fn answer(group: &mut Group, number: u32, took: Duration) {
    end(group, number, took, End::Judged(Class::Success));
}

/// How many of a thousand picks, in percent, each endpoint gets.
fn shares(group: &Group, ask: &Ask<'_>) -> Vec<usize> {
    let mut shares = vec![0_usize; group.slots.len()];
    for _ in 0..1000 {
        shares[group.pick(ask, Instant::now()).unwrap() as usize] += 1;
    }
    shares.iter().map(|share| share.div_ceil(10)).collect()
}

#[tokio::test(start_paused = true)]
async fn of_two_the_faster_is_chosen_and_among_equals_both() {
    let mut group = group(&[A, B]);
    let even = shares(&group, &READ);
    assert!(even.iter().all(|share| (45..=55).contains(share)), "{even:?}");
    answer(&mut group, 0, 200 * MILLI);
    answer(&mut group, 1, 100 * MILLI);
    assert_eq!(shares(&group, &READ), [0, 100]);
    // A write goes by order all the same.
    assert_eq!(shares(&group, &WRITE), [100, 0]);
}

#[tokio::test(start_paused = true)]
async fn load_outweighs_speed() {
    let mut group = group(&[A, B]);
    answer(&mut group, 0, 100 * MILLI);
    answer(&mut group, 1, 250 * MILLI);
    let now = Instant::now();
    let chosen: Vec<u32> =
        (0..7).map(|_| group.choose(&READ, now).map(|(number, _)| number).unwrap()).collect();
    // 100 and 250, 200 and 250, 300 and 250, 300 and 500, 400 and 500, 500 and 500.
    assert_eq!(chosen[..5], [0, 0, 1, 0, 0]);
    let second = chosen.iter().filter(|number| **number == 1).count();
    assert_eq!(second, 2, "five to two, as the speeds are: {chosen:?}");
}

/// Two choices never pick the worst of three, and pick the best most often.
#[tokio::test(start_paused = true)]
async fn of_three_the_slowest_is_never_the_better_of_two() {
    let mut group = group(&[A, B, C]);
    for (number, millis) in [(0, 900), (1, 100), (2, 300)] {
        answer(&mut group, number, millis * MILLI);
    }
    let shares = shares(&group, &READ);
    assert_eq!(shares[0], 0);
    // Two of three pairs have the best in them.
    assert!((61..=72).contains(&shares[1]), "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peak_counts_at_once_and_is_forgotten_slowly() {
    let mut group = group(&[A, B]);
    answer(&mut group, 0, 100 * MILLI);
    answer(&mut group, 1, 150 * MILLI);
    answer(&mut group, 0, 2 * SECOND);
    advance(SECOND).await;
    answer(&mut group, 0, 100 * MILLI);
    answer(&mut group, 1, 150 * MILLI);
    assert_eq!(shares(&group, &READ), [0, 100], "one quick answer is no proof");
    advance(31 * SECOND).await;
    answer(&mut group, 1, 150 * MILLI);
    // e^-3.1 of two seconds is 90 ms: nobody has asked the first for long, so it gets a chance.
    assert_eq!(shares(&group, &READ), [100, 0]);
    // Exactly one: while that is under way it counts as slow as it was.
    let now = Instant::now();
    let chosen: Vec<u32> =
        (0..3).map(|_| group.choose(&READ, now).map(|(number, _)| number).unwrap()).collect();
    assert_eq!(chosen, [0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_look_changes_no_estimate() {
    let mut looked = group(&[A, B]);
    let mut left = group(&[A, B]);
    for group in [&mut looked, &mut left] {
        answer(group, 0, SECOND);
    }
    for _ in 0..1000 {
        advance(10 * MILLI).await;
        looked.pick(&READ, Instant::now());
    }
    for group in [&mut looked, &mut left] {
        answer(group, 0, 100 * MILLI);
    }
    let shown = |group: &Group| {
        group.slots[0].latency.shown(0, Instant::now(), group.decay).unwrap().as_millis()
    };
    assert_eq!((shown(&looked), shown(&left)), (431, 431), "after e^-1 of its weight");
}

/// A server that refuses quickly looked like a quick one to tower's estimate.
#[tokio::test(start_paused = true)]
async fn failing_quickly_is_not_being_quick() {
    for class in [Class::Unavailable, Class::NeverSent, Class::Interrupted, Class::Throttled] {
        let mut group = group(&[A, B]);
        answer(&mut group, 0, 200 * MILLI);
        answer(&mut group, 1, 100 * MILLI);
        advance(SECOND).await;
        end(&mut group, 0, MILLI, End::Judged(class));
        answer(&mut group, 1, 100 * MILLI);
        assert_eq!(shares(&group, &READ), [0, 100], "{class:?}");
        // To fail slowly is to be slow.
        end(&mut group, 1, 3 * SECOND, End::Judged(class));
        let slow = class != Class::Throttled;
        assert_eq!(shares(&group, &READ)[0] == 100, slow, "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_left_our_queues_says_nothing_of_the_endpoint() {
    let mut group = group(&[A, B]);
    let now = Instant::now();
    group.choose(&Ask { fixed: Some(0), ..READ }, now).unwrap();
    advance(5 * SECOND).await;
    for end in [End::Dropped, End::Judged(Class::Local), End::Judged(Class::Success)] {
        let done = Done { number: 0, begun: now, started: None, end };
        assert_eq!(group.done(&done, Instant::now()), None);
        assert_eq!(group.slots[0].latency.shown(0, Instant::now(), group.decay), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_prefers_another_endpoint_than_the_one_that_failed_it() {
    let mut group = group(&[A, B]);
    answer(&mut group, 0, MILLI);
    answer(&mut group, 1, SECOND);
    assert_eq!(shares(&group, &READ), [100, 0]);
    assert_eq!(shares(&group, &Ask { avoid: Some(0), ..READ }), [0, 100]);
    // But not one that is down.
    fail(&mut group, 1, 5);
    assert_eq!(shares(&group, &Ask { avoid: Some(0), ..READ }), [100, 0]);
}

/// What 50 % means: one of two may be out, one of three, two of four.
#[tokio::test(start_paused = true)]
async fn ejections_are_ignored_when_too_few_would_be_left() {
    let hosts = [A, B, C, "d.test"];
    for (count, share, out, panics) in [
        (2, 50, 1, false),
        (2, 50, 2, true),
        (2, 51, 1, true),
        (3, 50, 1, false),
        (3, 50, 2, true),
        (3, 33, 2, false),
        (4, 50, 2, false),
        (4, 50, 3, true),
        // One stays always, whatever is asked for.
        (4, 0, 3, false),
        (4, 0, 4, true),
        (2, 100, 1, true),
    ] {
        let mut group = group(&hosts[..count]);
        group.ejection = Ejection::new().panic_below(share).into();
        for number in 0..out {
            assert!(matches!(fail(&mut group, number, 5), Some(Change::Ejected { .. })));
        }
        let shares = shares(&group, &READ);
        let asked = shares[..out as usize].iter().any(|share| *share > 0);
        assert_eq!(asked, panics, "{count} endpoints, {share} %, {out} out: {shares:?}");
        // A write goes where it works, if there is such a place.
        let place = if out as usize == count { 0 } else { out };
        assert_eq!(group.pick(&WRITE, Instant::now()), Some(place));
    }
}

/// Where all are ejected, a write used to try the first again and again, which was down, and never
/// the second, which may be back.
#[tokio::test(start_paused = true)]
async fn a_write_moves_on_also_where_all_are_ejected() {
    let mut group = group(&[A, B, C]);
    (0..3).for_each(|number| assert!(fail(&mut group, number, 5).is_some()));
    assert_eq!(group.pick(&WRITE, Instant::now()), Some(0));
    let ask = Ask { avoid: Some(0), ..WRITE };
    assert_eq!(group.pick(&ask, Instant::now()), Some(1));
    assert_eq!(group.pick(&Ask { tried: &[1, 2], ..ask }, Instant::now()), Some(0));
}

#[tokio::test(start_paused = true)]
async fn who_was_asked_for_is_chosen_before_anything_else() {
    let mut group = group(&[A, B]);
    fail(&mut group, 1, 5);
    group.slot_mut(1).unwrap().held = true;
    let ask = Ask { fixed: Some(1), ..READ };
    assert_eq!(group.pick(&ask, Instant::now()), Some(1));
    // And nobody in its stead; but a number that was never given asks for nobody.
    assert_eq!(group.pick(&Ask { tried: &[1], ..ask }, Instant::now()), None);
    assert_eq!(group.pick(&Ask { fixed: Some(9), ..READ }, Instant::now()), Some(0));
}

#[tokio::test(start_paused = true)]
async fn who_has_turned_it_away_is_not_asked_again() {
    let mut group = group(&[A, B]);
    fail(&mut group, 1, 5);
    for ask in [READ, WRITE] {
        let now = Instant::now();
        assert_eq!(group.pick(&Ask { tried: &[0], ..ask }, now), Some(1), "better than nobody");
        assert_eq!(group.pick(&Ask { tried: &[1, 0], ..ask }, now), None);
    }
    group.slot_mut(1).unwrap().held = true;
    let ask = Ask { tried: &[0], ..WRITE };
    assert_eq!(group.pick(&ask, Instant::now()), None, "the operator's word stands");
}
