//! The table against itself.

use std::collections::BTreeSet;

use super::*;

#[test]
fn no_name_is_given_twice() {
    let mut seen = BTreeSet::new();
    let foreign = foreign::all().flat_map(|(names, _)| names.iter().copied());
    for name in keys().flat_map(names).map(|(name, _)| name).chain(foreign) {
        assert!(seen.insert(name), "{name} has two rows");
    }
}

#[test]
fn rows_are_sorted_and_their_defaults_valid() {
    for rows in [table::JAVA, table::OURS, table_absent::JAVA] {
        assert!(rows.is_sorted_by_key(|key| key.name));
        for key in rows {
            assert!(key.doc.ends_with('.'), "{}", key.name);
            let Some(default) = key.default else { continue };
            assert_eq!(key.kind.check(default).as_deref(), Ok(default), "{}", key.name);
            assert_eq!(key.refusal(default), None, "{}", key.name);
        }
    }
    assert!(table_absent::JAVA.iter().all(|key| key.refused.is_some()));
}

#[test]
fn every_foreign_key_has_a_sentence() {
    for name in foreign::all().flat_map(|(names, _)| names) {
        let error = Config::new().set(name, "secret").unwrap_err();
        assert!(error.message().starts_with(&format!("`{name}` is a key of other")), "{error}");
        assert!(!error.message().contains("secret"));
    }
}

#[test]
fn a_password_that_is_held_is_never_shown() {
    // No password can be set yet, so one is put there past `set`.
    let mut config = Config::new();
    config.values.insert("ssl.key.password", "s3cr3t".into());
    assert_eq!(config.get("ssl.key.password").as_deref(), Some("[hidden]"));
    assert_eq!(format!("{config:?}"), r#"{"ssl.key.password": "[hidden]"}"#);
}

#[test]
fn milliseconds_keep_their_decimals() {
    for (text, nanos) in [("0", 0), ("5", 5_000_000), ("0.5", 500_000), ("1.0000019", 1_000_001)] {
        assert_eq!(key::parse_millis(text).map(|d| d.as_nanos()), Some(nanos), "{text}");
    }
    for text in ["", ".", "-1", "+1", "1.", ".1", "1.2.3", "1,5", "9223372036854775808"] {
        assert_eq!(key::parse_millis(text), None, "{text}");
    }
}
