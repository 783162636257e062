//! Producers and the embedded cluster on virtual time, with faults from seeds. A failure names its
//! seed; `make simulate SEED=n` runs that one again and prints what happens. OTTLA_SIM_FROM and
//! OTTLA_SIM_SEEDS choose others than the first 2,000.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ottla::simulation::{BUGS, Options, Summary, must_be_reached, run};

/// Runs seeds side by side.
fn run_seeds(from: u64, count: u64) -> Vec<Summary> {
    let next = AtomicU64::new(from);
    let some = || {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return done;
            }
            done.push(run(seed, Options::default()));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut done: Vec<Summary> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    done.sort_by_key(|summary| summary.seed);
    done
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn one_seed() {
    let Ok(seed) = std::env::var("OTTLA_SIM_SEED") else { return };
    let seed = seed.parse().expect("OTTLA_SIM_SEED is a number");
    let summary = run(seed, Options { trace: true, bug: None });
    println!("{summary:#?}");
    assert!(summary.violations.is_empty(), "seed {seed}");
}

#[test]
fn whatever_goes_wrong_every_report_is_true_and_nothing_hangs() {
    let (from, count) = (number("OTTLA_SIM_FROM", 0), number("OTTLA_SIM_SEEDS", 2000));
    let begun = Instant::now();
    let done = run_seeds(from, count);
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    let mut failed = Vec::new();
    for summary in &done {
        for (name, count) in &summary.counters {
            *counters.entry(name.clone()).or_default() += count;
        }
        let (seed, records, faults) = (summary.seed, summary.records, summary.faults);
        if records < 500 || faults < 20 {
            failed.push(format!("seed {seed}: {records} records and {faults} faults only"));
        }
        if let Some(first) = summary.violations.first() {
            let count = summary.violations.len();
            failed.push(format!("seed {seed}: {count} violations: {first}"));
        }
    }
    if done.len() >= 1000 {
        let missing: Vec<_> = must_be_reached()
            .into_iter()
            .filter(|name| counters.get(name).is_none_or(|n| *n == 0))
            .collect();
        assert!(missing.is_empty(), "no seed reached {missing:?}");
    }
    let records: usize = done.iter().map(|summary| summary.records).sum();
    let faults: u64 = done.iter().map(|summary| summary.faults).sum();
    let virtual_s: u64 = done.iter().map(|summary| summary.virtual_ms / 1000).sum();
    let (seeds, took) = (done.len(), begun.elapsed());
    for (name, count) in &counters {
        println!("{count:>12}  {name}");
    }
    println!("{seeds} seeds: {records} records, {faults} faults, {virtual_s} s in {took:.1?}");
    assert!(failed.is_empty(), "{} of {seeds}:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..60 {
        let (one, other) = (run(seed, Options::default()), run(seed, Options::default()));
        assert_eq!(one.hash, other.hash, "seed {seed}");
        assert_eq!(one.counters, other.counters, "seed {seed}");
    }
    assert_ne!(run(0, Options::default()).hash, run(1, Options::default()).hash);
}

#[test]
fn a_planted_bug_is_found_whatever_it_breaks() {
    for (bug, text) in BUGS {
        let options = Options { trace: false, bug: Some(bug) };
        let says = |violation: &String| violation.contains(text);
        let found = (0..200).find(|seed| run(*seed, options).violations.iter().any(says));
        println!("{bug:?}: seed {found:?} says that something {text}");
        assert!(found.is_some(), "{bug:?} is not found: nothing {text}");
    }
}
