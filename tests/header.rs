//! include/ottla.h is what cbindgen makes of src/ffi, says what it must about each function, and
//! names exactly what the library exports; packaging/ottla.3 is what that header says.

#[path = "header/man.rs"]
mod man;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use ottla::ErrorCode;

/// The files of the C API in the order of the header.
const FILES: [&str; 9] = [
    "version", "status", "error", "argument", "callback", "config", "record", "report", "producer",
];

const MANUAL_PAGE: &str = "packaging/ottla.3";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        FILES.iter().map(|name| root().join(format!("src/ffi/{name}.rs"))).collect();
    files.push(root().join("src/ffi/send.rs"));
    files.push(root().join("src/ffi/try_calls.rs"));
    files.push(root().join("src/ffi/cluster.rs"));
    files
}

fn generate() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in source_files() {
        builder = builder.with_src(file);
    }
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    // cbindgen leaves blanks at the ends of empty comment lines.
    let text = String::from_utf8(text).unwrap();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The committed header, written anew first if that is asked for.
fn header() -> String {
    static UPDATE: Once = Once::new();
    let path = root().join("include/ottla.h");
    UPDATE.call_once(|| {
        if std::env::var_os("OTTLA_UPDATE").is_some() {
            std::fs::create_dir_all(root().join("include")).unwrap();
            std::fs::write(&path, generate()).unwrap();
            let page = man::page(&generate(), env!("CARGO_PKG_VERSION"));
            std::fs::write(root().join(MANUAL_PAGE), page).unwrap();
        }
    });
    std::fs::read_to_string(&path).unwrap_or_default()
}

/// Each function of the header with the comment above it.
fn functions(header: &str) -> BTreeMap<String, String> {
    let mut functions = BTreeMap::new();
    for part in header.split("/**").skip(1) {
        let Some((comment, rest)) = part.split_once("*/") else { continue };
        let Some((declaration, _)) = rest.trim_start().split_once(';') else { continue };
        let declaration = declaration.trim_start();
        let Some((before, _)) = declaration.split_once('(') else { continue };
        let name = before.split([' ', '*']).next_back().unwrap_or_default();
        let is_function = name.starts_with("ottla_")
            && !declaration.starts_with("typedef")
            && !declaration.starts_with('#');
        if is_function {
            functions.insert(name.to_owned(), comment.to_owned());
        }
    }
    functions
}

/// The functions that the sources export.
fn exported() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("src/ffi")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for part in text.split("#[unsafe(no_mangle)]").skip(1) {
            let (_, after) = part.split_once("fn ").unwrap();
            names.insert(after.split('(').next().unwrap().to_owned());
        }
    }
    names
}

/// `#define OTTLA_NAME number`.
fn constants(header: &str) -> BTreeMap<String, i64> {
    let constant = |line: &str| {
        let (name, value) = line.strip_prefix("#define OTTLA_")?.split_once(' ')?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    header.lines().filter_map(constant).collect()
}

#[test]
fn the_header_is_what_cbindgen_makes() {
    assert!(generate() == header(), "include/ottla.h is out of date: run `make header`");
}

#[test]
fn the_manual_page_is_what_the_header_says() {
    let header = header();
    let page = std::fs::read_to_string(root().join(MANUAL_PAGE)).unwrap_or_default();
    let current = man::page(&header, env!("CARGO_PKG_VERSION")) == page;
    assert!(current, "{MANUAL_PAGE} is out of date: run `make header`");
    for name in functions(&header).keys() {
        assert_eq!(page.matches(&format!(".SS {name}\n")).count(), 1, "{name}");
    }
}

#[test]
fn the_header_declares_every_function_that_is_exported() {
    let header = header();
    let declared: BTreeSet<String> = functions(&header).into_keys().collect();
    assert!(declared.len() > 30, "{declared:?}");
    assert_eq!(declared, exported());
    assert!(header.contains("extern \"C\""), "C++ programs include it too");
}

#[test]
fn the_shared_library_exports_what_the_header_declares() {
    let library = root().join("build/lib/libottla.so");
    if !library.exists() {
        return; // `make lib` makes it, and `make test` does so.
    }
    let nm = Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output().unwrap();
    let symbols = String::from_utf8(nm.stdout).unwrap();
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| line.split(' ').nth(2)).map(str::to_owned).collect();
    let declared: BTreeSet<String> = functions(&header()).into_keys().collect();
    assert_eq!(exported, declared, "`make lib` may be older than the sources");
}

#[test]
fn every_function_says_what_callers_must_know() {
    const LINES: [&str; 5] = ["Ownership:", "Thread safety:", "Blocking:", "Returns:", "Since:"];
    for (name, comment) in functions(&header()) {
        let lines: Vec<&str> =
            comment.lines().map(|line| line.trim_start_matches([' ', '*'])).collect();
        let starts = |label: &&str| lines.iter().position(|line| line.starts_with(*label));
        let places: Vec<_> = LINES.iter().map(starts).collect();
        assert!(places.iter().all(Option::is_some), "{name} lacks one of {LINES:?}");
        assert!(places.is_sorted(), "{name} has its lines in another order than {LINES:?}");
    }
}

#[test]
fn the_header_has_every_status_with_its_number() {
    let constants = constants(&header());
    let codes = ErrorCode::ALL.iter().filter(|code| code.0 != 0);
    for code in codes {
        assert_eq!(constants.get(code.name()), Some(&i64::from(code.0)), "{code:?}");
    }
    assert_eq!(constants.get("OK"), Some(&0));
    let statuses = constants.values().filter(|number| **number <= -200).count();
    assert_eq!(statuses, ErrorCode::ALL.iter().filter(|code| code.0 <= -200).count());
}

#[test]
fn the_header_has_the_version_of_the_package() {
    let constants = constants(&header());
    for (name, value) in [
        ("VERSION_MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("VERSION_MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("VERSION_PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        assert_eq!(constants[name].to_string(), value);
    }
}
