//! Calls that are dropped wherever they wait: nothing is lost and nothing is leaked.

use std::io;
use std::time::Duration;

use http::Uri;
use http_body_util::BodyExt;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tower::{ServiceExt, service_fn};

use crate::support::{Server, builder, counts, get, settle, text};

/// Wherever a call is dropped, the next one is served with a cap of one.
#[tokio::test(start_paused = true)]
async fn a_call_dropped_anywhere_leaves_the_cap_to_the_next() {
    for path in ["/", "/held", "/early", "/last", "/gone"] {
        for polls in 0..12 {
            let server = Server::default();
            let transport = server.transport(builder().max_connections(1));
            let call = async {
                let response = transport.clone().oneshot(get(path)).await?;
                let _ = response.into_body().collect().await;
                Ok::<_, twilio_proxy::call::Fault>(())
            };
            let mut call = Box::pin(call);
            for _ in 0..polls {
                if futures_util::poll!(call.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(call);
            let next = timeout(Duration::from_secs(60), text(transport.clone(), "/next"));
            next.await.unwrap_or_else(|_| panic!("{path}, {polls} polls")).unwrap();
            settle().await;
            let stats = transport.pool_stats();
            assert_eq!((stats.open, stats.idle), (1, 1), "{path}, {polls} polls");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_granted_to_a_call_that_left_goes_to_the_next_in_the_queue() {
    let server = Server::default();
    let transport = server.transport(builder().max_connections(1));
    let busy = tokio::spawn(text(transport.clone(), "/held"));
    settle().await;
    let mut leaves = Box::pin(transport.clone().oneshot(get("/leaves")));
    assert!(futures_util::poll!(leaves.as_mut()).is_pending());
    let stays = tokio::spawn(text(transport.clone(), "/stays"));
    settle().await;
    server.release("/held");
    busy.await.unwrap().unwrap();
    // It has the connection by now and does not know.
    settle().await;
    drop(leaves);
    assert_eq!(stays.await.unwrap().unwrap(), "1");
    assert_eq!(server.order(), ["/held", "/stays"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_its_way_is_there_for_the_next_call() {
    let server = Server::default();
    server.dials_take(Duration::from_secs(1));
    let transport = server.transport(builder());
    let call = timeout(Duration::from_millis(500), text(transport.clone(), "/dropped"));
    call.await.expect_err("it is not there yet");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(counts(transport.pool_stats()), (1, 1, 1, 0));
    assert_eq!(text(transport.clone(), "/").await.unwrap(), "1");
}

/// Each dial sends when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dial_without_a_timeout_ends_with_its_call_and_any_dial_with_the_pool() {
    for bounded in [None, Some(Duration::from_secs(3600))] {
        let (dropped, mut ends) = mpsc::unbounded_channel();
        let connector = service_fn(move |_: Uri| {
            let guard = Dropped(dropped.clone());
            async move {
                std::future::pending::<()>().await;
                drop(guard);
                Err::<DuplexStream, _>(io::Error::other("never"))
            }
        });
        let transport = builder().connect_timeout(bounded).build_with(connector).unwrap();
        let call = timeout(Duration::from_secs(1), transport.clone().oneshot(get("/")));
        call.await.expect_err("it hangs");
        settle().await;
        assert_eq!(ends.try_recv().is_ok(), bounded.is_none());
        drop(transport);
        settle().await;
        assert_eq!(ends.try_recv().is_ok(), bounded.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_half_way_closes_its_connection() {
    let server = Server::default();
    let transport = server.transport(builder());
    let response = transport.clone().oneshot(get("/early")).await.unwrap();
    assert_eq!(transport.pool_stats().open, 1);
    drop(response);
    settle().await;
    assert_eq!(counts(transport.pool_stats()), (0, 0, 1, 0));
}
