//! CONFIGURATION.md, made from the table of keys.

use std::fmt::Write;

use super::key::{Alias, Convert, Importance, Key, Kind};
use super::{foreign, keys, table, table_absent};

const INTRO: &str = "\
# Configuration

<!-- Made from src/config/table.rs and table_absent.rs by
     `UPDATE_CONFIGURATION=1 cargo test --test configuration`; change those. -->

Keys and values are text. Keys are the Java producer's (Apache Kafka 4.1); librdkafka's names are
accepted as aliases. All 112 keys of Java's producer are known. An unknown key is an error that
names the nearest known one, and an invalid value is an error that says what is valid.

Times in `.ms` are milliseconds, sizes are bytes. Booleans and named values are taken in any case.
If a key and its alias are both set, they must agree. An alias does not bring librdkafka's default.
";

const COMBINATIONS: &str = "
## Combinations

Checked when the producer is made, as in Java:

- `enable.idempotence` needs `acks=all` and `retries` above 0. Where it was set to `true`, anything
  else is an error; where it is on by default, it is switched off with a warning (Java: silently).
- `enable.idempotence` needs `max.in.flight.requests.per.connection` of at most 5. More is an error
  unless `enable.idempotence=false` is set, also where `acks` or `retries` have switched it off.
- `delivery.timeout.ms` must be at least `linger.ms` + `request.timeout.ms`. Where it was set, less
  is an error; else it is raised to the sum, with a warning.
- `reconnect.backoff.ms` set without `reconnect.backoff.max.ms` gives both the same value.
- A first wait above its maximum (`retry.backoff.ms`, `reconnect.backoff.ms`,
  `socket.connection.setup.timeout.ms`) counts as the maximum, with a warning.
- `batch.size=0` counts as 1, and `linger.ms` above 2147483647 as that.
- `batch.size` must be at most `buffer.memory`. Where it was set, more is an error; else it is
  lowered, with a warning (Java: every send fails).
- Without `client.id` the first producer of a process is `producer-1`, the next `producer-2`.
- `bootstrap.servers` must have an entry, and each must be well-formed.
";

const DIFFERENCES: &str = "
Other differences:

- A key that would do nothing is refused unless it has its default value. Java ignores unknown keys
  with a warning.
- `linger.ms` takes decimals, such as `0.5`.
- A small request waits for the answer to the one before it, so that more goes with it: as long as
  `linger.ms`, and a millisecond or two at most. Java sends it at once; so do we with `linger.ms=0`.
- Threads that meet at their sticky partition have sticky partitions of their own for a while, up to
  15. In Java all threads share one.
- A sticky partition is left when its batch has no room for the next record. Java begins another
  one there, and leaves when twice `batch.size` went to the partition, often with a batch of a
  record or two.
- A batch that the broker finds too large goes again in pieces of at most half its size, without
  compression. Java's are as large as `batch.size`, and compressed.
- Named values are taken in any case, such as `acks=ALL`.
- An empty entry in `bootstrap.servers` is an error, and so is port 0. Java skips the one and takes
  the other.
- `send.buffer.bytes=0` and `receive.buffer.bytes=0` leave the buffer to the kernel. Java fails.
- `socket.connection.setup.timeout.ms` and its maximum must not be negative.
";

/// The text of CONFIGURATION.md.
pub fn to_markdown() -> String {
    let mut out = String::from(INTRO);
    out.push_str("\n## Keys of the Java producer\n\n");
    key_table(&mut out, table::JAVA);
    out.push_str("\n## Keys of our own\n\nSome have librdkafka's names.\n\n");
    key_table(&mut out, table::OURS);
    out.push_str(COMBINATIONS);
    out.push_str("\n## Where we differ from Java, and why\n\n| Key | Here | Java | Why |\n");
    out.push_str("|---|---|---|---|\n");
    for (key, differs) in keys().filter_map(|key| Some((key, key.differs.as_ref()?))) {
        let here = default(key);
        line(&mut out, &[&code(key.name), &here, &code(differs.java), differs.why]);
    }
    out.push_str(DIFFERENCES);
    out.push_str("\n## Keys of the Java producer that are not there yet\n\n");
    out.push_str("They take their default and nothing else; null is also the empty text.\n\n");
    absent_table(&mut out, table_absent::JAVA);
    out.push_str("\n## Keys of other clients that are not taken\n\n| Key | Instead |\n|---|---|\n");
    for (names, why) in foreign::all() {
        let names: Vec<String> = names.iter().map(|name| code(name)).collect();
        line(&mut out, &[&names.join(", "), &sentence(why)]);
    }
    out
}

fn key_table(out: &mut String, keys: &[Key]) {
    out.push_str("| Key | Aliases | Type | Valid | Default | Importance | What it does |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for key in keys {
        let aliases: Vec<String> = key.aliases.iter().map(alias).collect();
        let doc = match key.refused {
            Some(why) => format!("{} Other values are refused: {}", key.doc, sentence(why)),
            None => key.doc.into(),
        };
        let (valid, default) = (valid(key.kind), default(key));
        let importance = importance(key.importance);
        let kind = key.kind.type_name();
        let cells =
            [&code(key.name), &aliases.join(", "), kind, &valid, &default, importance, &doc];
        line(out, &cells);
    }
}

fn absent_table(out: &mut String, keys: &[Key]) {
    out.push_str("| Key | Aliases | Type | Default | Importance | What it is | Why refused |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for key in keys {
        let aliases: Vec<String> = key.aliases.iter().map(alias).collect();
        let (default, importance) = (default(key), importance(key.importance));
        let kind = key.kind.type_name();
        let why = sentence(key.refused.unwrap_or_default());
        let name = code(key.name);
        line(out, &[&name, &aliases.join(", "), kind, &default, importance, key.doc, &why]);
    }
}

fn line(out: &mut String, cells: &[&str]) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn alias(alias: &Alias) -> String {
    let name = code(alias.name);
    match alias.convert {
        Convert::Same => name,
        Convert::Kibibytes => format!("{name} (in KiB)"),
        Convert::Instead(from, to) => format!("{name} ({from} means {to})"),
    }
}

fn default(key: &Key) -> String {
    match key.default {
        None => "null".into(),
        Some("") => "empty".into(),
        Some(value) => code(value),
    }
}

fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::High => "high",
        Importance::Medium => "medium",
        Importance::Low => "low",
    }
}

/// The valid values; ranges are written as Java does, without the type's own upper bound.
fn valid(kind: Kind) -> String {
    const INT_MAX: i64 = i32::MAX as i64;
    match kind {
        Kind::Whole(_, i64::MIN, i64::MAX) => "any".into(),
        Kind::Whole("int", min, INT_MAX) | Kind::Whole("long", min, i64::MAX) => {
            format!("[{min},...]")
        }
        Kind::Whole(_, min, max) => format!("[{min},...,{max}]"),
        Kind::OneOf(values) => values.iter().map(|v| code(v)).collect::<Vec<_>>().join(", "),
        _ => kind.valid(),
    }
}
