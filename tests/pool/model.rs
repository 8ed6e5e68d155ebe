//! The pool against a model of it, under every order of events that a generator thinks of.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use twilio_proxy::call::Fault;

use crate::support::{Server, builder, counts, settle, text};

const IDLE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
enum Event {
    Call,
    /// The server answers one of the calls that are on a connection.
    Answer(usize),
    /// One of the calls that are on a connection is dropped.
    Drop(usize),
    /// One of those that wait is.
    Leave(usize),
    Seconds(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Call),
        4 => any::<usize>().prop_map(Event::Answer),
        1 => any::<usize>().prop_map(Event::Drop),
        1 => any::<usize>().prop_map(Event::Leave),
        2 => (1..6_u64).prop_map(Event::Seconds),
    ]
}

/// What the pool should hold: connections are interchangeable, so they have no names here.
struct Model {
    cap: usize,
    most_idle: usize,
    /// When each came to rest, the newest last.
    idle: Vec<Instant>,
    active: Vec<usize>,
    waiting: VecDeque<usize>,
    opened: u64,
    reused: u64,
    /// The calls in the order in which they were sent.
    order: Vec<usize>,
}

impl Model {
    fn call(&mut self, call: usize) {
        if self.idle.pop().is_some() {
            self.reused += 1;
            self.start(call);
        } else {
            self.waiting.push_back(call);
            self.fill();
        }
    }

    fn start(&mut self, call: usize) {
        self.active.push(call);
        self.order.push(call);
    }

    /// New connections for those who wait, as far as the cap allows.
    fn fill(&mut self) {
        while self.active.len() + self.idle.len() < self.cap {
            let Some(call) = self.waiting.pop_front() else { return };
            self.opened += 1;
            self.start(call);
        }
    }

    fn given_back(&mut self) {
        match self.waiting.pop_front() {
            Some(call) => {
                self.reused += 1;
                self.start(call);
            }
            None if self.idle.len() < self.most_idle => self.idle.push(Instant::now()),
            None => {}
        }
    }

    fn reap(&mut self) {
        self.idle.retain(|since| since.elapsed() < IDLE);
    }
}

type Calls = Vec<Option<JoinHandle<Result<String, Fault>>>>;

fn path(call: usize) -> String {
    format!("/held/{call}")
}

async fn run(cap: usize, most_idle: usize, events: Vec<Event>) {
    let server = Server::default();
    let settings = builder().max_connections(cap).max_idle_per_host(most_idle).idle_timeout(IDLE);
    let transport = server.transport(settings);
    let mut model = Model {
        cap,
        most_idle,
        idle: Vec::new(),
        active: Vec::new(),
        waiting: VecDeque::new(),
        opened: 0,
        reused: 0,
        order: Vec::new(),
    };
    let mut calls: Calls = Vec::new();
    for event in events {
        match event {
            Event::Call => {
                model.call(calls.len());
                calls.push(Some(tokio::spawn(text(transport.clone(), path(calls.len())))));
            }
            Event::Answer(which) if !model.active.is_empty() => {
                let call = model.active.remove(which % model.active.len());
                server.release(&path(call));
                settle().await;
                calls[call].take().unwrap().await.unwrap().expect("an answer");
                model.given_back();
            }
            Event::Drop(which) if !model.active.is_empty() => {
                let call = model.active.remove(which % model.active.len());
                calls[call].take().unwrap().abort();
                // Its connection is closed, which makes room.
                model.fill();
            }
            Event::Leave(which) if !model.waiting.is_empty() => {
                let which = which % model.waiting.len();
                let call = model.waiting.remove(which).unwrap();
                calls[call].take().unwrap().abort();
            }
            Event::Seconds(seconds) => sleep(Duration::from_secs(seconds)).await,
            _ => continue,
        }
        settle().await;
        // A timer of tokio's may be late by its granularity of a millisecond.
        sleep(Duration::from_millis(2)).await;
        model.reap();
        let expected = (
            (model.active.len() + model.idle.len()) as u64,
            model.idle.len() as u64,
            model.opened,
            model.reused,
        );
        assert_eq!(counts(transport.pool_stats()), expected, "after {event:?}");
        let order: Vec<_> = model.order.iter().map(|call| path(*call)).collect();
        assert_eq!(server.order(), order, "after {event:?}");
    }
    // Whoever is still there is served, and then everything ends.
    while let Some(call) = model.active.pop() {
        server.release(&path(call));
        settle().await;
        model.given_back();
    }
    assert!(transport.drain(Duration::from_secs(1)).await);
    assert_eq!(transport.pool_stats().open, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_pool_does_what_its_model_does(
        cap in 1..6_usize,
        most_idle in 0..6_usize,
        events in prop::collection::vec(event(), 1..60),
    ) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime")
            .block_on(run(cap, most_idle, events));
    }
}
