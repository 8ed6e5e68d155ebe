//! Compressed answers, with tower-http's decompression below the cap on bodies: the cap counts what they
//! unpack to.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::timeout;
use tower::Layer;
use tower_http::decompression::DecompressionLayer;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{BodyTooLarge, Decode, Incomplete, Server};
use twilio_proxy::gateway::{Error, ErrorKind, GatewayExt};
use twilio_proxy::sessions::{CreateSession, FetchSession, Session};
use twilio_proxy::transport::ProxyTransport;

use crate::deed::{Deed, Right, Say};
use crate::engine::{CAP, CEILING, builder, serve};
use crate::operations::{NAME, created, service};
use crate::row::{Expect, Row};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(plain).unwrap();
    gzip.finish().unwrap()
}

/// It acts, and answers with this, which it says is gzip.
fn says(body: Vec<u8>) -> impl Fn(&Right) -> Vec<Say> + Send + Sync + 'static {
    move |right| {
        let head = right.head();
        let head = format!("{head}content-encoding: gzip\r\ncontent-length: {}", body.len());
        vec![Say::text(format!("{head}\r\n\r\n")), Say::Once(Bytes::from(body.clone()))]
    }
}

struct Came {
    fetch: Result<Session, Error>,
    create: Result<Session, Error>,
    keyed: Result<Session, Error>,
    written: u64,
    /// Requests heard for the create without a name, and sessions that both creates made.
    creates: usize,
    made: usize,
}

/// A fetch and two creates, each against a server of its own that always answers so.
async fn call(deed: Deed) -> Came {
    let row = Row::new("compressed", deed, Expect::Fine);
    let (mut written, mut made, mut heard) = (0, 0, 0);
    let mut outcomes = Vec::new();
    for number in 0..3 {
        let (server, _, seed) = serve(&row, 0, true).await;
        let transport = ProxyTransport::builder().without_tls().tunnel_from_env(false);
        let transport = DecompressionLayer::new().layer(transport.build().unwrap());
        let base = format!("http://localhost:{}", server.port);
        let gateway = builder(&row, true).base_url(base).over(transport).unwrap();
        let create = CreateSession::new(service());
        let outcome = match number {
            0 => timeout(CEILING, gateway.send(FetchSession::new(service(), seed))).await,
            1 => timeout(CEILING, gateway.send(create)).await,
            _ => timeout(CEILING, gateway.send(create.unique_name(NAME))).await,
        };
        outcomes.push(outcome.expect("it hangs"));
        written += server.book(|book| book.written);
        made += created(server.simulator());
        if number == 1 {
            heard = server.book(|book| book.heard.len());
        }
    }
    let [fetch, create, keyed] = outcomes.try_into().unwrap();
    Came { fetch, create, keyed, written, creates: heard, made }
}

impl Came {
    #[track_caller]
    fn all_end_in(&self, kind: ErrorKind, effect: Effect) {
        for outcome in [&self.fetch, &self.create, &self.keyed] {
            let error = outcome.as_ref().expect_err("an error");
            assert_eq!((error.kind(), error.effect()), (kind, effect), "{error:?}");
        }
        assert_eq!((self.creates, self.made), (1, 2), "each create was done once");
    }
}

#[tokio::test]
async fn an_honest_answer_is_unpacked() {
    let came = call(Deed::acts(says(gzip(br#"{"status":"open"}"#)))).await;
    for outcome in [came.fetch, came.create, came.keyed] {
        assert!(outcome.expect("an answer").status.is_some());
    }
}

/// 64 MiB of spaces in 64 kB.
#[tokio::test]
async fn a_bomb_meets_the_cap() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < CAP + 1024, "{}", bomb.len());
    call(Deed::acts(says(bomb))).await.all_end_in(BodyTooLarge, Effect::Applied);
}

/// Member after member without an end: no length says that it is too long.
#[tokio::test]
async fn a_bomb_without_end_meets_the_cap() {
    let member = Bytes::from(gzip(&vec![b' '; 1 << 20]));
    let deed = Deed::acts(move |right| {
        let head = format!("{}content-encoding: gzip\r\n\r\n", right.head());
        vec![Say::text(head), Say::Endless(member.clone())]
    });
    let came = call(deed).await;
    came.all_end_in(BodyTooLarge, Effect::Applied);
    assert!(came.written < 3 * (16 << 20), "{}", came.written);
}

/// A 5xx that is a bomb: what is beyond the cap of it is left, and the call is what its status says.
#[tokio::test]
async fn a_bomb_in_an_error_is_cut_off() {
    let bomb = gzip(&vec![b'x'; 8 << 20]);
    let deed = Deed::says(move |_| {
        let head = "HTTP/1.1 503 Down\r\ncontent-encoding: gzip";
        let head = format!("{head}\r\ncontent-length: {}\r\n\r\n", bomb.len());
        vec![Say::text(head), Say::Once(Bytes::from(bomb.clone()))]
    });
    let came = call(deed).await;
    for (outcome, attempts) in [(came.fetch, 4), (came.create, 1), (came.keyed, 4)] {
        let error = outcome.expect_err("an error");
        assert_eq!((error.kind(), error.effect()), (Server, Effect::Unknown));
        assert_eq!(error.attempts(), attempts);
        assert!(error.answer().is_some_and(|answer| answer.body.len() <= CAP));
    }
    assert_eq!(came.made, 0);
}

#[tokio::test]
async fn a_bomb_in_a_bomb_is_unpacked_once() {
    let inner = gzip(&vec![b' '; 1 << 20]);
    call(Deed::acts(says(gzip(&inner)))).await.all_end_in(Decode, Effect::Applied);
}

#[tokio::test]
async fn what_is_no_gzip_is_an_answer_that_broke_off() {
    let came = call(Deed::acts(says(br#"{"status":"open"}"#.to_vec()))).await;
    came.all_end_in(Incomplete, Effect::Unknown);
}

#[tokio::test]
async fn half_a_gzip_is_an_answer_that_broke_off() {
    let mut half = gzip(br#"{"status":"open"}"#);
    half.truncate(half.len() - 9);
    call(Deed::acts(says(half))).await.all_end_in(Incomplete, Effect::Unknown);
}

#[tokio::test]
async fn a_wrong_checksum_is_an_answer_that_broke_off() {
    let mut wrong = gzip(br#"{"status":"open"}"#);
    let last = wrong.len() - 8;
    wrong[last] ^= 1;
    call(Deed::acts(says(wrong))).await.all_end_in(Incomplete, Effect::Unknown);
}
