//! Large fleets in virtual time: the limiters are the real ones, the store is one in memory with the same
//! arithmetic, and a minute takes seconds.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use twilio_proxy::call::{BoxError, Rng};
use twilio_proxy::middleware::limit::fleet::{FleetLimiter, FleetSettings, MemoryStore};
use twilio_proxy::middleware::limit::{Quota, RateLimitLayer};

use super::Outcome;

/// The quota of each account.
const RATE: u32 = 30;
const SECONDS: u64 = 60;

struct Scene {
    processes: u32,
    accounts: u32,
    /// Callers of each process for each account.
    callers: u32,
    /// How much of the quota they ask for; none for callers without rest.
    load: Option<f64>,
    lease: Duration,
}

pub(crate) fn all() -> Outcome {
    let scene = |processes, accounts, callers, load, lease| Scene {
        processes,
        accounts,
        callers,
        load,
        lease: Duration::from_millis(lease),
    };
    let scenes = [
        scene(8, 1, 20, None, 34),
        scene(8, 1, 20, None, 500),
        scene(100, 10, 1, Some(0.8), 500),
        scene(100, 10, 4, None, 34),
        scene(100, 10, 4, None, 500),
        scene(1000, 10, 1, Some(0.5), 500),
        scene(1000, 10, 1, Some(0.8), 500),
        scene(1000, 10, 2, None, 500),
    ];
    println!(
        "{RATE} calls/s for each account, {SECONDS} s of virtual time, 1 ms to the store and back"
    );
    println!("processes accounts   load  lease | granted of asked  questions/s  a call  not used");
    for scene in scenes {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(play(&scene));
    }
    println!("\nFor each account the store keeps one key of three numbers, about 200 bytes.");
    Ok(ExitCode::SUCCESS)
}

async fn play(scene: &Scene) {
    let (store, rng) = (MemoryStore::new(), Rng::seeded(1));
    store.set_takes(Duration::from_millis(1));
    let settings = FleetSettings::new(Quota::per_second(RATE).burst(5))
        .processes(scene.processes)
        .lease(scene.lease);
    let went = Arc::new(AtomicUsize::new(0));
    let limiters: Vec<_> = (0..scene.processes)
        .map(|number| {
            let settings = settings.clone().rng(Rng::seeded(number.into()));
            FleetLimiter::new(store.clone(), settings)
        })
        .collect();
    let rest = scene.load.map(|load| {
        Duration::from_secs_f64(
            f64::from(scene.processes * scene.callers) / (load * f64::from(RATE)),
        )
    });
    let callers = limiters.iter().flat_map(|limiter| {
        let went = Arc::clone(&went);
        let service = RateLimitLayer::with_limiter(limiter.clone()).layer(service_fn(
            move |_: Request<()>| {
                went.fetch_add(1, Relaxed);
                async { Ok::<_, BoxError>(Response::new(())) }
            },
        ));
        let rng = &rng;
        (0..scene.accounts * scene.callers).map(move |caller| {
            let account = caller % scene.accounts;
            let service = service.clone();
            async move {
                loop {
                    if let Some(rest) = rest {
                        // As calls come by chance: the times between them are exponential.
                        let time = -(1.0 - rng.fraction()).ln();
                        tokio::time::sleep(rest.mul_f64(time)).await;
                    }
                    let uri = format!("http://account-{account}.test/");
                    let Ok(request) = Request::get(uri).body(()) else { return };
                    if service.clone().oneshot(request).await.is_err() {
                        return;
                    }
                }
            }
        })
    });
    let _ = tokio::time::timeout(Duration::from_secs(SECONDS), join_all(callers)).await;
    let calls = went.load(Relaxed) as f64;
    let quota = f64::from(RATE * scene.accounts) * SECONDS as f64;
    let asked = quota * scene.load.unwrap_or(1.0);
    let lost: u64 = limiters.iter().map(|limiter| limiter.status().expired).sum();
    let load = scene.load.map_or("full".to_owned(), |load| format!("{:.0} %", load * 100.0));
    println!(
        "{:9} {:8} {load:>6} {:3} ms | {:14.1} %  {:11.1}  {:6.2}  {:6.2} %",
        scene.processes,
        scene.accounts,
        scene.lease.as_millis(),
        calls / asked * 100.0,
        store.asked() as f64 / SECONDS as f64,
        store.asked() as f64 / calls,
        lost as f64 / calls * 100.0,
    );
}
