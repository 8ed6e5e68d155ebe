//! What hedging does to the tail, and to the load: a server in paused time, with and without it.

use std::sync::atomic::AtomicU64;

use super::*;
use crate::call::Rng;

/// A server most of whose answers take 20 to 60 ms, and three in a hundred half a second to three
/// seconds: a lost packet, a pause for garbage, a queue at one of many instances. The next request
/// is as likely to be well off as any.
#[derive(Clone)]
struct Tailed {
    rng: Rng,
    tries: Arc<AtomicU64>,
    /// Everything takes so many times as long.
    factor: Arc<AtomicU64>,
}

impl Tailed {
    fn new() -> Self {
        let (tries, factor) = (Arc::default(), Arc::new(AtomicU64::new(1)));
        Self { rng: Rng::seeded(7), tries, factor }
    }

    fn tries(&self) -> u64 {
        self.tries.load(SeqCst)
    }

    fn draw(&self) -> Duration {
        let usual = ms(20) + self.rng.up_to(ms(40));
        let slow = if self.rng.fraction() < 0.03 {
            ms(500) + self.rng.up_to(ms(2500))
        } else {
            Duration::ZERO
        };
        (usual + slow) * u32::try_from(self.factor.load(SeqCst)).expect("small")
    }
}

impl Service<Call> for Tailed {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Outcome> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Call) -> Self::Future {
        self.tries.fetch_add(1, SeqCst);
        let takes = self.draw();
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Ok(Response::new(Collected::default()))
        })
    }
}

const WORKERS: usize = 10;

/// How long each of so many calls took, made by ten workers each at its own pace.
async fn drive(hedge: &Hedge<Tailed>, calls: usize) -> Vec<Duration> {
    let workers = (0..WORKERS).map(|_| {
        let hedge = hedge.clone();
        tokio::spawn(async move {
            let mut took = Vec::new();
            for _ in 0..calls / WORKERS {
                let begun = Instant::now();
                assert!(hedge.clone().oneshot(read()).await.is_ok());
                took.push(begun.elapsed());
            }
            took
        })
    });
    let took = futures_util::future::join_all(workers).await;
    let mut took: Vec<_> = took.into_iter().flat_map(|took| took.expect("no panic")).collect();
    took.sort();
    took
}

fn per_mille(sorted: &[Duration], share: usize) -> u128 {
    sorted[(sorted.len() * share).div_ceil(1000) - 1].as_millis()
}

/// One figure of the module's documentation: the 50th, 95th, 99th and 99.9th percentile in
/// milliseconds, and the requests for a thousand calls.
async fn figures(settings: HedgeSettings) -> ([u128; 4], u64) {
    const CALLS: usize = 10_000;
    let server = Tailed::new();
    let hedge = HedgeLayer::new(settings).layer(server.clone());
    let took = drive(&hedge, CALLS).await;
    let figures = [500, 950, 990, 999].map(|share| per_mille(&took, share));
    let load = server.tries() * 1000 / CALLS as u64;
    println!("{settings:?}: p50, p95, p99, p99.9 = {figures:?} ms, {load} requests for 1000 calls");
    (figures, load)
}

/// The tail at scale: the slowest hundredth of the calls comes ten times as fast for a twentieth more
/// load at most.
#[tokio::test(start_paused = true)]
async fn the_99th_percentile_falls_for_five_percent_more_traffic() {
    let ([_, _, bare, _], load) = figures(HedgeSettings::off()).await;
    assert_eq!(load, 1000);
    let ([median, _, hedged, rarest], load) = figures(HedgeSettings::new()).await;
    assert!(hedged * 10 < bare, "{hedged} ms, and {bare} without");
    assert!(load <= 1050, "{load}");
    // What the median was, it is, and of a thousand calls hardly one is as slow as thirty were.
    assert!((35..=45).contains(&median), "{median}");
    assert!(rarest <= bare, "{rarest}");
}

/// A server that is slow in everything gets a twentieth more to do, not twice as much.
#[tokio::test(start_paused = true)]
async fn a_server_that_slows_down_is_not_pushed_over() {
    let server = Tailed::new();
    let layer = HedgeLayer::new(HedgeSettings::new());
    let hedge = layer.layer(server.clone());
    drive(&hedge, 2000).await;
    let before = server.tries();
    server.factor.store(10, SeqCst);
    let took = drive(&hedge, 2000).await;
    assert!(per_mille(&took, 500) >= 350, "the server is slow in everything");
    // What the budget let through, and what had been saved up.
    let more = server.tries() - before - 2000;
    assert!(more <= 100 + 10, "{more}");
    println!("ten times slower: {more} requests more for 2000 calls");
    // Then the percentile is the slow server's, and hedges go to its tail again.
    drive(&hedge, 2000).await;
    let delay = layer.handle().delay("sessions.test").expect("enough is known");
    assert!(delay >= ms(500), "{delay:?}");
}
