//! The check of callbacks: paused time and no sockets.

mod callbacks;
mod covers;
mod properties;
mod reading;
mod service;
mod urls;
mod vectors;
