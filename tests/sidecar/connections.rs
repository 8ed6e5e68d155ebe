//! What one client may take from the others: connections, time, bytes.

use std::time::Duration;

use crate::sidecar::Sidecar;
use crate::socket::{Socket, ask, get, status};

/// Nothing listens there, and it is tried once.
const NOWHERE: [&str; 4] = ["--upstream", "http://127.0.0.1:1", "--max-attempts", "1"];
/// Short enough to wait for.
const PATIENCE: Duration = Duration::from_millis(300);

fn impatient(more: &[&str]) -> Sidecar {
    let flags = ["--header-timeout", "300ms", "--body-timeout", "300ms", "--idle-timeout", "300ms"];
    Sidecar::start(&[&NOWHERE[..], &flags, more].concat())
}

#[test]
fn a_client_that_is_slow_with_its_head_is_cut_off() {
    let sidecar = impatient(&[]);
    for said in [
        // Nothing at all, a piece of a head, a whole head but for its end, pieces of HTTP/2.
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: 1\r\n",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let (heard, took) = Socket::open(&sidecar.front).say(said).hear();
        assert!(!heard.contains("HTTP/1.1 2"), "{said:?}: {heard:?}");
        assert!(took >= PATIENCE / 2, "{said:?} took {took:?}");
    }
    // Whoever drips keeps nothing open for longer.
    let mut socket = Socket::open(&sidecar.front);
    let mut drops = 0;
    for byte in
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".bytes().chain(std::iter::repeat(b'x'))
    {
        socket = socket.say([byte]);
        if !socket.is_silent(Duration::from_millis(20)) {
            break;
        }
        drops += 1;
        assert!(drops < 500, "it listens for ever");
    }
}

#[test]
fn a_client_that_is_slow_with_its_body_is_told_so() {
    let sidecar = impatient(&[]);
    let head = "POST /v1/Services HTTP/1.1\r\nHost: localhost\r\n";
    for body in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
    {
        let (heard, took) = Socket::open(&sidecar.front).say(format!("{head}{body}")).hear();
        assert_eq!(status(&heard), 408, "{heard}");
        assert!(heard.contains("x-gateway-effect: none") && took >= PATIENCE / 2, "{heard}");
    }
}

#[test]
fn a_connection_that_lies_idle_is_closed() {
    let sidecar = impatient(&[]);
    let request = "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let socket = Socket::open(&sidecar.front).say(request);
    socket.wait();
    let (heard, _) = socket.hear();
    assert_eq!(status(&heard), 502);
}

#[test]
fn what_is_too_large_is_refused() {
    let sidecar = Sidecar::start(&[&NOWHERE[..], &["--max-body", "100"]].concat());
    let post = |rest: &str| {
        ask(&sidecar.front, &format!("POST /v1/x HTTP/1.1\r\nHost: localhost\r\n{rest}"))
    };
    let body = "x".repeat(101);
    assert_eq!(post("Content-Length: 101\r\n\r\n").0, 413);
    let (status, heard) =
        post(&format!("Transfer-Encoding: chunked\r\n\r\n65\r\n{body}\r\n0\r\n\r\n"));
    assert_eq!(status, 413, "{heard}");
    assert!(heard.contains(r#""effect":"none""#));
    let fits = "x".repeat(100);
    assert_eq!(post(&format!("Connection: close\r\nContent-Length: 100\r\n\r\n{fits}")).0, 502);
    // The head: in bytes, in headers, in the URL.
    assert_eq!(post(&format!("X-Large: {}\r\n\r\n", "x".repeat(20_000))).0, 431);
    assert_eq!(post(&format!("{}\r\n", "X-Many: 1\r\n".repeat(120))).0, 431);
    let (status, _) = get(&sidecar.front, &format!("/{}", "x".repeat(20_000)));
    assert!(matches!(status, 414 | 431), "{status}");
}

#[test]
fn more_connections_than_may_be_wait_for_their_turn() {
    let flags = ["--max-connections", "2", "--header-timeout", "20s"];
    let sidecar = Sidecar::start(&[&NOWHERE[..], &flags].concat());
    let first = Socket::open(&sidecar.front).say("GET / HT");
    let mut second = Socket::open(&sidecar.front).say("GET / HT");
    let request = "GET /v1/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut third = Socket::open(&sidecar.front).say(request);
    assert!(third.is_silent(PATIENCE) && second.is_silent(PATIENCE));
    drop(first);
    assert_eq!(status(&third.hear().0), 502);
    // The other port has places of its own.
    assert_eq!(get(&sidecar.admin, "/healthz").0, 200);
}
