//! The architecture, enforced: which room may know which, the size of files and functions, and
//! what may be named only in one place. Exceptions carry their reason here.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms by height. A room may use those below its own line.
/// THINK HARD ABOUT THE LAYERING BEFORE CHANGING THIS TABLE.
const LINES: &[&[&str]] = &[
    &["error", "time", "sync", "log", "backoff", "metrics"],
    &["ticket", "record", "compression"],
    &["config"],
    &["io", "wire"],
    &["network", "broker"],
    &["accumulator", "metadata", "report"],
    &["sender"],
    &["producer"],
    &["ffi", "simulation", "fuzzing", "schedules"],
];

/// Uses on the same line, with their reason.
const SAME_LINE: &[(&str, &str, &str)] = &[
    ("accumulator", "report", "a batch carries the opaques that become its report"),
    ("log", "sync", "the queue of log lines has a lock"),
    ("log", "time", "a line that was said is not said again for a while"),
];

/// Words that belong to one place.
const ONLY_IN: &[(&str, &str, &str)] = &[
    ("mio::", "src/io/", "the selector is the one room that knows how sockets are polled"),
    ("socket2::", "src/io/", "sockets are made in one room"),
    ("rustix::", "src/io/", "as above; the command line reads its own CPU time with it"),
    ("unsafe ", "src/ffi/", "everything behind the C API is safe Rust"),
    ("Instant::now", "src/time/", "now is an argument, so that a simulator can give it"),
    ("SystemTime", "src/time/", "as above"),
    ("thread::sleep", "nowhere", "wait for a condition with a deadline instead"),
    ("todo!(", "nowhere", "what is not there is refused with a sentence"),
    ("unimplemented!(", "nowhere", "as above"),
];

/// The one other file with `unsafe` in it: reading the processor's counter is an intrinsic.
const TICKS: &str = "src/time/ticks.rs";

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["src", "tests", "examples"].iter().map(|f| root.join(f)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                let path = path.strip_prefix(root).expect("inside").to_owned();
                files.push((path, text));
            }
        }
    }
    assert!(files.len() > 50, "the check looks at the whole tree: {} files", files.len());
    files
}

fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.starts_with("tests") || name.contains("tests") || name.contains("testing")
}

/// The part of a source file in front of its tests.
fn product(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap_or(text)
}

fn room(path: &Path) -> Option<String> {
    let mut parts = path.components().skip(1);
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    Some(first.trim_end_matches(".rs").to_owned())
}

fn height(room: &str) -> Option<usize> {
    LINES.iter().position(|line| line.contains(&room))
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn rooms_use_only_what_is_below_them() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy().into_owned();
        if !name.starts_with("src/") || name == "src/lib.rs" || name.starts_with("src/bin") {
            continue;
        }
        let own = room(&path).expect("a room");
        let Some(own_height) = height(&own) else {
            problems.push(format!("{name}: room {own} is not in the table of tests/tidy.rs"));
            continue;
        };
        for (number, line) in product(&text).lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(used_height) = height(&used) else { continue };
                let allowed = used == own
                    || used_height < own_height
                    || SAME_LINE.iter().any(|(a, b, _)| *a == own && *b == used);
                if !allowed {
                    problems.push(format!("{name}:{}: {own} may not use {used}", number + 1));
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn some_words_belong_to_one_place() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy().into_owned();
        let cli = name.starts_with("src/bin");
        if !name.starts_with("src/") || is_test(&path) {
            continue;
        }
        for (number, line) in product(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for (word, place, why) in ONLY_IN {
                let excused = cli && (word.starts_with("rustix") || word.starts_with("Instant"))
                    || name == TICKS && *word == "unsafe ";
                if code.contains(word) && !name.starts_with(place) && !excused {
                    let at = format!("{name}:{}", number + 1);
                    problems.push(format!("{at}: {word} belongs to {place}: {why}"));
                }
            }
        }
    }
    report(&problems);
}

/// So that a wall clock that jumps changes nothing but timestamps. The embedded brokers keep
/// times of their own, as brokers do.
#[test]
fn the_wall_clock_gives_the_timestamps_of_records_and_nothing_else() {
    let mut uses = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy().into_owned();
        let elsewhere = ["src/broker", "src/bin", "src/time/"];
        if !name.starts_with("src/") || elsewhere.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        let lines = product(&text).lines().filter(|line| line.contains("time::wall_ms"));
        uses.extend(lines.map(|line| format!("{name}: {}", line.trim())));
    }
    let only = "let timestamp = record.timestamp.unwrap_or_else(time::wall_ms);";
    let only = format!("src/producer/send.rs: {only}");
    assert_eq!(uses, [only.clone(), only], "of a single record, and of those that follow one");
}

#[test]
fn files_and_functions_are_short_and_files_say_why_they_exist() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy().into_owned();
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            problems.push(format!("{name}: {} lines: split it by noun", lines.len()));
        }
        if !text.starts_with("//!") {
            problems.push(format!("{name}: the first line says why the file exists: //! …"));
        }
        let mut start = None;
        for (number, line) in lines.iter().enumerate() {
            if line.chars().count() > COLUMNS_MAX && !line.contains("\"") {
                problems.push(format!("{name}:{}: longer than 100 columns", number + 1));
            }
            let indent = line.len() - line.trim_start().len();
            let trimmed = line.trim_start();
            let begins = ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "const fn "]
                .iter()
                .any(|prefix| trimmed.starts_with(prefix))
                || trimmed.contains("extern \"C\" fn ");
            if begins && !trimmed.ends_with(';') && start.is_none() {
                start = Some((number, indent));
            } else if let Some((from, at)) = start {
                // A declaration has no body.
                let ends = trimmed.starts_with('}') || trimmed.ends_with(';');
                if indent == at && ends {
                    if number - from + 1 > FUNCTION_LINES_MAX {
                        let length = number - from + 1;
                        problems.push(format!("{name}:{}: a function of {length} lines", from + 1));
                    }
                    start = None;
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn no_machine_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = std::process::Command::new("git").arg("ls-files").current_dir(root).output();
    let listed = String::from_utf8(listed.expect("git").stdout).expect("names");
    let bad = ["/wo".to_owned() + "rk/", "/ro".to_owned() + "ot/", "/ho".to_owned() + "me/"];
    let mut problems = Vec::new();
    for name in listed.lines() {
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        for word in &bad {
            if text.contains(word.as_str()) {
                problems.push(format!("{name}: names a path of one machine: {word}"));
            }
        }
    }
    report(&problems);
}

#[test]
fn paths_in_the_documents_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut problems = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(document)).expect(document);
        for word in text.split(['`', '(', ')', ' ', '\n', '|', ',']) {
            let word = word.trim_end_matches(['.', ':', ';']);
            let is_path = ["src/", "tests/", "scripts/", "include/", "examples/", "bench/"]
                .iter()
                .any(|folder| word.starts_with(folder));
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
            if is_path && plain && !root.join(word).exists() {
                problems.push(format!("{document}: {word} does not exist"));
            }
        }
    }
    report(&problems);
}
