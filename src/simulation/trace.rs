//! What happened in a run: lines to read, a hash that two equal runs share, counters that show
//! what was reached.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::time::Instant;

/// The record of a run.
pub struct Trace {
    print: bool,
    hash: u64,
    /// How often each kind of thing happened.
    pub counters: BTreeMap<String, u64>,
    /// How often a batch was seen in each state.
    pub states: BTreeMap<&'static str, u64>,
}

/// FNV-1a over text, without building the text.
struct Hash(u64);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Trace {
    /// An empty one.
    pub fn new(print: bool) -> Trace {
        Trace {
            print,
            hash: 0xcbf2_9ce4_8422_2325,
            counters: BTreeMap::new(),
            states: BTreeMap::new(),
        }
    }

    /// Something happened.
    pub fn note(&mut self, now: Instant, what: fmt::Arguments<'_>) {
        let mut hash = Hash(self.hash);
        // Writing to a hash cannot fail.
        let _ = write!(hash, "{} {what}", now.0);
        self.hash = hash.0;
        if self.print {
            println!("{:>12.3} ms  {what}", now.0 as f64 / 1e6);
        }
    }

    /// Counts something.
    pub fn count(&mut self, what: &str) {
        self.add(what, 1);
    }

    /// Counts a state of a batch.
    pub fn count_state(&mut self, state: &'static str) {
        *self.states.entry(state).or_default() += 1;
    }

    /// Counts something that happened this often.
    pub fn add(&mut self, what: &str, times: u64) {
        match self.counters.get_mut(what) {
            Some(count) => *count += times,
            None => _ = self.counters.insert(what.to_owned(), times),
        }
    }

    /// What two equal runs share.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}
