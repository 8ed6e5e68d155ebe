//! What a hostile answer costs in memory: no more than the cap on bodies allows, whatever its size.
//!
//! One test in a file of its own, so that nobody else allocates while it counts. The servers are threads
//! that allocate nothing while they speak. What is counted is everything that was allocated during a call,
//! given back or not, which is more than was ever held at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::time::timeout;
use twilio_proxy::gateway::{DefaultGateway, Gateway, GatewayExt, StackLayers};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::transport::{Builder, ProxyTransport};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The cap on bodies.
const CAP: usize = 64 << 10;

/// Answers one request with the head and then with the rest, so often; then it stops.
fn server(head: &'static [u8], rest: Vec<u8>, times: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let Ok((mut socket, _)) = listener.accept() else { return };
        let mut buffer = [0; 4096];
        let Ok(_) = socket.read(&mut buffer) else { return };
        if socket.write_all(head).is_err() {
            return;
        }
        for _ in 0..times {
            if socket.write_all(&rest).is_err() {
                return;
            }
        }
        // What is unread would have the close overtake the answer.
        drop(socket.shutdown(std::net::Shutdown::Write));
        while matches!(socket.read(&mut buffer), Ok(1..)) {}
    });
    port
}

fn gateway(port: u16, transport: Builder) -> DefaultGateway {
    let account = "AC00000000000000000000000000000001".parse().unwrap();
    Gateway::builder(Credentials::auth_token(account, "secret"))
        .base_url(format!("http://127.0.0.1:{port}"))
        .transport(transport)
        .max_attempts(1)
        .layers(|layers| StackLayers { collect: CollectLayer::new().limit(CAP), ..layers })
        .build()
        .unwrap()
}

/// How many bytes were allocated while a call met this answer, which it must not take for one.
async fn allocated(
    head: &'static [u8],
    rest: impl AsRef<[u8]>,
    times: usize,
    change: fn(Builder) -> Builder,
) -> usize {
    let port = server(head, rest.as_ref().to_vec(), times);
    let gateway = gateway(port, change(ProxyTransport::builder().tunnel_from_env(false)));
    let service = "KS00000000000000000000000000000001".parse().unwrap();
    let fetch = FetchSession::by_name(service, "order-1");
    let region = Region::new(ALLOCATOR);
    let outcome = timeout(Duration::from_secs(30), gateway.send(fetch)).await.expect("it hangs");
    let change = region.change();
    outcome.expect_err("no answer");
    change.bytes_allocated
}

fn as_it_is(builder: Builder) -> Builder {
    builder
}

/// One frame of HTTP/2.
#[cfg(feature = "http2")]
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test]
async fn no_answer_costs_more_memory_than_the_cap_allows() {
    const MANY: usize = 1 << 14;
    let ok = b"HTTP/1.1 200 OK\r\n";
    let fields: String = (0..5000).map(|number| format!("\"{number}\":[0],")).collect();
    let bodies: &[(&str, &'static [u8], Vec<u8>, usize)] = &[
        ("a body of 256 MiB", b"HTTP/1.1 200 OK\r\n\r\n", vec![b' '; 16 << 10], MANY),
        (
            "an announced body of 256 MiB",
            b"HTTP/1.1 200 OK\r\ncontent-length: 268435456\r\n\r\n",
            vec![b' '; 16 << 10],
            MANY,
        ),
        (
            "chunks of a byte",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            b"1\r\n \r\n".repeat(1 << 10),
            MANY,
        ),
        (
            "a chunk that says it is of 2^60 bytes",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1000000000000000\r\n",
            vec![b' '; 16 << 10],
            MANY,
        ),
        ("an error of 256 MiB", b"HTTP/1.1 503 Down\r\n\r\n", vec![b'x'; 16 << 10], MANY),
        ("headers without end", ok, b"x-more: and more\r\n".repeat(1 << 10), MANY),
        ("one header without end", b"HTTP/1.1 200 OK\r\nx: ", vec![b'x'; 16 << 10], MANY),
        (
            "trailers without end",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            b"x-more: and more\r\n".repeat(1 << 10),
            MANY,
        ),
        ("JSON that nests 32,000 deep", b"HTTP/1.1 200 OK\r\n\r\n{\"x\":", vec![b'['; 32_000], 1),
        ("JSON of 5,000 fields", b"HTTP/1.1 200 OK\r\n\r\n{\"x\":{", fields.into_bytes(), 1),
    ];
    // Once for what is set up on first use.
    allocated(ok, "\r\n", 1, as_it_is).await;
    for (what, head, rest, times) in bodies {
        let bytes = allocated(head, rest, *times, as_it_is).await;
        assert!(bytes < 2 << 20, "{what}: {bytes} bytes");
    }
    #[cfg(feature = "http2")]
    {
        const SETTINGS: u8 = 4;
        let start = frame(SETTINGS, 0, 0, &[]);
        // One field of 4 kB goes into the table, and is then named by its number alone: 39 MB.
        let long = [&[0x7f, 0xbd, 0x1d][..], &[b'x'; 3900]].concat();
        let fields = [&[0x88, 0x40, 1, b'a'][..], &long, &[0xbe; 10_000]].concat();
        let bomb = [start.clone(), frame(1, 4, 1, &fields)].concat();
        let endless = frame(9, 0, 1, &[0xbe; 10_000]);
        let open = [start.clone(), frame(1, 0, 1, &fields)].concat();
        let head = frame(1, 4, 1, &[0x88]);
        let data = frame(0, 0, 1, &[b' '; 16_000]);
        for (what, first, rest, times) in [
            ("a head that unpacks to 39 MB", bomb, Vec::new(), 1),
            ("a head that goes on unpacking", open, endless, MANY),
            ("data without regard for the window", [start.clone(), head].concat(), data, MANY),
        ] {
            let all = [first, rest.repeat(usize::from(times == 1))].concat();
            let first: &'static [u8] = Box::leak(all.into_boxed_slice());
            let times = if times == 1 { 0 } else { times };
            let bytes = allocated(first, rest, times, |builder| builder.http2_only()).await;
            assert!(bytes < 4 << 20, "{what}: {bytes} bytes");
        }
    }
}
