//! The handle: to look at the circuits, to force them, to be told; and how many there are.

use std::fmt;

use tokio_test::{assert_pending, assert_ready, task};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::SubscriberExt;

use super::super::Circuits;
use super::*;
use crate::call::{Live, Origin};

fn origin() -> Origin {
    Origin::of(&URL.parse().expect("a URL")).expect("an origin")
}

#[tokio::test(start_paused = true)]
async fn a_circuit_held_open_lets_nobody_through_until_it_is_released() {
    let bench = Bench::new();
    let circuits = bench.layer.circuits();
    // Nobody has called it yet.
    circuits.force_open(&origin());
    assert!(!circuits.all_closed() && !circuits.is_closed(&URL.parse().expect("a URL")));
    tokio::time::sleep(SECOND * 3600).await;
    assert_eq!(bench.rejected().await.retry_after(), None, "only who holds it knows");
    let status = bench.status();
    assert_eq!((status.state, status.forced, status.opened), (CircuitState::Open, true, 0));

    circuits.release(&origin());
    assert_eq!((bench.state(), bench.status().forced), (CircuitState::HalfOpen, false));
    bench.calls(3, GOES_WELL).await;
    assert!(circuits.all_closed());
    // Nothing is held any more.
    circuits.release(&origin());
    assert_eq!(bench.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_held_closed_counts_and_lets_all_through() {
    let bench = Bench::new();
    let circuits = bench.layer.circuits();
    bench.calls(10, FAILS).await;
    circuits.force_closed(&origin());
    assert!(circuits.all_closed());
    bench.calls(20, FAILS).await;
    assert_eq!(bench.server.reached(), 30);
    let status = bench.status();
    assert_eq!((status.state, status.forced, status.failures), (CircuitState::Closed, true, 20));
    circuits.release(&origin());
    assert_eq!(bench.state(), CircuitState::Closed);
    bench.calls(1, FAILS).await;
    assert_eq!(bench.state(), CircuitState::Open, "it had seen enough");
}

#[tokio::test(start_paused = true)]
async fn all_can_be_forced_at_once() {
    let bench = Bench::new();
    let circuits = bench.layer.circuits();
    for url in ["https://a.test/", "https://b.test/"] {
        bench.call_to(url).await.expect("an answer");
    }
    let states =
        || -> Vec<_> { circuits.list().iter().map(|one| (one.state, one.forced)).collect() };
    circuits.force_open_all();
    assert_eq!(states(), [(CircuitState::Open, true); 2]);
    circuits.force_closed_all();
    assert_eq!(states(), [(CircuitState::Closed, true); 2]);
    circuits.force_open_all();
    circuits.release_all();
    assert_eq!(states(), [(CircuitState::HalfOpen, false); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_sees_each_change_or_the_last_of_several() {
    let bench = Bench::new();
    let mut watch = bench.layer.circuits().watch();
    let mut change = task::spawn(watch.changed());
    assert_pending!(change.poll());
    bench.calls(10, FAILS).await;
    assert!(change.is_woken());
    drop(change);
    // A dropped wait has missed nothing.
    let mut change = task::spawn(watch.changed());
    assert_eq!(assert_ready!(change.poll())[0].state, CircuitState::Open);
    drop(change);
    let mut change = task::spawn(watch.changed());
    assert_pending!(change.poll());
    bench.wait_until_probing().await;
    bench.calls(3, GOES_WELL).await;
    assert_eq!(assert_ready!(change.poll())[0].state, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_hook_sees_every_change_and_may_use_the_handle() {
    let bench = Bench::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (list, circuits) = (Arc::clone(&seen), bench.layer.circuits().clone());
    let layer = bench.layer.clone().on_change(move |change| {
        // Not under a lock of the circuit's, or this would wait for ever.
        let now = circuits.list().remove(0).state;
        assert_eq!(now, change.circuit.state);
        list.lock().expect("the list").push((change.from, now, change.circuit.failures));
    });
    bench.wait_until_probing().await;
    bench.calls(3, GOES_WELL).await;
    layer.circuits().force_open_all();
    layer.circuits().force_open_all();
    let (closed, open, half) = (CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen);
    let expected = [(closed, open, 10), (open, half, 10), (half, closed, 0), (closed, open, 0)];
    assert_eq!(*seen.lock().expect("the list"), expected);
}

#[tokio::test(start_paused = true)]
async fn settings_may_change_while_calls_go_on() {
    let settings = Live::new(Settings::new());
    let layer = BreakerLayer::new(settings.clone());
    let bench = Bench { layer, server: Server::new() };
    bench.calls(10, FAILS).await;
    assert_eq!(bench.state(), CircuitState::Closed);
    settings.set(Settings::new().min_calls(5));
    bench.calls(1, FAILS).await;
    assert_eq!(bench.state(), CircuitState::Open);

    settings.set(Settings::new().passes(1));
    bench.wait_until_probing().await;
    bench.calls(1, GOES_WELL).await;
    assert_eq!(bench.state(), CircuitState::Closed);
    bench.calls(19, FAILS).await;
    for seconds in [60, 3, 7] {
        // A window of another length begins empty.
        settings.set(Settings::new().window(SECOND * seconds));
        assert_eq!(bench.status().calls, 0);
        bench.calls(19, FAILS).await;
        assert_eq!((bench.state(), bench.status().calls), (CircuitState::Closed, 19));
    }
    tokio::time::sleep(SECOND * 10).await;
    settings.set(Settings::new().window(SECOND * 100));
    bench.calls(19, FAILS).await;
    tokio::time::sleep(SECOND * 80).await;
    assert_eq!(bench.status().calls, 19, "a longer window sees further back");
}

#[test]
fn settings_stay_in_their_bounds() {
    let least = Settings::new()
        .window(Duration::ZERO)
        .min_calls(0)
        .failure_percent(0)
        .slow_percent(0)
        .probes(0)
        .passes(0);
    assert_eq!((least.min_calls, least.probes, least.passes), (1, 1, 1));
    // A window of no length held no two calls, so that its circuit never opened.
    assert_eq!(least.bucket, 10_000_000);
    assert_eq!((least.failure_percent, least.slow_percent), (1, 1));
    let most = Settings::new()
        .window(Duration::MAX)
        .failure_percent(101)
        .slow_percent(255)
        .slow_call(Duration::MAX)
        .open_for(Duration::MAX);
    assert_eq!((most.failure_percent, most.slow_percent), (100, 100));
    assert_eq!(most.open_time(u32::MAX), u64::MAX);
    // The first open time wins over a cap below it.
    let odd = Settings::new().open_for(SECOND * 9).max_open_for(SECOND);
    assert_eq!(odd.open_time(5), 9_000_000_000);
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_circuits_and_the_idlest_goes_first() {
    let bench = Bench::with(Settings::new().min_calls(3));
    let circuits = bench.layer.circuits();
    let url = |number: usize| format!("https://host-{number}.test/");
    let hosts = || -> Vec<String> {
        circuits.list().iter().map(|one| one.origin.host().to_owned()).collect()
    };
    for number in 0..Circuits::MOST {
        bench.call_to(&url(number)).await.expect("an answer");
        tokio::time::sleep(SECOND / 10).await;
    }
    // The first is open, and the second has just been called: neither goes.
    bench.server.does(FAILS);
    for _ in 0..3 {
        let _ = bench.call_to(&url(0)).await;
    }
    bench.server.does(GOES_WELL);
    tokio::time::sleep(SECOND).await;
    bench.call_to(&url(1)).await.expect("an answer");
    for number in 100..120 {
        tokio::time::sleep(SECOND * 2).await;
        bench.call_to(&url(number)).await.expect("an answer");
    }
    let hosts = hosts();
    assert_eq!(hosts.len(), Circuits::MOST);
    assert!(hosts.contains(&"host-0.test".into()) && hosts.contains(&"host-1.test".into()));
    assert!(!hosts.contains(&"host-2.test".into()) && hosts.contains(&"host-119.test".into()));
    assert_eq!((bench.status().origin.host(), bench.state()), ("host-0.test", CircuitState::Open));
}

/// An open circuit counts no call, so before long none has been idle for longer.
#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_not_at_rest_stays_however_idle_it_is() {
    let bench = Bench::with(Settings::new().min_calls(1).open_for(SECOND * 3600));
    let circuits = bench.layer.circuits();
    bench.server.does(FAILS);
    bench.call_to("https://host-0.test/").await.expect("an answer");
    bench.server.does(GOES_WELL);
    for number in 1..Circuits::MOST + 5 {
        bench.call_to(&format!("https://host-{number}.test/")).await.expect("an answer");
        tokio::time::sleep(SECOND).await;
    }
    assert!(!circuits.is_closed(&"https://host-0.test/".parse().expect("a URL")));
    assert_eq!(circuits.list().len(), Circuits::MOST);
}

#[tokio::test(start_paused = true)]
async fn where_every_circuit_is_needed_calls_to_others_go_by() {
    let bench = Bench::with(Settings::new().min_calls(1));
    let circuits = bench.layer.circuits();
    for number in 0..Circuits::MOST {
        bench.call_to(&format!("https://host-{number}.test/")).await.expect("an answer");
    }
    circuits.force_open_all();
    bench.server.does(FAILS);
    for _ in 0..3 {
        bench.call_to("https://one-more.test/").await.expect("an answer");
    }
    assert_eq!(circuits.list().len(), Circuits::MOST);
}

/// An origin whose calls had not ended yet, or had all been refused, passed for the one that was unused
/// the longest: two new origins took each other's place for ever, and neither ever had a breaker.
#[tokio::test(start_paused = true)]
async fn a_new_circuit_does_not_go_before_one_that_is_old_and_idle() {
    let bench = Bench::with(Settings::new().min_calls(3));
    for number in 0..Circuits::MOST {
        bench.call_to(&format!("https://host-{number}.test/")).await.expect("an answer");
    }
    tokio::time::sleep(SECOND * 3600).await;
    bench.server.does(Manner::Slowly(SECOND, 503));
    for _ in 0..3 {
        let (one, other) =
            (bench.call_to("https://one.test/"), bench.call_to("https://other.test/"));
        let _ = tokio::join!(one, other);
    }
    let open = |url: &str| !bench.layer.circuits().is_closed(&url.parse().expect("a URL"));
    assert!(open("https://one.test/") && open("https://other.test/"));
}

/// A call under way when its circuit is dropped must not open a circuit that nobody sees.
#[tokio::test(start_paused = true)]
async fn a_call_whose_circuit_was_dropped_counts_nowhere() {
    let bench = Bench::with(Settings::new().min_calls(1));
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let layer = bench.layer.clone().on_change(move |_| *count.lock().expect("the count") += 1);
    bench.server.does(Manner::Slowly(SECOND, 503));
    let mut early = task::spawn(bench.call());
    assert_pending!(early.poll());
    bench.server.does(GOES_WELL);
    for number in 0..Circuits::MOST {
        bench.call_to(&format!("https://host-{number}.test/")).await.expect("an answer");
    }
    early.await.expect("an answer");
    assert_eq!(*seen.lock().expect("the count"), 0);
    assert!(layer.circuits().all_closed());
}

/// Events, as text: level, then fields.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Reader(String);
        impl Visit for Reader {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0 += &format!(" {field}={value:?}");
            }
        }
        let mut reader = Reader(event.metadata().level().to_string());
        event.record(&mut reader);
        self.0.lock().expect("the list").push(reader.0);
    }
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_with_origin_and_rates_and_nothing_of_the_request() {
    // While there is one subscriber only, `tracing` asks the default of whichever thread comes by an event
    // first whether to skip it for good, and another test's has none. So let there be two.
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let events = Events::default();
    let subscriber = tracing_subscriber::registry().with(events.clone());
    let _listening = tracing::subscriber::set_default(subscriber);
    let bench = Bench::new();
    bench.wait_until_probing().await;
    bench.calls(3, GOES_WELL).await;
    let events = events.0.lock().expect("the list").clone();
    let ours: Vec<_> = events.iter().filter(|event| event.contains("circuit")).collect();
    let levels: Vec<_> = ours.iter().filter_map(|event| event.split(' ').next()).collect();
    assert_eq!(levels, ["WARN", "INFO", "INFO"]);
    assert!(ours[0].contains("origin=https://api.test ") && ours[0].contains("failure_rate=1"));
    assert!(ours[0].contains("to=\"open\""), "{}", ours[0]);
    assert!(!events.iter().any(|event| event.contains("Sessions") || event.contains("1555")));
}
