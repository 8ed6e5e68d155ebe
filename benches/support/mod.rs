//! A server with one answer, and the two clients that are compared: bare `client::legacy` and the
//! default stack. Both send the same headers and decode the same 900-byte session.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{BoxError, Service};
use twilio_proxy::call::{AccountSid, ServiceSid, SessionSid};
use twilio_proxy::gateway::{DefaultGateway, Gateway, GatewayBuilder};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{FetchSession, Session};
use twilio_proxy::transport::{self, LegacyTransport, ResponseBody};

pub(crate) const SERVICE: &str = "KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const SESSION: &str = "KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// What every client sends beside the path.
pub(crate) const ACCEPT: &str = "application/json";
pub(crate) const USER_AGENT: &str = "bench/1 (linux x86_64)";
pub(crate) const AUTHORIZATION: &str = "Basic QUNhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE6eA==";
pub(crate) const REQUEST_ID: &str = "x-request-id";
pub(crate) const ID: &str = "00000000000000000000000000000000";

/// A quota that never makes anybody wait.
const WIDE_OPEN: u32 = 1_000_000_000;

/// Answers every request with the same session, on a thread of its own.
#[allow(dead_code, reason = "one bench has its server in another process")]
pub(crate) fn serve() -> Result<SocketAddr, BoxError> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // By its name a profile is told from the client's.
    std::thread::Builder::new().name("server".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let answer: Bytes = answer().into();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, answer.clone()));
            }
        });
    })?;
    Ok(address)
}

/// One answer for every empty line: the requests of this bench have no body.
pub(crate) async fn talk(mut stream: TcpStream, answer: Bytes) {
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

/// The body of every answer.
pub(crate) fn session() -> String {
    let url = format!("https://proxy.twilio.com/v1/Services/{SERVICE}/Sessions/{SESSION}");
    format!(
        r#"{{"sid":"{SESSION}","service_sid":"{SERVICE}","account_sid":"{ACCOUNT}","date_started":"2015-07-30T20:00:00Z","date_ended":null,"date_last_interaction":"2015-07-30T20:00:00Z","date_expiry":"2015-07-30T20:00:00Z","unique_name":"Order #1234","status":"open","closed_reason":"","ttl":3600,"mode":"voice-and-message","date_created":"2015-07-30T20:00:00Z","date_updated":"2015-07-30T20:00:00Z","url":"{url}","links":{{"interactions":"{url}/Interactions","participants":"{url}/Participants"}}}}"#
    )
}

pub(crate) fn answer() -> String {
    let body = session();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntwilio-request-id: RQaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// What one has without this crate: a pooled client, a request, a decoded session.
#[allow(dead_code, reason = "not every bench compares transports")]
pub(crate) async fn bare(client: Client<HttpConnector, Full<Bytes>>, address: SocketAddr) -> bool {
    let Some(request) = request(address) else { return false };
    let Ok(response) = client.request(request).await else { return false };
    decodes(response.into_body()).await
}

/// The same over a transport of this crate, with no layer.
#[allow(dead_code, reason = "not every bench compares transports")]
pub(crate) async fn bare_over<T>(mut transport: T, address: SocketAddr) -> bool
where
    T: Service<Request<Full<Bytes>>, Response = Response<ResponseBody>>,
{
    let Some(request) = request(address) else { return false };
    // Always ready.
    let Ok(response) = transport.call(request).await else { return false };
    decodes(response.into_body()).await
}

pub(crate) fn request(address: SocketAddr) -> Option<Request<Full<Bytes>>> {
    Request::get(url(address))
        .header(header::ACCEPT, ACCEPT)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::AUTHORIZATION, AUTHORIZATION)
        .header(REQUEST_ID, ID)
        .body(Full::default())
        .ok()
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}/v1/Services/{SERVICE}/Sessions/{SESSION}")
}

pub(crate) async fn decodes(body: impl Body<Data = Bytes>) -> bool {
    let Ok(body) = body.collect().await else { return false };
    is_session(&body.to_bytes())
}

pub(crate) fn is_session(body: &[u8]) -> bool {
    serde_json::from_slice::<Session>(body).is_ok_and(|session| session.sid.is_some())
}

#[allow(dead_code, reason = "one bench has settings of its own")]
pub(crate) fn gateway(address: SocketAddr) -> Result<(DefaultGateway, FetchSession), BoxError> {
    Ok((builder(address)?.build()?, fetch()?))
}

pub(crate) fn fetch() -> Result<FetchSession, BoxError> {
    let (service, session): (ServiceSid, SessionSid) = (SERVICE.parse()?, SESSION.parse()?);
    Ok(FetchSession::new(service, session))
}

/// The default stack over its own transport, with other settings.
#[allow(dead_code, reason = "not every bench compares protocols")]
pub(crate) fn gateway_by(
    address: SocketAddr,
    transport: transport::Builder,
) -> Result<DefaultGateway, BoxError> {
    Ok(builder(address)?.transport(transport).build()?)
}

/// The default stack over another transport.
#[allow(dead_code, reason = "not every bench compares transports")]
pub(crate) fn gateway_over(
    address: SocketAddr,
    transport: LegacyTransport,
) -> Result<DefaultGateway<LegacyTransport>, BoxError> {
    Ok(builder(address)?.over(transport)?)
}

pub(crate) fn builder(address: SocketAddr) -> Result<GatewayBuilder, BoxError> {
    let account: AccountSid = ACCOUNT.parse()?;
    let builder = Gateway::builder(Credentials::auth_token(account, "not-a-secret"));
    let quota = Quota::per_second(WIDE_OPEN).burst(WIDE_OPEN);
    Ok(builder.base_url(format!("http://{address}")).quota(quota))
}
