//! snappy in the container of xerial's Java library: a header of 16 bytes, then blocks of at most
//! 32 KiB, each raw snappy behind its length. Read are also blocks of any size, and raw snappy
//! without the container, which librdkafka and others write.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::{CompressionType, damaged, failed, for_blocks, too_long};
use crate::error::Result;

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// The version of the container, and the least that reads it.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
const BLOCK_LEN: usize = 32 * 1024;

pub struct Compressor {
    encoder: Encoder,
    scratch: Vec<u8>,
}

impl Compressor {
    pub fn new() -> Compressor {
        Compressor { encoder: Encoder::new(), scratch: Vec::new() }
    }

    pub fn compress(&mut self, pieces: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
        let Compressor { encoder, scratch } = self;
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSIONS);
        for_blocks(pieces, BLOCK_LEN, scratch, |block| {
            let length_at = out.len();
            out.resize(length_at + 4 + max_compress_len(block.len()), 0);
            let len = encoder.compress(block, &mut out[length_at + 4..]);
            let len = len.map_err(|error| failed(CompressionType::Snappy, error))?;
            out[length_at..length_at + 4].copy_from_slice(&(len as u32).to_be_bytes());
            out.truncate(length_at + 4 + len);
            Ok(())
        })
    }
}

pub fn decompress(compressed: &[u8], max: usize) -> Result<Vec<u8>> {
    let kind = CompressionType::Snappy;
    let mut out = Vec::new();
    let Some(rest) = compressed.strip_prefix(&MAGIC) else {
        block(compressed, &mut out, max)?;
        return Ok(out);
    };
    let Some(mut rest) = rest.get(VERSIONS.len()..) else {
        return Err(damaged(kind, "it ends in its header"));
    };
    while let Some((length, blocks)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((bytes, next)) = blocks.split_at_checked(length) else {
            let left = blocks.len();
            return Err(damaged(kind, format!("a block of {length} bytes with {left} left")));
        };
        block(bytes, &mut out, max)?;
        rest = next;
    }
    if rest.is_empty() { Ok(out) } else { Err(damaged(kind, "it ends in a length")) }
}

fn block(bytes: &[u8], out: &mut Vec<u8>, max: usize) -> Result<()> {
    let kind = CompressionType::Snappy;
    let len = decompress_len(bytes).map_err(|error| damaged(kind, error))?;
    let had = out.len();
    if len > max.saturating_sub(had) {
        return Err(too_long(kind, max));
    }
    // A copy of three bytes makes at most 64: what says more is not believed.
    if len > bytes.len().saturating_mul(32).saturating_add(64) {
        return Err(damaged(kind, format!("{len} bytes out of {}", bytes.len())));
    }
    out.resize(had + len, 0);
    let read = Decoder::new().decompress(bytes, &mut out[had..]);
    read.map(drop).map_err(|error| damaged(kind, error))
}
