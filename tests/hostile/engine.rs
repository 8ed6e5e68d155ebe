//! Puts every operation through a row, and complains of whatever the row does not allow.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use twilio_proxy::call::{Effect, Live, Rng, SessionSid};
use twilio_proxy::gateway::{DefaultGateway, Gateway, GatewayBuilder, GatewayExt, StackLayers};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::middleware::retry::FullJitter;
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::{Settings, Simulator};
use twilio_proxy::transport::{self, ProxyTransport};

use crate::identity::Identity;
use crate::operations::{Op, Outcome, SEED, created, service};
use crate::row::{Again, Expect, Flaw, Row, Way};
use crate::server::{Door, Script, Server};

/// Whatever takes longer hangs.
pub(crate) const CEILING: Duration = Duration::from_secs(30);
/// The cap on bodies.
pub(crate) const CAP: usize = 64 << 10;

/// How often, and when, the server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    Once,
    Always,
    /// Once, and on a connection that has carried a good call before.
    Reused,
}

/// Every operation, every pattern, all at once.
pub(crate) async fn hold(row: &Row) {
    let mut runs = Vec::new();
    for op in Op::ALL {
        for pattern in [Pattern::Once, Pattern::Always, Pattern::Reused] {
            let through = matches!(row.way, Way::Plain | Way::Tls | Way::Http2);
            if pattern != Pattern::Reused || through {
                runs.push(run(row, op, pattern));
            }
        }
    }
    let complaints: Vec<String> = join_all(runs).await.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{}:\n{}", row.says, complaints.join("\n"));
}

async fn run(row: &Row, op: Op, pattern: Pattern) -> Vec<String> {
    let reused = pattern == Pattern::Reused;
    let always = pattern == Pattern::Always;
    let (server, gateway, seed) = serve(row, usize::from(reused), always).await;
    if reused {
        Op::Fetch.run(&gateway, seed).await;
    }
    let outcome = timeout(CEILING, op.run(&gateway, seed)).await;
    let mut complaints = Vec::new();
    match &outcome {
        Err(_) => complaints.push("it hangs".to_owned()),
        Ok(outcome) => {
            let made = created(server.simulator());
            honest(op, outcome, made, &mut complaints);
            // A kept connection may be gone before the request is: that costs no attempt.
            if !reused {
                kept(row, op, always, outcome, made, &mut complaints);
            } else if let Outcome::Failed(failure) = outcome
                && let Expect::Fine = row.of(op)
            {
                complaints.push(format!("fine, and failed: {failure:?}"));
            }
        }
    }
    let written = server.book(|book| book.written);
    if written > row.most {
        complaints.push(format!("the client took {written} bytes"));
    }
    if gateway.in_flight() != 0 {
        complaints.push("something is left in flight".to_owned());
    }
    let heard = server.book(|book| book.heard.clone());
    let told = |complaint| format!("  {op:?}, {pattern:?}: {complaint}; {outcome:?}, {heard:?}");
    complaints.into_iter().map(told).collect()
}

/// A server that does the row's deed once it has answered so many requests well, then or for ever; the
/// gateway to it, and a session that is there.
pub(crate) async fn serve(
    row: &Row,
    after: usize,
    always: bool,
) -> (Server, DefaultGateway, SessionSid) {
    let simulator = Simulator::with(Settings::default().without_rate_limit());
    let seed = seed(&simulator).await;
    // Where the client does not come to the server, the server has no part in it.
    let after = if row.way == Way::Closed { usize::MAX } else { after };
    let script = Script { deed: row.deed.clone(), after, always };
    let (server, gateway) = open(row, simulator, script).await;
    (server, gateway, seed)
}

/// What holds whatever the row says.
fn honest(op: Op, outcome: &Outcome, made: usize, complaints: &mut Vec<String>) {
    if made > 1 {
        complaints.push(format!("created {made} times"));
    }
    if !op.is_create() {
        return;
    }
    match outcome {
        Outcome::Done { .. } if made != 1 => complaints.push("done, and nothing made".to_owned()),
        Outcome::Failed(failure) if made == 1 && failure.effect == Effect::None => {
            complaints.push("made, and said to have done nothing".to_owned());
        }
        Outcome::Failed(failure) if made == 0 && failure.effect == Effect::Applied => {
            complaints.push("nothing made, and said to be applied".to_owned());
        }
        _ => {}
    }
}

/// What the row promises.
fn kept(
    row: &Row,
    op: Op,
    always: bool,
    outcome: &Outcome,
    made: usize,
    complaints: &mut Vec<String>,
) {
    let (kinds, effect, again) = match row.of(op) {
        Expect::Fine => {
            if !matches!(outcome, Outcome::Done { attempts: 1, recovered: false }) {
                complaints.push("not fine at the first attempt".to_owned());
            }
            return;
        }
        Expect::Race(kinds) => {
            if let Outcome::Failed(failure) = outcome
                && (!kinds.contains(&failure.kind) || failure.attempts > row.attempts())
            {
                complaints.push("not one of the kinds".to_owned());
            }
            return;
        }
        Expect::Fails { kinds, effect, again } => (kinds, effect, again),
    };
    let tried_again = match again {
        Again::Any => true,
        Again::Replayable => op != Op::Create,
        Again::Never => false,
    };
    if tried_again && !always {
        // The refused second create and the look are attempts of the call.
        let found = op == Op::Keyed && row.deed.commits();
        let attempts = if found { 3 } else { 2 };
        let expected = matches!(outcome, Outcome::Done { attempts: made, recovered }
            if *made == attempts && *recovered == found);
        if !expected {
            complaints.push(format!("not done in {attempts} attempts, recovered: {found}"));
        }
        return;
    }
    let attempts = if tried_again { row.attempts() } else { 1 };
    match outcome {
        Outcome::Failed(failure) => {
            let promised = (effect, attempts) == (failure.effect, failure.attempts)
                && kinds.contains(&failure.kind)
                && failure.retry_after >= row.back_after;
            if !promised {
                complaints.push(format!("not {kinds:?}, {effect:?}, {attempts} attempts"));
            }
        }
        Outcome::Done { .. } => complaints.push("no failure".to_owned()),
    }
    let expected = usize::from(row.deed.commits() && op.is_create());
    if made != expected {
        complaints.push(format!("{made} made in place of {expected}"));
    }
}

/// A session that is there before.
async fn seed(simulator: &Simulator) -> SessionSid {
    let gateway = Gateway::builder(credentials()).over(simulator.clone()).unwrap();
    let session = gateway.send(CreateSession::new(service()).unique_name(SEED)).await.unwrap();
    session.sid.unwrap()
}

pub(crate) fn credentials() -> Credentials {
    Credentials::auth_token(Simulator::ACCOUNT_SID.parse().unwrap(), Simulator::AUTH_TOKEN)
}

/// The default stack, but for a small cap and retries that lose no time.
///
/// Where the server misbehaves once, only the first attempt's time is short: how long a good exchange may
/// take is the machine's business.
pub(crate) fn builder(row: &Row, always: bool) -> GatewayBuilder {
    let jitter = FullJitter::new();
    let moment = Duration::from_millis(1);
    let jitter = jitter.base(moment).throttled_base(moment);
    let long = Duration::from_secs(20);
    // A second more than the silence that speaks against a connection: a request may be late on a machine that
    // has much to do, and it counts from when it went out.
    let timeout = Live::new(if row.slow { Duration::from_millis(1500) } else { long });
    let handle = timeout.clone();
    Gateway::builder(credentials())
        .rng(Rng::seeded(1))
        .max_attempts(row.attempts())
        .attempt_timeout(timeout)
        .on_retry(move |_| {
            if !always {
                handle.set(long);
            }
        })
        .deadline(CEILING - Duration::from_secs(2))
        .layers(move |layers| StackLayers {
            retry: layers.retry.schedule(jitter),
            collect: CollectLayer::new().limit(CAP),
            ..layers
        })
}

async fn open(row: &Row, simulator: Simulator, script: Script) -> (Server, DefaultGateway) {
    let good = Identity::of("localhost");
    let h1 = ["http/1.1"];
    let always = script.always;
    let mut roots = vec![good.pem()];
    let door = match row.way {
        Way::Plain | Way::Http2 | Way::Closed => Door::Plain,
        Way::Tls | Way::TlsOnPlain => Door::Tls(good.acceptor(&h1)),
        Way::PlainOnTls => Door::Trap { bad: None, good: good.acceptor(&h1) },
        Way::BadTls(flaw) => {
            let bad = match flaw {
                Flaw::Expired => Identity::between("localhost", 2019, 2020),
                Flaw::NotYetValid => Identity::between("localhost", 2990, 2991),
                Flaw::OtherName => Identity::of("other.test"),
                Flaw::Stranger => Identity::of("localhost"),
            };
            if flaw != Flaw::Stranger {
                roots.push(bad.pem());
            }
            Door::Trap { bad: Some(bad.acceptor(&h1)), good: good.acceptor(&h1) }
        }
    };
    let secure = !matches!(row.way, Way::Plain | Way::Http2 | Way::Closed | Way::TlsOnPlain);
    let server = Server::start(simulator, door, script).await;
    let scheme = if secure { "https" } else { "http" };
    let gateway = builder(row, always)
        .base_url(format!("{scheme}://localhost:{}", server.port))
        .transport(transport(row, &roots, always))
        .build()
        .unwrap();
    (server, gateway)
}

/// One that finds the server where it is, or first (or always) where nobody listens.
fn transport(row: &Row, roots: &[String], always: bool) -> transport::Builder {
    let builder = ProxyTransport::builder().tunnel_from_env(false).roots_pem(&roots[0]);
    let builder = roots[1..].iter().fold(builder, |builder, pem| builder.add_roots_pem(pem));
    // A server that never comes to speak TLS costs an attempt this long.
    let in_time = Duration::from_millis(1500);
    let builder =
        if row.way == Way::PlainOnTls { builder.connect_timeout(in_time) } else { builder };
    #[cfg(feature = "http2")]
    let builder = if row.way == Way::Http2 { builder.http2_only() } else { builder };
    let astray = Arc::new(AtomicBool::new(row.way == Way::Closed));
    builder.resolver(tower::service_fn(move |_| {
        let lost = if always { astray.load(Relaxed) } else { astray.swap(false, Relaxed) };
        // Every server of these tests listens on 127.0.0.1 alone.
        let host = if lost { Ipv4Addr::new(127, 0, 0, 2) } else { Ipv4Addr::LOCALHOST };
        let addresses = [SocketAddr::from((host, 0))];
        async move { Ok::<_, std::io::Error>(addresses) }
    }))
}
