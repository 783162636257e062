//! Cuts the stream of bytes a peer sends into frames: a 4-byte length, then that many bytes.
//!
//! The length is the peer's word and nothing more: memory grows with the bytes that arrived, not
//! with those that were announced. Each frame owns memory of its own size, so a small response
//! that is kept for long holds on to nothing else.

use std::net::SocketAddr;

use bytes::{Buf, Bytes};

const HEADER: usize = 4;
/// What a frame's buffer grows by at least; from there on it doubles.
const GROWTH_MIN: usize = 64 * 1024;

/// The state of one connection's incoming stream.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// The frame that has not arrived whole, its length included.
    partial: Vec<u8>,
    /// Whether a frame began at any time before.
    spoke_kafka: bool,
}

impl FrameReader {
    /// Takes the next bytes of the stream and gives each frame that is now whole to `emit`.
    /// An error says why the stream can not go on; the frames before it were given.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        frame_max: usize,
        peer: SocketAddr,
        mut emit: impl FnMut(Bytes),
    ) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.partial.len() < HEADER {
                let take = bytes.len().min(HEADER - self.partial.len());
                self.partial.extend_from_slice(&bytes[..take]);
                bytes = &bytes[take..];
            }
            let Some(header) = self.partial.first_chunk::<HEADER>() else { return Ok(()) };
            let frame_len = self.check_header(*header, frame_max, peer)?;
            self.spoke_kafka = true;

            if self.partial.len() == HEADER && bytes.len() >= frame_len {
                // The common case, a response that came in one piece: one copy, exact memory.
                emit(Bytes::copy_from_slice(&bytes[..frame_len]));
                self.partial.clear();
                bytes = &bytes[frame_len..];
                continue;
            }
            let missing = HEADER + frame_len - self.partial.len();
            let take = missing.min(bytes.len());
            self.reserve(take, missing);
            self.partial.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if take == missing {
                let mut frame = Bytes::from(std::mem::take(&mut self.partial));
                frame.advance(HEADER);
                emit(frame);
            }
        }
        Ok(())
    }

    /// Why the stream ended, where the peer `did` it ("closed", "reset").
    pub fn end_of_stream(&self, did: &str, peer: SocketAddr) -> String {
        match self.partial.len() {
            0 if !self.spoke_kafka => format!(
                "the peer at {peer} {did} the connection before answering anything (is this a \
                 Kafka PLAINTEXT listener, or does it want TLS?)"
            ),
            0 => format!("the peer at {peer} {did} the connection"),
            len => format!(
                "the peer at {peer} {did} the connection in the middle of a frame, after \
                 {len} bytes of it"
            ),
        }
    }

    /// The frame's length, if it is one.
    fn check_header(
        &self,
        header: [u8; HEADER],
        frame_max: usize,
        peer: SocketAddr,
    ) -> Result<usize, String> {
        let announced = i32::from_be_bytes(header);
        let frame_len = usize::try_from(announced).ok().filter(|len| *len <= frame_max);
        // Read as lengths, the first bytes of HTTP and TLS are 352 MB and more. As the first
        // thing a peer says, that is foreign even where `frame_max` would let it pass.
        if self.spoke_kafka
            && let Some(frame_len) = frame_len
        {
            return Ok(frame_len);
        }
        match header {
            [b'H', b'T', b'T', b'P'] => {
                Err(format!("the peer at {peer} answered HTTP; is this a Kafka listener?"))
            }
            [0x15 | 0x16, 0x03, ..] => Err(format!(
                "the peer at {peer} speaks TLS, which this version does not: name a PLAINTEXT \
                 listener of the cluster"
            )),
            _ => frame_len.ok_or_else(|| match announced {
                ..0 => format!("the peer at {peer} announced a frame of {announced} bytes"),
                _ => format!(
                    "the peer at {peer} announced a frame of {announced} bytes, which exceeds \
                     receive.message.max.bytes ({frame_max})"
                ),
            }),
        }
    }

    /// Makes room for the `take` bytes at hand, and for more as more has arrived, but never for
    /// more than is missing.
    fn reserve(&mut self, take: usize, missing: usize) {
        if self.partial.capacity() - self.partial.len() < take {
            let step = self.partial.len().max(GROWTH_MIN).max(take);
            self.partial.reserve_exact(step.min(missing));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 9092))
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    fn push_all(chunks: &[&[u8]], frame_max: usize) -> (Vec<Bytes>, Result<(), String>) {
        let mut reader = FrameReader::default();
        let mut frames = Vec::new();
        for chunk in chunks {
            if let Err(reason) = reader.push(chunk, frame_max, peer(), |f| frames.push(f)) {
                return (frames, Err(reason));
            }
        }
        (frames, Ok(()))
    }

    #[test]
    fn frames_are_the_same_wherever_the_stream_is_cut() {
        let bodies: Vec<Vec<u8>> =
            [0, 1, 3, 4, 5, 100, 0, 70_000].iter().map(|len| vec![*len as u8; *len]).collect();
        let stream: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
        for size in [1, 2, 3, 5, 7, 64, 65_536, stream.len()] {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            let (frames, result) = push_all(&chunks, 70_000);
            assert_eq!(result, Ok(()));
            assert_eq!(frames, bodies, "in chunks of {size}");
        }
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut reader = FrameReader::default();
        let header = i32::MAX.to_be_bytes();
        reader.push(&header, i32::MAX as usize, peer(), |_| {}).unwrap();
        reader.push(&[7; 10], i32::MAX as usize, peer(), |_| {}).unwrap();
        assert!(reader.partial.capacity() <= 2 * GROWTH_MIN, "{}", reader.partial.capacity());
        for _ in 0..1_000 {
            reader.push(&[7; 1000], i32::MAX as usize, peer(), |_| {}).unwrap();
        }
        assert!(reader.partial.capacity() <= 2_100_000, "{}", reader.partial.capacity());
    }

    #[test]
    fn a_frame_in_many_parts_ends_with_memory_of_its_own_size() {
        let body = vec![1; 1_000_000];
        let stream = framed(&body);
        let mut reader = FrameReader::default();
        let mut frames = 0;
        for chunk in stream.chunks(10_000) {
            reader.push(chunk, 1_000_000, peer(), |_| frames += 1).unwrap();
            assert!(reader.partial.capacity() <= HEADER + 1_000_000);
        }
        assert_eq!(frames, 1);
    }

    #[test]
    fn a_length_over_the_limit_is_an_error_that_names_the_setting() {
        let (frames, result) = push_all(&[&framed(&[1; 10]), &101_i32.to_be_bytes()], 100);
        assert_eq!(frames.len(), 1);
        let reason = result.unwrap_err();
        assert!(reason.contains("a frame of 101 bytes"), "{reason}");
        assert!(reason.contains("receive.message.max.bytes (100)"), "{reason}");
        assert!(reason.contains("127.0.0.1:9092"), "{reason}");
    }

    #[test]
    fn a_negative_length_is_an_error() {
        for announced in [-1, i32::MIN] {
            let (_, result) = push_all(&[&announced.to_be_bytes()], 100);
            assert!(result.unwrap_err().contains(&format!("a frame of {announced} bytes")));
        }
    }

    #[test]
    fn a_peer_that_speaks_http_or_tls_is_named_under_any_limit() {
        for frame_max in [100, i32::MAX as usize] {
            let (_, result) = push_all(&[b"HT", b"TP/1.1 400 Bad Request"], frame_max);
            assert!(result.unwrap_err().contains("answered HTTP"));
            for kind in [0x15, 0x16] {
                let (_, result) = push_all(&[&[kind, 3, 3, 0, 2, 2, 70]], frame_max);
                assert!(result.unwrap_err().contains("name a PLAINTEXT listener"));
            }
        }
    }

    #[test]
    fn the_end_of_the_stream_says_how_far_the_peer_came() {
        let mut reader = FrameReader::default();
        assert!(reader.end_of_stream("closed", peer()).contains("before answering anything"));
        reader.push(&framed(b"x"), 100, peer(), |_| {}).unwrap();
        assert!(reader.end_of_stream("closed", peer()).ends_with("9092 closed the connection"));
        reader.push(&[0, 0, 0, 9, 1], 100, peer(), |_| {}).unwrap();
        assert!(reader.end_of_stream("closed", peer()).contains("after 5 bytes"));
    }
}
