//! x
pub mod deadline;
pub mod retry;
