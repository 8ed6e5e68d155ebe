//! An HTTP server of a few lines, which answers from a script and keeps the bytes it got.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers with this status line, these headers and this body, and closes; `{base}` in the
    /// body stands for the server's own URL.
    Answer { status: String, headers: String, body: String },
    /// Writes these bytes, whatever they are, and closes.
    Raw(Vec<u8>),
    /// Writes these bytes, and then these again and again.
    Endless(&'static str, String),
    /// Writes these bytes and says no more, but stays.
    Stall(&'static str),
    /// Closes without a word, after it has read the request.
    Hang,
    /// Closes with the request unread, which the kernel makes a reset.
    Reset,
}

/// An answer with a status, headers and a body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Act {
    Act::Answer { status: status.into(), headers: headers.into(), body: body.into() }
}

pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Act {
    Act::Raw(bytes.into())
}

pub(crate) fn json(status: &str, body: &str) -> Act {
    answer(status, "content-type: application/json\r\n", body)
}

pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server that acts so, one connection after the other; later ones are refused by silence.
    pub(crate) fn start(script: impl IntoIterator<Item = Act>) -> Self {
        Self::listen("127.0.0.1:0", script)
    }

    /// The same on another address.
    pub(crate) fn listen(address: &str, script: impl IntoIterator<Item = Act>) -> Self {
        let script: Vec<Act> = script.into_iter().collect();
        Self::serve(TcpListener::bind(address).unwrap(), script.into_iter())
    }

    /// A server whose script is written as it goes, and may have no end.
    pub(crate) fn start_lazily(script: impl Iterator<Item = Act> + Send + 'static) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    fn serve(listener: TcpListener, script: impl Iterator<Item = Act> + Send + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for act in script {
                let (mut stream, _) = listener.accept().unwrap();
                if matches!(act, Act::Reset) {
                    stream.peek(&mut [0]).unwrap();
                    kept.lock().unwrap().push(String::new());
                    continue;
                }
                kept.lock().unwrap().push(read(&mut stream));
                // A client that has heard enough may hang up: no business of the script's.
                let _ = perform(act, &mut stream, &format!("http://{address}"));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// The requests so far, as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn perform(act: Act, stream: &mut impl Write, base: &str) -> std::io::Result<()> {
    match act {
        Act::Answer { status, headers, body } => {
            let body = body.replace("{base}", base);
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
            )
        }
        Act::Raw(bytes) => stream.write_all(&bytes),
        Act::Endless(head, more) => {
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(more.as_bytes())?;
            }
        }
        Act::Stall(head) => {
            stream.write_all(head.as_bytes())?;
            loop {
                thread::park();
            }
        }
        Act::Hang | Act::Reset => Ok(()),
    }
}

/// Reads one request: its head, and as much body as it says.
pub(crate) fn read(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text.into_owned();
            }
        }
        match stream.read(&mut buffer).unwrap_or(0) {
            0 => return String::from_utf8_lossy(&bytes).into_owned(),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
