//! Ctrl-C and SIGTERM: what was done is told, and every call is accounted for.

use crate::tool::Running;

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
