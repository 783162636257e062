//! Configuration: text in, types out. One table knows every key (`table.rs`), CONFIGURATION.md is
//! made from it.
//!
//! [`Config`] takes keys and values as text and checks each alone; [`Config::build`] checks how
//! they fit together, as Java's `ProducerConfig` does, and gives a [`ProducerConfig`].

mod bootstrap;
mod build;
mod foreign;
mod key;
mod markdown;
mod producer_config;
mod suggest;
mod table;
mod table_absent;

pub use bootstrap::HostPort;
pub use markdown::to_markdown;
pub use producer_config::{AddressFamily, LogLevel, PartitionerKind, ProducerConfig, ReportMode};

use std::collections::BTreeMap;
use std::fmt;

use crate::{Error, ErrorCode, Result};
use key::{Convert, Key};

/// Keys and values as text. Values are checked as they are set.
#[derive(Clone, Default)]
pub struct Config {
    /// By the name used, an alias being a name of its own, in the unit of the alias's key.
    values: BTreeMap<&'static str, String>,
}

impl Config {
    /// A configuration with nothing set.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets `key`, a Java name or an alias of librdkafka's, to `value`. The last value of a name
    /// counts. Fails with `CONFIGURATION` for an unknown key or an invalid value, and with
    /// `NOT_IMPLEMENTED` for a feature that is not there yet; nothing is changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let Some((name, key, convert)) = find(key) else {
            return Err(foreign::error(key).unwrap_or_else(|| suggest::unknown(key)));
        };
        let checked = convert.apply(value, key.kind).and_then(|value| key.kind.check(&value));
        let error = |code, why: &str| {
            let value = quote(key.shown(value));
            Error::new(code, format!("{} = {value}: {why}", described(name, key)))
        };
        let value = checked.map_err(|why| error(ErrorCode::CONFIGURATION, &why))?;
        if let Some(why) = key.refusal(&value) {
            return Err(error(ErrorCode::NOT_IMPLEMENTED, why));
        }
        self.values.insert(name, value);
        Ok(())
    }

    /// The value of `key` as text: what was set under any of its names, in the unit of its main
    /// name, else the default. `None` for an unknown key and where there is no default.
    /// Passwords are `[hidden]`.
    pub fn get(&self, key: &str) -> Option<String> {
        let (_, key, _) = find(key)?;
        let value = self.explicit(key).or(key.default)?;
        Some(key.shown(value).into())
    }

    /// As `get`, but an unknown key is an error with the nearest known one.
    pub fn try_get(&self, key: &str) -> Result<Option<String>> {
        match find(key) {
            Some(_) => Ok(self.get(key)),
            None => Err(foreign::error(key).unwrap_or_else(|| suggest::unknown(key))),
        }
    }

    /// Checks how the values fit together, as Java does, and gives them types. Fails with
    /// `CONFIGURATION` and a text that names the keys and the remedy.
    pub fn build(&self) -> Result<ProducerConfig> {
        build::build(self)
    }

    /// What was set under any name of `key`; its main name wins.
    fn explicit(&self, key: &'static Key) -> Option<&str> {
        names(key).find_map(|(name, _)| self.values.get(name)).map(String::as_str)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): (&&'static str, &String)| {
            let value = find(name).map_or("[hidden]", |(_, key, _)| key.shown(value));
            (*name, value.to_owned())
        };
        f.debug_map().entries(self.values.iter().map(shown)).finish()
    }
}

/// Every row, Java's implemented ones first.
fn keys() -> impl Iterator<Item = &'static Key> {
    table::JAVA.iter().chain(table::OURS).chain(table_absent::JAVA)
}

/// All names of a key with what their values need; the main one first.
fn names(key: &'static Key) -> impl Iterator<Item = (&'static str, Convert)> {
    let aliases = key.aliases.iter().map(|alias| (alias.name, alias.convert));
    std::iter::once((key.name, Convert::Same)).chain(aliases)
}

/// The row that has `name` as its name or alias.
fn find(name: &str) -> Option<(&'static str, &'static Key, Convert)> {
    keys()
        .flat_map(|key| names(key).map(move |(name, convert)| (name, key, convert)))
        .find(|(known, ..)| *known == name)
}

/// A key as errors name it.
fn described(name: &str, key: &Key) -> String {
    match name == key.name {
        true => format!("`{name}`"),
        false => format!("`{name}` (alias of `{}`)", key.name),
    }
}

/// Text of the caller's as errors show it: on one line, and not long.
fn quote(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    let short: String = text.chars().take(CHARS_MAX).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{dots}`", short.escape_debug())
}

#[cfg(test)]
mod tests;
