//! What is tried again, how often, and what is never tried again.

use std::time::{Duration, SystemTime};

use crate::server::{Act, answer, json};
use crate::{SERVICE, SESSION, run_against, verdict};

const FETCH: [&str; 3] = ["fetch", SERVICE, SESSION];
const CREATE: [&str; 2] = ["create", SERVICE];
const NAMED: [&str; 4] = ["create", SERVICE, "--unique-name", "order-1"];
const UPDATE: [&str; 5] = ["update", SERVICE, SESSION, "--status", "closed"];
const DELETE: [&str; 3] = ["delete", SERVICE, SESSION];

fn refusal(status: &str, code: u32) -> Act {
    json(status, &format!(r#"{{"code": {code}, "message": "m"}}"#))
}

fn throttle(retry_after: &str) -> Act {
    let header = format!("retry-after: {retry_after}\r\n");
    answer("429 Too Many Requests", &header, r#"{"code": 80621}"#)
}

fn date(from_now: i64) -> String {
    let now = SystemTime::now();
    let by = Duration::from_secs(from_now.unsigned_abs());
    httpdate::fmt_http_date(if from_now < 0 { now - by } else { now + by })
}

#[test]
fn a_throttle_is_waited_out_however_it_says_how_long() {
    let past = date(-100);
    for retry_after in ["0", "1", &past, "-5", "1.5", "soon", ""] {
        let (run, server) = run_against([throttle(retry_after), json("201 C", "{}")], &CREATE);
        assert_eq!((run.code, server.requests().len()), (0, 2), "{retry_after}: {run:?}");
    }
    let far = date(7200);
    for (retry_after, at_least) in [
        ("3600", 3_600_000),
        ("99999999999999999999999", u64::MAX),
        (&*far, 7_100_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 7_200_000),
    ] {
        let (run, server) = run_against([throttle(retry_after)], &CREATE);
        assert_eq!(run.verdict(), verdict("throttled", "none", 1), "{retry_after}");
        assert!(run.failure()["retry_after_ms"].as_u64().unwrap() >= at_least, "{retry_after}");
        assert_eq!(server.requests().len(), 1);
    }
    // It would be over by then, so it is over now.
    let (run, _) = run_against([throttle("5")], &[&FETCH[..], &["--deadline", "1000"]].concat());
    assert_eq!(run.verdict(), verdict("throttled", "none", 1));
}

#[test]
fn a_throttle_without_end_is_tried_as_often_as_allowed() {
    let script = [answer("429 X", "", ""), answer("429 X", "", ""), answer("429 X", "", "")];
    let (run, server) = run_against(script, &[&CREATE[..], &["--max-attempts", "2"]].concat());
    assert_eq!(run.verdict(), verdict("throttled", "none", 2));
    assert_eq!((run.failure()["retry_after_ms"].as_u64(), server.requests().len()), (None, 2));
}

#[test]
fn what_may_have_acted_is_tried_again_only_where_that_does_no_harm() {
    for lost in [Act::Hang, Act::Reset, answer("500 X", "", ""), answer("503 X", "", "")] {
        for args in [&FETCH[..], &NAMED, &UPDATE, &DELETE] {
            let (run, server) = run_against([lost.clone(), json("200 OK", "{}")], args);
            assert_eq!((run.code, server.requests().len()), (0, 2), "{args:?}: {run:?}");
        }
        let (run, server) = run_against([lost, json("201 Created", "{}")], &CREATE);
        assert_eq!((run.verdict().1.as_str(), run.verdict().2), ("unknown", 1));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn replays_are_the_same_request_byte_for_byte() {
    let (_, server) = run_against([Act::Hang, Act::Hang, json("200 OK", "{}")], &NAMED);
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]));
    assert!(requests[0].contains("\r\nx-request-id: "));
}

#[test]
fn refusals_are_final() {
    for (status, code) in
        [("409 Conflict", 80623), ("400 Bad", 80603), ("408 X", 0), ("425 X", 0), ("401 X", 20003)]
    {
        for args in [&CREATE[..], &NAMED, &UPDATE] {
            let (run, server) = run_against([refusal(status, code)], args);
            assert_eq!(run.verdict(), verdict("refused", "none", 1), "{status}");
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[test]
fn a_delete_that_finds_nothing_has_succeeded_only_if_it_may_have_been_its_own_doing() {
    for lost in [Act::Hang, Act::Reset, answer("500 X", "", "")] {
        let (run, _) = run_against([lost, refusal("404 Not Found", 20404)], &DELETE);
        assert_eq!((run.code, run.stdout.as_str()), (0, "null\n"), "{run:?}");
    }
    let (run, _) = run_against([refusal("404 Not Found", 20404)], &DELETE);
    assert_eq!(run.verdict(), verdict("refused", "none", 1));
    let (run, _) = run_against([throttle("0"), refusal("404 Not Found", 20404)], &DELETE);
    assert_eq!(run.verdict(), verdict("refused", "none", 2));
}

#[test]
fn a_name_that_was_taken_before_is_not_mistaken_for_this_create() {
    let taken = answer("400 Bad", &format!("date: {}\r\n", date(0)), r#"{"code": 80603}"#);
    let older =
        json("200 OK", r#"{"unique_name": "order-1", "date_created": "2015-07-30T20:00:00Z"}"#);
    let (run, server) = run_against([Act::Hang, taken.clone(), older], &NAMED);
    assert_eq!(run.verdict(), verdict("refused", "none", 2));
    assert!(run.message().contains("another session"), "{}", run.message());
    assert_eq!(server.requests().len(), 3);

    // The look tells nothing: then nobody knows.
    for look in [json("200 OK", "<html>"), refusal("404 Not Found", 20404)] {
        let (run, _) = run_against([Act::Hang, taken.clone(), look], &NAMED);
        assert_eq!(run.verdict(), verdict("refused", "unknown", 2));
        assert_eq!(run.failure()["code"], 80603);
    }
}

#[test]
fn a_close_that_was_lost_is_found_done() {
    let closed = format!(r#"{{"sid": "{SESSION}", "status": "closed"}}"#);
    let script = [Act::Hang, refusal("400 Bad", 80607), json("200 OK", &closed)];
    let (run, server) = run_against(script, &UPDATE);
    assert_eq!(run.output()["status"], "closed");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_stalled_answer_ends_with_the_deadline() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n";
    for half in ["", "HTTP/1.1 200", head, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
        for args in [&FETCH[..], &CREATE] {
            let args = [args, &["--deadline", "150"]].concat();
            let (run, server) = run_against([Act::Stall(half)], &args);
            assert_eq!(run.verdict(), verdict("deadline", "unknown", 1), "{half}");
            assert_eq!(server.requests().len(), 1);
        }
    }
    // Refused already, whatever else it has to say.
    let refused = Act::Stall("HTTP/1.1 404 No\r\ncontent-length: 9\r\n\r\n{");
    let (run, _) = run_against([refused], &[&CREATE[..], &["--deadline", "150"]].concat());
    assert_eq!(run.verdict(), verdict("deadline", "none", 1));
}

#[test]
fn no_time_at_all_sends_nothing() {
    let (run, server) = run_against([], &[&CREATE[..], &["--deadline", "0"]].concat());
    assert_eq!(run.verdict(), verdict("deadline", "none", 0));
    assert!(server.requests().is_empty());
}
