//! The simulator's own books against what the calls have said.

use twilio_proxy::simulator::{Action, Simulator, created_twice};

use crate::book::Book;

/// What the books show.
pub(crate) struct Ledger {
    pub(crate) creates: u64,
    /// Calls whose create was done more than once.
    pub(crate) twice: Vec<String>,
    /// Names of creates that failed, said that nothing was done, and were done.
    pub(crate) denied: Vec<String>,
}

impl Ledger {
    pub(crate) fn read(simulator: &Simulator, book: &Book) -> Self {
        let commits = simulator.commits();
        let twice = created_twice(&commits).into_iter().map(str::to_owned).collect();
        let not_done = book.not_done();
        let creates = || commits.iter().filter(|commit| commit.action == Action::Create);
        let names = creates().filter_map(|commit| commit.unique_name.clone());
        let denied = names.filter(|name| not_done.contains(name)).collect();
        Self { creates: u64::try_from(creates().count()).unwrap_or(u64::MAX), twice, denied }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.twice.is_empty() && self.denied.is_empty()
    }
}
