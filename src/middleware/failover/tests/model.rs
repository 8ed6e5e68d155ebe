//! Whatever happens in whatever order: nobody is chosen who isn't there, and nothing is forgotten.

use proptest::prelude::*;

use super::choice::group;
use super::group::Slot;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Start { read: bool, fixed: Option<u32>, avoid: Option<u32>, tried: Vec<u32> },
    End { which: usize, started: bool, end: u8 },
    Pass(u64),
    Hold(u32),
    Readmit(u32),
    List(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0..6_u32;
    prop_oneof![
        4 => (
            any::<bool>(),
            proptest::option::weighted(0.2, number()),
            proptest::option::of(number()),
            proptest::collection::vec(number(), 0..3),
        )
            .prop_map(|(read, fixed, avoid, tried)| Step::Start { read, fixed, avoid, tried }),
        4 => (any::<usize>(), any::<bool>(), 0..8_u8)
            .prop_map(|(which, started, end)| Step::End { which, started, end }),
        2 => (0..100_000_u64).prop_map(Step::Pass),
        1 => number().prop_map(Step::Hold),
        1 => number().prop_map(Step::Readmit),
        1 => proptest::collection::vec(0..6_u8, 0..4).prop_map(Step::List),
    ]
}

fn end_of(number: u8) -> End {
    match number {
        0 => End::Dropped,
        1 => End::Judged(Class::Success),
        2 => End::Judged(Class::Refused),
        3 => End::Judged(Class::Throttled),
        4 => End::Judged(Class::Local),
        5 => End::Judged(Class::Unavailable),
        6 => End::Judged(Class::NeverSent),
        _ => End::Judged(Class::Interrupted),
    }
}

fn host(number: u8) -> Base {
    at(&format!("{}.test", char::from(b'a' + number)))
}

fn check(group: &Group, open: &[(u32, Instant)], now: Instant) {
    for (number, slot) in group.slots.iter().enumerate() {
        let mine = open.iter().filter(|(open, _)| *open as usize == number).count();
        assert_eq!(slot.pending as usize, mine, "endpoint {number}");
        let expected = slot.latency.expected(slot.pending, now, group.decay);
        assert!(expected.is_finite() && expected >= 0.0, "{expected}");
        if let Standing::Ejected(left) = slot.outlier.standing(now) {
            assert!(left <= group.ejection.snapshot().cap, "{left:?}");
        }
    }
    // Never all ejected: there is always somebody, and it is somebody on the list.
    for read in [true, false] {
        let number = group.pick(&Ask { read, ..Ask::default() }, now).expect("somebody");
        let listed: Vec<_> = group.listed().collect();
        let (_, slot) = listed.iter().find(|(listed, _)| *listed == number).expect("listed");
        assert!(!slot.held || listed.iter().all(|(_, slot)| slot.held), "held");
        let out = |slot: &Slot| matches!(slot.outlier.standing(now), Standing::Ejected(_));
        let share = group.ejection.snapshot().panic_below as usize;
        let free: Vec<_> = listed.iter().filter(|(_, slot)| !slot.held).collect();
        let left = free.iter().filter(|(_, slot)| !out(slot)).count();
        if left > 0 && left * 100 >= share * free.len() {
            assert!(!out(slot), "an ejected one, with {left} of {} left", free.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_leaks_and_somebody_is_always_chosen(
        count in 1..4_usize,
        share in 0..=100_u32,
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let mut now = Instant::now();
        let mut group = group(&[A, B, C][..count]);
        group.ejection = Ejection::new().after(2).panic_below(share).into();
        let mut open: Vec<(u32, Instant)> = Vec::new();
        for step in steps {
            match step {
                Step::Start { read, fixed, avoid, tried } => {
                    let ask = Ask { fixed, read, avoid, stay: avoid, tried: &tried };
                    if let Some((number, base)) = group.choose(&ask, now) {
                        prop_assert!(!tried.contains(&number));
                        prop_assert_eq!(&*group.slot(number).unwrap().base, &*base);
                        let known = fixed.filter(|fixed| group.slot(*fixed).is_some());
                        prop_assert!(known.is_none_or(|known| known == number));
                        open.push((number, now));
                    }
                }
                Step::End { which, started, end } if !open.is_empty() => {
                    let (number, begun) = open.swap_remove(which % open.len());
                    let started = started.then_some(begun);
                    group.done(&Done { number, begun, started, end: end_of(end) }, now);
                }
                Step::End { .. } => {}
                Step::Pass(millis) => now += Duration::from_millis(millis),
                Step::Hold(number) => group.slot_mut(number).into_iter().for_each(|slot| slot.held = true),
                Step::Readmit(number) => group.slot_mut(number).into_iter().for_each(|slot| {
                    slot.held = false;
                    slot.outlier.readmit(now);
                }),
                Step::List(hosts) => group.set(hosts.into_iter().map(host), now),
            }
            check(&group, &open, now);
        }
    }

    /// The average stays between what was seen, and a peak is never below what was just waited.
    #[test]
    fn the_estimate_stays_between_the_extremes(
        answers in proptest::collection::vec((0..20_000_u64, 0..60_000_u64), 1..50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let mut now = Instant::now();
        let mut latency = latency::Latency::new(now);
        let decay = Duration::from_secs(10);
        let (mut least, mut most) = (f64::MAX, 0.0_f64);
        for (took, pass) in answers {
            now += Duration::from_millis(pass);
            latency.answered(Duration::from_millis(took), now, decay);
            let took = took as f64 * 1e6;
            (least, most) = (least.min(took), most.max(took));
            let expected = latency.expected(1, now, decay);
            prop_assert!(expected >= took * 0.999_999 && expected <= most * 1.000_001);
            prop_assert!(expected >= least * 0.999_999);
            // Alone, it is taken for quicker the longer nobody asks.
            latency.rest(now);
            let later = latency.expected(0, now + decay, decay);
            prop_assert!(later <= expected * 0.37, "{later} of {expected}");
        }
    }
}
