//! A token endpoint that does as it is told, an API that takes the tokens that it is told to, and a
//! stack between them.

mod failures;
mod renewals;
mod replays;
mod waits;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::time::sleep;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::{Client, ClientCredentials};
use crate::call::{
    BoxError, CallFacts, CallOptions, Clock, Effect, Fault, FaultKind, Idempotency, Origin, Rng,
};
use crate::middleware::auth::{AuthLayer, ProvideAuthorization, ProviderStatus};
use crate::middleware::retry::RetryLayer;

pub(super) const API: &str = "https://api.test/";
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const LIFE: Duration = Duration::from_secs(3600);

/// What the token endpoint does next.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    /// A token that lives so long.
    Gives(Duration),
    /// A status, perhaps with a `Retry-After`, and a body.
    Says(u16, Option<u64>, &'static str),
    Breaks,
    Hangs,
    Panics,
}

#[derive(Debug, Default)]
pub(super) struct World {
    turns: VecDeque<Turn>,
    /// The bodies of the requests for tokens.
    pub(super) asked: Vec<String>,
    /// How many of them are under way.
    pub(super) asking: usize,
    /// The `Authorization` headers that the API has seen.
    pub(super) seen: Vec<String>,
    /// Those that it does not take.
    refused: Vec<String>,
    takes: Duration,
    api_takes: Duration,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<World>>);

/// Counts a request for a token for as long as it is there.
struct Asking(Shared);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.with(|world| world.asking -= 1);
    }
}

impl Shared {
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.0.lock().expect("nobody panicked"))
    }

    pub(super) fn then(self, turn: Turn) -> Self {
        self.with(|world| world.turns.push_back(turn));
        self
    }

    /// How long a token takes, and an answer of the API.
    pub(super) fn takes(self, token: Duration, api: Duration) -> Self {
        self.with(|world| (world.takes, world.api_takes) = (token, api));
        self
    }

    pub(super) fn refuse(&self, token: &str) {
        self.with(|world| world.refused.push(format!("Bearer {token}")));
    }

    pub(super) fn asked(&self) -> usize {
        self.with(|world| world.asked.len())
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.with(|world| world.seen.clone())
    }

    async fn token(self, request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, BoxError> {
        assert_eq!(request.uri(), "https://id.test/token");
        assert!(!request.headers().contains_key("authorization"));
        let body = request.into_body().collect().await?.to_bytes();
        let (number, turn, takes) = self.with(|world| {
            world.asked.push(String::from_utf8_lossy(&body).into_owned());
            world.asking += 1;
            let turn = world.turns.pop_front().unwrap_or(Turn::Gives(LIFE));
            (world.asked.len(), turn, world.takes)
        });
        let _asking = Asking(self);
        sleep(takes).await;
        let answer = |status: u16, body: String| {
            Response::builder().status(status).body(Full::new(Bytes::from(body)))
        };
        match turn {
            Turn::Gives(life) => {
                let life = life.as_secs();
                let body = format!(
                    r#"{{"access_token": "t{number}", "token_type": "Bearer", "expires_in": {life}}}"#
                );
                Ok(answer(200, body)?)
            }
            Turn::Says(status, wait, body) => {
                let mut response = answer(status, body.to_owned())?;
                if let Some(wait) = wait {
                    response.headers_mut().insert("retry-after", wait.into());
                }
                Ok(response)
            }
            Turn::Breaks => Err(Fault::new(FaultKind::Connect, "no route").into()),
            Turn::Hangs => std::future::pending().await,
            Turn::Panics => panic!("as told"),
        }
    }

    async fn answer(
        self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, BoxError> {
        if let Some(facts) = CallFacts::of(request.extensions()) {
            facts.mark_reached();
            facts.mark_sent();
        }
        let header = request.headers().get("authorization").map(|value| value.to_str());
        let header = header.transpose()?.unwrap_or_default().to_owned();
        let (refused, takes) = self.with(|world| {
            world.seen.push(header.clone());
            (world.refused.contains(&header), world.api_takes)
        });
        sleep(takes).await;
        let mut response = Response::new(Full::default());
        if refused {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            if let Some(facts) = CallFacts::of(request.extensions()) {
                facts.mark_harmless();
            }
        }
        Ok(response)
    }
}

pub(super) type Answered = Result<Response<Full<Bytes>>, BoxError>;
pub(super) type Calling = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// A provider and a stack over it.
#[derive(Clone)]
pub(super) struct Stack {
    pub(super) world: Shared,
    pub(super) provider: ClientCredentials,
    layer: AuthLayer,
}

pub(super) fn client(secret: &str) -> Client {
    Client::new("https://id.test/token", "our id", secret.to_owned())
}

impl Stack {
    pub(super) fn over(world: Shared) -> Self {
        let endpoint = world.clone();
        let endpoint = service_fn(move |request| endpoint.clone().token(request));
        let provider =
            ClientCredentials::with(client("s3cret"), endpoint, Clock::system(), Rng::seeded(1));
        let provider = provider.expect("a client");
        let origin = Origin::of(&API.parse().expect("a URL")).expect("an origin");
        let layer = AuthLayer::from_provider(provider.clone(), [origin]);
        Self { world, provider, layer }
    }

    fn request(options: Option<CallOptions>) -> Request<Full<Bytes>> {
        let mut request = Request::post(API).body(Full::default()).expect("a request");
        let facts = CallFacts::new("test", Idempotency::Unsafe);
        let facts = facts.with_options(options.map(Box::new));
        request.extensions_mut().insert(Arc::new(facts));
        request
    }

    /// A call, through a retry: and its facts.
    pub(super) fn call_with(&self, options: Option<CallOptions>) -> (Calling, Arc<CallFacts>) {
        let api = self.world.clone();
        let stack = ServiceBuilder::new()
            .layer(RetryLayer::new().rng(Rng::seeded(1)))
            .layer(self.layer.clone())
            .service(service_fn(move |request| api.clone().answer(request)));
        let request = Self::request(options);
        let facts = CallFacts::of(request.extensions()).cloned().expect("facts");
        (Box::pin(stack.oneshot(request)), facts)
    }

    pub(super) fn call(&self) -> Calling {
        self.call_with(None).0
    }

    /// The same with no retry above.
    pub(super) fn call_once(&self) -> Calling {
        let api = self.world.clone();
        let stack = ServiceBuilder::new()
            .layer(self.layer.clone())
            .service(service_fn(move |request| api.clone().answer(request)));
        Box::pin(stack.oneshot(Self::request(None)))
    }

    pub(super) fn status(&self) -> ProviderStatus {
        self.provider.status()
    }
}

pub(super) fn fault(answered: Answered) -> Fault {
    let error = answered.expect_err("a failure");
    let fault = Fault::find(&*error).expect("a fault").clone();
    assert_eq!(fault.effect(), Effect::None);
    fault
}

pub(super) fn status(answered: Answered) -> u16 {
    answered.expect("an answer").status().as_u16()
}
