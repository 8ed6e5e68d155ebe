//! The clients that are compared. All send the same headers to the same server and decode the same session.

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::Full;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::ClientWithMiddleware;
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_tracing::TracingMiddleware;
use std::net::SocketAddr;
use tokio::runtime::Runtime;
use tower::{BoxError, Service, ServiceExt};
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::transport::ProxyTransport;

use crate::support::{
    ACCEPT, AUTHORIZATION, ID, REQUEST_ID, USER_AGENT, bare, bare_over, decodes, gateway,
    gateway_by, is_session, url,
};
use crate::{TIMEOUT, by_hand, resilience};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// hyper-util's client: what all are compared with.
    Legacy,
    /// The same once more: what it differs by is noise.
    LegacyAgain,
    /// This crate's transport with no layer.
    OwnPool,
    /// This crate as one gets it.
    DefaultStack,
    /// The same behind a box.
    Boxed,
    /// tower, tower-http and governor.
    ByHand,
    /// tower-resilience.
    Resilience,
    /// reqwest.
    Reqwest,
    /// reqwest with its middleware for retries and tracing.
    ReqwestMiddleware,
    /// hyper-util's client over HTTP/2.
    LegacyHttp2,
    /// This crate over HTTP/2.
    DefaultStackHttp2,
}

impl Peer {
    /// In the order of the table.
    pub const ALL: [Self; 11] = [
        Self::Legacy,
        Self::LegacyAgain,
        Self::OwnPool,
        Self::DefaultStack,
        Self::Boxed,
        Self::ByHand,
        Self::Resilience,
        Self::Reqwest,
        Self::ReqwestMiddleware,
        Self::LegacyHttp2,
        Self::DefaultStackHttp2,
    ];

    /// For files and arguments.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::LegacyAgain => "legacy_again",
            Self::OwnPool => "own_pool",
            Self::DefaultStack => "default_stack",
            Self::Boxed => "boxed",
            Self::ByHand => "by_hand",
            Self::Resilience => "resilience",
            Self::Reqwest => "reqwest",
            Self::ReqwestMiddleware => "reqwest_middleware",
            Self::LegacyHttp2 => "legacy_http2",
            Self::DefaultStackHttp2 => "default_stack_http2",
        }
    }

    /// For readers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Legacy => "hyper-util `client::legacy`, bare",
            Self::LegacyAgain => "the same again: the noise",
            Self::OwnPool => "this crate's transport, bare",
            Self::DefaultStack => "**this crate, default stack**",
            Self::Boxed => "this crate, default stack, `boxed()`",
            Self::ByHand => "a tower stack by hand over `client::legacy`",
            Self::Resilience => "the same from tower-resilience",
            Self::Reqwest => "reqwest",
            Self::ReqwestMiddleware => "reqwest + middleware, retry, tracing",
            Self::LegacyHttp2 => "`client::legacy`, bare, over HTTP/2",
            Self::DefaultStackHttp2 => "**this crate, default stack, over HTTP/2**",
        }
    }

    /// By its key.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.key() == key)
    }

    /// Whether it speaks HTTP/2, which is for many calls in flight.
    #[must_use]
    pub fn is_http2(self) -> bool {
        matches!(self, Self::LegacyHttp2 | Self::DefaultStackHttp2)
    }
}

/// Makes so many calls, so many at once, and says whether all went well.
pub type Batch<'a> = Box<dyn Fn(u64, u64) -> bool + 'a>;

/// A client that is set up, at this address of its protocol.
pub fn batch(peer: Peer, runtime: &Runtime, address: SocketAddr) -> Result<Batch<'_>, BoxError> {
    let _entered = runtime.enter();
    let plain = || ProxyTransport::builder().without_tls().tunnel_from_env(false);
    Ok(match peer {
        Peer::Legacy | Peer::LegacyAgain | Peer::LegacyHttp2 => {
            let client = client(peer.is_http2());
            run(runtime, move || bare(client.clone(), address))
        }
        Peer::OwnPool => {
            let own = plain().build()?;
            run(runtime, move || bare_over(own.clone(), address))
        }
        Peer::DefaultStack => {
            let (gateway, fetch) = gateway(address)?;
            run(runtime, move || {
                let sent = gateway.send(fetch.clone());
                async move { sent.await.is_ok_and(|session| session.sid.is_some()) }
            })
        }
        Peer::DefaultStackHttp2 => {
            let (_, fetch) = gateway(address)?;
            let gateway = gateway_by(address, plain().http2_only())?;
            run(runtime, move || {
                let sent = gateway.send(fetch.clone());
                async move { sent.await.is_ok_and(|session| session.sid.is_some()) }
            })
        }
        Peer::Boxed => {
            let (gateway, fetch) = gateway(address)?;
            let boxed = gateway.boxed();
            run(runtime, move || {
                let sent = boxed.send(fetch.clone());
                async move { sent.await.is_ok_and(|session| session.sid.is_some()) }
            })
        }
        Peer::ByHand => {
            let stack = by_hand::stack(client(false))?;
            run(runtime, move || through(stack.clone(), address))
        }
        Peer::Resilience => {
            let stack = resilience::stack(client(false))?;
            run(runtime, move || through(stack.clone(), address))
        }
        Peer::Reqwest => {
            let client = reqwest::Client::builder().no_proxy().build()?;
            run(runtime, move || by_reqwest(client.clone(), address))
        }
        Peer::ReqwestMiddleware => {
            let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
            let again = ExponentialBackoff::builder().build_with_max_retries(3);
            let client = reqwest_middleware::ClientBuilder::new(client)
                .with(TracingMiddleware::default())
                .with(RetryTransientMiddleware::new_with_policy(again))
                .build();
            run(runtime, move || by_middleware(client.clone(), address))
        }
    })
}

fn client(http2: bool) -> Client<legacy::connect::HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).http2_only(http2).build_http()
}

/// A call through a stack that adds the authorization.
async fn through<S, B>(stack: S, address: SocketAddr) -> bool
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    B: Body<Data = Bytes>,
{
    let request = Request::get(url(address))
        .header(header::ACCEPT, ACCEPT)
        .header(header::USER_AGENT, USER_AGENT)
        .header(REQUEST_ID, ID)
        .body(Full::default());
    let Ok(request) = request else { return false };
    let Ok(response) = stack.oneshot(request).await else { return false };
    decodes(response.into_body()).await
}

async fn by_reqwest(client: reqwest::Client, address: SocketAddr) -> bool {
    let request = client
        .get(url(address))
        .header(header::ACCEPT, ACCEPT)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::AUTHORIZATION, AUTHORIZATION)
        .header(REQUEST_ID, ID);
    let Ok(response) = request.send().await else { return false };
    response.bytes().await.is_ok_and(|body| is_session(&body))
}

async fn by_middleware(client: ClientWithMiddleware, address: SocketAddr) -> bool {
    let request = client
        .get(url(address))
        .header(header::ACCEPT, ACCEPT)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::AUTHORIZATION, AUTHORIZATION)
        .header(REQUEST_ID, ID);
    let Ok(response) = request.send().await else { return false };
    response.bytes().await.is_ok_and(|body| is_session(&body))
}

/// Whatever can be called, as batches on this runtime.
pub(crate) fn run<'a, F: Future<Output = bool> + 'a>(
    runtime: &'a Runtime,
    call: impl Fn() -> F + 'a,
) -> Batch<'a> {
    Box::new(move |in_flight, calls| {
        runtime.block_on(async {
            if in_flight == 1 {
                // With nothing around it that allocates.
                for _ in 0..calls {
                    if !call().await {
                        return false;
                    }
                }
                return true;
            }
            let mut under_way: FuturesUnordered<F> = (0..in_flight).map(|_| call()).collect();
            let mut begun = in_flight;
            while let Some(succeeded) = under_way.next().await {
                if !succeeded {
                    return false;
                }
                if begun < calls {
                    begun += 1;
                    under_way.push(call());
                }
            }
            true
        })
    })
}
