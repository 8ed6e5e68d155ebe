#!/usr/bin/env bash
# Measures all figures of the README's section anew and writes them there: `bash benches/figures.sh`.
#
# On a quiet machine with two cores it takes about half an hour, half of it to build. With --quick everything
# runs once in short form: that proves nothing but that it runs, and what comes of it stays under target/.
#
# What it leaves in $FIGURES and renders: the comparison with the peers (peers.json), what criterion has left of
# each bench (criterion/BENCH), and any other NAME.json, which is a table (`benches/peers/src/render/mod.rs`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=''
case ${1:-} in
  '') ;;
  --quick) quick=yes ;;
  *) echo "usage: bash benches/figures.sh [--quick]" >&2 && exit 2 ;;
esac
export FIGURES=$PWD/target/figures${quick:+-quick}
rm -rf "$FIGURES/criterion"
mkdir -p "$FIGURES"

say() { printf '[%5d s] %s\n' "$SECONDS" "$*"; }

peers() {
  cargo build --quiet --locked --release --manifest-path benches/peers/Cargo.toml --target-dir target/peers
  target/peers/release/peers "$@"
}

# bench NAME [FLAG…]: one bench, if there is such a one.
bench() {
  local name=$1
  shift
  grep -A 1 -Fx '[[bench]]' Cargo.toml | grep -Fqx "name = \"$name\"" || return 0
  say "$name"
  CRITERION_HOME=$FIGURES/criterion/$name cargo bench --quiet --locked --all-features --bench "$name" -- "$@"
}

say "the crate beside its peers"
peers compare ${quick:+--quick}
short=(${quick:+--warm-up-time 0.1 --measurement-time 0.1 --sample-size 10})
for name in overhead contention wire; do
  bench "$name" --noplot "${short[@]}"
done
if [[ ! $quick ]]; then
  for name in configured loopback signing webhook; do
    bench "$name" --noplot
  done
  # These count, and hold the counts to their ceilings.
  for name in allocations instructions scale; do
    bench "$name"
  done
fi
say "rendering"
peers render ${quick:+--dry}
say "done"
