//! One origin's circuit: so many probes and no more, no change that is lost, no state without a way out.

use std::sync::Arc;
use std::time::Duration;

use loom::thread::{self, JoinHandle};

use super::Settings;
use super::circuit::{Circuit, Context, End};
use super::machine::{Refusal, Ticket};
use super::status::CircuitState;
use crate::call::{Live, Origin};
use crate::explore::orders;

const AT: u64 = 100_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn settings() -> Settings {
    Settings::new()
        .min_calls(2)
        .failure_percent(50)
        .slow_call(None)
        .open_for(Duration::from_secs(1))
}

fn circuit(settings: Settings) -> Arc<Circuit> {
    let origin = Origin::of(&"https://api.test".parse().unwrap()).unwrap();
    Arc::new(Circuit::new(Arc::new(Context::new(Live::new(settings))), origin, "api.test"))
}

/// One that tries whether the server is well again.
fn half_open(settings: Settings) -> Arc<Circuit> {
    let circuit = circuit(settings);
    circuit.force_open(AT);
    circuit.release(AT);
    circuit
}

fn beside<T: 'static>(
    circuit: &Arc<Circuit>,
    work: impl FnOnce(&Circuit) -> T + 'static,
) -> JoinHandle<T> {
    let circuit = Arc::clone(circuit);
    thread::spawn(move || work(&circuit))
}

fn enter(circuit: &Circuit, at: u64) -> Result<Ticket, Refusal> {
    circuit.enter(|| at)
}

/// What calls read in place of the machine says what the machine says.
fn is_coherent(circuit: &Circuit) -> CircuitState {
    let state = circuit.status(AT).state;
    assert_eq!(circuit.is_closed(), state == CircuitState::Closed, "{state}");
    state
}

#[test]
fn just_so_many_probes_go_at_once() {
    orders(3, || {
        let circuit = half_open(settings().probes(2).passes(9));
        let others = [(), ()].map(|()| beside(&circuit, |circuit| enter(circuit, AT).is_ok()));
        let mine = enter(&circuit, AT).is_ok();
        let others = others.map(|other| other.join().unwrap());
        let let_through = [mine, others[0], others[1]].into_iter().filter(|went| *went).count();
        assert_eq!((let_through, circuit.status(AT).probes), (2, 2));
    });
}

/// The first call after an open circuit's time makes it half-open; of several that come at once, one does.
#[test]
fn an_open_circuit_is_tried_by_one() {
    orders(3, || {
        let circuit = circuit(settings().probes(1));
        for _ in 0..2 {
            let ticket = enter(&circuit, AT).unwrap();
            circuit.end(ticket, End::Failure, None, AT);
        }
        assert_eq!(is_coherent(&circuit), CircuitState::Open);
        let later = AT + 2 * SECOND;
        let others =
            [(), ()].map(|()| beside(&circuit, move |circuit| enter(circuit, later).is_ok()));
        let mine = enter(&circuit, later).is_ok();
        let others = others.map(|other| other.join().unwrap());
        assert_eq!([mine, others[0], others[1]].into_iter().filter(|went| *went).count(), 1);
        assert_eq!(is_coherent(&circuit), CircuitState::HalfOpen);
    });
}

/// A probe is dropped while another call asks: either it is refused, or it has the place. After both, the place is
/// there: no circuit stays half-open for ever because of a probe that nobody waits for.
#[test]
fn a_probe_that_is_dropped_makes_room() {
    orders(3, || {
        let circuit = half_open(settings().probes(1).passes(1));
        let probe = enter(&circuit, AT).unwrap();
        let dropped = beside(&circuit, move |circuit| circuit.end(probe, End::Dropped, None, AT));
        let asks = beside(&circuit, |circuit| {
            if let Ok(ticket) = enter(circuit, AT) {
                assert!(ticket.is_probe);
                circuit.end(ticket, End::Dropped, None, AT);
            }
        });
        dropped.join().unwrap();
        asks.join().unwrap();
        assert_eq!(circuit.status(AT).probes, 0);
        let next = enter(&circuit, AT).unwrap();
        circuit.end(next, End::Success, None, AT);
        assert_eq!(is_coherent(&circuit), CircuitState::Closed);
    });
}

/// Two probes end at once, one well and one badly, while a third call asks. Whoever is first decides, and nothing
/// that comes after judges the state that follows.
#[test]
fn one_verdict_is_given_and_the_gate_follows() {
    orders(3, || {
        let circuit = half_open(settings().probes(2).passes(1));
        let [passes, fails] = [(), ()].map(|()| enter(&circuit, AT).unwrap());
        let passes = beside(&circuit, move |circuit| circuit.end(passes, End::Success, None, AT));
        let fails = beside(&circuit, move |circuit| circuit.end(fails, End::Failure, None, AT));
        // While it goes on, too: who is let through by a closed gate holds no probe's ticket.
        if let Ok(ticket) = enter(&circuit, AT) {
            assert!(!ticket.is_probe, "both places are taken until the verdict");
            circuit.end(ticket, End::Dropped, None, AT);
        }
        passes.join().unwrap();
        fails.join().unwrap();
        let status = circuit.status(AT);
        match is_coherent(&circuit) {
            CircuitState::Closed => assert_eq!(status.opened, 0),
            CircuitState::Open => assert_eq!(status.opened, 1),
            CircuitState::HalfOpen => panic!("two verdicts, and none was heard"),
        }
        assert_eq!(status.probes, 0);
    });
}

/// A probe of a time that is over passes while another is out: it closes nothing.
#[test]
fn a_verdict_on_a_state_that_is_over_is_not_heard() {
    orders(3, || {
        let circuit = half_open(settings().probes(2).passes(1));
        let [fails, passes] = [(), ()].map(|()| enter(&circuit, AT).unwrap());
        let passes = beside(&circuit, move |circuit| circuit.end(passes, End::Success, None, AT));
        let next = beside(&circuit, move |circuit| {
            circuit.end(fails, End::Failure, None, AT);
            enter(circuit, AT + 2 * SECOND).unwrap()
        });
        passes.join().unwrap();
        let next = next.join().unwrap();
        let status = circuit.status(AT);
        if next.is_probe {
            assert_eq!((is_coherent(&circuit), status.probes), (CircuitState::HalfOpen, 1));
        } else {
            assert_eq!((is_coherent(&circuit), status.opened), (CircuitState::Closed, 0));
        }
    });
}

/// Two calls fail at once, which is one too many. However they come, the circuit opens, and once.
#[test]
fn two_failures_at_once_are_two() {
    orders(3, || {
        let circuit = circuit(settings());
        let tickets = [(), ()].map(|()| enter(&circuit, AT).unwrap());
        let fails = tickets.map(|ticket| {
            beside(&circuit, move |circuit| circuit.end(ticket, End::Failure, None, AT))
        });
        let _ = fails.map(JoinHandle::join).map(Result::unwrap);
        assert_eq!(is_coherent(&circuit), CircuitState::Open);
        let status = circuit.status(AT);
        assert_eq!((status.opened, status.calls, status.failures), (1, 2, 2));
    });
}

/// Calls that go well and one that fails, all in one bucket: each is counted once.
#[test]
fn no_call_is_counted_twice_or_not_at_all() {
    orders(3, || {
        let circuit = circuit(settings().min_calls(9));
        let ends = [End::Success, End::Failure].map(|end| {
            let ticket = enter(&circuit, AT).unwrap();
            beside(&circuit, move |circuit| circuit.end(ticket, end, None, AT))
        });
        let ticket = enter(&circuit, AT).unwrap();
        circuit.end(ticket, End::Success, None, AT);
        let _ = ends.map(JoinHandle::join).map(Result::unwrap);
        let status = circuit.status(AT);
        assert_eq!((status.calls, status.failures), (3, 1));
    });
}

/// Somebody takes the origin out while its last probe passes: it is held open, or it is closed and then held open.
/// It is never let go by the probe.
#[test]
fn a_hand_outweighs_a_probe() {
    orders(3, || {
        let circuit = half_open(settings().probes(1).passes(1));
        let probe = enter(&circuit, AT).unwrap();
        let passes = beside(&circuit, move |circuit| circuit.end(probe, End::Success, None, AT));
        let holds = beside(&circuit, |circuit| circuit.force_open(AT));
        passes.join().unwrap();
        holds.join().unwrap();
        assert_eq!(is_coherent(&circuit), CircuitState::Open);
        assert_eq!(enter(&circuit, AT + 3_600 * SECOND), Err(Refusal::ForcedOpen));
        circuit.release(AT);
        assert_eq!(is_coherent(&circuit), CircuitState::HalfOpen);
    });
}
