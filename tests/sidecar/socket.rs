//! A client that may be as slow and as odd as a test wants.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longer than anything here takes that ends at all.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A connection to a sidecar.
#[derive(Debug)]
pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(crate) fn open(address: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(crate) fn say(mut self, text: impl AsRef<[u8]>) -> Self {
        // Who has been answered and cut off already is told so when he reads.
        let _ = self.0.write_all(text.as_ref());
        self
    }

    /// All that comes until the other side ends, and how long that took.
    pub(crate) fn hear(mut self) -> (String, Duration) {
        let begun = Instant::now();
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match self.0.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => heard.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&heard)),
            }
        }
        (String::from_utf8_lossy(&heard).into_owned(), begun.elapsed())
    }

    /// Whether nothing comes for so long.
    pub(crate) fn is_silent(&mut self, within: Duration) -> bool {
        self.0.set_read_timeout(Some(within)).unwrap();
        let heard = self.0.peek(&mut [0]);
        self.0.set_read_timeout(Some(LONG)).unwrap();
        matches!(heard, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Waits until something comes.
    pub(crate) fn wait(&self) {
        assert!(self.0.peek(&mut [0]).unwrap() > 0, "it was closed");
    }
}

/// A whole request on a connection of its own: status, and all that came.
pub(crate) fn ask(address: &str, request: &str) -> (u16, String) {
    let (heard, _) = Socket::open(address).say(request).hear();
    (status(&heard), heard)
}

pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn status(heard: &str) -> u16 {
    let status = heard.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    status.unwrap_or_else(|| panic!("no answer: {heard:?}")).parse().unwrap()
}

/// A create as a client writes it.
pub(crate) fn create(form: &str) -> String {
    let length = form.len();
    format!(
        "POST /v1/Services/KS00000000000000000000000000000001/Sessions HTTP/1.1\r\n\
         Host: 127.0.0.1:4080\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{form}"
    )
}
