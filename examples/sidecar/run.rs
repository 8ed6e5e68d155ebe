//! From the first connection to the last.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service as _};
use twilio_proxy::gateway::config::Deployment;
use twilio_proxy::gateway::forward::refusal;
use twilio_proxy::gateway::{Forward, ForwardLayer};

use crate::args::{Limits, Serve};
use crate::guard::Guard;
use crate::metrics::Metrics;
use crate::server::{CutOff, Server};
use crate::stack::{self, Upward};
use crate::{admin, connection};

pub(crate) type Failure = Box<dyn std::error::Error>;

/// An address that others reach, and nobody has said that they may.
#[derive(Debug)]
pub(crate) struct OpenDoor(SocketAddr);

impl fmt::Display for OpenDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = "is not on loopback, and whoever reaches it acts for the account";
        write!(f, "{} {why}: --allow-remote says that you know", self.0)
    }
}

impl std::error::Error for OpenDoor {}

/// A sidecar at work.
pub(crate) struct Sidecar {
    front: Server,
    admin: Server,
    gateway: Upward,
    stopping: CancellationToken,
}

impl Sidecar {
    /// Without metrics there are none on the other port.
    pub(crate) async fn start(
        args: &Serve,
        gateway: Upward,
        metrics: Option<Metrics>,
    ) -> Result<Self, Failure> {
        for address in [args.listen, args.admin] {
            if !address.ip().is_loopback() && !args.allow_remote {
                return Err(OpenDoor(address).into());
            }
        }
        let guard = Guard { hosts: args.hosts.clone() };
        let stopping = CancellationToken::new();
        let layer = ForwardLayer::new().callers_credentials(args.upstream.callers_credentials);
        let front = {
            let (guard, limits) = (guard.clone(), args.limits);
            let forward = layer.layer(gateway.clone());
            Server::start(bind(args.listen).await?, limits, move |request| {
                forwarded(forward.clone(), guard.clone(), limits, request)
            })?
        };
        let admin = {
            let (gateway, stopping) = (gateway.clone(), stopping.clone());
            Server::start(bind(args.admin).await?, args.limits, move |request| {
                let answer = match guard.admit(&request) {
                    Ok(()) => admin::answer(&request, &gateway, metrics.as_ref(), &stopping),
                    Err((status, why)) => refusal(status, why),
                };
                async move { answer }
            })?
        };
        Ok(Self { front, admin, gateway, stopping })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// Not ready any more, accepts nothing more, waits for what is under way, and cuts off the rest.
    pub(crate) async fn stop(self, within: Duration) -> CutOff {
        self.stopping.cancel();
        let begun = Instant::now();
        let cut_off = self.front.drain(within).await;
        // Calls end with the requests that they are for: of what was cut off, nothing goes on.
        self.gateway.shutdown(within.saturating_sub(begun.elapsed())).await;
        // Last of all, so that somebody can watch.
        self.admin.drain(Duration::ZERO).await;
        cut_off
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    Ok(listener.map_err(|error| format!("can't listen on {address}: {error}"))?)
}

async fn forwarded(
    mut forward: Forward<Upward>,
    guard: Guard,
    limits: Limits,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    if let Err((status, why)) = guard.admit(&request) {
        return refusal(status, why);
    }
    let (head, body) = request.into_parts();
    let body = match connection::whole(body, &limits).await {
        Ok(body) => body,
        Err((status, why)) => return refusal(status, why),
    };
    // Always ready, and never fails.
    match forward.call(Request::from_parts(head, Full::new(body))).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) async fn until_told(args: &Serve) -> Result<(), Failure> {
    let mut told = Told::listen()?;
    let deployment = stack::deployment(&args.upstream)?;
    let metrics = Metrics::install()?;
    let sidecar = Sidecar::start(args, deployment.gateway().clone(), Some(metrics)).await?;
    println!("listening on http://{}", sidecar.front.address());
    println!("admin on http://{}", sidecar.admin.address());
    while let Word::Reload = told.next().await {
        reload(&deployment, args);
    }
    println!("stopping, within {:?}", args.drain);
    let cut_off = tokio::select! {
        cut_off = sidecar.stop(args.drain) => cut_off,
        // Told twice: at once.
        () = told.stop() => return Err("told twice to stop: requests in flight were cut off".into()),
    };
    let CutOff { requests, connections } = cut_off;
    println!("stopped: cut off {requests} on {connections} connections");
    Ok(())
}

/// Puts in place what the configuration says now. One with a mistake in it changes nothing.
fn reload(deployment: &Deployment, args: &Serve) {
    let read = stack::config(&args.upstream).and_then(|config| deployment.reload(&config));
    match read {
        Ok(reloaded) => {
            println!("reloaded: changed {}", listed(&reloaded.changed));
            if !reloaded.needs_restart.is_empty() {
                println!("only after a restart: {}", listed(&reloaded.needs_restart));
            }
        }
        Err(error) => eprintln!("sidecar: not reloaded: {error}"),
    }
}

fn listed(keys: &[String]) -> String {
    if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
}

/// The signals that say something.
struct Told {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    hang_up: Signal,
}

impl Told {
    fn listen() -> Result<Self, Failure> {
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Word {
        #[cfg(unix)]
        return tokio::select! {
            _ = self.terminate.recv() => Word::Stop,
            _ = tokio::signal::ctrl_c() => Word::Stop,
            _ = self.hang_up.recv() => Word::Reload,
        };
        #[cfg(not(unix))]
        {
            let _ = tokio::signal::ctrl_c().await;
            Word::Stop
        }
    }

    /// A second time: at once. What was to be read again is of no use any more.
    async fn stop(&mut self) {
        while let Word::Reload = self.next().await {}
    }
}

/// What a signal says.
enum Word {
    Stop,
    Reload,
}
