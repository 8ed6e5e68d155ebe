//! Servers that limit in different ways, and calls that keep one busy.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service};

use super::super::super::{Quota, RateLimit, RateLimitLayer};
use crate::call::{BoxError, Rng};

const SECOND: Duration = Duration::from_secs(1);

/// How a server decides whom to refuse. None of these is the client's own arithmetic.
#[derive(Debug)]
pub(super) enum Rule {
    /// So many in any stretch of so long; those refused don't count. As Proxy has it.
    Window { most: usize, within: Duration, taken: VecDeque<Instant> },
    /// A bucket that fills at a rate, and holds one second's worth.
    Bucket { rate: f64, left: f64, seen: Option<Instant> },
    /// So many in each second by the server's watch.
    Seconds { most: usize, second: u64, taken: usize },
}

impl Rule {
    pub(super) fn window(most: usize) -> Self {
        Self::Window { most, within: SECOND * 5, taken: VecDeque::new() }
    }

    pub(super) fn bucket(rate: u32) -> Self {
        Self::Bucket { rate: rate.into(), left: rate.into(), seen: None }
    }

    pub(super) fn seconds(most: usize) -> Self {
        Self::Seconds { most, second: 0, taken: 0 }
    }

    fn takes(&mut self, begun: Instant, now: Instant) -> bool {
        match self {
            Self::Window { most, within, taken } => {
                while taken.front().is_some_and(|first| now - *first >= *within) {
                    taken.pop_front();
                }
                let takes = taken.len() < *most;
                if takes {
                    taken.push_back(now);
                }
                takes
            }
            Self::Bucket { rate, left, seen } => {
                let passed = now - seen.replace(now).unwrap_or(now);
                *left = (*left + passed.as_secs_f64() * *rate).min(*rate);
                let takes = *left >= 1.0;
                if takes {
                    *left -= 1.0;
                }
                takes
            }
            Self::Seconds { most, second, taken } => {
                let now = (now - begun).as_secs();
                if *second != now {
                    (*second, *taken) = (now, 0);
                }
                let takes = *taken < *most;
                *taken += usize::from(takes);
                takes
            }
        }
    }
}

/// A server at the end of a wire. It answers as soon as it is asked; the wire takes its time each way.
#[derive(Clone, Debug)]
pub(super) struct Server {
    begun: Instant,
    latency: Duration,
    rng: Rng,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    rule: Rule,
    /// Refuses everything until then.
    down_until: Option<Instant>,
    /// Who was answered when, and whether it was accepted.
    answers: Vec<(u32, Duration, bool)>,
}

impl Server {
    /// A server whose answers take so long there and back, a third more or less.
    pub(super) fn new(rule: Rule, latency: Duration, seed: u64) -> Self {
        let state = State { rule, down_until: None, answers: Vec::new() };
        let (begun, rng) = (Instant::now(), Rng::seeded(seed));
        Self { begun, latency, rng, state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn set_rule(&self, rule: Rule) {
        self.state.lock().expect("unpoisoned").rule = rule;
    }

    pub(super) fn refuse_everything_for(&self, time: Duration) {
        self.state.lock().expect("unpoisoned").down_until = Some(Instant::now() + time);
    }

    fn answer(&self, who: u32) -> StatusCode {
        let (mut state, now) = (self.state.lock().expect("unpoisoned"), Instant::now());
        let is_up = state.down_until.is_none_or(|until| now >= until);
        let takes = is_up && state.rule.takes(self.begun, now);
        state.answers.push((who, now - self.begun, takes));
        if takes { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS }
    }

    /// What came of the calls between two moments, in seconds from the beginning.
    pub(super) fn tally(&self, from: u64, to: u64) -> Tally {
        self.tally_of(None, from, to)
    }

    /// The same, for the calls of one client.
    pub(super) fn tally_of(&self, who: Option<u32>, from: u64, to: u64) -> Tally {
        let state = self.state.lock().expect("unpoisoned");
        let (from, to) = (SECOND * from as u32, SECOND * to as u32);
        let asked = state.answers.iter().filter(|(client, at, _)| {
            (from..to).contains(at) && who.is_none_or(|who| who == *client)
        });
        let answers: Vec<bool> = asked.map(|(.., accepted)| *accepted).collect();
        let accepted = answers.iter().filter(|accepted| **accepted).count();
        let rate = accepted as f64 / (to - from).as_secs_f64();
        Tally { rate, refused: answers.len() - accepted, sent: answers.len() }
    }
}

/// What came of some calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    /// Calls accepted a second.
    pub(super) rate: f64,
    pub(super) refused: usize,
    pub(super) sent: usize,
}

impl Tally {
    /// The part of what was sent that was refused.
    pub(super) fn refusals(&self) -> f64 {
        self.refused as f64 / self.sent.max(1) as f64
    }
}

impl Service<Request<u32>> for Server {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<()>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<u32>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let way = server.latency.mul_f64((2.0 + server.rng.fraction() * 2.0) / 6.0);
            sleep(way).await;
            let mut response = Response::new(());
            *response.status_mut() = server.answer(request.into_body());
            sleep(way).await;
            Ok(response)
        })
    }
}

/// A client whose quota is far above what any server here takes.
pub(super) fn client(server: &Server) -> (RateLimitLayer, RateLimit<Server>) {
    let layer = RateLimitLayer::new(Quota::per_second(100).burst(20));
    let service = layer.layer(server.clone());
    (layer, service)
}

/// Calls at a steady rate, whatever comes of them, for so many seconds: an open loop.
pub(super) async fn press(service: &RateLimit<Server>, who: u32, a_second: u32, seconds: u64) {
    let begun = Instant::now();
    for call in 0..a_second * seconds as u32 {
        tokio::time::sleep_until(begun + SECOND * call / a_second).await;
        let mut service = service.clone();
        // A client is always ready; nobody waits for the answer, and a full queue is its own.
        let calling = service.call(Request::new(who));
        tokio::spawn(async move { calling.await.is_ok() });
    }
}
