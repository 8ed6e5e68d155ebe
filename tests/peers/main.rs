//! Twilio's own libraries for Python and Node, unmodified, against a simulator that breaks requests:
//! alone, trying again as one is tempted to, and through the sidecar.
//!
//! Where `ORACLE_PYTHON` names a Python that has the library, and `ORACLE_NODE_PATH` a folder of
//! modules that has the other; `.ci/run` sees to both. Whatever it prints as a table is in the README.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Other programs live in real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/sidecar.rs"]
mod sidecar;

use std::env;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator, SimulatorServer};

use sidecar::Sidecar;

/// As `.ci/lib.sh` pins them.
const PYTHON: &str = "9.11.0";
const NODE: &str = "6.3.1";

/// How many creates of each kind.
const CREATES: usize = 40;
/// How many requests the simulator breaks.
const BREAKAGE: f64 = 0.4;

/// One of Twilio's libraries.
#[derive(Clone)]
struct Library {
    name: &'static str,
    program: String,
    script: &'static str,
    modules: String,
}

fn named(variable: &str) -> Option<String> {
    let value = env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "{variable} names nothing");
        println!("skipped: Twilio's own library through the sidecar ({variable} names none)");
    }
    value
}

impl Library {
    fn python() -> Option<Self> {
        let program = named("ORACLE_PYTHON")?;
        let version = "import twilio; print(twilio.__version__)";
        let output = Command::new(&program).args(["-c", version]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), PYTHON);
        Some(Self { name: "Python", program, script: "client.py", modules: String::new() })
    }

    fn node() -> Option<Self> {
        let modules = named("ORACLE_NODE_PATH")?;
        let package = std::fs::read_to_string(Path::new(&modules).join("twilio/package.json"));
        let package: Value = serde_json::from_str(&package.unwrap()).unwrap();
        assert_eq!(package["version"], NODE);
        Some(Self { name: "Node", program: "node".into(), script: "client.cjs", modules })
    }

    /// Runs the script, and gives what it said.
    fn run(&self, base: &str, token: &str, tries: u32) -> Vec<Value> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(self.script);
        let output = Command::new(&self.program)
            .arg(script)
            .args([base, Simulator::ACCOUNT_SID, token])
            .args([CREATES.to_string(), tries.to_string()])
            .env("NODE_PATH", &self.modules)
            // What is set here to reach the world must not lead away from loopback.
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stderr(Stdio::piped())
            .output()
            .expect("the library's program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} failed: {errors}", self.name);
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// What came of the creates of one kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Those whose caller was given a session.
    told: usize,
    /// Those of which there is one session.
    once: usize,
    /// Those of which there are several.
    doubled: usize,
    /// Those that exist, and whose caller was told of an error.
    lost: usize,
    /// Those of them where the error said so: that its effect is not none.
    warned: usize,
}

/// Compares what the script was told with what the simulator has.
fn tally(simulator: &Simulator, said: &[Value], kind: &str, first_ttl: usize) -> Tally {
    let sessions = simulator.sessions();
    let mut tally = Tally::default();
    let of_kind: Vec<_> = said.iter().filter(|line| line["kind"] == kind).collect();
    assert_eq!(of_kind.len(), CREATES);
    for line in of_kind {
        let ttl = first_ttl + usize::try_from(line["number"].as_u64().unwrap()).unwrap();
        let made: Vec<_> = sessions.iter().filter(|one| one.ttl as usize == ttl).collect();
        let told = line["sid"].as_str();
        if let Some(sid) = told {
            assert!(
                made.iter().any(|one| one.sid.as_str() == sid),
                "told of a session that is none"
            );
        }
        tally.told += usize::from(told.is_some());
        tally.once += usize::from(made.len() == 1);
        tally.doubled += usize::from(made.len() > 1);
        let is_lost = !made.is_empty() && told.is_none();
        tally.lost += usize::from(is_lost);
        let effect = line["effect"].as_str();
        tally.warned += usize::from(is_lost && effect.is_some_and(|effect| effect != "none"));
    }
    tally
}

async fn broken(seed: u64) -> (Simulator, SimulatorServer) {
    // The libraries know of no rate limit; it is not what this is about.
    let simulator = Simulator::with(Settings::default().without_rate_limit());
    simulator.set_faults(FaultPlan::random(seed).rate(BREAKAGE));
    let server = simulator.serve().await.unwrap();
    (simulator, server)
}

/// What a library gets in each way, as rows of the table.
async fn compare(library: Library) -> String {
    let mut rows = String::new();
    let mut row = |way: &str, kind: &str, of: &Tally| {
        let Tally { told, once, doubled, lost, warned } = of;
        let name = library.name;
        writeln!(
            rows,
            "| {name} | {way} | {kind} | {told} | {once} | {doubled} | {lost} | {warned} |"
        )
        .unwrap();
    };
    for (way, tries) in [("alone", 1), ("alone, three tries", 3), ("through the sidecar", 1)] {
        let (simulator, server) = broken(7).await;
        let sidecar = (way == "through the sidecar").then(|| {
            let upstream = server.base_url();
            let more = ["--attempt-timeout", "2s", "--max-attempts", "10", "--deadline", "60s"];
            Sidecar::start(&[&["--upstream", &upstream][..], &more].concat())
        });
        let base = sidecar.as_ref().map_or_else(|| server.base_url(), Sidecar::base_url);
        // The gateway's credentials count; the library wants some of its own.
        let token = if sidecar.is_some() { "made-up" } else { Simulator::AUTH_TOKEN };
        let said = {
            let (library, base) = (library.clone(), base.clone());
            tokio::task::spawn_blocking(move || library.run(&base, token, tries)).await.unwrap()
        };
        let named = tally(&simulator, &said, "named", 1000);
        let unnamed = tally(&simulator, &said, "unnamed", 5000);
        row(way, "named", &named);
        row(way, "unnamed", &unnamed);
        if let Some(sidecar) = sidecar {
            let all = Tally { told: CREATES, once: CREATES, ..Tally::default() };
            assert_eq!(named, all, "{said:?}");
            assert_eq!(unnamed.doubled, 0, "{said:?}");
            // Whoever may have made a session was told so, by a library that knows nothing of this.
            assert_eq!(unnamed.warned, unnamed.lost, "{said:?}");
            for line in said.iter().filter(|line| line["kind"] == "unnamed") {
                assert!(line["sid"].is_string() || line["status"] == 502, "{line}");
            }
            assert!(said.iter().any(|line| line["kind"] == "life"), "every operation came through");
            sidecar.stop();
        } else if tries == 1 {
            assert!(named.told < CREATES && unnamed.told < CREATES, "nothing was broken");
            assert!(named.lost > 0 && unnamed.lost > 0, "nothing was lost");
        } else {
            assert!(unnamed.doubled > 0, "nothing was doubled");
            assert!(named.lost > 0, "nothing was refused that was there");
        }
        server.shutdown().await;
    }
    rows
}

fn show(rows: &str) {
    println!(
        "| library | how | of {CREATES} creates | told of a session | exist once | doubled | exist, and an error was told | the error says that it may exist |"
    );
    println!("|---|---|---|---|---|---|---|---|\n{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_library_gets_through_the_sidecar_what_it_does_not_get_alone() {
    let Some(library) = Library::python() else { return };
    show(&compare(library).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_library_gets_through_the_sidecar_what_it_does_not_get_alone() {
    let Some(library) = Library::node() else { return };
    show(&compare(library).await);
}
