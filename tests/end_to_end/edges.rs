//! Two edges, doors to the same sessions, of which one is down, slow or forgetful.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::sleep;
use tower::Service;
use twilio_proxy::call::{CallFacts, Collected, Effect, Fault, FaultKind};
use twilio_proxy::gateway::{
    DefaultGateway, ErrorKind, Gateway, GatewayBuilder, GatewayExt, StackLayers,
};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::breaker;
use twilio_proxy::middleware::failover::{EndpointState, Endpoints};
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator, created_twice};

use crate::world::{builder, clock, service, settings, steady};

pub(crate) const DUBLIN: &str = "proxy.dublin.ie1.twilio.com";
pub(crate) const FRANKFURT: &str = "proxy.frankfurt.ie1.twilio.com";

/// How an edge does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Edge {
    /// It passes requests on, and takes so long in all.
    Up(Duration),
    /// It takes no connection.
    Down,
    /// It takes requests, and breaks off before it has passed them on.
    Breaks,
}

pub(crate) const QUICK: Edge = Edge::Up(Duration::from_millis(20));

/// Two doors to one simulator.
#[derive(Clone)]
pub(crate) struct Edges {
    simulator: Simulator,
    dublin: Arc<Mutex<Edge>>,
    frankfurt: Arc<Mutex<Edge>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Edges {
    fn new() -> Self {
        Self::to(Simulator::with(settings(clock(), 1).without_rate_limit()))
    }

    pub(crate) fn to(simulator: Simulator) -> Self {
        let edge = || Arc::new(Mutex::new(QUICK));
        Self { simulator, dublin: edge(), frankfurt: edge(), seen: Arc::default() }
    }

    pub(crate) fn edge(&self, host: &str) -> &Mutex<Edge> {
        match host {
            DUBLIN => &self.dublin,
            FRANKFURT => &self.frankfurt,
            other => panic!("a request to {other}"),
        }
    }

    /// Method and city of each request since the last look.
    pub(crate) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Service<Request<Full<Bytes>>> for Edges {
    type Response = Response<Collected>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Response<Collected>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let host = request.uri().host().unwrap().to_owned();
        let edge = *self.edge(&host).lock().unwrap();
        let city = host.split('.').nth(1).unwrap();
        self.seen.lock().unwrap().push(format!("{} {city}", request.method()));
        let facts = CallFacts::of(request.extensions()).cloned().unwrap();
        let passed = match edge {
            Edge::Up(_) => Some(self.simulator.call(request)),
            _ => None,
        };
        async move {
            match (edge, passed) {
                (Edge::Up(takes), Some(passed)) => {
                    sleep(takes).await;
                    passed.await
                }
                (Edge::Breaks, _) => {
                    facts.mark_reached();
                    facts.mark_sent();
                    Err(Fault::new(FaultKind::Interrupted, "the edge broke off"))
                }
                _ => {
                    facts.mark_reached();
                    Err(Fault::new(FaultKind::Connect, "the edge is down"))
                }
            }
        }
        .boxed()
    }
}

fn with_edges(builder: GatewayBuilder) -> GatewayBuilder {
    builder
        .region("ie1")
        .edge("dublin")
        .failover_edge("frankfurt")
        .quota(Quota::per_second(1 << 20))
}

/// The gateway, and the handle on its endpoints.
fn open(edges: &Edges) -> (DefaultGateway<Edges>, Endpoints) {
    let handle = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&handle);
    let builder = with_edges(steady(builder(clock(), 2))).layers(move |layers| {
        *kept.lock().unwrap() = Some(layers.failover.endpoints());
        StackLayers { ..layers }
    });
    let gateway = builder.over(edges.clone()).unwrap();
    let endpoints = handle.lock().unwrap().take().unwrap();
    (gateway, endpoints)
}

/// So many orders, each created, fetched and listed, sixteen at a time; what failed.
async fn orders(gateway: &DefaultGateway<Edges>, from: u32, to: u32) -> Vec<String> {
    let order = async |number: u32| {
        let sessions = gateway.sessions(service(1));
        let name = format!("order-{number}");
        let created = sessions.create(|create| create.unique_name(&name)).await?;
        assert_eq!(sessions.fetch_by_name(&name).await?.sid, created.sid);
        sessions.update(created.sid.unwrap(), |update| update.ttl(Duration::from_secs(60))).await?;
        sessions.list(|list| list.limit(3)).try_collect::<Vec<_>>().await
    };
    let results = futures_util::stream::iter(from..to).map(order).buffer_unordered(16);
    results.filter_map(async |result| result.err().map(|error| error.to_string())).collect().await
}

#[tokio::test(start_paused = true)]
async fn one_edge_goes_down_and_comes_back_and_every_call_succeeds_once() {
    for down in [Edge::Down, Edge::Breaks] {
        let edges = Edges::new();
        let (gateway, endpoints) = open(&edges);
        let states = || endpoints.health().iter().map(|health| health.state).collect::<Vec<_>>();
        let none: Vec<String> = Vec::new();
        assert_eq!(orders(&gateway, 0, 50).await, none);

        // Which one: writes that may have acted stay, so one that takes requests and breaks off must
        // not be where writes go.
        let which = if down == Edge::Down { DUBLIN } else { FRANKFURT };
        *edges.edge(which).lock().unwrap() = down;
        edges.seen();
        assert_eq!(orders(&gateway, 50, 100).await, none, "{down:?}");
        let number = usize::from(which == FRANKFURT);
        assert_eq!(states()[number], EndpointState::Ejected);
        let city = which.split('.').nth(1).unwrap();
        let asked = edges.seen().iter().filter(|line| line.ends_with(city)).count();
        assert!((5..=25).contains(&asked), "{asked} requests to an edge that is down");

        *edges.edge(which).lock().unwrap() = QUICK;
        sleep(Duration::from_secs(30)).await;
        assert_eq!(orders(&gateway, 100, 150).await, none, "{down:?}");
        assert_eq!(states(), [EndpointState::Serving; 2]);
        assert!(edges.seen().iter().any(|line| line.ends_with(city)), "it is in use again");

        assert_eq!(edges.simulator.sessions().len(), 150);
        assert_eq!(created_twice(&edges.simulator.commits()), Vec::<String>::new());
        assert!(endpoints.health().iter().all(|health| health.pending == 0));
    }
}

/// The breaker is below the choice of the edge: each edge has a circuit, and calls go round an open one.
#[tokio::test(start_paused = true)]
async fn the_circuit_of_one_edge_opens_and_calls_go_on_through_the_other() {
    let edges = Edges::new();
    let few = breaker::Settings::new().min_calls(3);
    let gateway = with_edges(steady(builder(clock(), 2))).breaker(few).over(edges.clone()).unwrap();
    *edges.edge(DUBLIN).lock().unwrap() = Edge::Down;
    assert_eq!(orders(&gateway, 0, 20).await, Vec::<String>::new());
    let circuits = gateway.health().circuits;
    let of = |host: &str| circuits.iter().find(|one| one.origin.ends_with(host)).unwrap();
    assert_eq!((of(DUBLIN).state, of(DUBLIN).opened), ("open", 1));
    assert_eq!((of(FRANKFURT).state, of(FRANKFURT).failure_rate), ("closed", 0.0));
}

#[tokio::test(start_paused = true)]
async fn reads_go_through_the_quicker_door_and_writes_through_the_first() {
    let edges = Edges::new();
    *edges.dublin.lock().unwrap() = Edge::Up(Duration::from_millis(200));
    let (gateway, _) = open(&edges);
    let sessions = gateway.sessions(service(1));
    sessions.create(|create| create.unique_name("order")).await.unwrap();
    for _ in 0..5 {
        sessions.fetch_by_name("order").await.unwrap();
    }
    let mut expected = vec!["POST dublin"];
    expected.extend(["GET frankfurt"; 5]);
    assert_eq!(edges.seen(), expected);
}

/// The answer of the create is lost: its replay and the look for it stay where it went, though reads
/// are quicker elsewhere.
#[tokio::test(start_paused = true)]
async fn a_lost_create_is_looked_for_where_it_went() {
    let edges = Edges::new();
    *edges.dublin.lock().unwrap() = Edge::Up(Duration::from_millis(200));
    let (gateway, _) = open(&edges);
    let sessions = gateway.sessions(service(1));
    let lost = FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter);
    edges.simulator.set_faults(lost);
    let created = sessions.create(|create| create.unique_name("order")).await.unwrap();
    assert_eq!(edges.seen(), ["POST dublin", "POST dublin", "GET dublin"]);
    assert_eq!(sessions.fetch_by_name("order").await.unwrap().sid, created.sid);
    assert_eq!(edges.seen(), ["GET frankfurt"]);
}

/// Each page names the next one on its own host: any of them will do, and is served by whoever it is.
#[tokio::test(start_paused = true)]
async fn a_list_goes_on_through_another_door() {
    let edges = Edges::new();
    let (gateway, endpoints) = open(&edges);
    let sessions = gateway.sessions(service(1));
    for number in 0..6 {
        sessions.create(|create| create.unique_name(format!("order-{number}"))).await.unwrap();
    }
    edges.seen();
    let mut pages = std::pin::pin!(sessions.pages(|list| list.page_size(2)));
    let mut names = Vec::new();
    for open in [0, 1, 0] {
        endpoints.hold(1 - open);
        endpoints.readmit(open);
        let page = pages.try_next().await.unwrap().unwrap();
        names.extend(page.items.into_iter().map(|session| session.unique_name.unwrap()));
    }
    assert_eq!(names, [5, 4, 3, 2, 1, 0].map(|number| format!("order-{number}")));
    assert_eq!(edges.seen(), ["GET dublin", "GET frankfurt", "GET dublin"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_no_edge_of_ours_named_is_refused() {
    let edges = Edges::new();
    let (gateway, _) = open(&edges);
    for url in ["https://proxy.evil.example/v1/x", "http://proxy.frankfurt.ie1.twilio.com/v1/x"] {
        let error = gateway.sessions(service(1)).page(url).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Encode, Effect::None), "{url}");
    }
    assert_eq!(edges.seen(), Vec::<String>::new());
}

fn hosts(builder: GatewayBuilder) -> Vec<String> {
    let gateway = builder.over(Edges::new()).unwrap();
    gateway.endpoint().all().map(|at| at.origin().to_string()).collect()
}

fn plain() -> GatewayBuilder {
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    Gateway::builder(Credentials::auth_token(account, Simulator::AUTH_TOKEN))
}

#[tokio::test(start_paused = true)]
async fn region_and_edge_are_worked_into_every_url() {
    let https = |host: &str| format!("https://{host}");
    assert_eq!(hosts(with_edges(plain())), [https(DUBLIN), https(FRANKFURT)]);
    // A URL keeps its own edge, or all would be the same; the region is one for all.
    let named = plain()
        .failover_to("https://proxy.frankfurt.us1.twilio.com")
        .failover_to("https://proxy.twilio.com")
        .failover_to(https(DUBLIN))
        .region("ie1")
        .edge("dublin");
    let bare = https("proxy.ie1.twilio.com");
    assert_eq!(hosts(named), [https(DUBLIN), https(FRANKFURT), bare]);
    // There is no other edge to an address.
    let local = plain().base_url("http://127.0.0.1:1").edge("dublin").failover_edge("frankfurt");
    assert_eq!(hosts(local), ["http://127.0.0.1:1"]);
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_is_said_when_it_is_built() {
    for bad in ["", "ftp://x.example", "https://me:secret@x.example", "https://x.example?a=b"] {
        let error = plain().failover_to(bad).over(Edges::new()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{bad}");
    }
    assert!(plain().failover_edge("a.b").over(Edges::new()).is_err());
}

/// The rules for credentials hold for each endpoint by itself.
#[tokio::test(start_paused = true)]
async fn credentials_go_to_no_endpoint_in_the_clear() {
    let edges = Edges::new();
    let gateway = plain()
        .failover_to("http://proxy.frankfurt.ie1.twilio.com")
        .layers(|layers| {
            layers.failover.endpoints().hold(0);
            layers
        })
        .over(edges.clone())
        .unwrap();
    let error = gateway.sessions(service(1)).fetch_by_name("order").await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Config, Effect::None));
    assert_eq!(edges.seen(), Vec::<String>::new());
}
