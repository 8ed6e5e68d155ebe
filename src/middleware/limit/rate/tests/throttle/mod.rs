//! What comes of a server's throttles.

mod curves;
mod cuts;
mod layer;
mod servers;
mod settling;
mod threads;
