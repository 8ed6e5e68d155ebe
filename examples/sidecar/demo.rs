//! A sidecar at work: what a client without any care of its own gets, with and without it.

use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use comfy_table::Table;
use http::{Method, Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

use crate::args::{Args, Command, Serve};
use crate::run::{Failure, Sidecar};
use crate::stack;

/// How many creates of each kind.
const CREATES: usize = 40;
/// How many requests the simulator breaks.
const BREAKAGE: f64 = 0.33;

/// What came of the creates of one kind.
#[derive(Default)]
struct Tally {
    succeeded: usize,
    failed: usize,
    /// Failed, and said that the session may exist.
    warned: usize,
    /// Sessions that nobody was told of.
    orphans: usize,
}

pub(crate) async fn run() -> Result<(), Failure> {
    let mut table = Table::new();
    table.set_header([
        "creates",
        "through",
        "asked",
        "201",
        "failed",
        "of which warned",
        "orphans",
    ]);
    for named in [true, false] {
        for through in ["nothing", "the sidecar"] {
            let simulator = Simulator::with(Settings::default().without_authentication());
            simulator.set_faults(FaultPlan::random(11).rate(BREAKAGE));
            let server = simulator.serve().await?;
            let mut tally = if through == "nothing" {
                ask(&server.base_url(), named).await?
            } else {
                let sidecar = start(&server.base_url()).await?;
                let tally = ask(&format!("http://{}", sidecar.address()), named).await?;
                sidecar.stop(Duration::from_secs(5)).await;
                tally
            };
            tally.orphans = simulator.sessions().len() - tally.succeeded;
            let Tally { succeeded, failed, warned, orphans } = tally;
            let kind = if named { "named" } else { "unnamed" };
            let [asked, succeeded, failed, warned, orphans] =
                [CREATES, succeeded, failed, warned, orphans].map(|count| count.to_string());
            table.add_row([kind.into(), through.into(), asked, succeeded, failed, warned, orphans]);
            server.shutdown().await;
        }
    }
    println!("One request in three breaks, in every way that a network knows.\n\n{table}\n");
    println!("`sidecar serve` is the real thing; `sidecar serve --help` says how.");
    Ok(())
}

async fn start(upstream: &str) -> Result<Sidecar, Failure> {
    let line = ["sidecar", "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let more = ["--attempt-timeout", "500ms", "--max-attempts", "10", "--callers-credentials"];
    let line = line.into_iter().chain(more).chain(["--upstream", upstream]);
    match Args::try_parse_from(line)?.command {
        Some(Command::Serve(args)) => {
            let args: &Serve = &args;
            let deployment = stack::deployment(&args.upstream)?;
            Sidecar::start(args, deployment.gateway().clone(), None).await
        }
        _ => Err("`serve` is the command that was given".into()),
    }
}

/// One create after the other, each tried once.
async fn ask(base: &str, named: bool) -> Result<Tally, Failure> {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let mut tally = Tally::default();
    for number in 0..CREATES {
        let form = if named { format!("UniqueName=order-{number}") } else { "Ttl=60".to_owned() };
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{base}/v1/Services/{}/Sessions", Simulator::SERVICE_SID))
            .header(header::AUTHORIZATION, "Basic bm9ib2R5Om5vdGhpbmc=")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))?;
        match client.request(request).await {
            Ok(response) if response.status() == 201 => tally.succeeded += 1,
            Ok(response) => {
                tally.failed += 1;
                let effect = response.headers().get("x-gateway-effect");
                tally.warned += usize::from(effect.is_some_and(|effect| effect != "none"));
            }
            Err(_) => tally.failed += 1,
        }
    }
    Ok(tally)
}
