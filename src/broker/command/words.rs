//! The words of a line, read one by one; what is wrong with one is a sentence that names it.

use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::wire::messages::{ALL as APIS, ApiInfo};

/// The words of a line that are not read yet.
pub struct Words<'a>(SplitWhitespace<'a>);

impl<'a> Words<'a> {
    /// All words of a line.
    pub fn of(line: &'a str) -> Words<'a> {
        Words(line.split_whitespace())
    }

    /// The next word, if there is one.
    pub fn next(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    /// The next word; `name` says what it should have been.
    pub fn text(&mut self, name: &str) -> Result<&'a str> {
        self.next().ok_or_else(|| wrong(format!("{name} is missing")))
    }

    /// The next word, a number.
    pub fn number<T: FromStr>(&mut self, name: &str) -> Result<T> {
        parse(name, self.text(name)?)
    }

    /// The next word, a number, if there is one.
    pub fn optional<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        self.next().map(|word| parse(name, word)).transpose()
    }

    /// The next word, a time in milliseconds.
    pub fn duration(&mut self, name: &str) -> Result<Duration> {
        let ms: u32 = self.number(name)?;
        Ok(Duration::from_millis(u64::from(ms)))
    }

    /// Whether the next word is the first of two.
    pub fn either(&mut self, yes: &str, no: &str) -> Result<bool> {
        match self.text(&format!("{yes} or {no}"))? {
            word if word == yes => Ok(true),
            word if word == no => Ok(false),
            word => Err(wrong(format!("`{word}` is neither {yes} nor {no}"))),
        }
    }

    /// Nothing follows.
    pub fn end(&mut self) -> Result<()> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(wrong(format!("nothing can follow where `{word}` stands"))),
        }
    }
}

/// A word as a number.
pub fn parse<T: FromStr>(name: &str, word: &str) -> Result<T> {
    word.parse().map_err(|_| wrong(format!("{name} cannot be `{word}`")))
}

/// An API by its name or its number.
pub fn api_key(word: &str) -> Result<i16> {
    let named = APIS.iter().find(|api| api.name.eq_ignore_ascii_case(word));
    let known = named.or_else(|| ApiInfo::of_key(word.parse().ok()?));
    let names = || APIS.iter().map(|api| api.name).collect::<Vec<_>>().join(", ");
    let key = known.map(|api| api.key);
    key.ok_or_else(|| wrong(format!("`{word}` is no API; there are {}", names())))
}

/// An error by its name or its number.
pub fn error_code(word: &str) -> Result<ErrorCode> {
    let named = ErrorCode::ALL.iter().find(|code| code.name() == word).copied();
    let code = named.or_else(|| word.parse::<i16>().ok().map(|number| ErrorCode(number.into())));
    let sent = code.filter(|code| code.0 >= -1 && code.0 != 0);
    sent.ok_or_else(|| {
        let example = "use Kafka's name, such as NOT_LEADER_OR_FOLLOWER, or its number";
        wrong(format!("`{word}` is no error that a broker sends; {example}"))
    })
}

/// What a line says is wrong.
#[cold]
pub fn wrong(text: String) -> Error {
    Error::new(ErrorCode::INVALID_ARGUMENT, text)
}
