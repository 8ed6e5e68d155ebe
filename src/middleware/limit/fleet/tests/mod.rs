#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use super::{FleetLimiter, FleetSettings, MemoryStore};
use crate::call::{BoxError, Rng};
use crate::middleware::limit::{Quota, RateLimitLayer};

mod arithmetic;
mod manners;
mod outages;
mod sharing;

const MS: Duration = Duration::from_millis(1);

/// When calls went, and by which process; in order.
#[derive(Clone, Debug)]
struct Log {
    beginning: Instant,
    went: Arc<Mutex<Vec<(usize, Duration)>>>,
}

impl Log {
    fn new() -> Self {
        Self { beginning: Instant::now(), went: Arc::default() }
    }

    fn went(&self) -> Vec<Duration> {
        self.went.lock().unwrap().iter().map(|(_, at)| *at).collect()
    }

    fn by(&self, processes: usize) -> Vec<usize> {
        let mut counts = vec![0; processes];
        self.went.lock().unwrap().iter().for_each(|(process, _)| counts[*process] += 1);
        counts
    }

    fn within(&self, from: Duration, until: Duration) -> usize {
        self.went().iter().filter(|at| (from..until).contains(*at)).count()
    }

    /// The most calls in any window of this length, both its ends included.
    fn most_in(&self, window: Duration) -> u128 {
        let went = self.went();
        let mut first = 0;
        let mut most = 0;
        for (index, at) in went.iter().enumerate() {
            while *at - went[first] > window {
                first += 1;
            }
            most = most.max(index - first + 1);
        }
        most as u128
    }
}

/// A process of the fleet: its limiter, and its layer over a server that notes who came.
#[derive(Clone)]
struct Process {
    limiter: FleetLimiter<MemoryStore>,
    layer: RateLimitLayer<FleetLimiter<MemoryStore>>,
    number: usize,
    log: Log,
}

impl Process {
    fn new(store: &MemoryStore, settings: &FleetSettings, number: usize, log: &Log) -> Self {
        let settings = settings.clone().rng(Rng::seeded(number as u64));
        let limiter = FleetLimiter::new(store.clone(), settings);
        let layer = RateLimitLayer::with_limiter(limiter.clone());
        Self { limiter, layer, number, log: log.clone() }
    }

    async fn call(&self) -> Result<(), BoxError> {
        self.call_for(|_| Response::new(())).await
    }

    async fn call_for(
        &self,
        server: impl Fn(Request<()>) -> Response<()> + Send + Sync + 'static,
    ) -> Result<(), BoxError> {
        let (log, number, server) = (self.log.clone(), self.number, Arc::new(server));
        let service = self.layer.layer(service_fn(move |request: Request<()>| {
            log.went.lock().unwrap().push((number, log.beginning.elapsed()));
            let response = server(request);
            async move { Ok::<_, BoxError>(response) }
        }));
        service.oneshot(Request::get("http://api.test/").body(())?).await.map(drop)
    }
}

fn fleet(
    store: &MemoryStore,
    settings: &FleetSettings,
    processes: usize,
    log: &Log,
) -> Vec<Process> {
    (0..processes).map(|number| Process::new(store, settings, number, log)).collect()
}

/// Callers that call again as soon as they are answered, so many in each process, for so long.
async fn saturate(processes: &[Process], callers: usize, time: Duration) {
    let calls = processes.iter().flat_map(|process| vec![process; callers]);
    let calls = calls.map(|process| async move { while process.call().await.is_ok() {} });
    // Nobody is spawned, so all are dropped when the time is over.
    let _ = tokio::time::timeout(time, futures_util::future::join_all(calls)).await;
}

fn thirty() -> FleetSettings {
    FleetSettings::new(Quota::per_second(30).burst(5)).processes(8)
}
