//! Against a URL: what was made is deleted, and what can't be deleted is told.

use http::StatusCode;
use tokio::runtime::Runtime;
use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Settings, Simulator, SimulatorServer};

use crate::tool::{Run, SERVICE, load};

/// A server that the tool knows nothing of.
struct Api {
    _runtime: Runtime,
    server: SimulatorServer,
    simulator: Simulator,
}

impl Api {
    fn start(faults: FaultPlan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let simulator = Simulator::with(Settings::default().without_rate_limit());
        simulator.set_faults(faults);
        let server = runtime.block_on(simulator.serve()).unwrap();
        Self { _runtime: runtime, server, simulator }
    }

    fn environment() -> [(&'static str, &'static str); 2] {
        let (account, token) = (Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN);
        [("TWILIO_ACCOUNT_SID", account), ("TWILIO_AUTH_TOKEN", token)]
    }

    fn args<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["--url", url, "--service", SERVICE, "--unlimited", "--json"], more].concat()
    }

    fn load(&self, more: &[&str]) -> Run {
        let url = self.server.base_url();
        let run = load(&Self::args(&url, more), &Self::environment());
        assert!(!run.stdout.contains(Simulator::AUTH_TOKEN), "{run:?}");
        assert!(!run.stderr.contains(Simulator::AUTH_TOKEN), "{run:?}");
        run
    }
}

#[test]
fn nothing_is_left_behind() {
    let api = Api::start(FaultPlan::random(5).rate(0.1));
    let run = api.load(&["--rate", "200", "--calls", "80", "--mix", "create=3,fetch=1,delete=1"]);
    assert_eq!(run.code, 0, "{run:?}");
    let report = run.report();
    assert!(report["operations"]["create"]["ok"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(report["left_behind"]["sessions"], serde_json::json!([]));
    assert_eq!(report["simulator"], serde_json::Value::Null);
    assert!(api.simulator.sessions().is_empty());
    assert!(api.simulator.stats().of(Action::Create).committed > 40);
}

#[test]
fn what_cannot_be_deleted_is_listed() {
    let broken = Mishap::ErrorBefore(StatusCode::INTERNAL_SERVER_ERROR);
    let api = Api::start(FaultPlan::none().next_of(Action::Delete, u64::MAX, broken));
    let run = api.load(&["--rate", "100", "--calls", "4", "--mix", "create=1"]);
    assert_eq!(run.code, 1, "{run:?}");
    let report = run.report();
    assert_eq!(report["kept"], false);
    let mut told: Vec<String> = report["left_behind"]["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| left[1].as_str().unwrap().to_owned())
        .collect();
    let mut there: Vec<String> =
        api.simulator.sessions().iter().map(|session| session.sid.to_string()).collect();
    told.sort_unstable();
    there.sort_unstable();
    // None was made beforehand: nothing asks for it.
    assert_eq!((told.len(), &told), (4, &there));
}

#[cfg(unix)]
#[test]
fn nothing_is_left_behind_after_ctrl_c_either() {
    use crate::tool::Running;

    let api = Api::start(FaultPlan::random(6).rate(0.05));
    let url = api.server.base_url();
    let args = Api::args(&url, &["--rate", "60", "--for", "1h", "--mix", "create=1"]);
    let mut running = Running::start(&args, &Api::environment());
    running.line();
    running.signal("-INT");
    let run = running.end();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.report()["stopped"], "once");
    assert!(api.simulator.sessions().is_empty());
    assert!(api.simulator.stats().of(Action::Create).committed > 60);
}

/// Deletes that hang hold nobody up who wants to leave: what is not known to be gone is told.
#[cfg(unix)]
#[test]
fn ctrl_c_while_it_deletes_tells_what_is_left() {
    use crate::tool::Running;

    let api = Api::start(FaultPlan::none().next_of(Action::Delete, u64::MAX, Mishap::StallBefore));
    let url = api.server.base_url();
    let args = Api::args(&url, &["--rate", "100", "--calls", "5", "--mix", "create=1"]);
    let mut running = Running::start(&args, &Api::environment());
    while !running.line().contains("deleting") {}
    // Two signals of one kind may arrive as one.
    running.signal("-INT");
    running.signal("-TERM");
    let run = running.end();
    assert_eq!(run.code, 130, "{run:?}");
    let report = run.report();
    assert_eq!((&report["stopped"], &report["ok"]), (&"twice".into(), &5.into()));
    assert_eq!(report["left_behind"]["sessions"].as_array().unwrap().len(), 5);
    assert_eq!(api.simulator.sessions().len(), 5);
}
