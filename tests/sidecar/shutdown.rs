//! How it ends: what is under way is answered, and what is not is said.

use std::net::TcpStream;
use std::time::{Duration, Instant};

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
    assert!(said.ends_with("stopped: cut off 2 requests on 2 connections\n"), "{said}");
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
