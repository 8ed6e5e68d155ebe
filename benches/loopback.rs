//! A fetch over a real socket: the full default stack beside bare `client::legacy`, in one run.
//!
//! Both send the same headers to the same server over plain HTTP/1.1 on loopback, and decode the
//! same 900-byte session. The server lives on a thread of its own and answers fixed bytes. Read the
//! ratio of two rows, not either time.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tower::BoxError;
use twilio_proxy::call::{AccountSid, ServiceSid, SessionSid};
use twilio_proxy::gateway::{DefaultGateway, Gateway, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{FetchSession, Session};

const SERVICE: &str = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const SESSION: &str = "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Calls a measurement makes per iteration, so that starting and joining them does not count.
const BATCH: u64 = 256;

/// A quota that never makes anybody wait.
const WIDE_OPEN: u32 = 1_000_000_000;

/// Answers every request with the same session, on a thread of its own.
fn serve() -> Result<SocketAddr, BoxError> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let answer: Bytes = answer().into();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, answer.clone()));
            }
        });
    });
    Ok(address)
}

/// One answer for every empty line: the requests of this bench have no body.
async fn talk(mut stream: TcpStream, answer: Bytes) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let requests = buffer[..read].windows(4).filter(|bytes| bytes == b"\r\n\r\n").count();
        for _ in 0..requests {
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

fn answer() -> String {
    let url = format!("https://proxy.twilio.com/v1/Services/{SERVICE}/Sessions/{SESSION}");
    let body = format!(
        r#"{{"sid":"{SESSION}","service_sid":"{SERVICE}","account_sid":"{ACCOUNT}","date_started":"2015-07-30T20:00:00Z","date_ended":null,"date_last_interaction":"2015-07-30T20:00:00Z","date_expiry":"2015-07-30T20:00:00Z","unique_name":"Order #1234","status":"open","closed_reason":"","ttl":3600,"mode":"voice-and-message","date_created":"2015-07-30T20:00:00Z","date_updated":"2015-07-30T20:00:00Z","url":"{url}","links":{{"interactions":"{url}/Interactions","participants":"{url}/Participants"}}}}"#
    );
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntwilio-request-id: RQaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// What one has without this crate: a pooled client, a request, a decoded session.
async fn bare(client: Client<HttpConnector, Full<Bytes>>, address: SocketAddr) -> bool {
    let request =
        Request::get(format!("http://{address}/v1/Services/{SERVICE}/Sessions/{SESSION}"))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "bench/1 (linux x86_64)")
            .header(header::AUTHORIZATION, "Basic QUNhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE6eA==")
            .header("x-request-id", "00000000000000000000000000000000")
            .body(Full::default());
    let Ok(request) = request else { return false };
    let Ok(response) = client.request(request).await else { return false };
    let Ok(body) = response.into_body().collect().await else { return false };
    serde_json::from_slice::<Session>(&body.to_bytes()).is_ok_and(|session| session.sid.is_some())
}

fn gateway(address: SocketAddr) -> Result<(DefaultGateway, FetchSession), BoxError> {
    let (account, service, session): (AccountSid, ServiceSid, SessionSid) =
        (ACCOUNT.parse()?, SERVICE.parse()?, SESSION.parse()?);
    let gateway = Gateway::builder(Credentials::auth_token(account, "not-a-secret"))
        .base_url(format!("http://{address}"))
        .quota(Quota::per_second(WIDE_OPEN).burst(WIDE_OPEN))
        .build()?;
    Ok((gateway, FetchSession::new(service, session)))
}

/// Makes a batch of calls, so many at a time, and aborts the bench if one fails: a client that
/// fails fast must not look fast.
fn batch<F: Future<Output = bool>>(runtime: &Runtime, in_flight: u64, call: impl Fn() -> F) {
    runtime.block_on(async {
        let mut calls: FuturesUnordered<F> = (0..in_flight).map(|_| call()).collect();
        let mut begun = in_flight;
        while let Some(succeeded) = calls.next().await {
            if !black_box(succeeded) {
                eprintln!("a call of the bench failed");
                std::process::abort();
            }
            if begun < BATCH {
                begun += 1;
                calls.push(call());
            }
        }
    });
}

fn loopback(criterion: &mut Criterion) {
    if let Err(error) = measure(criterion) {
        eprintln!("the bench could not be set up: {error}");
    }
}

fn measure(criterion: &mut Criterion) -> Result<(), BoxError> {
    let address = serve()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (gateway, fetch) = gateway(address)?;

    let mut group = criterion.benchmark_group("fetch");
    group.throughput(Throughput::Elements(BATCH));
    for in_flight in [1, 64] {
        group.bench_function(BenchmarkId::new("client_legacy", in_flight), |bencher| {
            bencher.iter(|| batch(&runtime, in_flight, || bare(client.clone(), address)));
        });
        group.bench_function(BenchmarkId::new("default_stack", in_flight), |bencher| {
            let call = || async { gateway.send(fetch.clone()).await.is_ok() };
            bencher.iter(|| batch(&runtime, in_flight, call));
        });
    }
    group.finish();
    Ok(())
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    targets = loopback
}
criterion_main!(benches);
