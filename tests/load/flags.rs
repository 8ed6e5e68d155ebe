//! What can't be is said before anything is sent, so that a tired operator understands it.

use crate::tool::{SERVICE, load};

/// Exit code 2, nothing on stdout, and these words on stderr.
#[track_caller]
fn refused(args: &[&str], words: &[&str]) {
    let run = load(args, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?}: {}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{args:?}: no {word:?} in {}", run.stderr);
    }
}

#[test]
fn a_flag_that_cannot_be_read_is_named_with_the_reason() {
    refused(&["--rate", "fast"], &["--rate", "no number of calls", "200/s"]);
    refused(&["--rate", "5/d"], &["no unit of time", "s, min or h"]);
    refused(&["--rate", "0"], &["more than nothing"]);
    refused(&["--for", "soon"], &["--for", "30s"]);
    refused(&["--for=-5s"], &["not negative"]);
    refused(&["--for", "0s"], &["--for", "nothing to do"]);
    refused(&["--calls", "0"], &["--calls", "nothing to do"]);
    refused(&["--mix", "create=1,dance=1"], &["dance", "create, fetch, list, update, delete"]);
    refused(&["--mix", "fetch=0"], &["nothing to do"]);
    refused(&["--arrivals", "bursty"], &["poisson", "even"]);
    refused(&["--faults", "5"], &["from 0 to 1"]);
    refused(&["--unnamed", "half"], &["from 0 to 1"]);
    refused(&["--service", "AC1"], &["--service"]);
    refused(&["--max-in-flight", "0"], &["--max-in-flight"]);
    refused(&["--fast"], &["--fast"]);
    refused(&["--svg", "no/such/folder/a.svg"], &["--svg", "no/such/folder/a.svg"]);
}

#[test]
fn flags_that_exclude_each_other_are_both_named() {
    let url = ["--url", "http://127.0.0.1:9", "--service", SERVICE];
    let with = |more: &[&'static str]| [&url, more].concat();
    refused(&with(&["--in-process"]), &["--url", "--in-process"]);
    refused(&with(&["--faults", "0.1"]), &["--url", "--faults"]);
    refused(&["--simulate", "--in-process"], &["--simulate", "--in-process"]);
    refused(&["--url", "http://127.0.0.1:9"], &["--service"]);
}

#[test]
fn another_machine_is_loaded_by_none_that_has_not_said_so() {
    let url = ["--url", "https://proxy.twilio.com", "--service", SERVICE, "--calls", "40"];
    refused(&url, &["proxy.twilio.com", "another machine", "40 calls", "--yes-this-costs-money"]);
    // Said so, and without credentials.
    refused(&[&url[..], &["--yes-this-costs-money"]].concat(), &["TWILIO_ACCOUNT_SID"]);
}

#[test]
fn a_url_where_nobody_answers_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let account = "ACcccccccccccccccccccccccccccccccc";
    let environment = [("TWILIO_ACCOUNT_SID", account), ("TWILIO_AUTH_TOKEN", "not-a-secret")];
    let run = load(&["--url", &url, "--service", SERVICE, "--quiet"], &environment);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains(&url) && run.stderr.contains("no session could be made"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("left behind"), "nothing can have been done: {}", run.stderr);
}
