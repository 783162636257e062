//! The command line `ottla`.
fn main() {}
