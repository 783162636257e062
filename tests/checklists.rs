//! Checklists: what the Java producer's own tests cover (`java_tests.tsv`) and what producers are
//! known to have got wrong (`known_bugs.tsv`). Each line names the test here that stands for it.
//! Those must exist, and few may be left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The classes and how many tests they have, so that no line gets lost.
const CLASSES: [(&str, usize); 8] = [
    ("BufferPoolTest", 13),
    ("BuiltInPartitionerTest", 4),
    ("MetadataTest", 29),
    ("NetworkClientTest", 40),
    ("ProducerBatchTest", 11),
    ("RecordAccumulatorTest", 34),
    ("SenderTest", 74),
    ("TransactionManagerTest (idempotent half)", 14),
];

const LEFT_OUT_PERCENT_MAX: usize = 15;

/// How many bugs are listed, so that no line gets lost.
const BUGS: usize = 53;

/// The groups that are left out and have a reason.
fn reasons(list: &str) -> BTreeSet<&str> {
    let reason = |line| str::strip_prefix(line, "# -")?.split_once(": ").map(|(group, _)| group);
    list.lines().filter_map(reason).collect()
}

/// Whether there is a test of ours: `path::name`, or the path of a program in C. A dash and a group
/// is none, for a reason.
fn is_there(theirs: &str, ours: &str, reasons: &BTreeSet<&str>) -> bool {
    if let Some(group) = ours.strip_prefix('-') {
        assert!(reasons.contains(group), "{theirs}: no reason is given for {group:?}");
        return false;
    }
    let (path, name) = ours.split_once("::").unwrap_or((ours, "main"));
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{theirs}: {path}: {error}"));
    if path.ends_with(".c") {
        return source.contains("\nint main(void)");
    }
    let found = source.split("#[test]").skip(1).any(|test| {
        let name_of = test.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        name_of.is_some_and(|(found, _)| found == name)
    });
    assert!(found, "{theirs}: there is no test {name} in {path}");
    true
}

#[test]
fn each_test_of_the_java_producer_has_one_here_or_a_reason() {
    let list = include_str!("java_tests.tsv");
    let reasons = reasons(list);
    let (mut classes, mut seen, mut left_out) = (BTreeMap::new(), BTreeSet::new(), 0);
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [class, theirs, ours] = fields[..] else { panic!("three fields: {line:?}") };
        assert!(seen.insert((class, theirs)), "{class}.{theirs} is there twice");
        *classes.entry(class).or_insert(0) += 1;
        left_out += usize::from(!is_there(theirs, ours, &reasons));
    }
    assert_eq!(classes, CLASSES.into_iter().collect());
    let total = seen.len();
    assert!(left_out * 100 <= total * LEFT_OUT_PERCENT_MAX, "{left_out} of {total} left out");
}

#[test]
fn each_known_bug_of_a_producer_has_a_test_here_or_a_reason() {
    let list = include_str!("known_bugs.tsv");
    let (reasons, mut seen) = (reasons(list), BTreeSet::new());
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [client, at, what, ours] = fields[..] else { panic!("four fields: {line:?}") };
        assert!(seen.insert((client, at, what)), "{client} {at} {what:?} is there twice");
        is_there(at, ours, &reasons);
    }
    assert_eq!(seen.len(), BUGS);
}

/// Each script is there for a bug.
#[test]
fn each_script_of_the_simulator_stands_for_a_known_bug() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/simulation/scripts");
    for file in fs::read_dir(scripts).expect("the scripts are there").flatten() {
        let source = fs::read_to_string(file.path()).expect("it can be read");
        for test in source.split("#[test]\nfn ").skip(1) {
            let name = test.split_once('(').expect("a function").0;
            let listed = include_str!("known_bugs.tsv").contains(&format!("::{name}\n"));
            assert!(listed, "{name} is not in known_bugs.tsv");
        }
    }
}
