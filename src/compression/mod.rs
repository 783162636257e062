//! The codecs of a record batch: gzip, snappy, lz4 and zstd, one file each.
//!
//! What is written is what the Java client writes (the same containers and block sizes), so every
//! consumer reads it. A [`Compressor`] keeps its codec's context from batch to batch, but for lz4,
//! which has none worth keeping. Codecs are features of the build; one that is left out is known by
//! name and refused.

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
mod ratio;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zstd")]
mod zstd;

pub use ratio::RatioEstimate;

use crate::error::{Error, ErrorCode, Result};

/// `compression.type`; the numbers are those of a batch's attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompressionType {
    /// Batches are sent as they are.
    #[default]
    None = 0,
    /// RFC 1952.
    Gzip = 1,
    /// Raw snappy in the container of xerial's library.
    Snappy = 2,
    /// The lz4 frame.
    Lz4 = 3,
    /// RFC 8878.
    Zstd = 4,
}

/// All of them, in the order of their numbers.
const TYPES: [CompressionType; 5] = [
    CompressionType::None,
    CompressionType::Gzip,
    CompressionType::Snappy,
    CompressionType::Lz4,
    CompressionType::Zstd,
];

impl CompressionType {
    /// The one that a batch's attributes name.
    pub fn from_attributes(attributes: i16) -> Option<CompressionType> {
        usize::try_from(attributes & 7).ok().and_then(|number| TYPES.get(number)).copied()
    }

    /// The one with this name in a configuration.
    pub fn from_name(name: &str) -> Option<CompressionType> {
        TYPES.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            CompressionType::None => "none",
            CompressionType::Gzip => "gzip",
            CompressionType::Snappy => "snappy",
            CompressionType::Lz4 => "lz4",
            CompressionType::Zstd => "zstd",
        }
    }

    /// Whether this build has it.
    pub fn is_built(self) -> bool {
        match self {
            CompressionType::None => true,
            CompressionType::Gzip => cfg!(feature = "gzip"),
            CompressionType::Snappy => cfg!(feature = "snappy"),
            CompressionType::Lz4 => cfg!(feature = "lz4"),
            CompressionType::Zstd => cfg!(feature = "zstd"),
        }
    }
}

/// A codec and how hard it tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression {
    /// The codec.
    pub kind: CompressionType,
    /// Its level, as its key of the configuration says; without meaning for snappy.
    pub level: i32,
}

/// Compresses one batch after the other, with a context that is kept.
pub struct Compressor(Context);

#[allow(clippy::large_enum_variant)] // There is one for each worker.
enum Context {
    None,
    #[cfg(feature = "gzip")]
    Gzip(gzip::Compressor),
    #[cfg(feature = "snappy")]
    Snappy(snappy::Compressor),
    #[cfg(feature = "lz4")]
    Lz4(lz4::Compressor),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Compressor),
}

impl Compressor {
    /// One for `compression`; an error for a codec that this build has not.
    pub fn new(compression: Compression) -> Result<Compressor> {
        Ok(Compressor(match compression.kind {
            CompressionType::None => Context::None,
            #[cfg(feature = "gzip")]
            CompressionType::Gzip => Context::Gzip(gzip::Compressor::new(compression.level)),
            #[cfg(feature = "snappy")]
            CompressionType::Snappy => Context::Snappy(snappy::Compressor::new()),
            #[cfg(feature = "lz4")]
            CompressionType::Lz4 => Context::Lz4(lz4::Compressor::new(compression.level)),
            #[cfg(feature = "zstd")]
            CompressionType::Zstd => Context::Zstd(zstd::Compressor::new(compression.level)?),
            #[allow(unreachable_patterns)] // Where all codecs are built.
            missing => return Err(not_built(missing)),
        }))
    }

    /// The codec.
    pub fn kind(&self) -> CompressionType {
        match self.0 {
            Context::None => CompressionType::None,
            #[cfg(feature = "gzip")]
            Context::Gzip(_) => CompressionType::Gzip,
            #[cfg(feature = "snappy")]
            Context::Snappy(_) => CompressionType::Snappy,
            #[cfg(feature = "lz4")]
            Context::Lz4(_) => CompressionType::Lz4,
            #[cfg(feature = "zstd")]
            Context::Zstd(_) => CompressionType::Zstd,
        }
    }

    /// Puts the compressed `pieces`, which are one after the other, into `out`, which is emptied
    /// first.
    pub fn compress(&mut self, pieces: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        match &mut self.0 {
            Context::None => {
                pieces.iter().for_each(|piece| out.extend_from_slice(piece));
                Ok(())
            }
            #[cfg(feature = "gzip")]
            Context::Gzip(context) => context.compress(pieces, out),
            #[cfg(feature = "snappy")]
            Context::Snappy(context) => context.compress(pieces, out),
            #[cfg(feature = "lz4")]
            Context::Lz4(context) => context.compress(pieces, out),
            #[cfg(feature = "zstd")]
            Context::Zstd(context) => context.compress(pieces, out),
        }
    }
}

/// The bytes that `compressed` stands for, at most `max` of them; more, or bytes that no
/// compressor writes, are an error.
pub fn decompress(kind: CompressionType, compressed: &[u8], max: usize) -> Result<Vec<u8>> {
    match kind {
        CompressionType::None if compressed.len() > max => Err(too_long(kind, max)),
        CompressionType::None => Ok(compressed.to_vec()),
        #[cfg(feature = "gzip")]
        CompressionType::Gzip => gzip::decompress(compressed, max),
        #[cfg(feature = "snappy")]
        CompressionType::Snappy => snappy::decompress(compressed, max),
        #[cfg(feature = "lz4")]
        CompressionType::Lz4 => lz4::decompress(compressed, max),
        #[cfg(feature = "zstd")]
        CompressionType::Zstd => zstd::decompress(compressed, max),
        #[allow(unreachable_patterns)] // Where all codecs are built.
        missing => Err(not_built(missing)),
    }
}

/// Shows `pieces` as blocks of `len` bytes, the last one shorter. Blocks that lie in one piece are
/// not copied, the others are put together in `scratch`.
#[cfg(any(feature = "snappy", feature = "lz4"))]
fn for_blocks(
    pieces: &[&[u8]],
    len: usize,
    scratch: &mut Vec<u8>,
    mut block: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    scratch.clear();
    for piece in pieces {
        let mut rest = *piece;
        if !scratch.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(len - scratch.len()));
            scratch.extend_from_slice(head);
            rest = tail;
            if scratch.len() == len {
                block(scratch)?;
                scratch.clear();
            }
        }
        let mut whole = rest.chunks_exact(len);
        whole.by_ref().try_for_each(&mut block)?;
        scratch.extend_from_slice(whole.remainder());
    }
    if scratch.is_empty() { Ok(()) } else { block(scratch) }
}

/// The error for a codec that is left out.
pub fn not_built(kind: CompressionType) -> Error {
    let name = kind.name();
    let text = format!("this build of the library has no {name}: build it with the feature {name}");
    Error::new(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, text)
}

#[cfg(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
fn damaged(kind: CompressionType, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::CORRUPT_MESSAGE, format!("{} data: {what}", kind.name()))
}

fn too_long(kind: CompressionType, max: usize) -> Error {
    let text = format!("{} data: more than {max} bytes when decompressed", kind.name());
    Error::new(ErrorCode::CORRUPT_MESSAGE, text)
}

#[cfg(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
fn failed(kind: CompressionType, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::INTERNAL, format!("{} cannot compress: {what}", kind.name()))
}

#[cfg(test)]
mod tests;
