//! x
pub mod deadline;
pub mod retry;
pub mod limit;
