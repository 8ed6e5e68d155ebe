//! Who asks: credentials, and where they may go.
//!
//! [`Credentials`] are what a caller has: an account SID and its auth token, an API key and its
//! secret, or none. [`AuthLayer`] turns them into an `Authorization` header, once, and attaches it
//! to requests, but only to those for the origins that it was given.
//!
//! Credentials that expire, or that somebody else writes, come from a [`ProvideAuthorization`]: a file
//! ([`FileCredentials`]), a function ([`FnCredentials`]), or a token endpoint ([`oauth`]). The stack's
//! type is the same whatever the kind, so a setting may choose it. What never changes costs no more for
//! that: no allocation, and no box.
//!
//! # Where credentials go
//!
//! An origin is a scheme, a host and a port, and it must match exactly. A request to any other
//! origin is *refused*, with a fault of kind [`Config`](crate::call::FaultKind::Config). It is not
//! sent without its credentials: that would be a request the caller did not ask for, and the answer
//! (a 401 from a stranger) would hide the mistake. Where there are no credentials there is nothing
//! to protect, and every request passes as it is.
//!
//! A request that brings a `Host` header of its own is held to the same list, for whatever stands before
//! the API may send it on by that. A redirect is an answer like any other: nobody in here follows one.
//!
//! What stands *below* this layer has the header in its hands, as the transport has, and may send it
//! anywhere. In the default stack that is the attempt's timeout, the collector and the transport, and
//! none of them changes where a request goes.
//!
//! Over plain `http` credentials go to this machine only (`localhost` and loopback addresses). To
//! any other they are refused as well, even if the origin is on the list, unless
//! [`AuthLayer::allow_insecure`] says that the network in between is trusted. This crate's
//! transport refuses such requests anyway; but this layer works over any transport.
//!
//! # Where the secret is
//!
//! A secret is kept in a `secrecy` box: nothing prints it, and it is wiped when it is dropped. What
//! the header is put together from is wiped, too. The header's value itself lives as long as the
//! layer does (or the token) and can't be wiped, for the HTTP library may share it; it is marked sensitive, so
//! that no layer prints it and HTTP/2 never puts it into a compression table.

mod allowed;
mod credentials;
mod env;
mod file;
mod function;
mod future;
mod grant;
mod layer;
pub mod oauth;
mod provider;
mod renewal;
mod service;
pub mod signing;
#[cfg(test)]
mod tests;

pub use credentials::Credentials;
pub(crate) use credentials::account_of;
pub use env::CredentialsError;
pub use file::{FileCredentials, FileError};
pub use function::FnCredentials;
pub use future::ResponseFuture;
pub use grant::Grant;
pub use layer::AuthLayer;
pub use provider::{Pending, ProvideAuthorization, Provided, ProviderStatus, Supply};
pub use service::Auth;
