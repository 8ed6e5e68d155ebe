//! Ctrl-C and SIGTERM: what was done is told, and every call is accounted for. And a process that
//! stood still tells that too.

use crate::arrivals::{Arrivals, Pattern};
use crate::tool::{Running, load};

/// Never over by itself, within a test's patience.
const LONG: [&str; 8] =
    ["--rate", "100/s", "--for", "1h", "--unlimited", "--sessions", "1", "--json"];

#[test]
fn once_ends_the_arrivals_and_waits_for_the_rest() {
    for signal in ["-INT", "-TERM"] {
        let mut running = Running::start(&[&LONG[..], &["--latency", "20ms"]].concat(), &[]);
        let line = running.line();
        assert!(line.contains("/s of 100/s") && line.contains("under way"), "{line}");
        running.signal(signal);
        let run = running.end();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains("stopping: no more calls"), "{}", run.stderr);
        let report = run.report();
        assert_eq!((&report["stopped"], &report["cancelled"]), (&"once".into(), &0.into()));
        assert!(report["sent"].as_u64().unwrap() > 50, "{report}");
        assert_eq!(report["kept"], true);
    }
}

#[test]
fn twice_ends_everything_at_once() {
    let mut running = Running::start(&[&LONG[..], &["--latency", "1500ms"]].concat(), &[]);
    running.line();
    running.signal("-INT");
    while !running.line().contains("stopping: no more calls") {}
    running.signal("-INT");
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    let report = run.report();
    assert_eq!(report["stopped"], "twice");
    assert!(report["cancelled"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn the_wait_for_the_rest_has_an_end() {
    let slow = ["--latency", "1500ms", "--grace", "10ms"];
    let mut running = Running::start(&[&LONG[..], &slow].concat(), &[]);
    running.line();
    running.signal("-INT");
    let run = running.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.report();
    assert_eq!(report["stopped"], "once");
    assert!(report["cancelled"].as_u64().unwrap() > 0, "{report}");
}

/// No coordinated omission. The whole process stands still for a second, as a busy machine may make it:
/// the calls of that second are sent late, and took as long as their callers would have waited.
#[test]
fn a_second_that_the_tool_stood_still_is_in_the_times() {
    let args = ["--rate", "100/s", "--for", "4s", "--arrivals", "even", "--unlimited"];
    let more = ["--in-process", "--faults", "0", "--json"];
    let mut running = Running::start(&[&args[..], &more].concat(), &[]);
    running.line();
    running.signal("-STOP");
    // Another run is the clock.
    load(&["--rate", "10", "--for", "1s", "--in-process", "--quiet"], &[]);
    running.signal("-CONT");
    let report = running.end().report();

    let due = Arrivals::new(Pattern::Even, "100/s".parse().unwrap(), 7);
    assert_eq!(report["due"], due.take_while(|at| at.as_secs() < 4).count());
    assert_eq!(report["sent"], report["due"]);
    let slow = report["response_histogram_us"].as_array().unwrap().iter();
    let slow = slow.filter(|bucket| bucket["from"].as_f64().unwrap() >= 250_000.0);
    let slow: u64 = slow.map(|bucket| bucket["calls"].as_u64().unwrap()).sum();
    // Those of the first 0.7 seconds, give or take a bucket.
    assert!(slow >= 65, "{slow} calls: {report}");
    assert!(report["response_us"]["max"].as_u64().unwrap() > 950_000, "{report}");
    assert_eq!(report["driver_was_late"], true);
}
