//! The `sidecar` example as a process.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use twilio_proxy::simulator::Simulator;

/// A sidecar that serves, and is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Sidecar {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) front: String,
    pub(crate) admin: String,
}

/// The example's binary, which `cargo test` builds beside the tests.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("examples/sidecar");
    let binary = binary.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(binary.exists(), "run `cargo build --example sidecar` with the same features first");
    binary
}

impl Sidecar {
    /// Serves on free ports, with the simulator's credentials and these flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(flags)
            .env_clear()
            .env("TWILIO_ACCOUNT_SID", Simulator::ACCOUNT_SID)
            .env("TWILIO_AUTH_TOKEN", Simulator::AUTH_TOKEN)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut sidecar = Self { child, stdout, front: String::new(), admin: String::new() };
        sidecar.front = sidecar.line("listening on http://");
        sidecar.admin = sidecar.line("admin on http://");
        sidecar
    }

    /// The next line that it prints, which begins so; what comes after that.
    pub(crate) fn line(&mut self, prefix: &str) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let rest = line.trim_end().strip_prefix(prefix);
        rest.unwrap_or_else(|| panic!("{line:?} does not begin with {prefix:?}")).to_owned()
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.front)
    }

    /// SIGTERM, as a supervisor sends it.
    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
    }

    /// SIGHUP: read the configuration again.
    #[allow(dead_code, reason = "of the two tests that share this, one reloads")]
    pub(crate) fn hang_up(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    /// The rest of what it prints, until it has ended.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }

    /// Stops it in an orderly way, with nothing under way.
    pub(crate) fn stop(self) {
        self.terminate();
        let (status, said) = self.end();
        assert!(status.success() && said.contains("cut off 0 requests"), "{status} {said}");
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
