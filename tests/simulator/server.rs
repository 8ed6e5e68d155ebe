//! The loopback server, over real sockets with a client that sees bytes.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Simulator, SimulatorServer};

use crate::support::*;

/// A simulator behind a socket, under a plan.
async fn serve(plan: FaultPlan) -> (Simulator, SimulatorServer) {
    let simulator = simulator();
    simulator.set_faults(plan);
    let server = simulator.serve().await.expect("a port");
    (simulator, server)
}

/// What does not come within half a minute does not come: a failure, not a test that hangs.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it never came")
}

/// A create on an open connection.
async fn write_create(stream: &mut TcpStream, name: &str) -> std::io::Result<()> {
    let form = format!("UniqueName={name}");
    let authorization = basic(Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        path(""),
        stream.peer_addr()?,
        form.len(),
    );
    stream.write_all(head.as_bytes()).await
}

/// One whole answer from an open connection: head and body.
async fn read_answer(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let read = soon(stream.read_buf(&mut bytes)).await.expect("bytes");
        assert_ne!(read, 0, "the end came early");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if body.len() >= content_length(head) {
            return (head.to_owned(), body.to_owned());
        }
    }
}

fn content_length(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    line.map_or(0, |length| length.parse().expect("a length"))
}

/// Everything up to the end of the connection, and how it ended.
async fn create_to_the_end(server: &SimulatorServer) -> (Vec<u8>, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let end = async {
        let mut stream = TcpStream::connect(server.address()).await?;
        write_create(&mut stream, "a").await?;
        stream.read_to_end(&mut bytes).await.map(drop)
    };
    let end = soon(end).await;
    (bytes, end)
}

#[tokio::test]
async fn it_answers_on_one_connection_again_and_again() {
    let (simulator, server) = serve(FaultPlan::none()).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    for (name, status) in [("a", "201 Created"), ("b", "201 Created"), ("a", "400 Bad Request")] {
        write_create(&mut stream, name).await.expect("written");
        let (head, body) = read_answer(&mut stream).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        if status.starts_with("201") {
            let session: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            let url = session["url"].as_str().expect("a URL").to_owned();
            assert!(url.starts_with(&format!("{}/v1/Services/", server.base_url())), "{url}");
            assert!(head.contains("\r\ndate: Fri, 02 Jan 2026"), "{head}");
        }
    }
    assert_eq!(simulator.sessions().len(), 2);
}

#[tokio::test]
async fn resets_are_tcp_resets_before_and_after_the_commit() {
    for (mishap, made) in [(Mishap::ResetBefore, 0), (Mishap::ResetAfter, 1)] {
        let (simulator, server) = serve(FaultPlan::none().next(1, mishap)).await;
        let (bytes, end) = create_to_the_end(&server).await;
        assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset, "{mishap:?}");
        assert_eq!((bytes.len(), simulator.sessions().len()), (0, made), "{mishap:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_reset_before_a_byte_is_read() {
    let (simulator, server) = serve(FaultPlan::none().next(1, Mishap::Refused)).await;
    // Nothing is written: the reset comes of itself.
    let mut stream = TcpStream::connect(server.address()).await.expect("a handshake");
    let end = soon(stream.read(&mut [0; 1])).await;
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(simulator.stats().received(), 0);
    assert_eq!(simulator.stats().mishaps["refused"], 1);
    // The rule is spent.
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    write_create(&mut stream, "a").await.expect("written");
    assert!(read_answer(&mut stream).await.0.starts_with("HTTP/1.1 201"));
}

#[tokio::test]
async fn on_a_connection_that_is_there_a_refusal_is_a_reset() {
    let (simulator, server) = serve(FaultPlan::none().request(2, Mishap::Refused)).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    write_create(&mut stream, "a").await.expect("written");
    read_answer(&mut stream).await;
    write_create(&mut stream, "b").await.expect("written");
    let end = soon(stream.read(&mut [0; 1])).await;
    assert_eq!(end.expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(simulator.sessions().len(), 1);
}

#[tokio::test]
async fn a_truncated_answer_claims_its_whole_length_and_ends_halfway() {
    let (simulator, server) = serve(FaultPlan::none().next(1, Mishap::Truncated)).await;
    let (bytes, end) = create_to_the_end(&server).await;
    end.expect("an orderly end");
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    assert_eq!(body.len(), content_length(head) / 2);
    assert!(body.starts_with('{') && !body.is_empty());
    assert_eq!(simulator.sessions().len(), 1);
}

#[tokio::test]
async fn garbage_is_no_http() {
    let (simulator, server) = serve(FaultPlan::none().next(1, Mishap::GarbledWire)).await;
    let (bytes, end) = create_to_the_end(&server).await;
    end.expect("an orderly end");
    assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0x15));
    assert_eq!(simulator.sessions().len(), 1);
}

#[tokio::test]
async fn a_stalled_request_is_ended_by_the_shutdown_and_the_rest_is_answered() {
    let plan = FaultPlan::none()
        .next(1, Mishap::StallAfter)
        .next(1, Mishap::Latency(Duration::from_millis(50)));
    let (simulator, server) = serve(plan).await;
    let address = server.address();
    let mut stalled = TcpStream::connect(address).await.expect("a connection");
    write_create(&mut stalled, "a").await.expect("written");
    committed(&simulator, 1).await;
    let mut late = TcpStream::connect(address).await.expect("a connection");
    write_create(&mut late, "b").await.expect("written");
    committed(&simulator, 2).await;
    let idle = TcpStream::connect(address).await.expect("a connection");

    soon(server.shutdown()).await;
    assert!(read_answer(&mut late).await.0.starts_with("HTTP/1.1 201"));
    let mut bytes = Vec::new();
    soon(stalled.read_to_end(&mut bytes)).await.expect("an end");
    assert!(bytes.is_empty());
    drop(idle);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn dropped_it_ends_its_connections_and_listens_no_more() {
    // An answer that is on its way: a shutdown would wait for it, a drop must not.
    let hour = Duration::from_secs(60 * 60);
    let (simulator, server) = serve(FaultPlan::none().next(1, Mishap::Latency(hour))).await;
    let address = server.address();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    write_create(&mut stream, "a").await.expect("written");
    committed(&simulator, 1).await;
    drop(server);
    let mut bytes = Vec::new();
    // An end or a reset, whatever is first: but an end.
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    assert!(bytes.is_empty());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Until so many requests are committed; no clock is asked.
async fn committed(simulator: &Simulator, count: u64) {
    while simulator.stats().of(Action::Create).committed < count {
        tokio::task::yield_now().await;
    }
}

#[cfg(feature = "http2")]
mod http2 {
    use bytes::Bytes;
    use http::{Method, Version};
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    use super::*;

    type Sender = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

    async fn connect(server: &SimulatorServer) -> Sender {
        let stream = TcpStream::connect(server.address()).await.expect("a connection");
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("a handshake");
        tokio::spawn(connection);
        sender
    }

    fn create(server: &SimulatorServer, form: &'static str) -> http::Request<Full<Bytes>> {
        let mut request = request(Method::POST, &path(""), form);
        *request.uri_mut() = format!("{}{}", server.base_url(), path("")).parse().expect("a URI");
        *request.version_mut() = Version::HTTP_2;
        request
    }

    #[tokio::test]
    async fn the_same_port_speaks_http2() {
        let (simulator, server) = serve(FaultPlan::none()).await;
        let mut sender = connect(&server).await;
        let response = sender.send_request(create(&server, "UniqueName=a")).await.expect("answer");
        assert_eq!((response.status().as_u16(), response.version()), (201, Version::HTTP_2));
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let session: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert!(session["url"].as_str().expect("a URL").starts_with(&server.base_url()));
        assert_eq!(simulator.sessions().len(), 1);
        drop(sender);
        server.shutdown().await;
    }

    #[tokio::test]
    async fn what_breaks_breaks_there_too() {
        for mishap in
            [Mishap::ResetBefore, Mishap::ResetAfter, Mishap::Truncated, Mishap::GarbledWire]
        {
            let (simulator, server) = serve(FaultPlan::none().next(1, mishap)).await;
            let mut sender = connect(&server).await;
            let whole = async {
                let response = sender.send_request(create(&server, "")).await?;
                response.into_body().collect().await
            };
            assert!(whole.await.is_err(), "{mishap:?}");
            assert_eq!(simulator.sessions().len() == 1, mishap.acts(), "{mishap:?}");
        }
    }
}
