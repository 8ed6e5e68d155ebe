//! Rounds of all clients in turn, each in an order of its own, and the ratios of what they took.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use tower::BoxError;

use crate::clients::Batch;
use crate::stats::Estimate;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Rounds that count.
    pub rounds: usize,
    /// Calls in a batch.
    pub calls: u64,
}

/// What each took in each round, in seconds.
#[derive(Debug)]
pub struct Rounds<K> {
    peers: Vec<K>,
    calls: u64,
    cpu: Vec<Vec<f64>>,
    wall: Vec<Vec<f64>>,
}

impl<K: Copy + PartialEq + fmt::Debug> Rounds<K> {
    /// Measures them. The first round opens the connections and does not count.
    pub fn measure(
        clients: &[(K, Batch<'_>)],
        in_flight: u64,
        extent: Extent,
    ) -> Result<Self, BoxError> {
        let peers: Vec<K> = clients.iter().map(|(peer, _)| *peer).collect();
        let (mut cpu, mut wall) = (vec![Vec::new(); peers.len()], vec![Vec::new(); peers.len()]);
        let mut order: Vec<usize> = (0..peers.len()).collect();
        let begun = Instant::now();
        for round in 0..=extent.rounds {
            fastrand::shuffle(&mut order);
            for &which in &order {
                let (peer, batch) = &clients[which];
                let (wall_before, cpu_before) = (Instant::now(), cpu_time());
                if !batch(in_flight, extent.calls) {
                    // What fails fast must not look fast.
                    return Err(format!("a fetch by {peer:?} failed").into());
                }
                let (cpu_time, wall_time) = (cpu_time() - cpu_before, wall_before.elapsed());
                if round > 0 {
                    cpu[which].push(cpu_time.as_secs_f64());
                    wall[which].push(wall_time.as_secs_f64());
                }
            }
            if round > 0 && (round % 10 == 0 || round == extent.rounds) {
                let (seconds, rounds) = (begun.elapsed().as_secs(), extent.rounds);
                println!("  {in_flight} in flight: {round} of {rounds} rounds, {seconds} s");
            }
        }
        Ok(Self { peers, calls: extent.calls, cpu, wall })
    }

    /// The CPU time of one over that of another in the same round.
    #[must_use]
    pub fn cpu(&self, one: K, other: K) -> Option<Estimate> {
        ratio(&self.cpu, self.place(one)?, self.place(other)?)
    }

    /// How many calls one makes in the time in which the other makes one.
    #[must_use]
    pub fn throughput(&self, one: K, other: K) -> Option<Estimate> {
        ratio(&self.wall, self.place(other)?, self.place(one)?)
    }

    /// How many nanoseconds of CPU time a call takes more by one than by another.
    #[must_use]
    pub fn excess(&self, one: K, other: K) -> Option<Estimate> {
        let (one, other) = (&self.cpu[self.place(one)?], &self.cpu[self.place(other)?]);
        let of_one = |(one, other)| (one - other) * 1e9 / self.calls as f64;
        Some(Estimate::of(one.iter().zip(other).map(of_one).collect()))
    }

    /// Microseconds of CPU time for a call.
    #[must_use]
    pub fn micros(&self, peer: K) -> Option<f64> {
        let seconds = Estimate::of(self.cpu[self.place(peer)?].clone()).median;
        Some(seconds * 1e6 / self.calls as f64)
    }

    fn place(&self, peer: K) -> Option<usize> {
        self.peers.iter().position(|other| *other == peer)
    }
}

fn ratio(times: &[Vec<f64>], one: usize, other: usize) -> Option<Estimate> {
    let pairs = times.get(one)?.iter().zip(times.get(other)?);
    Some(Estimate::of(pairs.map(|(one, other)| one / other).collect()))
}

/// What this thread has computed for. (`/proc/thread-self/schedstat`, of which no crate is needed, is as old as the
/// last tick of the scheduler.)
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
