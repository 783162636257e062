//! Every codec there and back, against decoders that are not ours and against damaged bytes. What
//! Java compressed is read by the tests of `wire`.

use std::io::Read;

use super::*;

const CODECS: [CompressionType; 4] =
    [CompressionType::Gzip, CompressionType::Snappy, CompressionType::Lz4, CompressionType::Zstd];

fn compressor(kind: CompressionType) -> Compressor {
    let level = match kind {
        CompressionType::Gzip => -1,
        CompressionType::Lz4 => 9,
        _ => 3,
    };
    Compressor::new(Compression { kind, level }).unwrap()
}

/// Words that repeat, or noise.
fn bytes(len: usize, noise: bool) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(len as u64);
    let words: [&[u8]; 4] = [b"partition", b"offset", b"leader epoch", b"0123456789"];
    let mut made = Vec::with_capacity(len + 12);
    while made.len() < len {
        match noise {
            true => made.push(random.u8(..)),
            false => made.extend_from_slice(words[random.usize(..4)]),
        }
    }
    made.truncate(len);
    made
}

/// Read by a decoder of somebody else.
fn second_opinion(kind: CompressionType, compressed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match kind {
        CompressionType::Lz4 => {
            lz4_flex::frame::FrameDecoder::new(compressed).read_to_end(&mut out).unwrap();
        }
        CompressionType::Zstd => {
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(compressed).unwrap();
            decoder.read_to_end(&mut out).unwrap();
        }
        CompressionType::Gzip => {
            flate2::read::GzDecoder::new(compressed).read_to_end(&mut out).unwrap();
        }
        _ => return decompress(kind, compressed, usize::MAX).unwrap(),
    }
    out
}

#[test]
fn all_sizes_come_back_however_they_are_cut_into_pieces() {
    for kind in CODECS {
        let mut compressor = compressor(kind);
        let mut out = Vec::new();
        for len in [0, 1, 100, 16 << 10, (32 << 10) + 1, 64 << 10, 200_000, 1 << 20] {
            for noise in [false, true] {
                let raw = bytes(len, noise);
                for cut in [len.max(1), 16 << 10, 10_007] {
                    let pieces: Vec<&[u8]> = raw.chunks(cut).collect();
                    compressor.compress(&pieces, &mut out).unwrap();
                    assert_eq!(decompress(kind, &out, len).unwrap(), raw, "{kind:?} {len} {cut}");
                    assert_eq!(second_opinion(kind, &out), raw, "{kind:?} {len} {cut}");
                    assert!(noise || len < 1000 || out.len() < len / 2, "{kind:?}: {}", out.len());
                }
            }
        }
    }
}

#[test]
fn a_higher_level_compresses_better() {
    let raw = bytes(100_000, false);
    let size = |kind, level| {
        let mut out = Vec::new();
        let compression = Compression { kind, level };
        Compressor::new(compression).unwrap().compress(&[&raw], &mut out).unwrap();
        assert_eq!(decompress(kind, &out, raw.len()).unwrap(), raw);
        out.len()
    };
    assert!(size(CompressionType::Gzip, 9) < size(CompressionType::Gzip, 1));
    assert_eq!(size(CompressionType::Gzip, -1), size(CompressionType::Gzip, 6));
    assert!(size(CompressionType::Zstd, 19) < size(CompressionType::Zstd, -5));
    // As in Java, 9 is the fast compressor, so every other level does better.
    assert!(size(CompressionType::Lz4, 1) < size(CompressionType::Lz4, 9));
    assert!(size(CompressionType::Lz4, 17) <= size(CompressionType::Lz4, 1));
}

#[test]
fn damaged_bytes_are_refused_or_read_as_something_else_but_harm_nobody() {
    for kind in CODECS {
        let raw = bytes(3000, false);
        let mut good = Vec::new();
        compressor(kind).compress(&[&raw], &mut good).unwrap();
        for len in 0..good.len() {
            let cut = decompress(kind, &good[..len], raw.len());
            assert!(cut.is_err() || kind == CompressionType::Snappy, "{kind:?} cut at {len}");
        }
        for bit in 0..good.len() * 8 {
            let mut damaged = good.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = decompress(kind, &damaged, raw.len()) {
                assert!(read.len() <= raw.len());
            }
        }
    }
}

#[test]
fn a_bomb_is_refused_when_it_passes_its_limit() {
    for kind in CODECS {
        let raw = vec![0; 8 << 20];
        let mut bomb = Vec::new();
        compressor(kind).compress(&[&raw], &mut bomb).unwrap();
        let error = decompress(kind, &bomb, 1 << 20).unwrap_err();
        assert!(error.message().contains("more than 1048576 bytes"), "{error}");
    }
}

#[test]
fn raw_snappy_and_lz4_frames_of_others_are_read() {
    let raw = bytes(300_000, false);
    let snappy = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
    assert_eq!(decompress(CompressionType::Snappy, &snappy, raw.len()).unwrap(), raw);
    let info = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max4MB)
        .block_checksums(true)
        .content_checksum(true)
        .content_size(Some(raw.len() as u64));
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    std::io::Write::write_all(&mut encoder, &raw).unwrap();
    let lz4 = encoder.finish().unwrap();
    assert_eq!(decompress(CompressionType::Lz4, &lz4, raw.len()).unwrap(), raw);
}

#[test]
fn the_estimate_follows_javas() {
    let text = include_str!("../../tests/vectors/compression_ratio.json");
    let golden: serde_json::Value = serde_json::from_str(text).unwrap();
    let estimate = RatioEstimate::default();
    for step in golden["steps"].as_array().unwrap() {
        estimate.update(step["observed"].as_f64().unwrap() as f32);
        let expected = step["estimate"].as_f64().unwrap() as f32;
        assert!((estimate.get() - expected).abs() < 1e-6, "{} {expected}", estimate.get());
    }
    estimate.reset();
    assert_eq!(estimate.get(), 1.0);
}
