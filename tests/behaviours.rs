//! `behaviours.tsv` lists what users of each language rely on: each language's suite must have a
//! test of every name that concerns it, once, and none of a name that does not. What is peculiar to
//! a language is tested there besides, under names of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

struct Behaviour {
    name: &'static str,
    on_kafka_too: bool,
    languages: BTreeSet<&'static str>,
}

fn behaviours() -> Vec<Behaviour> {
    let lines = include_str!("behaviours.tsv").lines().filter(|line| !line.starts_with('#'));
    let parse = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, place, languages, sentence] = fields[..] else { panic!("four fields: {line}") };
        assert!(["both", "embedded"].contains(&place), "{name}: {place}");
        assert!(!sentence.is_empty() && !sentence.ends_with('.'), "{name}: {sentence:?}");
        let languages: BTreeSet<&str> = languages.split(',').collect();
        let known = BTreeSet::from(["c", "python", "go"]);
        assert!(languages.is_subset(&known), "{name}: {languages:?}");
        Behaviour { name, on_kafka_too: place == "both", languages }
    };
    let behaviours: Vec<Behaviour> = lines.map(parse).collect();
    let names: BTreeSet<&str> = behaviours.iter().map(|behaviour| behaviour.name).collect();
    assert_eq!(names.len(), behaviours.len(), "a name is there twice");
    assert!(names.len() > 40, "{}", names.len());
    behaviours
}

/// How many concern a language.
fn of(language: &str) -> usize {
    behaviours().iter().filter(|behaviour| behaviour.languages.contains(language)).count()
}

/// The files of a folder, and of those inside it, whose names these are.
fn sources(folder: &str, is_one: impl Fn(&str) -> bool) -> String {
    let mut folders: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        for entry in entries.unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if is_one(&name) {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

/// The names between `before` and `after` at the beginnings of lines; indented ones count.
fn defined(text: &str, before: &str, after: char) -> Vec<String> {
    let name = |line: &str| {
        let (name, _) = line.trim_start().strip_prefix(before)?.split_once(after)?;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}

#[track_caller]
fn expect_each_once(found: &[String], language: &str, spelled: fn(&str) -> String) {
    for behaviour in behaviours() {
        let name = spelled(behaviour.name);
        let times = found.iter().filter(|found| **found == name).count();
        let wanted = usize::from(behaviour.languages.contains(language));
        assert_eq!(times, wanted, "tests of {name} in {language}");
    }
}

/// `arrives_whole` in Go.
fn camel(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(capital).collect()
}

#[test]
fn c_has_a_test_of_each_behaviour_and_runs_it_where_it_should() {
    let text = sources("tests/c", |name| name.starts_with("behaviours_") && name.ends_with(".c"));
    let both = defined(&text, "BOTH(", ')');
    let embedded = defined(&text, "EMBEDDED(", ')');
    let listed = [&both[..], &embedded].concat();
    expect_each_once(&listed, "c", str::to_owned);
    assert_eq!(listed.len(), of("c"), "all of them are listed: {listed:?}");
    for Behaviour { name, on_kafka_too, .. } in behaviours() {
        assert_eq!(both.iter().any(|found| found == name), on_kafka_too, "where {name} runs in C");
        let times = text.matches(&format!("static void {name}(void) {{")).count();
        assert_eq!(times, 1, "functions {name}");
    }
}

#[test]
fn python_has_a_test_of_each_behaviour() {
    let text = sources("bindings/python/tests", |name| name.ends_with(".py"));
    let found = defined(&text.replace("async def ", "def "), "def test_", '(');
    expect_each_once(&found, "python", str::to_owned);
}

#[test]
fn go_has_a_test_of_each_behaviour() {
    let text = sources("bindings/go", |name| name.ends_with("_test.go"));
    let found = defined(&text, "func Test", '(');
    expect_each_once(&found, "go", camel);
    assert_eq!((&*camel("arrives_whole"), &*camel("acks_0")), ("ArrivesWhole", "Acks0"));
}
