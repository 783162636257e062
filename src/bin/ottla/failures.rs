//! Failures by reason: what a summary shows when a million records fail for three reasons.

use std::collections::HashMap;
use std::io::Write;

/// Reasons told apart; what comes later is counted together.
const REASONS_MAX: usize = 20;

/// See the file's comment.
#[derive(Default)]
pub struct Failures {
    total: u64,
    /// The first text of each reason and how often it came, by the text without its numbers: two
    /// texts that differ in a line's or a partition's number have one reason.
    reasons: HashMap<String, (String, u64)>,
    others: u64,
}

impl Failures {
    /// Counts a failure.
    pub fn add(&mut self, reason: &str) {
        self.total += 1;
        let key = without_numbers(reason);
        if let Some((_, count)) = self.reasons.get_mut(&key) {
            *count += 1;
        } else if self.reasons.len() < REASONS_MAX {
            self.reasons.insert(key, (reason.to_owned(), 1));
        } else {
            self.others += 1;
        }
    }

    /// The number of failures.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The reasons with their counts, the most frequent first.
    pub fn reasons(&self) -> Vec<(&str, u64)> {
        let mut reasons: Vec<_> =
            self.reasons.values().map(|(text, count)| (text.as_str(), *count)).collect();
        reasons.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        if self.others > 0 {
            reasons.push(("other reasons", self.others));
        }
        reasons
    }

    /// Writes a line for each reason.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        if self.total == 0 {
            return Ok(());
        }
        writeln!(out, "{} failed:", self.total)?;
        for (reason, count) in self.reasons() {
            let like = if count > 1 { ", the first" } else { "" };
            writeln!(out, "  {count}{like}: {reason}")?;
        }
        Ok(())
    }
}

/// Each run of digits as one `#`.
fn without_numbers(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if key.ends_with('#') => {}
            true => key.push('#'),
            false => key.push(c),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_numbers_alone_are_one() {
        let mut failures = Failures::default();
        for line in [7, 12, 900] {
            failures.add(&format!("line {line}: no key"));
        }
        failures.add("too large");
        assert_eq!(failures.reasons(), [("line 7: no key", 3), ("too large", 1)]);
    }

    #[test]
    fn a_flood_of_reasons_is_bounded_and_still_counted() {
        let mut failures = Failures::default();
        for i in 0..100_u8 {
            failures.add(&"x".repeat(usize::from(i)));
        }
        assert_eq!(failures.total(), 100);
        assert_eq!(failures.reasons().len(), REASONS_MAX + 1);
        assert_eq!(failures.reasons().last(), Some(&("other reasons", 80)));
    }
}
