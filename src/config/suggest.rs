//! "Did you mean": the nearest known name to an unknown one.

use crate::{Error, ErrorCode};

/// Longer names than this are not worth comparing; all known ones are far shorter.
const CHARS_MAX: usize = 80;

/// The error for a key that nobody knows. The value is not shown: it may be a misnamed secret.
pub(super) fn unknown(key: &str) -> Error {
    let hint = match nearest(key) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "CONFIGURATION.md lists the known keys".into(),
    };
    let key = super::quote(key);
    Error::new(ErrorCode::CONFIGURATION, format!("unknown key {key}; {hint}"))
}

/// The known name or alias nearest to `key`, unless it is too far to be meant.
fn nearest(key: &str) -> Option<&'static str> {
    let key: Vec<char> = key
        .trim()
        .chars()
        .take(CHARS_MAX + 1)
        .map(|c| if matches!(c, '_' | '-') { '.' } else { c.to_ascii_lowercase() })
        .collect();
    if key.is_empty() || key.len() > CHARS_MAX {
        return None;
    }
    let names = || super::keys().flat_map(super::names).map(|(name, _)| name);
    let reach = key.len() / 3 + 1;
    // Names that are much longer or shorter cannot be near, and comparing takes time.
    let near = names()
        .filter(|name| name.len().abs_diff(key.len()) <= reach)
        .map(|name| (distance(&key, name), name))
        .min_by_key(|pair| pair.0);
    if let Some((_, name)) = near.filter(|pair| pair.0 <= reach) {
        return Some(name);
    }
    // A key that was left off in the middle, such as `max.in.flight.requests`.
    let start: String = key.iter().chain(&['.']).collect();
    names().filter(|name| name.starts_with(&start)).min_by_key(|name| name.len())
}

/// How many letters to insert, drop, change or swap with their neighbour to make `b` of `a`.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // Rows of the usual table: the one before last, the last, and the one being made.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_edits() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("acb", "abc", 1),
            ("abxc", "abc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(&a.chars().collect::<Vec<_>>(), b), expected, "{a} {b}");
        }
    }

    #[test]
    fn misspelt_keys_find_what_was_meant() {
        for (key, meant) in [
            ("linger", "linger.ms"),
            ("linger_ms", "linger.ms"),
            ("LINGER.MS", "linger.ms"),
            ("lingerMs", "linger.ms"),
            ("bootstrap.server", "bootstrap.servers"),
            ("compresion.type", "compression.type"),
            ("queue.bufering.max.ms", "queue.buffering.max.ms"),
            ("max.in.flight.requests", "max.in.flight.requests.per.connection"),
        ] {
            assert_eq!(nearest(key), Some(meant), "{key}");
        }
        for key in ["", "my.own.thing", "x", "日本語のキー", &"a".repeat(100_000)] {
            assert_eq!(nearest(key), None, "{key}");
        }
    }
}
