//! A record as the application hands it over: borrowed bytes, copied once into its batch.

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
