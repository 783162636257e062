//! The checklist of what the Java producer's own tests cover: `java_tests.tsv` names each of them
//! and the test here that stands for it. Those must exist, and few may be left out.

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

#[test]
fn each_test_of_the_java_producer_has_one_here_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = include_str!("java_tests.tsv");
    let reason = |line: &str| line.strip_prefix("# -")?.split_once(": ").map(|r| r.0.to_owned());
    let reasons: BTreeSet<String> = list.lines().filter_map(reason).collect();
    let (mut classes, mut seen, mut left_out) = (BTreeMap::new(), BTreeSet::new(), 0);
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [class, theirs, ours] = fields[..] else { panic!("three fields: {line:?}") };
        assert!(seen.insert((class, theirs)), "{class}.{theirs} is there twice");
        *classes.entry(class).or_insert(0) += 1;
        if let Some(group) = ours.strip_prefix('-') {
            assert!(reasons.contains(group), "{theirs}: no reason is given for {group:?}");
            left_out += 1;
            continue;
        }
        let (path, name) = ours.split_once("::").expect("path::name");
        let source = fs::read_to_string(root.join(path))
            .unwrap_or_else(|error| panic!("{theirs}: {path}: {error}"));
        let found = source.split("#[test]").skip(1).any(|test| {
            let name_of = test.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            name_of.is_some_and(|(found, _)| found == name)
        });
        assert!(found, "{theirs}: there is no test {name} in {path}");
    }
    assert_eq!(classes, CLASSES.into_iter().collect());
    let total = seen.len();
    assert!(left_out * 100 <= total * LEFT_OUT_PERCENT_MAX, "{left_out} of {total} left out");
}
