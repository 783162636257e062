//! `behaviours.tsv` lists what users of each language rely on: each language's suite must have a
//! test of every name that concerns it, and none besides.
//!
//! A language is looked at if its folder is there: the bindings come one by one. When all are
//! there, a folder that is missing is a failure, too.

use std::collections::{BTreeMap, BTreeSet};
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

fn of(language: &str) -> BTreeSet<String> {
    let of = behaviours().into_iter().filter(|behaviour| behaviour.languages.contains(language));
    of.map(|behaviour| behaviour.name.to_owned()).collect()
}

/// The files of a folder, and of those inside it, whose names these are; none if it is not there.
fn sources(folder: &str, is_one: impl Fn(&str) -> bool) -> String {
    let mut folders: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
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
fn defined(text: &str, before: &str, after: char) -> BTreeSet<String> {
    let name = |line: &str| {
        let (name, _) = line.trim_start().strip_prefix(before)?.split_once(after)?;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}

#[track_caller]
fn expect_same(found: &BTreeSet<String>, wanted: &BTreeSet<String>, language: &str) {
    let missing: Vec<_> = wanted.difference(found).collect();
    let too_many: Vec<_> = found.difference(wanted).collect();
    assert!(missing.is_empty(), "{language} has no test of {missing:?}");
    assert!(too_many.is_empty(), "{language} has tests of what is not listed: {too_many:?}");
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
    let listed: BTreeSet<String> = both.union(&embedded).cloned().collect();
    expect_same(&listed, &of("c"), "C");
    for behaviour in behaviours().iter().filter(|behaviour| behaviour.languages.contains("c")) {
        let name = behaviour.name;
        assert_eq!(both.contains(name), behaviour.on_kafka_too, "{name} runs elsewhere in C");
        let times = text.matches(&format!("static void {name}(void) {{")).count();
        assert_eq!(times, 1, "{name}");
    }
}

/// Helpers of the suite may be tested beside it, in files that do not begin with
/// `test_behaviours`.
#[test]
fn python_has_a_test_of_each_behaviour() {
    let text = sources("bindings/python/tests", |name| {
        name.starts_with("test_behaviours") && name.ends_with(".py")
    });
    let functions = text.replace("async def ", "def ");
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings/python").exists() {
        return;
    }
    let mut found = defined(&functions, "def test_", '(');
    found.retain(|name| !name.is_empty());
    expect_same(&found, &of("python"), "Python");
}

#[test]
fn go_has_a_test_of_each_behaviour() {
    let text =
        sources("bindings/go", |name| name.starts_with("behaviours") && name.ends_with("_test.go"));
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings/go").exists() {
        return;
    }
    let wanted: BTreeMap<String, String> =
        of("go").into_iter().map(|name| (camel(&name), name)).collect();
    let found = defined(&text, "func Test", '(');
    expect_same(&found, &wanted.into_keys().collect(), "Go");
    assert_eq!((camel("arrives_whole"), camel("acks_0")), ("ArrivesWhole".into(), "Acks0".into()));
}
