//! Redis killed and started again, with nothing remembered, in the middle of everything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Request, Response};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use twilio_proxy::call::BoxError;
use twilio_proxy::middleware::limit::fleet::{FleetSettings, RedisLimiter};
use twilio_proxy::middleware::limit::{Quota, RateLimitLayer};

use crate::server;

const PROCESSES: u32 = 4;

#[tokio::test]
async fn nothing_is_lost_and_the_bound_is_kept() {
    let Some(mut server) = server() else { return };
    let quota = Quota::per_second(50).burst(10);
    let settings = FleetSettings::new(quota).processes(PROCESSES).horizon(Duration::from_secs(1));
    let went = Arc::new(Mutex::new(Vec::new()));
    let limiters: Vec<_> = (0..PROCESSES)
        .map(|_| RedisLimiter::builder(server.url()).settings(settings.clone()).build().unwrap())
        .collect();
    let callers = limiters.iter().flat_map(|limiter| {
        let went = Arc::clone(&went);
        let service = RateLimitLayer::with_limiter(limiter.clone()).layer(service_fn(
            move |_: Request<()>| {
                went.lock().unwrap().push(Instant::now());
                async { Ok::<_, BoxError>(Response::new(())) }
            },
        ));
        (0..10).map(move |_| {
            let service = service.clone();
            async move {
                loop {
                    let request = Request::get("http://api.test/").body(()).unwrap();
                    if let Err(error) = service.clone().oneshot(request).await {
                        return error;
                    }
                }
            }
        })
    });
    let begun = Instant::now();
    let story = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.kill();
        tokio::time::sleep(Duration::from_secs(3)).await;
        server.restart().expect("it comes back");
        tokio::time::sleep(Duration::from_secs(4)).await;
    };
    tokio::select! {
        ended = join_all(callers) => panic!("calls failed: {ended:?}"),
        () = story => {}
    }
    for limiter in &limiters {
        let status = limiter.status();
        assert!(status.outages >= 1 && status.alone > 0 && status.away_for.is_none(), "{status:?}");
    }
    let went: Vec<_> = went.lock().unwrap().iter().map(|at| at.duration_since(begun)).collect();
    for window in [100, 1000, 5000].map(Duration::from_millis) {
        let most = went.iter().map(|from| {
            went.iter().filter(|at| (*from..=*from + window).contains(at)).count() as u128
        });
        // A machine that compiles beside the tests may stop a call between its cell and its note.
        let bound = settings.most_in_outage(window + Duration::from_millis(100));
        assert!(most.max() <= Some(bound), "more than {bound} in {window:?}");
    }
    let last = went.iter().filter(|at| at.as_secs() >= 8).count();
    assert!(last >= 40, "{last} calls in the last second");
}
