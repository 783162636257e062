//! Producers and the embedded cluster on virtual time, with faults from seeds. A failure names its
//! seed; `OTTLA_SIM_SEED=n cargo test --features simulation --test simulation one_seed --
//! --nocapture` runs that one again and prints what happens.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ottla::simulation::{BUGS, Options, Summary, must_be_reached, run};

/// Runs seeds side by side until they are all done or the time is over.
fn run_seeds(from: u64, count: u64, limit: Duration) -> Vec<Summary> {
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let some = |first: u64| {
        let mut done = Vec::new();
        for seed in (from + first..from + count).step_by(threads as usize) {
            if begun.elapsed() > limit {
                break;
            }
            done.push(run(seed, Options::default()));
        }
        done
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|n| scope.spawn(move || some(n))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
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
    let done = run_seeds(from, count, Duration::from_secs(number("OTTLA_SIM_LIMIT_S", 40)));
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    let mut failed = Vec::new();
    for summary in &done {
        for (name, count) in &summary.counters {
            *counters.entry(name.clone()).or_default() += count;
        }
        assert!(summary.faults >= 20, "seed {}: {} faults", summary.seed, summary.faults);
        if summary.records < 500 {
            failed.push(format!("seed {}: {} records", summary.seed, summary.records));
        }
        if let Some(first) = summary.violations.first() {
            let count = summary.violations.len();
            failed.push(format!("seed {}: {count} violations: {first}", summary.seed));
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
    for seed in 0..20 {
        let (one, other) = (run(seed, Options::default()), run(seed, Options::default()));
        assert_eq!(one.hash, other.hash, "seed {seed}");
        assert_eq!(one.counters, other.counters, "seed {seed}");
    }
}

#[test]
fn a_planted_bug_is_found() {
    for bug in BUGS {
        let options = Options { trace: false, bug: Some(bug) };
        let found = (0..50).find(|seed| !run(*seed, options).violations.is_empty());
        println!("{bug:?}: found by seed {found:?}");
        assert!(found.is_some(), "{bug:?} is not found");
    }
}
