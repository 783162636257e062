//! gzip (RFC 1952) by flate2 on zlib-rs. `compression.gzip.level` is zlib's: 1 to 9, -1 for its
//! default, which is 6.

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{CompressionType, damaged, failed, too_long};
use crate::error::Result;

const DEFAULT_LEVEL: u32 = 6;
const WINDOW_BITS: u8 = 15;
/// Grown by this much when it is full.
const OUT_STEP: usize = 16 * 1024;

pub struct Compressor(Compress);

impl Compressor {
    pub fn new(level: i32) -> Compressor {
        let level = u32::try_from(level).unwrap_or(DEFAULT_LEVEL);
        Compressor(Compress::new_gzip(flate2::Compression::new(level), WINDOW_BITS))
    }

    pub fn compress(&mut self, pieces: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
        self.0.reset();
        let mut pieces = pieces.iter().copied();
        let mut input = pieces.next().unwrap_or_default();
        let mut last = pieces.next();
        loop {
            if out.len() == out.capacity() {
                out.reserve(OUT_STEP);
            }
            let flush = if last.is_none() { FlushCompress::Finish } else { FlushCompress::None };
            let before = self.0.total_in();
            let status = self.0.compress_vec(input, out, flush);
            let status = status.map_err(|error| failed(CompressionType::Gzip, error))?;
            input = &input[(self.0.total_in() - before) as usize..];
            if status == Status::StreamEnd {
                return Ok(());
            }
            if input.is_empty()
                && let Some(piece) = last
            {
                input = piece;
                last = pieces.next();
            }
        }
    }
}

pub fn decompress(compressed: &[u8], max: usize) -> Result<Vec<u8>> {
    let kind = CompressionType::Gzip;
    let mut out = Vec::new();
    let mut input = compressed;
    let mut context = Decompress::new_gzip(WINDOW_BITS);
    while !input.is_empty() {
        if out.len() == out.capacity() {
            out.reserve(OUT_STEP);
        }
        let (before, had) = (context.total_in(), out.len());
        let status = context.decompress_vec(input, &mut out, FlushDecompress::None);
        let status = status.map_err(|error| damaged(kind, error))?;
        let read = (context.total_in() - before) as usize;
        input = &input[read..];
        if out.len() > max {
            return Err(too_long(kind, max));
        }
        match status {
            Status::StreamEnd if input.is_empty() => return Ok(out),
            // A gzip file may have several members.
            Status::StreamEnd => context = Decompress::new_gzip(WINDOW_BITS),
            _ if read == 0 && out.len() == had && out.len() < out.capacity() => break,
            _ => {}
        }
    }
    Err(damaged(kind, "it ends too early"))
}
