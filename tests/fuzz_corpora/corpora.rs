//! The targets, over what is kept for them.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use twilio_proxy::call::Rng;

use crate::bodies::{Body, TARGETS};
use crate::mutator::mutated;

/// How many inputs are made up for each target; `FUZZ_INPUTS` asks for another number.
const INPUTS: u64 = 2_000;

/// The most that all corpora may weigh, in bytes: they are for people to read, too.
const HEAVIEST: usize = 300_000;

/// Where the corpora are, unless this is the published package, which has none.
fn fuzz() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if path.is_dir() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is missing", path.display());
    println!("skipped: the corpora are not in the package");
    None
}

/// What a folder holds: name and bytes, in order.
fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// Runs a body, and says of which input it panicked.
#[track_caller]
fn run(target: &str, body: Body, input: &[u8], from: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(input))) {
        eprintln!("{target} fails on {from}: {:?}", String::from_utf8_lossy(input));
        resume_unwind(panic);
    }
}

#[test]
fn every_input_that_is_kept_holds() {
    let Some(fuzz) = fuzz() else { return };
    for (target, body) in TARGETS {
        for kind in ["corpus", "regressions"] {
            for (name, input) in inputs(&fuzz.join(kind).join(target)) {
                run(target, *body, &input, &name);
            }
        }
    }
}

#[test]
fn inputs_near_those_hold_too() {
    let Some(fuzz) = fuzz() else { return };
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let count = number("FUZZ_INPUTS").unwrap_or(INPUTS);
    let seed = number("FUZZ_SEED").unwrap_or_else(|| Rng::random().bits());
    println!("FUZZ_SEED={seed}");
    let only = std::env::var("FUZZ_TARGET").ok();
    for (target, body) in TARGETS {
        if only.as_deref().is_some_and(|only| only != *target) {
            continue;
        }
        let kept = inputs(&fuzz.join("corpus").join(target));
        let seeds: Vec<_> = kept.into_iter().map(|(_, bytes)| bytes).collect();
        let rng = Rng::seeded(seed);
        for number in 0..count {
            run(
                target,
                *body,
                &mutated(&seeds, &rng),
                &format!("input {number} of FUZZ_SEED={seed}"),
            );
        }
    }
}

#[test]
fn every_target_is_built_and_has_a_corpus() {
    let Some(fuzz) = fuzz() else { return };
    let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found = |kind: &str| -> BTreeSet<_> {
        let entries = fs::read_dir(fuzz.join(kind)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(found("fuzz_targets"), names);
    assert_eq!(found("corpus"), names);
    assert!(found("regressions").is_subset(&names));
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
        let target = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("\"{name}\"")), "{name} runs another target's body");
    }
    let bytes = |kind: &str| -> usize {
        let inputs = names.iter().flat_map(|name| inputs(&fuzz.join(kind).join(name)));
        inputs.map(|(_, bytes)| bytes.len()).sum()
    };
    assert!(bytes("corpus") + bytes("regressions") <= HEAVIEST);
}
