//! The line before a limit: some slots, and those who wait for one, first come, first served.
//!
//! A semaphore of tokio's would do for the order. This one also knows how long it is and how long it
//! takes, refuses to grow past what the newcomer may join, sends away those of lower priority when it
//! is full, changes its number of slots while calls hold them, and needs no boxed future to wait in.
//! Its lock is held for a few instructions, never across an await, and no waker is woken or dropped
//! under it: a waker may run anybody's code.

mod place;
mod queue;
mod state;

pub(super) use place::Place;
pub(super) use queue::{Joined, Line};
pub(super) use state::{Dismissal, Guest, Refused, Woken};

#[cfg(test)]
mod tests;
