//! A fleet's quota in a real Redis: each test starts one of its own, on loopback and in real time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod outage;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod script;
mod stack;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use redis_server::{PROGRAM, RedisServer};

/// A server of one's own, or none where the program is missing; on the build machine that is a failure.
fn server() -> Option<RedisServer> {
    match RedisServer::start() {
        Ok(server) => Some(server),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!in_ci, "{PROGRAM} is missing");
            println!("skipped: tests over a real Redis ({PROGRAM} is not installed)");
            None
        }
        Err(error) => panic!("{PROGRAM} does not start: {error}"),
    }
}

/// Sends a command past the crate, and reads what fits.
fn command(server: &RedisServer, line: &str) -> String {
    let url = server.url();
    let authority = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}
