//! Callbacks against others: Twilio's own library, a second implementation, real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;
#[path = "../support/leaks.rs"]
mod leaks;
mod naive;
mod oracle;
mod secrets;
mod servers;
