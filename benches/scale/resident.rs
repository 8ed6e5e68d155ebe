//! Memory that a client's process has in the machine's, as the system counts it: a process for each row, so
//! that nothing else has been done in it.

use std::process::Command;

use serde_json::{Value, json};
use tower::BoxError;

use crate::server::{Manner, Server};
use crate::tables::{Tables, rounded};
use crate::{gateway, load, runtime, support, transport};

/// What a process with 64 calls in flight may have, at its most.
const GOAL_MIB: u64 = 12;

/// What a process has now, and has had at most.
struct Memory {
    now: u64,
    most: u64,
}

/// The client's process: prints what it has before it makes a call, and after.
pub(crate) fn reside(manner: &str, in_flight: &str, address: &str) -> Result<(), BoxError> {
    let manner = Manner::named(manner)?;
    let (in_flight, address) = (in_flight.parse::<usize>()?, address.parse()?);
    let runtime = runtime()?;
    runtime.block_on(async {
        let gateway = gateway(address, transport(manner).build()?)?;
        print_memory();
        load::by_stack(gateway, support::fetch()?, in_flight, in_flight * 50).await?;
        print_memory();
        Ok(())
    })
}

fn print_memory() {
    if let Some(memory) = memory() {
        println!("{} {}", memory.now, memory.most);
    }
}

fn memory() -> Option<Memory> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory { now: of("VmRSS:")?, most: of("VmHWM:")? })
}

pub(crate) fn measure(tables: &mut Tables, short: bool) -> Result<(), BoxError> {
    let mut rows = Vec::new();
    let numbers: &[usize] = if short { &[64] } else { &[1, 64, 1024] };
    for manner in [Manner::Http1, Manner::Http2] {
        let server = Server::start(manner)?;
        for &in_flight in numbers {
            let output = Command::new(std::env::current_exe()?)
                .args([
                    "reside",
                    manner.name(),
                    &in_flight.to_string(),
                    &server.address.to_string(),
                ])
                .output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
            }
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let kib: Vec<u64> = said.split_whitespace().flat_map(str::parse).collect();
            // Where the system does not say it, there is nothing to say.
            let [before, _, after, most] = kib[..] else { continue };
            let mib = |kib: u64| rounded(kib as f64 / 1024.0, 1);
            let goal = if in_flight == 64 { json!(GOAL_MIB) } else { Value::Null };
            rows.push(vec![
                json!(manner.protocol()),
                json!(in_flight),
                mib(before),
                mib(after),
                mib(most),
                goal,
            ]);
        }
    }
    tables.add(
        "Resident memory of a client",
        "A process of its own for each row, with one thread and no TLS: the default stack before its first \
         call, after fifty rounds of calls, and the most that the system has counted (VmHWM). The program itself is \
         in it. No ceiling, since other machines' allocators and pages differ; the goal is for 64 in flight.",
        &["protocol", "in flight", "before, MiB", "after, MiB", "most, MiB", "goal, MiB"],
        rows,
    );
    Ok(())
}
