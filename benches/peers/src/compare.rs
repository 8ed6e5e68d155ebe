//! The comparison: one server, all clients, everything that is measured or counted of them.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};
use tower::BoxError;

use crate::clients::{Batch, Peer, batch};
use crate::layers::{self, Layers};
use crate::process::Server;
use crate::rounds::{Extent, Rounds};
use crate::stats::Estimate;
use crate::{callgrind, count, figures, machine};

/// The numbers in flight that are compared. HTTP/2 is for the second alone.
pub const IN_FLIGHT: [u64; 2] = [1, 64];

/// What the goals ask beside the table: a name, a client, the one it is compared with, what of, in flight.
const PAIRS: [(&str, Peer, Peer, Of, u64); 4] = [
    ("stack_over_transport", Peer::DefaultStack, Peer::OwnPool, Of::Cpu, 64),
    ("stack_over_transport_1", Peer::DefaultStack, Peer::OwnPool, Of::Cpu, 1),
    ("stack_over_middleware", Peer::DefaultStack, Peer::ReqwestMiddleware, Of::Cpu, 64),
    ("throughput_over_by_hand", Peer::DefaultStack, Peer::ByHand, Of::Throughput, 64),
];

#[derive(Clone, Copy)]
enum Of {
    Cpu,
    Throughput,
}

/// The server's part of this program.
pub fn serve() -> Result<(), BoxError> {
    crate::process::stand()
}

/// So many calls one after the other, for valgrind.
pub fn call(peer: Peer, address: SocketAddr, calls: u64) -> Result<(), BoxError> {
    one_batch(peer, address, 1, calls)
}

/// Many calls, 64 at once, and then the most memory that was resident.
pub fn memory(peer: Peer, address: SocketAddr) -> Result<(), BoxError> {
    one_batch(peer, address, 64, 2000)?;
    println!("{}", count::resident()?);
    Ok(())
}

fn one_batch(peer: Peer, address: SocketAddr, flying: u64, calls: u64) -> Result<(), BoxError> {
    let runtime = runtime()?;
    let went_well = batch(peer, &runtime, address)?(flying, calls);
    if went_well { Ok(()) } else { Err("a call failed".into()) }
}

fn runtime() -> Result<Runtime, BoxError> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Measures and counts everything, and leaves it in `target/figures/peers.json`.
pub fn compare(quick: bool) -> Result<(), BoxError> {
    let extent =
        if quick { Extent { rounds: 2, calls: 100 } } else { Extent { rounds: 150, calls: 1000 } };
    let spare = machine::pin();
    let server = start(spare.as_deref())?;
    let machine = machine::describe(spare.is_some());
    println!("{}", machine::PROFILE);
    println!("client and server on a core each: {}", spare.is_some());

    let runtime = runtime()?;
    let mut rows: Vec<Map<String, Value>> = Peer::ALL.iter().map(|peer| begin(*peer)).collect();
    let mut pairs = Map::new();
    for in_flight in IN_FLIGHT {
        let rounds = rounds(&runtime, &server, in_flight, extent)?;
        for (row, peer) in rows.iter_mut().zip(Peer::ALL) {
            let ratios = [
                ("cpu", rounds.cpu(peer, Peer::Legacy)),
                ("throughput", rounds.throughput(peer, Peer::Legacy)),
            ];
            for (of, ratio) in ratios {
                row.insert(format!("{of}_{in_flight}"), ratio.map(Estimate::to_json).into());
            }
            row.insert(format!("micros_{in_flight}"), rounds.micros(peer).into());
        }
        for (name, one, other, of, _) in PAIRS.iter().filter(|pair| pair.4 == in_flight) {
            let estimate = match of {
                Of::Cpu => rounds.cpu(*one, *other),
                Of::Throughput => rounds.throughput(*one, *other),
            };
            pairs.insert((*name).to_owned(), estimate.map(Estimate::to_json).into());
        }
    }
    let layers = of_layers(&runtime, &server, quick)?;
    counted(&mut rows, &server, quick)?;
    print(&rows);
    save(&json!({
        "machine": machine, "rounds": extent.rounds, "calls": extent.calls, "quick": quick,
        "peers": rows, "pairs": pairs, "layers": layers,
    }))
}

fn start(core: Option<&str>) -> Result<Server, BoxError> {
    let program = std::env::current_exe()?;
    let Some(core) = core else { return Server::start() };
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    Server::start_by(command)
}

fn begin(peer: Peer) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("key".to_owned(), peer.key().into());
    row.insert("name".to_owned(), peer.name().into());
    row
}

fn rounds(
    runtime: &Runtime,
    server: &Server,
    in_flight: u64,
    extent: Extent,
) -> Result<Rounds<Peer>, BoxError> {
    let taking_part = |peer: &Peer| in_flight > 1 || !peer.is_http2();
    let clients: Vec<(Peer, Batch<'_>)> = Peer::ALL
        .into_iter()
        .filter(taking_part)
        .map(|peer| Ok((peer, batch(peer, runtime, address(server, peer))?)))
        .collect::<Result<_, BoxError>>()?;
    Rounds::measure(&clients, in_flight, extent)
}

fn address(server: &Server, peer: Peer) -> SocketAddr {
    if peer.is_http2() { server.http2 } else { server.http1 }
}

/// What the layers alone add to a call, and a box to the layers.
fn of_layers(runtime: &Runtime, server: &Server, quick: bool) -> Result<Value, BoxError> {
    println!("the layers alone:");
    let extent = Extent { rounds: if quick { 2 } else { 150 }, calls: 5000 };
    let stacks: Vec<(Layers, Batch<'_>)> = Layers::ALL
        .into_iter()
        .map(|layers| Ok((layers, layers::batch(layers, runtime)?)))
        .collect::<Result<_, BoxError>>()?;
    let rounds = Rounds::measure(&stacks, 1, extent)?;
    let allocations = |layers: Layers| -> Result<u64, BoxError> {
        Ok(count::allocated(layers.key(), server.http1)?.allocations)
    };
    let [none, stack, boxed] = Layers::ALL;
    let nanos = |one, other| rounds.excess(one, other).map(Estimate::to_json);
    Ok(json!({
        "stack_nanos": nanos(stack, none),
        "boxed_nanos": nanos(boxed, stack),
        "stack_allocations": allocations(stack)? as f64 - allocations(none)? as f64,
        "boxed_allocations": allocations(boxed)? as f64 - allocations(stack)? as f64,
    }))
}

/// Allocations, instructions and memory, each client in a process of its own.
fn counted(rows: &mut [Map<String, Value>], server: &Server, quick: bool) -> Result<(), BoxError> {
    let calls = if quick { [20, 40] } else { [200, 1200] };
    let valgrind = callgrind::has_valgrind();
    if !valgrind {
        println!("  no valgrind: no instructions are counted");
    }
    for (row, peer) in rows.iter_mut().zip(Peer::ALL) {
        if peer == Peer::LegacyAgain {
            continue;
        }
        let address = address(server, peer);
        let allocated = count::allocated(peer.key(), address)?;
        row.insert("allocations".to_owned(), allocated.allocations.into());
        row.insert("bytes".to_owned(), allocated.bytes.into());
        if let Ok(memory) = count::memory(peer, address) {
            row.insert("memory_kib".to_owned(), memory.into());
        }
        // In a quick run two are enough to see that it works.
        let wanted = !quick || matches!(peer, Peer::Legacy | Peer::DefaultStack);
        if valgrind && wanted {
            let instructions = count::instructions(peer, address, calls)?;
            row.insert("instructions".to_owned(), instructions.round().into());
        }
        println!("  counted: {}", peer.key());
    }
    Ok(())
}

fn print(rows: &[Map<String, Value>]) {
    let columns = ["client", "cpu_1", "cpu_64", "throughput_64", "allocations", "bytes"];
    println!(
        "{:<22} {:>18} {:>18} {:>18} {:>12} {:>8}",
        columns[0], columns[1], columns[2], columns[3], columns[4], columns[5]
    );
    for row in rows {
        let ratio = |name: &str| {
            let estimate = row.get(name).and_then(Estimate::from_json);
            estimate.map_or_else(String::new, |Estimate { median, low, high }| {
                format!("{median:.3} {low:.3}–{high:.3}")
            })
        };
        let number = |name: &str| row.get(name).map(Value::to_string).unwrap_or_default();
        println!(
            "{:<22} {:>18} {:>18} {:>18} {:>12} {:>8}",
            row.get("key").and_then(Value::as_str).unwrap_or_default(),
            ratio("cpu_1"),
            ratio("cpu_64"),
            ratio("throughput_64"),
            number("allocations"),
            number("bytes"),
        );
    }
}

fn save(found: &Value) -> Result<(), BoxError> {
    fs::create_dir_all(figures())?;
    let path = figures().join("peers.json");
    fs::write(&path, format!("{found:#}\n"))?;
    println!("left in {}", path.display());
    Ok(())
}
