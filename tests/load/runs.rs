//! Short runs against the simulator, as a process.

use std::path::Path;

use crate::arrivals::{Arrivals, Pattern};
use crate::drawn::well_formed;
use crate::mix::{Kind, Plan};
use crate::tool::load;

const SHORT: [&str; 9] =
    ["--rate", "150/s", "--for", "700ms", "--unlimited", "--seed", "3", "--json", "--quiet"];

/// The arrivals of [`SHORT`].
fn due() -> Vec<Kind> {
    let arrivals = Arrivals::new(Pattern::Poisson, "150/s".parse().unwrap(), 3);
    let mix = "create=1,fetch=6,list=1,update=1,delete=1".parse().unwrap();
    let calls = Plan::new(arrivals, mix, 0.0, 3).take_while(|call| call.at.as_millis() < 700);
    calls.map(|call| call.kind).collect()
}

#[test]
fn a_run_sends_what_its_seed_says_and_accounts_for_it() {
    for more in [&["--in-process"][..], &["--simulate", "--faults", "0.1"]] {
        let run = load(&[&SHORT, more].concat(), &[]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
        let (report, due) = (run.report(), due());
        assert_eq!(report["due"], due.len());
        assert_eq!(report["not_sent"], 0);
        // The time counts in full, and not only up to the last call.
        assert!(report["sent_for_s"].as_f64().unwrap() >= 0.7);
        let swapped = report["deletes_sent_as_creates"].as_u64().unwrap();
        for kind in Kind::ALL {
            let asked = due.iter().filter(|due| **due == kind).count() as u64;
            let sent = report["operations"][kind.name()]["sent"].as_u64().unwrap();
            let right = match kind {
                Kind::Create => asked + swapped,
                Kind::Delete => asked - swapped,
                _ => asked,
            };
            assert_eq!(sent, right, "{}", kind.name());
        }
        // Those beforehand are in the books too.
        let made = report["operations"]["create"]["ok"].as_u64().unwrap() + 20;
        assert!(report["simulator"]["creates"].as_u64().unwrap() >= made, "{report}");
        assert_eq!(report["simulator"]["created_twice"], serde_json::json!([]));
        assert_eq!((&report["kept"], &report["left_behind"]), (&true.into(), &().into()));
    }
}

#[test]
fn a_run_may_end_by_count() {
    let args = ["--calls", "25", "--rate", "1000", "--arrivals", "even", "--unlimited", "--json"];
    let report = load(&args, &[]).report();
    assert_eq!(report["due"], 25);
    assert!(report["sent_for_s"].as_f64().unwrap() >= 0.024);
    // Whichever comes first.
    let report = load(&[&args[..], &["--for", "1h"]].concat(), &[]).report();
    assert_eq!(report["due"], 25);
}

#[test]
fn what_a_full_driver_does_not_send_is_counted() {
    let full = ["--max-in-flight", "2", "--latency", "50ms", "--sessions", "1", "--faults", "0"];
    let run = load(&[&SHORT[..], &full].concat(), &[]);
    let report = run.report();
    let due = due().len() as u64;
    let not_sent = report["not_sent"].as_u64().unwrap();
    // Two at a time, for at least 50 ms each: at most 28 in 700 ms, and two more at its end.
    assert!(not_sent >= due - 30 && not_sent < due, "{not_sent} of {due}");
    assert_eq!(run.code, 0);
}

/// A limit of the stack holds calls, and the times say so.
#[test]
fn a_wait_at_the_rate_limit_is_part_of_the_time() {
    let fetches =
        ["--rate", "100/s", "--calls", "60", "--mix", "fetch=1", "--faults", "0", "--json"];
    let report = load(&fetches, &[]).report();
    // 60 calls come in 0.6 s and leave at 29/s, after a burst of 5: the last waits for more than a second.
    let slowest = report["response_us"]["max"].as_u64().unwrap();
    assert!(slowest > 900_000, "{slowest}");
    assert_eq!(report["ok"], 60);
}

#[test]
fn creates_without_a_name_fail_where_their_answer_is_lost_and_are_never_done_twice() {
    let unnamed = ["--mix", "create=1", "--unnamed", "1", "--faults", "0.3"];
    let report = load(&[&SHORT[..], &unnamed].concat(), &[]).report();
    let failures = report["operations"]["create"]["failures"].as_array().unwrap();
    assert!(failures.iter().any(|failure| failure["effect"] == "unknown"), "{failures:?}");
    assert_eq!(report["kept"], true);
}

#[test]
fn the_drawing_shows_what_the_report_says() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load-latencies.svg");
    let run = load(&[&SHORT[..], &["--svg", file.to_str().unwrap()]].concat(), &[]);
    let (report, drawing) = (run.report(), std::fs::read_to_string(&file).unwrap());
    std::fs::remove_file(&file).unwrap();
    well_formed(&drawing);
    let titles =
        drawing.split("<title>").skip(2).map(|title| title.split_once("</title>").unwrap().0);
    let calls = titles.map(|title| {
        let (_, calls) = title.rsplit_once(": ").unwrap();
        calls.trim_end_matches(" calls").replace(',', "").parse::<u64>().unwrap()
    });
    assert_eq!(calls.sum::<u64>(), report["ok"].as_u64().unwrap());
    for word in ["p50", "p90", "p99", "p99.9", "max", "150/s", "seed 3", ">calls<", " ms"] {
        assert!(drawing.contains(word), "no {word} in {drawing}");
    }
}

#[test]
fn the_report_for_people_has_every_part() {
    let args = ["--rate", "200", "--calls", "40", "--unlimited", "--faults", "0.1", "--quiet"];
    let run = load(&args, &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let parts = [
        "40 calls were due and 40 were sent",
        "│ operation ┆ sent",
        "│ fetch     ┆",
        "from due to end",
        "from sent to end",
        "from due to sent",
        "◂ p50",
        "each exactly once",
    ];
    for part in parts {
        assert!(run.stdout.contains(part), "no {part:?} in {}", run.stdout);
    }
}
