//! The lz4 frame as Java writes it: independent blocks of at most 64 KiB, no checksums of blocks
//! or content, no content size. The blocks are made by liblz4.
//!
//! `compression.lz4.level` means what it means in Java: 9, the default, is the fast compressor, all
//! others are the high compression one with that level. Both begin anew with each block, as blocks
//! are independent: memory kept for them from block to block saves nothing with the fast one, and
//! less than a hundredth of the time with the other.

use lz4::block::{CompressionMode, compress_bound, compress_to_buffer, decompress_to_buffer};

use super::{CompressionType, damaged, failed, for_blocks, too_long};
use crate::error::Result;

const FAST_LEVEL: i32 = 9;
const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Version 1, independent blocks; blocks of at most 64 KiB; the checksum of these two bytes.
const DESCRIPTOR: [u8; 3] = [0x60, 0x40, 0x82];
const BLOCK_LEN: usize = 64 * 1024;
/// The bit of a block's length that says it is not compressed.
const RAW_BLOCK: u32 = 1 << 31;
const END_MARK: [u8; 4] = [0; 4];

pub struct Compressor {
    mode: CompressionMode,
    scratch: Vec<u8>,
}

impl Compressor {
    pub fn new(level: i32) -> Compressor {
        let mode = match level {
            FAST_LEVEL => CompressionMode::FAST(1),
            level => CompressionMode::HIGHCOMPRESSION(level),
        };
        Compressor { mode, scratch: Vec::new() }
    }

    pub fn compress(&mut self, pieces: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
        let Compressor { mode, scratch } = self;
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&DESCRIPTOR);
        for_blocks(pieces, BLOCK_LEN, scratch, |block| {
            let error = |error| failed(CompressionType::Lz4, error);
            let length_at = out.len();
            let bound = compress_bound(block.len()).map_err(error)?;
            out.resize(length_at + 4 + bound, 0);
            let room = &mut out[length_at + 4..];
            let len = compress_to_buffer(block, Some(*mode), false, room).map_err(error)?;
            let length = if len < block.len() {
                out.truncate(length_at + 4 + len);
                len as u32
            } else {
                out.truncate(length_at + 4);
                out.extend_from_slice(block);
                block.len() as u32 | RAW_BLOCK
            };
            out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
            Ok(())
        })?;
        out.extend_from_slice(&END_MARK);
        Ok(())
    }
}

/// What a frame's flags say about the bytes that follow.
struct Frame {
    block_checksums: bool,
    content_checksum: bool,
    block_max: usize,
}

pub fn decompress(compressed: &[u8], max: usize) -> Result<Vec<u8>> {
    let kind = CompressionType::Lz4;
    let mut input = compressed;
    let frame = descriptor(&mut input)?;
    let mut out = Vec::new();
    let mut scratch = vec![0; frame.block_max.min(max.max(1))];
    loop {
        let length = u32::from_le_bytes(*take::<4>(&mut input)?);
        if length == 0 {
            break;
        }
        let len = (length & !RAW_BLOCK) as usize;
        let Some((block, rest)) = input.split_at_checked(len) else {
            return Err(damaged(kind, format!("a block of {len} bytes, {} left", input.len())));
        };
        input = rest;
        let block = if length & RAW_BLOCK != 0 {
            block
        } else {
            let size = Some(scratch.len() as i32);
            let len = decompress_to_buffer(block, size, &mut scratch);
            &scratch[..len.map_err(|error| damaged(kind, error))?]
        };
        if block.len() > frame.block_max {
            return Err(damaged(kind, "a block is longer than its frame says"));
        }
        if block.len() > max - out.len() {
            return Err(too_long(kind, max));
        }
        out.extend_from_slice(block);
        if frame.block_checksums {
            take::<4>(&mut input)?;
        }
    }
    if frame.content_checksum {
        take::<4>(&mut input)?;
    }
    Ok(out)
}

/// The batch has a checksum of its own, so those of the frame are passed over.
fn descriptor(input: &mut &[u8]) -> Result<Frame> {
    let kind = CompressionType::Lz4;
    if *take::<4>(input)? != MAGIC {
        return Err(damaged(kind, "it is no lz4 frame"));
    }
    let [flags, block] = *take::<2>(input)?;
    if flags >> 6 != 1 || flags & 0x20 == 0 || flags & 1 != 0 {
        return Err(damaged(
            kind,
            format!(
                "flags {flags:02x}: version 1 with independent blocks and \
                                          without a dictionary is read"
            ),
        ));
    }
    if flags & 8 != 0 {
        take::<8>(input)?;
    }
    take::<1>(input)?;
    let block_max = match block >> 4 & 7 {
        size @ 4..=7 => 1 << (8 + 2 * size),
        size => return Err(damaged(kind, format!("blocks of size {size}"))),
    };
    Ok(Frame { block_checksums: flags & 0x10 != 0, content_checksum: flags & 4 != 0, block_max })
}

fn take<'a, const N: usize>(input: &mut &'a [u8]) -> Result<&'a [u8; N]> {
    let Some((head, rest)) = input.split_first_chunk::<N>() else {
        return Err(damaged(CompressionType::Lz4, "it ends too early"));
    };
    *input = rest;
    Ok(head)
}
