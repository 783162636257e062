//! The command line: `ottla produce` sends lines, `ottla perf` measures, `ottla cluster` is what to
//! send to.
//!
//! Exit status: 0 if every record was acknowledged, 1 if one failed, 2 if the command line, the
//! configuration or a file was wrong, 128 + N after signal N (Ctrl-C: 130).

mod cluster;
mod connection;
mod failures;
mod histogram;
mod input;
#[cfg(test)]
mod manual;
mod payload;
mod perf;
mod perf_report;
mod produce;
mod session;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Some record failed.
const STATUS_FAILED: u8 = 1;

/// The command line, the configuration or a file was wrong.
const STATUS_USAGE: u8 = 2;

/// A Kafka producer, and a cluster to try it on.
#[derive(Parser)]
#[command(name = "ottla", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Produce(produce::ProduceArgs),
    Perf(perf::PerfArgs),
    Cluster(cluster::ClusterArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Produce(args) => produce::run(args),
        Command::Perf(args) => perf::run(args),
        Command::Cluster(args) => cluster::run(args),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(STATUS_USAGE)
        }
    }
}
