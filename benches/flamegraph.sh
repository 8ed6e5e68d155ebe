#!/usr/bin/env bash
# Draws where the client's time goes in fetches by the default stack: HTTP/1.1 on loopback, 64 in flight.
#
#     bash benches/flamegraph.sh [FILE.svg [SECONDS]]
#
# Needs perf (Debian: linux-perf) that may sample this user's processes (kernel.perf_event_paranoid 2 or less,
# 1 or less for the kernel's part of it), and inferno (cargo install inferno). It samples by a clock, which
# virtual machines have too. The server is a thread of its own and is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
svg=${1:-benches/figures/flamegraph.svg}
seconds=${2:-15}
for tool in perf inferno-collapse-perf inferno-flamegraph; do
    command -v "$tool" > /dev/null || { echo "needs $tool: see the head of $0" >&2; exit 1; }
done

# Names of functions that were inlined are not worth the time that it takes to find them; the lines are.
export CARGO_PROFILE_BENCH_DEBUG=line-tables-only
bench=$(cargo bench --all-features --bench loopback --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\/loopback-[^"]*\)".*/\1/p' | tail -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

perf record --event cpu-clock --freq 1997 --call-graph dwarf,16384 --output "$work/samples" \
    "$bench" --bench --profile-time "$seconds" 'fetch/default_stack/64$'
# A thread is named after its program, in fifteen characters.
comm=$(basename "$bench" | cut -c 1-15)
perf script --input "$work/samples" --no-inline --comm "$comm" 2> "$work/complaints" > "$work/script"
# From the runtime on: what is outside it is the bench's own, and its start.
inferno-collapse-perf "$work/script" | sed -n 's/^.*CoreGuard::block_on;/client;/p' > "$work/folded"
mkdir -p "$(dirname "$svg")"
inferno-flamegraph --title 'A fetch by the default stack' --subtitle 'HTTP/1.1 on loopback, 64 in flight, the client alone' \
    --countname samples --minwidth 0.25 --colors rust "$work/folded" > "$svg"
ls -l "$svg"

# The widest frames, by the share of samples that they are in.
awk '{ n = $NF; total += n; sub(/ [0-9]+$/, ""); parts = split($0, frame, ";"); split("", seen)
       for (i = 2; i <= parts; i++) if (!(frame[i] in seen)) { seen[frame[i]]; in_it[frame[i]] += n } }
     END { for (name in in_it) printf "%5.1f %%  %s\n", 100 * in_it[name] / total, name }' "$work/folded" |
    sort -rn | head -n "${WIDEST:-40}"
