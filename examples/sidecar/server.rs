//! A listener whose connections are bounded in number, and end in an orderly way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::args::Limits;
use crate::connection;
use crate::underway::{Operations, UnderWay};

/// What a listener does with each request.
pub(crate) trait Answer:
    Fn(Request<Incoming>) -> Self::Answered + Clone + Send + Sync + 'static
{
    /// The answer to come.
    type Answered: Future<Output = Response<Full<Bytes>>> + Send;
}

impl<H, F> Answer for H
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send,
{
    type Answered = F;
}

/// What the connections of a listener share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    /// No more requests on any connection, once those under way are answered.
    pub(crate) drain: CancellationToken,
    /// The end.
    pub(crate) cut: CancellationToken,
    pub(crate) requests: UnderWay,
    tasks: TaskTracker,
}

/// A listener at work.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Shared,
    address: SocketAddr,
}

/// What a shutdown did not wait for.
#[derive(Debug)]
pub(crate) struct CutOff {
    pub(crate) requests: Operations,
    pub(crate) connections: usize,
}

impl Server {
    pub(crate) fn start(
        listener: TcpListener,
        limits: Limits,
        answer: impl Answer,
    ) -> std::io::Result<Self> {
        let shared = Shared {
            limits,
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
            requests: UnderWay::default(),
            tasks: TaskTracker::new(),
        };
        let server = Self { shared: shared.clone(), address: listener.local_addr()? };
        tokio::spawn(shared.accept(listener, answer));
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, lets what is under way be answered, and cuts off what is not `within`.
    pub(crate) async fn drain(self, within: Duration) -> CutOff {
        let Shared { drain, cut, requests, tasks, .. } = self.shared;
        drain.cancel();
        tasks.close();
        let _ = tokio::time::timeout(within, tasks.wait()).await;
        let cut_off = CutOff { requests: requests.now(), connections: tasks.len() };
        cut.cancel();
        tasks.wait().await;
        cut_off
    }
}

impl Shared {
    async fn accept(self, listener: TcpListener, answer: impl Answer) {
        let slots = Arc::new(Semaphore::new(self.limits.max_connections as usize));
        let next = async || {
            // The slot first: who finds none waits in the kernel's queue, and costs nothing here.
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((slot, listener.accept().await))
        };
        loop {
            let (slot, accepted) = tokio::select! {
                () = self.drain.cancelled() => return,
                next = next() => match next {
                    Some(next) => next,
                    None => return,
                },
            };
            match accepted {
                Ok((stream, _)) => {
                    let served = connection::serve(stream, self.clone(), answer.clone());
                    self.tasks.spawn(async move {
                        served.await;
                        drop(slot);
                    });
                }
                // Out of file descriptors, most likely: some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}
