//! A record as the application hands it over: borrowed bytes, copied once into its batch.

use std::fmt;
use std::sync::Arc;

/// One header: a name (UTF-8) and a value, which may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name; Kafka allows the empty one and repeats.
    pub name: &'a str,
    /// The value; `None` is null and differs from empty.
    pub value: Option<&'a [u8]>,
}

/// A record to send. All bytes are copied before the call returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The partition, or `None` to have the partitioner choose.
    pub partition: Option<i32>,
    /// Milliseconds since 1970-01-01 UTC, or `None` for now.
    pub timestamp: Option<i64>,
    /// The key; `None` is null and differs from empty.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null (a tombstone on a compacted topic) and differs from empty.
    pub value: Option<&'a [u8]>,
    /// The headers, in order.
    pub headers: &'a [Header<'a>],
    /// A number of the caller's that comes back in the delivery report.
    pub opaque: u64,
    /// True if no delivery report is wanted, even for a failure.
    pub no_report: bool,
}

/// Headers with bytes of their own: names and values.
pub type OwnedHeaders = Vec<(String, Option<Vec<u8>>)>;

/// Copies headers, to be kept.
pub fn owned_headers(headers: &[Header<'_>]) -> OwnedHeaders {
    let each = |header: &Header<'_>| (header.name.to_owned(), header.value.map(<[u8]>::to_vec));
    headers.iter().map(each).collect()
}

/// A record with bytes of its own.
#[derive(Debug)]
pub struct OwnedRecord {
    topic: String,
    partition: Option<i32>,
    timestamp: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: OwnedHeaders,
    opaque: u64,
    no_report: bool,
}

impl From<&Record<'_>> for OwnedRecord {
    fn from(record: &Record<'_>) -> OwnedRecord {
        OwnedRecord {
            topic: record.topic.to_owned(),
            partition: record.partition,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: owned_headers(record.headers),
            opaque: record.opaque,
            no_report: record.no_report,
        }
    }
}

impl OwnedRecord {
    /// Gives the record, borrowed, to `read`.
    pub fn with<T>(&self, read: impl FnOnce(&Record<'_>) -> T) -> T {
        let pairs = self.headers.iter();
        let headers: Vec<Header<'_>> =
            pairs.map(|(name, value)| Header { name, value: value.as_deref() }).collect();
        read(&Record {
            topic: &self.topic,
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
            opaque: self.opaque,
            no_report: self.no_report,
        })
    }
}

/// A topic's name, shared by all that speak of the topic.
#[derive(Clone)]
pub struct TopicName(Arc<Names>);

/// The name for requests, which share it, and for C, which wants a NUL behind it.
struct Names {
    text: Arc<str>,
    with_nul: Box<str>,
}

impl TopicName {
    /// A new shared copy of `name`.
    pub fn new(name: &str) -> TopicName {
        TopicName(Arc::new(Names { text: name.into(), with_nul: format!("{name}\0").into() }))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether these bytes are the name: each record asks, and most names are too short for a
    /// call of the library's comparison to pay.
    #[inline(always)]
    pub fn is(&self, name: &[u8]) -> bool {
        let (ours, theirs) = (self.0.text.as_bytes(), name);
        ours.len() == theirs.len()
            && match ours.len() {
                8..=16 => {
                    ours.first_chunk::<8>() == theirs.first_chunk()
                        && ours.last_chunk::<8>() == theirs.last_chunk()
                }
                4..=7 => {
                    ours.first_chunk::<4>() == theirs.first_chunk()
                        && ours.last_chunk::<4>() == theirs.last_chunk()
                }
                _ => ours == theirs,
            }
    }

    /// The name, shared.
    pub fn shared(&self) -> Arc<str> {
        self.0.text.clone()
    }

    /// The name and the NUL behind it.
    pub fn as_bytes_with_nul(&self) -> &[u8] {
        self.0.with_nul.as_bytes()
    }
}

impl PartialEq for TopicName {
    fn eq(&self, other: &TopicName) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TopicName {}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_itself_and_no_other_of_its_length() {
        for len in 0..40 {
            let name = "a".repeat(len);
            let topic = TopicName::new(&name);
            assert!(
                topic.is(name.as_bytes()) && !topic.is((name.clone() + "a").as_bytes()),
                "{len}"
            );
            for at in 0..len {
                let other = format!("{}b{}", &name[..at], &name[at + 1..]);
                assert!(!topic.is(other.as_bytes()), "{at} of {len}");
            }
        }
    }
}
