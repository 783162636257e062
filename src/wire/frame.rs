//! Whole frames: a length, a header, a message. Requests have headers of version 1 or 2, responses
//! of version 0 or 1; the later ones, of flexible APIs, end with tagged fields.

use std::sync::Arc;

use bytes::Bytes;

use super::codec::{Codec, Fields, Message};
use super::error::{Result, WireError};
use super::messages::api_versions;
use super::reader::Reader;
use super::writer::Writer;

/// A frame to write to a socket, in pieces for a vectored write.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The bytes, in order; the first four are the length of the rest. No piece is empty.
    pub pieces: Vec<Bytes>,
    /// The number of bytes of all pieces.
    pub len: usize,
}

/// What comes before a request's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API.
    pub api_key: i16,
    /// Which version of it.
    pub api_version: i16,
    /// The number that the response carries, too.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<Arc<str>>,
}

impl Fields for RequestHeader {
    const MIN_BYTES: usize = 10;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("api_key", &mut self.api_key)?;
        c.i16("api_version", &mut self.api_version)?;
        c.i32("correlation_id", &mut self.correlation_id)?;
        // Not compact in any version, so that a broker can read the header of any request.
        c.nullable_string("client_id", &mut self.client_id)
    }
}

/// Encodes a request. The message is `&mut` as one list of fields serves both directions; writing
/// changes nothing that the version can say.
pub fn encode_request<M: Message>(
    message: &mut M,
    version: i16,
    correlation_id: i32,
    client_id: &Arc<str>,
) -> Result<Frame> {
    let mut header = RequestHeader {
        api_key: M::KEY,
        api_version: version,
        correlation_id,
        client_id: Some(Arc::clone(client_id)),
    };
    let mut writer = Writer::new::<M>(version)?;
    writer.with_flexible(false, |writer| header.fields(writer))?;
    writer.no_tags()?;
    message.fields(&mut writer)?;
    writer.finish()
}

/// Decodes the header of a request, up to and without its tagged fields: whether there are any
/// depends on the API and its version. `frame` is without the length.
pub fn decode_request_header(frame: Bytes) -> Result<(RequestHeader, Bytes)> {
    let mut reader = Reader::of_header(frame, "RequestHeader");
    let mut header = RequestHeader::default();
    header.fields(&mut reader)?;
    Ok((header, reader.into_rest()))
}

/// Decodes the rest of a request, which [`decode_request_header`] left.
pub fn decode_request<M: Message>(rest: Bytes, version: i16) -> Result<M> {
    let mut reader = Reader::new::<M>(rest, version)?;
    reader.no_tags()?;
    M::decode(&mut reader)
}

/// Encodes a response.
pub fn encode_response<M: Message>(
    message: &mut M,
    version: i16,
    mut correlation_id: i32,
) -> Result<Frame> {
    let mut writer = Writer::new::<M>(version)?;
    writer.i32("correlation_id", &mut correlation_id)?;
    if response_header_has_tags::<M>() {
        writer.no_tags()?;
    }
    message.fields(&mut writer)?;
    writer.finish()
}

/// Decodes a response and its correlation id. `frame` is without the length. Bytes after the
/// message are ignored, as in Java.
pub fn decode_response<M: Message>(frame: Bytes, version: i16) -> Result<(i32, M)> {
    let mut reader = Reader::new::<M>(frame, version)?;
    let mut correlation_id = 0;
    reader.i32("correlation_id", &mut correlation_id)?;
    if response_header_has_tags::<M>() {
        reader.no_tags()?;
    }
    Ok((correlation_id, M::decode(&mut reader)?))
}

/// The correlation id of a response, which says what kind of response it is.
pub fn response_correlation_id(frame: &Bytes) -> Result<i32> {
    match frame.first_chunk::<4>() {
        Some(bytes) => Ok(i32::from_be_bytes(*bytes)),
        None => Err(WireError::violation(format!(
            "a response of {} bytes has no correlation id",
            frame.len()
        ))),
    }
}

/// A client that asks for versions cannot know whether the broker knows the version it asks in, so
/// that response never has tagged fields in its header.
fn response_header_has_tags<M: Message>() -> bool {
    M::KEY != api_versions::KEY
}
