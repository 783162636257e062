//! Kafka's wire protocol: bytes in, types out, no I/O. A message's fields are declared once, in
//! `messages/`, and that one list encodes and decodes for the producer and the embedded cluster.
//!
//! | file | what |
//! |---|---|
//! | `codec` | what a message says about itself; the operations a list of fields is written in |
//! | `reader`, `writer` | the two directions |
//! | `frame` | request and response headers, and whole frames with their length |
//! | `messages` | one file per API |
//! | `record_batch`, `record` | the record batch, format 2 |
//! | `crc`, `varint`, `uuid` | primitives |
//!
//! No length that came from the network is believed: it is compared with the bytes that are left
//! before anything is allocated for it.

pub mod codec;
pub mod crc;
pub mod error;
pub mod frame;
pub mod messages;
pub mod reader;
pub mod record;
pub mod record_batch;
pub mod uuid;
pub mod varint;
pub mod writer;

pub use codec::{Codec, Fields, Message, Records, Request};
pub use error::WireError;
pub use frame::{Frame, RequestHeader};
pub use reader::Reader;
pub use uuid::Uuid;
pub use writer::Writer;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
