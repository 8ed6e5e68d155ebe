//! Bodies and heads as no server should send them, and some do.

use crate::server::{Act, Server, answer, json, raw};
use crate::{SERVICE, SESSION, run_against, verdict};

const FETCH: [&str; 3] = ["fetch", SERVICE, SESSION];
const CREATE: [&str; 2] = ["create", SERVICE];

#[test]
fn each_shape_of_an_error_gives_its_code_and_message() {
    for (body, code, message) in [
        (r#"{"code": 80609, "message": "m", "more_info": "i", "status": 400}"#, Some(80609), "m"),
        (r#"{"message": "m", "status": 400}"#, None, "m"),
        (
            r#"{"code": 1, "message": "m", "httpStatusCode": 400, "params": {}, "userError": true}"#,
            Some(1),
            "m",
        ),
        (
            r#"{"type": "t", "title": "T", "status": 400, "code": 2, "detail": "d", "errors": []}"#,
            Some(2),
            "d",
        ),
        (r#"{"type": "t", "title": "T", "status": 400, "code": 2}"#, Some(2), "T"),
        (r#"{"code": "80609", "message": "m"}"#, Some(80609), "m"),
        // One odd field costs none of the others.
        (r#"{"code": -1, "message": "m"}"#, None, "m"),
        (r#"{"code": 1, "message": 7}"#, Some(1), ": "),
        // What is no such body is shown as it is: often it is all there is to go by.
        ("<html><b>Bad</b></html>", None, "the API answered 400: <html><b>Bad</b></html>"),
        ("[1, 2]", None, "the API answered 400: [1, 2]"),
        ("", None, "the API answered 400"),
    ] {
        let (run, _) = run_against([json("400 Bad Request", body)], &FETCH);
        let failure = run.failure();
        assert_eq!(run.verdict(), verdict("refused", "none", 1), "{body}");
        assert_eq!((failure["status"].as_u64(), failure["code"].as_u64()), (Some(400), code));
        assert!(run.message().contains(message), "{failure}");
    }
}

/// An excerpt is for a terminal: short, and nothing in it steers one.
#[test]
fn an_excerpt_is_capped_and_printable() {
    let body = format!("\u{1b}[31m{}", "x".repeat(2 << 20));
    let (run, _) = run_against([answer("403 Forbidden", "", &body)], &FETCH);
    let message = run.message();
    assert!(message.len() < 600 && !message.contains('\u{1b}'), "{message}");
    let (run, _) = run_against([raw("HTTP/1.1 403 No\r\n\r\n\u{0}\u{202e}".as_bytes())], &FETCH);
    assert_eq!(run.failure()["status"], 403);
}

#[test]
fn a_refusal_that_breaks_off_or_never_ends_keeps_its_status() {
    let broken = || raw("HTTP/1.1 404 No\r\ncontent-length: 99\r\n\r\n{\"code\": 20404, \"mess");
    let (run, _) = run_against([broken()], &FETCH);
    assert_eq!(run.verdict(), verdict("refused", "none", 1));
    assert_eq!(run.failure()["status"], 404);

    let head = "HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\n";
    let endless = Act::Endless(head, format!("10000\r\n{}\r\n", "x".repeat(0x10000)));
    let (run, _) = run_against([endless], &CREATE);
    assert_eq!(run.verdict(), verdict("server", "unknown", 1));
}

#[test]
fn an_answer_that_breaks_off_is_fetched_again_and_never_created_again() {
    for half in [
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"sid\":",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
    ] {
        let (run, server) = run_against([raw(half), json("200 OK", "{}")], &FETCH);
        assert_eq!((run.output().is_object(), server.requests().len()), (true, 2), "{half}");

        let (run, server) = run_against([raw(half), json("201 Created", "{}")], &CREATE);
        assert_eq!(run.verdict(), verdict("incomplete", "unknown", 1), "{half}");
        assert_eq!((run.failure()["status"].as_u64(), server.requests().len()), (Some(200), 1));
    }
}

#[test]
fn a_body_over_the_cap_names_the_cap() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for act in [
        raw("HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n{"),
        Act::Endless(chunked, format!("10000\r\n{}\r\n", "x".repeat(0x10000))),
        Act::Endless("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(0x10000)),
    ] {
        let (run, server) = run_against([act.clone(), act], &FETCH);
        assert_eq!(run.verdict(), verdict("body_too_large", "applied", 1));
        assert!(run.message().contains("8388608 bytes"), "{}", run.message());
        assert_eq!(server.requests().len(), 1, "another attempt would end no differently");
    }
}

#[test]
fn answers_in_unusual_wrappings_are_read() {
    for wrapped in [
        "HTTP/1.0 200 OK\r\n\r\n{}",
        "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\n{}and more",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nt: u\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\n\r\n\u{feff}{}",
        "HTTP/1.1 201 Created\r\n\r\n {} \r\n",
    ] {
        let (run, _) = run_against([raw(wrapped)], &FETCH);
        assert!(run.output().is_object(), "{wrapped}");
    }
}

#[test]
fn what_is_no_http_is_interrupted() {
    for noise in [
        &b"hello\r\n\r\n"[..],
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
    ] {
        let (run, _) = run_against([raw(noise)], &CREATE);
        assert_eq!(run.verdict(), verdict("interrupted", "unknown", 1), "{noise:?}");
    }
}

#[test]
fn a_success_that_makes_no_sense_is_applied_and_said_once() {
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    for body in [
        "",
        "null",
        "[]",
        "<html>",
        "{} {}",
        "{\"sid\": \"KC1\"}",
        "{\"ttl\": -1}",
        "{\"ttl\": 1.5}",
        "{\"date_created\": \"soon\"}",
        "{\"links\": []}",
        &deep,
    ] {
        let (run, server) = run_against([json("201 Created", body)], &CREATE);
        assert_eq!(run.verdict(), verdict("decode", "applied", 1));
        assert_eq!((run.failure()["status"].as_u64(), server.requests().len()), (Some(201), 1));
        let message = run.message();
        let parts: Vec<_> = message.split(": ").collect();
        assert!(parts.windows(2).all(|pair| pair[0] != pair[1]), "{message}");
    }
    let (run, _) = run_against([raw(b"HTTP/1.1 201 C\r\n\r\n{\"x\": \"\xff\"}")], &CREATE);
    assert_eq!(run.verdict(), verdict("decode", "applied", 1));
}

/// Credentials go to the host that was named, and to none that an answer names.
#[test]
fn no_redirect_is_followed() {
    let elsewhere = Server::start([json("200 OK", "{}")]);
    for status in ["300 X", "301 X", "302 X", "303 X", "307 X", "308 X", "304 X", "101 X"] {
        for args in [&FETCH[..], &CREATE[..]] {
            let location = format!("location: {}/v1\r\n", elsewhere.url());
            let (run, server) = run_against([answer(status, &location, "")], args);
            assert_eq!(run.verdict(), verdict("unexpected", "unknown", 1), "{status}");
            assert_eq!(server.requests().len(), 1);
        }
    }
    assert!(elsewhere.requests().is_empty());
}
