//! What the tests of the breaker share.

mod window;
