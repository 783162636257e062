//! What a message says about itself, and the operations in which it lists its fields.
//!
//! A message lists its fields once, in the order of the wire: `fields` hands each of them to a
//! [`Codec`], which is a [`Reader`](super::Reader) that fills it or a [`Writer`](super::Writer)
//! that writes it down. What a version lacks is an `if` around a field, which reads like the
//! schema:
//!
//! ```text
//! c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
//! if c.version() >= 5 { c.i64("log_start_offset", &mut self.log_start_offset)?; }
//! c.no_tags()
//! ```
//!
//! Texts are `Arc<str>`: a topic's name is shared by metadata, accumulator and requests, so that a
//! request is made without copying it.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use super::error::Result;
use super::uuid::Uuid;

/// Something made of fields: a message or a structure within one.
pub trait Fields: Default {
    /// The fewest bytes one takes on the wire in any version. An array that claims more elements
    /// than fit into the bytes left is refused before anything is allocated.
    const MIN_BYTES: usize;

    /// The most of them that an array of a peer may have. Where one costs much more in memory than
    /// on the wire, this is a number that no cluster reaches.
    const MAX_COUNT: usize = usize::MAX;

    /// Hands every field that the codec's version has to the codec, in the order of the wire.
    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()>;
}

/// A request or a response of one API.
pub trait Message: Fields + Clone + Debug + PartialEq {
    /// What errors call it.
    const NAME: &'static str;
    /// The API.
    const KEY: i16;
    /// The versions that are known here.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE_FROM: i16;

    /// Reads a message. One API's responses need a second look; the others are their fields.
    fn decode(reader: &mut super::Reader) -> Result<Self> {
        let mut message = Self::default();
        message.fields(reader)?;
        Ok(message)
    }
}

/// A message that a client sends.
pub trait Request: Message {
    /// What the broker answers.
    type Response: Message;
}

/// One direction of the codec. Methods take the name of the field, for errors.
pub trait Codec: Sized {
    /// The version of the API that is spoken.
    fn version(&self) -> i16;
    /// Whether that version has compact lengths and tagged fields.
    fn flexible(&self) -> bool;

    /// One byte, not 0 is true.
    fn bool(&mut self, name: &'static str, value: &mut bool) -> Result<()>;
    /// One byte.
    fn i8(&mut self, name: &'static str, value: &mut i8) -> Result<()>;
    /// Two bytes.
    fn i16(&mut self, name: &'static str, value: &mut i16) -> Result<()>;
    /// Four bytes.
    fn i32(&mut self, name: &'static str, value: &mut i32) -> Result<()>;
    /// Eight bytes.
    fn i64(&mut self, name: &'static str, value: &mut i64) -> Result<()>;
    /// Sixteen bytes.
    fn uuid(&mut self, name: &'static str, value: &mut Uuid) -> Result<()>;
    /// A text that may not be null.
    fn string(&mut self, name: &'static str, value: &mut Arc<str>) -> Result<()>;
    /// A text that may be null.
    fn nullable_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()>;
    /// A text that is null in some versions but not in this one.
    fn required_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()>;
    /// Bytes that are no records; they are copied, so that they do not keep the frame alive.
    fn bytes(&mut self, name: &'static str, value: &mut Bytes) -> Result<()>;
    /// Record batches; the bytes are neither looked at nor copied.
    fn records(&mut self, name: &'static str, value: &mut Records) -> Result<()>;
    /// An array of numbers.
    fn i32_array(&mut self, name: &'static str, items: &mut Vec<i32>) -> Result<()>;
    /// An array of texts.
    fn string_array(&mut self, name: &'static str, items: &mut Vec<Arc<str>>) -> Result<()>;
    /// An array of texts that may be null.
    fn nullable_string_array(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<Arc<str>>>,
    ) -> Result<()>;
    /// An array that may be null.
    fn nullable_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()>;
    /// An array that may not be null.
    fn array<T: Fields>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<()>;
    /// An array that is null in some versions but not in this one.
    fn required_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()>;
    /// A structure that is there once.
    fn structure<T: Fields>(&mut self, _name: &'static str, value: &mut T) -> Result<()> {
        value.fields(self)
    }

    /// The tagged fields at the end of a structure; nothing if the version is not flexible.
    ///
    /// `present[tag]` says whether the known field of that tag differs from its default, as only
    /// then it is written. `field` codes the field with the given tag, which is below
    /// `present.len()`. Unknown fields are skipped.
    fn tags(
        &mut self,
        present: &[bool],
        field: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()>;

    /// The end of a structure without known tagged fields.
    fn no_tags(&mut self) -> Result<()> {
        self.tags(&[], |_, _| Ok(()))
    }

    /// Says that this version lacks a field whose value may not be dropped in silence (Java: not
    /// "ignorable"): writing another value than the default is an error.
    fn absent(&mut self, name: &'static str, is_default: bool) -> Result<()>;
}

/// Record batches as they stand in a message.
#[derive(Clone, Default)]
pub enum Records {
    /// Null.
    #[default]
    Null,
    /// Whole batches; what decoding gives.
    Whole(Bytes),
    /// Whole batches that do not lie together in memory, one after the other on the wire.
    Pieces(Vec<Bytes>),
    /// One batch to send: its header, made when the batch is drained, and its records, written
    /// before. Both are on the wire one after the other and nothing is joined in memory.
    Batch {
        /// The batch header.
        header: [u8; 61],
        /// The records, compressed or not.
        records: Bytes,
    },
}

impl Records {
    /// The number of bytes; null has none.
    pub fn len(&self) -> usize {
        match self {
            Records::Null => 0,
            Records::Whole(bytes) => bytes.len(),
            Records::Pieces(pieces) => pieces.iter().map(Bytes::len).sum(),
            Records::Batch { header, records } => header.len() + records.len(),
        }
    }

    /// The bytes in one piece, copied if they are not; `None` is null.
    pub fn to_bytes(&self) -> Option<Bytes> {
        match self {
            Records::Null => None,
            Records::Whole(bytes) => Some(bytes.clone()),
            Records::Pieces(pieces) => Some(pieces.concat().into()),
            Records::Batch { header, records } => {
                Some([header.as_slice(), records].concat().into())
            }
        }
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Records) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Records::Null => f.write_str("null"),
            _ => write!(f, "{} bytes", self.len()),
        }
    }
}
