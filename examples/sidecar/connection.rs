//! One connection: HTTP/1.1 or HTTP/2, and a clock against clients that are slow or asleep.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::args::Limits;
use crate::guard::Refusal;
use crate::server::{Answer, Shared};
use crate::underway::Counted;

/// How many requests an HTTP/2 connection may have under way.
const STREAMS: u32 = 100;
/// How many headers a request may have on HTTP/1.1.
const HEADERS: usize = 100;

/// Whether anything is under way on a connection.
#[derive(Debug, Default)]
struct Pulse {
    busy: AtomicUsize,
    has_asked: AtomicBool,
    changed: Notify,
}

/// A request under way: counted on its connection, and on its listener.
struct Beat {
    pulse: Arc<Pulse>,
    _counted: Counted,
}

impl Beat {
    fn new(pulse: &Arc<Pulse>, counted: Counted) -> Self {
        pulse.busy.fetch_add(1, Relaxed);
        pulse.has_asked.store(true, Relaxed);
        pulse.changed.notify_one();
        Self { pulse: Arc::clone(pulse), _counted: counted }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.pulse.busy.fetch_sub(1, Relaxed);
        self.pulse.changed.notify_one();
    }
}

pub(crate) async fn serve(stream: TcpStream, shared: Shared, answer: impl Answer) {
    let pulse = Arc::new(Pulse::default());
    let service = service_fn(|request| {
        let beat = Beat::new(&pulse, shared.requests.count(&request));
        let answered = answer(request);
        async move {
            let response = answered.await;
            drop(beat);
            Ok::<_, Infallible>(response)
        }
    });
    let _ = stream.set_nodelay(true);
    let builder = builder(&shared.limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ending = false;
    loop {
        let has_asked = pulse.has_asked.load(Relaxed);
        let Limits { idle_timeout, header_timeout, .. } = shared.limits;
        let patience = if has_asked && !ending { idle_timeout } else { header_timeout };
        let is_idle = pulse.busy.load(Relaxed) == 0;
        tokio::select! {
            // How it ended is the client's to tell.
            _ = connection.as_mut() => return,
            () = shared.cut.cancelled() => return,
            () = pulse.changed.notified() => {}
            () = shared.drain.cancelled(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(patience), if is_idle => {
                if ending {
                    // It was asked to go, and has not read what it was answered.
                    return;
                }
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(HEADERS)
        .max_buf_size(limits.max_headers as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(limits.header_timeout)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(limits.max_headers);
    builder
}

/// The whole body, if it is small enough and comes in time.
pub(crate) async fn whole(body: Incoming, limits: &Limits) -> Result<Bytes, Refusal> {
    const TOO_LARGE: Refusal =
        (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than --max-body");
    if body.size_hint().lower() > limits.max_body as u64 {
        return Err(TOO_LARGE);
    }
    let collected = Limited::new(body, limits.max_body).collect();
    match tokio::time::timeout(limits.body_timeout, collected).await {
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body took longer than --body-timeout")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(TOO_LARGE),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body broke off")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}
