//! The two gateways, and the server behind them, which is another one now and then.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use tokio::net::TcpStream;
use tower::Service;
use twilio_proxy::call::Rng;
use twilio_proxy::gateway::config::{Deployment, GatewayConfig, LayerName};
use twilio_proxy::simulator::{Settings, Simulator, SimulatorServer};
use twilio_proxy::transport::{PoolStats, ProxyTransport};

use crate::draw::{Frame, weather, with_keys};
use crate::judge::unrest;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// See [`Manner`](crate::visit::Manner).
pub(crate) const UNIT: Duration = Duration::from_millis(4);
/// So many connections, and no more.
const MOST_CONNECTIONS: usize = 24;
/// How long something may take to end that has no reason left to go on. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What lives as long as the run.
pub(crate) struct World {
    /// In the process, and over sockets.
    pub(crate) deployments: [Deployment; 2],
    frame: Frame,
    transport: ProxyTransport<Door>,
    inside: Inside,
    door: Door,
    rng: Rng,
    server: Mutex<Option<Simulator>>,
}

/// A server for a stretch.
pub(crate) struct Server {
    pub(crate) simulator: Simulator,
    socket: SimulatorServer,
}

impl World {
    pub(crate) async fn open(seed: u64, named: bool) -> Result<Self, Failure> {
        let rng = Rng::seeded(!seed);
        let frame = Frame {
            unit: UNIT,
            stack: LayerName::DEFAULT_ORDER.to_vec(),
            // Whoever is behind the door listens elsewhere, and somewhere else each time.
            endpoint: "base_url = \"http://127.0.0.1:9\"".to_owned(),
            least_quota: 100_000,
            limits: [64, 128, 512],
            queues: [100, 1_000],
            named,
            choices: rng.bits(),
        };
        let door = Door::default();
        let inside = Inside(Arc::new(Mutex::new(Simulator::new())));
        let transport = ProxyTransport::builder()
            .without_tls()
            .max_connections(MOST_CONNECTIONS)
            .idle_timeout(UNIT * 50)
            .connect_timeout(UNIT * 500)
            .build_with(door.clone())?;
        let config = || GatewayConfig::from_toml(&frame.config(&rng));
        let seeded = |seed: u64| {
            move |builder: twilio_proxy::gateway::GatewayBuilder| builder.rng(Rng::seeded(seed))
        };
        let deployments = [
            config()?.over_with(inside.clone(), seeded(rng.bits()))?,
            config()?.over_with(transport.clone(), seeded(rng.bits()))?,
        ];
        let server = Mutex::default();
        Ok(Self { deployments, frame, transport, inside, door, rng, server })
    }

    /// Another server takes the place of the one before.
    pub(crate) async fn serve(&self) -> Result<Server, Failure> {
        let settings = Settings::default().without_rate_limit().rng(Rng::seeded(self.rng.bits()));
        let simulator = Simulator::with(with_keys(settings));
        let socket = simulator.serve().await?;
        *lock(&self.inside.0) = simulator.clone();
        *lock(&self.door.0) = Some(socket.address());
        *lock(&self.server) = Some(simulator.clone());
        Ok(Server { simulator, socket })
    }

    /// Other weather, and for both gateways another configuration with other credentials. What may not change in a
    /// reload is a complaint.
    pub(crate) fn change(&self) -> Result<Vec<String>, Failure> {
        if let Some(simulator) = &*lock(&self.server) {
            simulator.set_faults(weather(&self.rng, UNIT, false));
        }
        let mut complaints = Vec::new();
        for deployment in &self.deployments {
            let new = GatewayConfig::from_toml(&self.frame.config(&self.rng))?;
            let reloaded = deployment.reload(&new)?;
            if !reloaded.needs_restart.is_empty() {
                complaints.push(format!("a reload left out {:?}", reloaded.needs_restart));
            }
        }
        Ok(complaints)
    }

    pub(crate) fn pool(&self) -> PoolStats {
        self.transport.pool_stats()
    }

    /// What is left of a stretch in which nobody calls any more.
    pub(crate) fn unrest(&self) -> Vec<String> {
        let of = |deployment: &Deployment| unrest(&deployment.gateway().health());
        let mut unrest: Vec<String> = self.deployments.iter().flat_map(of).collect();
        let open = self.pool().open;
        if open > 0 {
            unrest.push(format!("left behind: {open} connections to a server that is gone"));
        }
        unrest
    }

    /// The end of both gateways, and of the transport.
    pub(crate) async fn close(self) -> Vec<String> {
        let mut complaints = Vec::new();
        for deployment in &self.deployments {
            let cut_off = deployment.gateway().shutdown(PATIENCE).await.cut_off;
            if cut_off > 0 {
                complaints.push(format!("left behind: {cut_off} calls at the end of a gateway"));
            }
        }
        if !self.transport.drain(PATIENCE).await {
            complaints.push("the pool did not drain".to_owned());
        }
        complaints
    }
}

impl Server {
    /// Lets what it works on be answered, and ends.
    pub(crate) async fn end(self) -> Simulator {
        let Self { simulator, socket } = self;
        let _ = tokio::time::timeout(PATIENCE, socket.shutdown()).await;
        simulator
    }
}

/// Whoever is there at the moment, without a socket.
#[derive(Clone)]
struct Inside(Arc<Mutex<Simulator>>);

impl Service<Request<Full<Bytes>>> for Inside {
    type Response = <Simulator as Service<Request<Full<Bytes>>>>::Response;
    type Error = <Simulator as Service<Request<Full<Bytes>>>>::Error;
    type Future = <Simulator as Service<Request<Full<Bytes>>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        lock(&self.0).clone().call(request)
    }
}

/// Connects to whoever is there at the moment, whatever the URI says.
#[derive(Clone, Default)]
pub(crate) struct Door(Arc<Mutex<Option<SocketAddr>>>);

impl Service<Uri> for Door {
    type Response = TcpStream;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<TcpStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let address = *lock(&self.0);
        Box::pin(async move {
            match address {
                Some(address) => TcpStream::connect(address).await,
                None => Err(std::io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
