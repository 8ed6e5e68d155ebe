//! What a subscriber writes, and how a secret could look in it.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use twilio_proxy::call::percent;

/// Keeps what a subscriber writes.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Has everything written here that this thread says of itself, until the guard is dropped.
    pub(crate) fn listen(&self) -> DefaultGuard {
        // While there is one subscriber, the thread that first comes to an event is asked whether it
        // listens, and its no is remembered for all threads: tests beside this one would silence it.
        // Where there are two, they are asked themselves.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
        LazyLock::force(&SECOND);
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn text(&self) -> String {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(written).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Complains if any of these is there in any spelling.
pub(crate) fn assert_absent(secrets: &[&str], output: &str) {
    for secret in secrets {
        for spelling in spellings(secret) {
            if output.contains(&spelling) {
                let lines = output.lines().filter(|line| line.contains(&spelling));
                let lines: Vec<&str> = lines.collect();
                panic!("{secret} is there as {spelling} in:\n{}", lines.join("\n"));
            }
        }
    }
}

/// Every way to write a secret: plain, without the plus of a number, escaped, in base64.
pub(crate) fn spellings(secret: &str) -> Vec<String> {
    let escaped = percent::encode(secret);
    let mut all = vec![
        secret.to_owned(),
        secret.trim_start_matches('+').to_owned(),
        escaped.to_lowercase(),
        secret.replace(' ', "+"),
        escaped,
    ];
    all.extend(in_base64(secret));
    all
}

/// How a secret looks in base64, whatever stands before it: three ways, without the characters
/// at the edges, which neighbours have a part in.
pub(crate) fn in_base64(secret: &str) -> Vec<String> {
    let mut spellings = Vec::new();
    for engine in [STANDARD, URL_SAFE] {
        for (before, cut) in [("", 0), ("_", 2), ("__", 3)] {
            let text = engine.encode(format!("{before}{secret}"));
            let whole = (before.len() + secret.len()) / 3 * 4;
            spellings.push(text[cut..whole].to_owned());
        }
    }
    spellings
}
