//! How it ends: what is under way is answered, and what is not is said.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;
use twilio_proxy::simulator::{FaultPlan, Mishap, Simulator};

use crate::sidecar::Sidecar;
use crate::socket::{LONG, Socket, create, get, status};

/// Asks until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "{what}");
        std::thread::yield_now();
    }
}

fn in_flight(sidecar: &Sidecar, count: usize) -> bool {
    get(&sidecar.admin, "/readyz").1.contains(&format!(r#""in_flight":{count},"#))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_answered_and_nothing_more_is_taken() {
    let simulator = Simulator::new();
    simulator.set_faults(FaultPlan::none().next(1, Mishap::Latency(Duration::from_secs(2))));
    let server = simulator.serve().await.unwrap();
    let mut sidecar = Sidecar::start(&["--upstream", &server.base_url()]);
    let (front, admin) = (sidecar.front.clone(), sidecar.admin.clone());
    let idle = Socket::open(&front);
    let asked = Socket::open(&front).say(create("UniqueName=a"));
    until("the create is under way", || in_flight(&sidecar, 1));
    sidecar.terminate();
    sidecar.line("stopping");
    // It lives, but wants no more traffic, and a connection that lies idle is closed.
    until("it is not ready any more", || get(&admin, "/readyz").0 == 503);
    assert_eq!(get(&admin, "/healthz").0, 200);
    assert_eq!(idle.hear().0, "");
    until("its port is closed", || TcpStream::connect(&front).is_err());
    let (heard, _) = asked.hear();
    assert_eq!(status(&heard), 201, "{heard}");
    let (exit, said) = sidecar.end();
    assert!(exit.success(), "{exit}");
    assert_eq!(said, "stopped: cut off 0 requests on 0 connections\n");
    assert_eq!(simulator.sessions().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_is_cut_off_and_counted() {
    let simulator = Simulator::new();
    simulator.set_faults(FaultPlan::none().next(9, Mishap::StallAfter));
    let server = simulator.serve().await.unwrap();
    let sidecar = Sidecar::start(&["--upstream", &server.base_url(), "--drain", "300ms"]);
    let first = Socket::open(&sidecar.front).say(create("UniqueName=a"));
    let second = Socket::open(&sidecar.front).say(create(""));
    until("both are under way", || in_flight(&sidecar, 2));
    sidecar.terminate();
    assert_eq!((first.hear().0, second.hear().0), (String::new(), String::new()));
    let (exit, said) = sidecar.end();
    assert!(exit.success(), "{exit}");
    assert!(
        said.ends_with("stopped: cut off 2 requests (sessions.create 2) on 2 connections\n"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_takes_the_call_along() {
    let simulator = Simulator::new();
    simulator.set_faults(FaultPlan::none().next(9, Mishap::StallBefore));
    let server = simulator.serve().await.unwrap();
    let sidecar = Sidecar::start(&["--upstream", &server.base_url()]);
    let asked = Socket::open(&sidecar.front).say(create("UniqueName=a"));
    until("the create is under way", || in_flight(&sidecar, 1));
    drop(asked);
    until("nothing is under way", || in_flight(&sidecar, 0));
    sidecar.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_twice_it_ends_at_once() {
    let simulator = Simulator::new();
    simulator.set_faults(FaultPlan::none().next(9, Mishap::StallBefore));
    let server = simulator.serve().await.unwrap();
    let mut sidecar = Sidecar::start(&["--upstream", &server.base_url(), "--drain", "600s"]);
    let asked = Socket::open(&sidecar.front).say(create("UniqueName=a"));
    until("the create is under way", || in_flight(&sidecar, 1));
    sidecar.terminate();
    sidecar.line("stopping");
    sidecar.terminate();
    assert_eq!(asked.hear().0, "");
    assert_eq!(sidecar.end().0.code(), Some(1));
}

/// An answer of megabytes, to a client that reads none of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_does_not_read_his_answer_does_not_hold_up_the_end() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", upstream.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = upstream.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let body = vec![b' '; 7 << 20];
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
    });
    let more = ["--header-timeout", "300ms", "--idle-timeout", "300ms", "--drain", "600s"];
    let sidecar = Sidecar::start(&[&["--upstream", &base][..], &more].concat());
    let request = "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // With room for a little only, or the kernel would read it all in his stead.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(sidecar.front.parse().unwrap()).await.unwrap();
    let lazy = Socket::over(stream.into_std().unwrap()).say(request);
    lazy.wait();
    // Without a clock for it, this would take the ten minutes of the drain.
    sidecar.stop();
    let (heard, _) = lazy.hear();
    assert_eq!(status(&heard), 200);
    assert!(heard.len() < 7 << 20, "it all fits, and nobody was slow");
}
