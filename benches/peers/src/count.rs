//! What can be counted of a client in a process of its own: allocations, instructions, memory.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tower::BoxError;

use crate::callgrind;
use crate::clients::Peer;

/// One fetch.
#[derive(Clone, Copy, Debug)]
pub struct Allocated {
    /// Allocations.
    pub allocations: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a fetch allocates, by `peers-count`: another program, whose allocator counts. Here it would cost those
/// most who allocate most.
pub fn allocated(key: &str, address: SocketAddr) -> Result<Allocated, BoxError> {
    let said = said(Command::new(beside("peers-count")?).args([key, &address.to_string()]))?;
    let numbers: Vec<u64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    match numbers[..] {
        [allocations, bytes] => Ok(Allocated { allocations, bytes }),
        _ => Err(format!("peers-count says {said:?}").into()),
    }
}

/// The most memory that was resident, in KiB, with 64 in flight in a process of its own.
pub fn memory(peer: Peer, address: SocketAddr) -> Result<u64, BoxError> {
    let program = std::env::current_exe()?;
    let said = said(Command::new(program).args(["memory", peer.key(), &address.to_string()]))?;
    Ok(said.trim().parse()?)
}

/// The most memory that this process has had resident, in KiB.
pub fn resident() -> Result<u64, BoxError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(most.ok_or("the system does not say")?.trim().trim_end_matches(" kB").parse()?)
}

/// What a fetch takes in instructions, one in flight: the counts of two numbers of calls are subtracted, so that
/// what starting takes falls out.
pub fn instructions(peer: Peer, address: SocketAddr, calls: [u64; 2]) -> Result<f64, BoxError> {
    let count = |calls: u64| {
        callgrind::count(&["call", peer.key(), &address.to_string(), &calls.to_string()])
    };
    let [few, many] = calls;
    Ok((count(many)? as f64 - count(few)? as f64) / (many - few) as f64)
}

fn beside(name: &str) -> Result<PathBuf, BoxError> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn said(command: &mut Command) -> Result<String, BoxError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}
