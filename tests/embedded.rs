//! The embedded cluster, driven by this library's own producer through its public interface, and
//! by a client that says exactly what a test wants it to say.

#[path = "embedded/compression.rs"]
mod compression;
#[path = "embedded/faults.rs"]
mod faults;
#[path = "embedded/hostile.rs"]
mod hostile;
#[path = "embedded/judged.rs"]
mod judged;
#[path = "embedded/lifecycle.rs"]
mod lifecycle;
#[path = "embedded/produce.rs"]
mod produce;
#[path = "embedded/replication.rs"]
mod replication;

#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/raw.rs"]
mod raw;
#[path = "support/rig.rs"]
mod rig;
#[path = "support/run.rs"]
mod run;
