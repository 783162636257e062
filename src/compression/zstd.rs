//! zstd (RFC 8878) by libzstd, as one frame. `compression.zstd.level` is its own: up to 22, 3 by
//! default, below 0 faster still.

use ::zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use ::zstd::zstd_safe::{
    CCtx, CParameter, DCtx, ErrorCode, InBuffer, OutBuffer, ResetDirective, compress_bound,
    get_error_name,
};

use super::{CompressionType, damaged, failed, too_long};
use crate::error::{Error, Result};

const OUT_STEP: usize = 64 * 1024;

pub struct Compressor(CCtx<'static>);

impl Compressor {
    pub fn new(level: i32) -> Result<Compressor> {
        let Some(mut context) = CCtx::try_create() else {
            return Err(failed(CompressionType::Zstd, "no memory for its context"));
        };
        context.set_parameter(CParameter::CompressionLevel(level)).map_err(compressing)?;
        Ok(Compressor(context))
    }

    pub fn compress(&mut self, pieces: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        let context = &mut self.0;
        context.reset(ResetDirective::SessionOnly).map_err(compressing)?;
        // It then takes tables of the right size and says the size in the frame.
        context.set_pledged_src_size(Some(total as u64)).map_err(compressing)?;
        // There is always room, so each piece is taken as a whole.
        out.reserve(compress_bound(total));
        let mut output = OutBuffer::around(out);
        for piece in pieces {
            let mut input = InBuffer::around(piece);
            while input.pos() < piece.len() {
                let more = ZSTD_EndDirective::ZSTD_e_continue;
                context.compress_stream2(&mut output, &mut input, more).map_err(compressing)?;
            }
        }
        let (mut nothing, end) = (InBuffer::around(&[]), ZSTD_EndDirective::ZSTD_e_end);
        while context.compress_stream2(&mut output, &mut nothing, end).map_err(compressing)? > 0 {}
        Ok(())
    }
}

fn compressing(code: ErrorCode) -> Error {
    failed(CompressionType::Zstd, get_error_name(code))
}

pub fn decompress(compressed: &[u8], max: usize) -> Result<Vec<u8>> {
    let kind = CompressionType::Zstd;
    let Some(mut context) = DCtx::try_create() else {
        return Err(failed(kind, "no memory for its context"));
    };
    let mut input = InBuffer::around(compressed);
    let mut out = Vec::new();
    loop {
        if out.len() == out.capacity() {
            out.reserve(OUT_STEP);
        }
        let at = out.len();
        let mut output = OutBuffer::around_pos(&mut out, at);
        let hint = context.decompress_stream(&mut output, &mut input);
        let hint = hint.map_err(|code| damaged(kind, get_error_name(code)))?;
        if out.len() > max {
            return Err(too_long(kind, max));
        }
        let done = input.pos() == compressed.len();
        if hint == 0 && done {
            return Ok(out);
        }
        if done && out.len() < out.capacity() {
            return Err(damaged(kind, "it ends too early"));
        }
    }
}
