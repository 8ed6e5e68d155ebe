//! A server in memory that answers with the number of the connection, when it is told to.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tower::{ServiceExt, service_fn};
use twilio_proxy::call::Fault;
use twilio_proxy::transport::{Builder, Connect, PoolStats, ProxyTransport};

pub(crate) fn builder() -> Builder {
    ProxyTransport::builder().without_tls()
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://localhost{path}")).body(Full::default()).expect("a request")
}

/// The other side: how many connections there were, and which requests wait for their answers.
#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) opened: Arc<AtomicU32>,
    held: Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>,
    order: Arc<Mutex<Vec<String>>>,
    /// How long a connection takes to come about.
    pub(crate) dial: Arc<Mutex<Duration>>,
}

impl Server {
    /// A transport to this server.
    pub(crate) fn transport(&self, builder: Builder) -> ProxyTransport<impl Connect> {
        let server = self.clone();
        let connector = service_fn(move |_: Uri| {
            let server = server.clone();
            let takes = *server.dial.lock().unwrap();
            async move {
                tokio::time::sleep(takes).await;
                let number = server.opened.fetch_add(1, Relaxed) + 1;
                let (client, end) = duplex(64 * 1024);
                tokio::spawn(server.talk(number, end));
                Ok::<_, io::Error>(client)
            }
        });
        builder.build_with(connector).expect("settings")
    }

    /// Requests for `/held…` are answered when they are released, `/last` closes, `/gone` closes
    /// without an answer and `/early` answers with half a body.
    async fn talk(self, number: u32, mut end: DuplexStream) {
        let mut bytes = Vec::new();
        while let Ok(1..) = end.read_buf(&mut bytes).await {
            if !bytes.ends_with(b"\r\n\r\n") {
                continue;
            }
            let text = String::from_utf8(std::mem::take(&mut bytes)).expect("text");
            let path = text.split(' ').nth(1).expect("a path").to_owned();
            self.order.lock().unwrap().push(path.clone());
            if path.starts_with("/held") {
                let (release, released) = oneshot::channel();
                self.held.lock().unwrap().insert(path.clone(), release);
                let mut byte = [0];
                tokio::select! {
                    _ = released => {}
                    // The client hangs up.
                    _ = end.read(&mut byte) => return,
                }
            }
            if path == "/gone" {
                return;
            }
            let body = number.to_string();
            let length = if path == "/early" { 100 } else { body.len() };
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
            if end.write_all(answer.as_bytes()).await.is_err() || path == "/last" {
                return;
            }
        }
    }

    pub(crate) fn release(&self, path: &str) {
        let release = self.held.lock().unwrap().remove(path).expect("it was asked for");
        let _ = release.send(());
    }

    /// The paths in the order in which they arrived.
    pub(crate) fn order(&self) -> Vec<String> {
        self.order.lock().unwrap().clone()
    }

    pub(crate) fn dials_take(&self, time: Duration) {
        *self.dial.lock().unwrap() = time;
    }
}

/// Sends and reads the answer to its end: the number of the connection.
pub(crate) async fn text<C: Connect>(
    transport: ProxyTransport<C>,
    path: impl Into<String>,
) -> Result<String, Fault> {
    let response = transport.oneshot(get(&path.into())).await?;
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    Ok(String::from_utf8(body.to_vec()).expect("text"))
}

/// Lets everything happen that waits for no timer.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

pub(crate) fn counts(stats: PoolStats) -> (u64, u64, u64, u64) {
    (stats.open, stats.idle, stats.opened, stats.reused)
}
