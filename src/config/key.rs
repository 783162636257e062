//! What is known of a key, and how its text is checked. The rows are in `table.rs`.

use std::time::Duration;

/// One row of the table of keys.
pub(super) struct Key {
    /// The name, Java's where Java has the key.
    pub name: &'static str,
    /// Other names, librdkafka's.
    pub aliases: &'static [Alias],
    /// The type and the valid values.
    pub kind: Kind,
    /// The value where none is set; `None` is Java's null.
    pub default: Option<&'static str>,
    /// How likely one has to set it, as Java says.
    pub importance: Importance,
    /// Why values other than the default are refused: what is missing and what to do, as a
    /// sentence without its full stop. `None` for a key that does what it says.
    pub refused: Option<&'static str>,
    /// Values beside the default that are taken although others are refused.
    pub taken: &'static [&'static str],
    /// Where the default is not Java's.
    pub differs: Option<Differs>,
    /// One sentence.
    pub doc: &'static str,
}

/// Another name for a key, and how its values become the key's.
pub(super) struct Alias {
    pub name: &'static str,
    pub convert: Convert,
}

/// How an alias's value becomes its key's.
#[derive(Clone, Copy)]
pub(super) enum Convert {
    Same,
    /// From KiB to bytes.
    Kibibytes,
    /// The first text means the second, as in librdkafka's "0 is no limit".
    Instead(&'static str, &'static str),
}

/// As Java's documentation has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Importance {
    High,
    Medium,
    Low,
}

/// A default that is not Java's.
pub(super) struct Differs {
    /// Java's default.
    pub java: &'static str,
    /// The reason, as a sentence.
    pub why: &'static str,
}

/// A key's type and valid values.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    NonEmptyText,
    Password,
    Class,
    List,
    /// `bootstrap.servers`.
    Hosts,
    Bool,
    /// Any of the type's whole numbers within the bounds; the first field is Java's type.
    Whole(&'static str, i64, i64),
    /// From the first to the second.
    Double(f64, f64),
    /// Milliseconds from 0, with decimals.
    Millis,
    /// One of these, in any case.
    OneOf(&'static [&'static str]),
}

/// The longest text that fits a nullable string of the protocol.
const TEXT_LEN_MAX: usize = i16::MAX as usize;

impl Key {
    /// A key that does what it says.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        default: Option<&'static str>,
        importance: Importance,
        doc: &'static str,
    ) -> Key {
        Key {
            name,
            aliases: &[],
            kind,
            default,
            importance,
            refused: None,
            taken: &[],
            differs: None,
            doc,
        }
    }

    pub const fn aliases(self, aliases: &'static [Alias]) -> Key {
        Key { aliases, ..self }
    }

    pub const fn refused(self, why: &'static str) -> Key {
        Key { refused: Some(why), ..self }
    }

    pub const fn taken(self, taken: &'static [&'static str]) -> Key {
        Key { taken, ..self }
    }

    pub const fn differs(self, java: &'static str, why: &'static str) -> Key {
        Key { differs: Some(Differs { java, why }), ..self }
    }

    /// The sentence with which `value` is refused, if it is. `value` is in its canonical form.
    pub fn refusal(&self, value: &str) -> Option<&'static str> {
        // Without a default, the empty text is how a properties file says "none".
        let taken = value == self.default.unwrap_or("") || self.taken.contains(&value);
        self.refused.filter(|_| !taken)
    }

    /// `value` as it may be shown.
    pub fn shown<'a>(&self, value: &'a str) -> &'a str {
        match self.kind {
            Kind::Password if !value.is_empty() => "[hidden]",
            _ => value,
        }
    }
}

impl Kind {
    /// An int of Java's from `min`.
    pub const fn int(min: i64) -> Kind {
        Kind::Whole("int", min, i32::MAX as i64)
    }

    /// A long of Java's from `min`.
    pub const fn long(min: i64) -> Kind {
        Kind::Whole("long", min, i64::MAX)
    }

    /// The canonical form of `text`; the error is the reason, as a sentence's end.
    pub fn check(self, text: &str) -> Result<String, String> {
        if text.contains('\0') {
            return Err("must not contain a NUL byte".into());
        }
        let trimmed = text.trim();
        let good = match self {
            Kind::Text | Kind::NonEmptyText if text.len() > TEXT_LEN_MAX => None,
            Kind::NonEmptyText if text.is_empty() => None,
            Kind::Text | Kind::NonEmptyText | Kind::Password => Some(text.into()),
            Kind::Class | Kind::List => Some(trimmed.into()),
            Kind::Hosts => return super::bootstrap::parse(text).map(|_| trimmed.into()),
            Kind::Bool => pick(&["true", "false"], trimmed),
            Kind::OneOf(values) => pick(values, trimmed),
            Kind::Whole(_, min, max) => {
                let number = trimmed.parse::<i64>().ok().filter(|n| (min..=max).contains(n));
                number.map(|n| n.to_string())
            }
            Kind::Double(min, max) => {
                let number = trimmed.parse::<f64>().ok().filter(|n| (min..=max).contains(n));
                number.map(|n| n.to_string())
            }
            Kind::Millis => parse_millis(trimmed).map(|_| trimmed.into()),
        };
        good.ok_or_else(|| format!("must be {}", self.valid()))
    }

    /// The type's name.
    pub fn type_name(self) -> &'static str {
        match self {
            Kind::Text | Kind::NonEmptyText | Kind::OneOf(_) => "string",
            Kind::Password => "password",
            Kind::Class => "class",
            Kind::List | Kind::Hosts => "list",
            Kind::Bool => "boolean",
            Kind::Whole(name, ..) => name,
            Kind::Double(..) => "double",
            Kind::Millis => "decimal",
        }
    }

    /// The valid values, to go after "must be".
    pub fn valid(self) -> String {
        match self {
            Kind::Text => "text of at most 32767 bytes".into(),
            Kind::NonEmptyText => "text of 1 to 32767 bytes".into(),
            Kind::Password => "text".into(),
            Kind::Class => "the name of a Java class".into(),
            Kind::List => "a comma-separated list".into(),
            Kind::Hosts => "a comma-separated list of host:port".into(),
            Kind::Bool => "true or false".into(),
            Kind::Whole(_, min, max) => format!("a whole number from {min} to {max}"),
            Kind::Double(min, max) if min == f64::MIN && max == f64::MAX => "a number".into(),
            Kind::Double(min, max) => format!("a number from {min} to {max}"),
            Kind::Millis => "milliseconds from 0, decimals allowed".into(),
            Kind::OneOf(values) => format!("one of {}", values.join(", ")),
        }
    }
}

impl Convert {
    /// `text` of an alias as text of its key, whose kind is `kind`.
    pub fn apply(self, text: &str, kind: Kind) -> Result<String, String> {
        match (self, kind) {
            (Convert::Kibibytes, Kind::Whole(name, min, max)) => {
                let kib = Kind::Whole(name, min.div_euclid(1024), max / 1024).check(text)?;
                // The check above keeps the product within i64.
                Ok(kib.parse::<i64>().map_or(kib, |n| (n * 1024).to_string()))
            }
            (Convert::Instead(from, to), _) if text.trim() == from => Ok(to.into()),
            _ => Ok(text.into()),
        }
    }
}

fn pick(values: &[&str], text: &str) -> Option<String> {
    values.iter().find(|v| v.eq_ignore_ascii_case(text)).map(|v| v.to_string())
}

/// Reads milliseconds such as `5` or `0.25`, to the nanosecond; not more than i64::MAX of them.
pub(super) fn parse_millis(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    // Six digits after the point of a millisecond are its nanoseconds; more are dropped.
    let nanos: u64 = format!("{fraction:0<6.6}").parse().ok()?;
    Some(Duration::from_millis(whole.unsigned_abs()) + Duration::from_nanos(nanos))
}
