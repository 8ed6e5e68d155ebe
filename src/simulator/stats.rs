use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Action;
use crate::call::SessionSid;

/// What a simulator has seen and done, counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The same for each action.
    pub actions: BTreeMap<Action, ActionStats>,
    /// How often each mishap struck, by [`Mishap::name`](super::Mishap::name). A connection that
    /// was refused is counted here and nowhere else.
    pub mishaps: BTreeMap<&'static str, u64>,
}

/// What became of the requests of one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionStats {
    /// How many requests reached Proxy.
    pub received: u64,
    /// How many of them were answered, by status. One whose answer was lost is in none.
    pub answered: BTreeMap<u16, u64>,
    /// How many of them changed something, their answers lost or not.
    pub committed: u64,
}

impl Stats {
    /// What became of the requests of one action.
    #[must_use]
    pub fn of(&self, action: Action) -> ActionStats {
        self.actions.get(&action).cloned().unwrap_or_default()
    }

    /// How many requests reached Proxy.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.actions.values().map(|action| action.received).sum()
    }

    /// How many requests were answered with this status.
    #[must_use]
    pub fn answered(&self, status: u16) -> u64 {
        self.actions.values().filter_map(|action| action.answered.get(&status)).sum()
    }

    /// How many requests changed something.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.actions.values().map(|action| action.committed).sum()
    }

    pub(super) fn action(&mut self, action: Action) -> &mut ActionStats {
        self.actions.entry(action).or_default()
    }
}

/// One change that the simulated Proxy made, and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// A create, an update or a delete.
    pub action: Action,
    /// The session.
    pub sid: SessionSid,
    /// The session's name.
    pub unique_name: Option<String>,
    /// The request's `X-Request-Id`: where the client sends the same on every attempt of a call,
    /// two creates with one id are one call that was done twice.
    pub call_id: Option<String>,
    /// The name that Twilio gave the request (`RQ…`), in its answer's `Twilio-Request-Id`.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
}

/// The call ids of creates that were committed more than once: of a client that never does a
/// create twice this is empty, whatever the faults.
///
/// Creates whose requests carried no `X-Request-Id` can't be told apart and are left out.
#[must_use]
pub fn created_twice(commits: &[Commit]) -> Vec<&str> {
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for commit in commits.iter().filter(|commit| commit.action == Action::Create) {
        if let Some(id) = commit.call_id.as_deref() {
            *times.entry(id).or_default() += 1;
        }
    }
    times.into_iter().filter(|(_, times)| *times > 1).map(|(id, _)| id).collect()
}
