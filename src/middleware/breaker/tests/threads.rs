//! Many threads at one circuit.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::circuit::{Circuit, Context, End};
use super::super::machine::Machine;
use super::super::status::Hook;
use super::super::{CircuitState, Settings, StateChange};
use crate::call::{Live, Origin};

const THREADS: usize = 4;
const ROUNDS: usize = 20_000;
const AT: u64 = 100_000_000_000_000;

fn circuit(settings: Settings) -> Circuit {
    let origin = Origin::of(&"https://api.test".parse().expect("a URI")).expect("an origin");
    Circuit::new(Arc::new(Context::new(Live::new(settings))), origin, "api.test")
}

fn together(work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
}

#[test]
fn there_are_never_more_probes_than_the_limit() {
    const PROBES: usize = 2;
    let circuit = circuit(Settings::new().probes(PROBES as u32).passes(u32::MAX));
    circuit.force_open(AT);
    circuit.release(AT);
    let (under_way, most, made) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    together(|thread| {
        for round in 0..ROUNDS {
            let Ok(ticket) = circuit.enter(|| AT) else { continue };
            assert!(ticket.is_probe);
            most.fetch_max(under_way.fetch_add(1, SeqCst) + 1, SeqCst);
            made.fetch_add(1, SeqCst);
            if round % 7 == 0 {
                std::thread::yield_now();
            }
            under_way.fetch_sub(1, SeqCst);
            let end =
                [End::Success, End::Dropped, End::Answered, End::Unjudged][(thread + round) % 4];
            circuit.end(ticket, end, None, AT);
        }
    });
    assert_eq!(circuit.status(AT).probes, 0, "every place was given back");
    assert!((1..=PROBES).contains(&most.into_inner()));
    assert!(made.into_inner() > PROBES);
}

/// Two calls find the rates too high at once. Before the second comes to say so, the circuit has opened,
/// been tried and closed.
#[test]
fn whoever_comes_too_late_opens_nothing() {
    let settings = Settings::new().passes(1).open_for(Duration::ZERO);
    let mut machine = Machine::new();
    let [first, second] = [0, 0].map(|at| machine.admit(at, &settings).expect("closed"));
    machine.trip(first, 1, &settings, |_| 0);
    let probe = machine.admit(2, &settings).expect("a probe");
    machine.judge(probe, Some(true), 3, &settings, |_| 0);
    machine.trip(second, 4, &settings, |_| 0);
    assert_eq!((machine.state(), machine.opened()), (CircuitState::Closed, 1));
}

#[test]
fn failures_from_all_sides_trip_it_once() {
    for _ in 0..200 {
        let settings = Settings::new().min_calls(10).open_for(Duration::from_secs(3600));
        let circuit = circuit(settings);
        together(|_| {
            for _ in 0..50 {
                if let Ok(ticket) = circuit.enter(|| AT) {
                    circuit.end(ticket, End::Failure, None, AT);
                }
            }
        });
        let status = circuit.status(AT);
        assert_eq!((status.state, status.opened), (CircuitState::Open, 1));
        assert!((10..=10 + THREADS as u32).contains(&status.calls), "{status:?}");
    }
}

/// Each thread lives through openings and closings as fast as it can. Whoever has a ticket from before
/// must not judge what came after, and no change may be told twice or not at all.
#[test]
fn states_follow_each_other_whoever_brings_them_about() {
    let settings = Settings::new().min_calls(2).passes(1).open_for(Duration::ZERO);
    let circuit = circuit(settings);
    let changes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&changes);
    let see = move |change: &StateChange| seen.lock().expect("the list").push(change.clone());
    circuit.context().hook.set(Some(Hook::new(see)));
    let clock = AtomicU64::new(AT);
    together(|thread| {
        for round in 0..ROUNDS {
            let now = clock.fetch_add(1_000_000, SeqCst);
            let Ok(ticket) = circuit.enter(|| now) else { continue };
            let end = if (thread + round / 5) % 3 == 0 { End::Success } else { End::Failure };
            circuit.end(ticket, end, None, now);
        }
    });
    let status = circuit.status(clock.into_inner());
    assert_eq!(status.probes, 0, "every probe has ended");
    let mut changes = changes.lock().expect("the list").clone();
    changes.sort_by_key(|change| change.circuit.sequence);
    let mut state = CircuitState::Closed;
    for change in &changes {
        let to = change.circuit.state;
        assert_eq!(change.from, state);
        assert!(
            match to {
                CircuitState::HalfOpen => state == CircuitState::Open,
                CircuitState::Closed => state == CircuitState::HalfOpen,
                CircuitState::Open => state != CircuitState::Open,
            },
            "{state} became {to}"
        );
        state = to;
    }
    assert_eq!(state, status.state);
    let opened = changes.iter().filter(|change| change.circuit.state == CircuitState::Open);
    assert_eq!(opened.count() as u64, status.opened);
    assert!(status.opened > 10, "{status:?}");
}
