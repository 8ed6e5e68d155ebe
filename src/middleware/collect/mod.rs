//! The whole body, under a cap, before anything above looks at the answer.
//!
//! Layers above want to judge an answer by its body, retry wants to repeat a call whose body broke
//! off, and the attempt timeout wants to cover the body as well as the head. All of that needs the
//! body to be *here*. [`CollectLayer`] gathers it, and makes the response one of
//! [`Collected`](crate::call::Collected).
//!
//! # What a failing body means
//!
//! It depends on what the head said.
//!
//! | | after a 2xx | after any other status |
//! |---|---|---|
//! | larger than the cap | a fault, [`BodyTooLarge`]: the server has acted, effect *applied* | the first bytes, up to the cap |
//! | breaks off | a fault, [`Incomplete`]: effect *unknown* | what came until then |
//!
//! After a 2xx the body *is* the answer: half of it is none. After any other status it is
//! commentary, and to lose the status over it would turn a plain refusal into a riddle: the answer
//! is returned with what could be had.
//!
//! A body that is announced as larger than the cap is refused before it is read.
//!
//! # The tracker
//!
//! Whether a call may have acted is kept in [`CallFacts`], and it is the transport that knows when
//! an attempt left the process. This crate's transport and simulator report that; a foreign one,
//! such as hyper-util's bare client, does not know how to. Then this layer, which is the last of
//! ours before it, reports in its stead:
//!
//! - In `call`, when the inner service has taken the request and has not reported anything itself,
//!   the attempt counts as reached and as sent. That errs on the side of caution: some requests
//!   counted so were never written.
//! - When an answer's head comes whose status proves that nothing happened
//!   ([`Effect::of_status`](crate::call::Effect::of_status)), the attempt is marked harmless.
//! - So it is when the inner service fails with a [`Fault`](crate::call::Fault) whose effect is
//!   none, such as one that a layer in between has raised. Any other error proves nothing.
//!
//! A transport that reports is recognised by doing so before its `call` returns, as the facts ask
//! it to. A request without facts is not tracked: nobody would read them.
//!
//! [`BodyTooLarge`]: crate::call::FaultKind::BodyTooLarge
//! [`Incomplete`]: crate::call::FaultKind::Incomplete
//! [`CallFacts`]: crate::call::CallFacts

mod future;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use future::ResponseFuture;
pub use layer::{CollectLayer, DEFAULT_LIMIT};
pub use service::Collect;
