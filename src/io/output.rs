//! The frames a connection still has to write.
//!
//! A piece of a frame may be a batch's own buffer. It is dropped when its last byte was written
//! and not before: memory that went back earlier could be filled by another batch while the
//! socket still reads it (CVE-2026-35554 in the Java client).

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};

use super::transport::Transport;

/// How many pieces one system call takes.
const SLICES_MAX: usize = 64;

/// A queue of pieces in the order of their bytes.
#[derive(Debug, Default)]
pub struct OutputQueue {
    pieces: VecDeque<Piece>,
}

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    /// The frame's token, on its last piece.
    ends: Option<u64>,
}

impl OutputQueue {
    /// Appends a frame.
    pub fn push(&mut self, token: u64, frame: Vec<Bytes>) {
        self.pieces.extend(frame.into_iter().map(|bytes| Piece { bytes, ends: None }));
        match self.pieces.back_mut() {
            Some(last) if last.ends.is_none() => last.ends = Some(token),
            // A frame without pieces still gets its token, in its turn.
            _ => self.pieces.push_back(Piece { bytes: Bytes::new(), ends: Some(token) }),
        }
    }

    /// Whether everything was written.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes until the queue is empty or the socket takes no more; gives the token of each frame
    /// whose last byte was written to `sent`.
    pub fn flush(
        &mut self,
        transport: &mut dyn Transport,
        mut sent: impl FnMut(u64),
    ) -> io::Result<()> {
        loop {
            // Before the first write this takes away empty pieces: a write of no bytes at all
            // would look like a socket that takes none.
            self.consume(0, &mut sent);
            if self.pieces.is_empty() {
                return Ok(());
            }
            match self.write_once(transport) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.consume(written, &mut sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write_once(&self, transport: &mut dyn Transport) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(&piece.bytes);
            count += 1;
        }
        transport.write_vectored(&slices[..count])
    }

    /// Takes `written` bytes off the front, and with them each piece that has none left.
    fn consume(&mut self, mut written: usize, sent: &mut impl FnMut(u64)) {
        while let Some(piece) = self.pieces.front_mut() {
            if piece.bytes.len() > written {
                piece.bytes.advance(written);
                return;
            }
            written -= piece.bytes.len();
            let ends = piece.ends;
            // Dropped first: who hears that a frame is sent may count on its memory.
            self.pieces.pop_front();
            if let Some(token) = ends {
                sent(token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::Owned;
    use proptest::prelude::*;
    use std::sync::atomic::Ordering;

    /// Takes as many bytes per call as it is told, then blocks.
    #[derive(Default)]
    struct Scripted {
        script: VecDeque<usize>,
        written: Vec<u8>,
        slices_most: usize,
    }

    impl Transport for Scripted {
        fn finish_connect(&mut self) -> io::Result<bool> {
            Ok(true)
        }
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
        fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            self.slices_most = self.slices_most.max(pieces.len());
            let room = self.script.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            let taken = room.min(all.len());
            self.written.extend_from_slice(&all[..taken]);
            Ok(taken)
        }
    }

    #[test]
    fn a_piece_is_dropped_with_its_last_byte_and_not_before() {
        let (first, first_dropped) = Owned::bytes(vec![1; 10]);
        let (second, second_dropped) = Owned::bytes(vec![2; 10]);
        let mut queue = OutputQueue::default();
        let mut sent = Vec::new();
        queue.push(7, vec![first, second]);
        let mut socket = Scripted { script: [9].into(), ..Scripted::default() };
        queue.flush(&mut socket, |token| sent.push(token)).unwrap();
        assert!(!first_dropped.load(Ordering::Relaxed));

        socket.script = [1].into();
        queue.flush(&mut socket, |token| sent.push(token)).unwrap();
        assert!(first_dropped.load(Ordering::Relaxed));
        assert!(sent.is_empty());

        socket.script = [9].into();
        queue.flush(&mut socket, |token| sent.push(token)).unwrap();
        assert!(!second_dropped.load(Ordering::Relaxed));
        assert!(sent.is_empty());

        socket.script = [1].into();
        queue.flush(&mut socket, |token| sent.push(token)).unwrap();
        assert!(second_dropped.load(Ordering::Relaxed));
        assert_eq!(sent, [7]);
    }

    #[test]
    fn empty_frames_and_empty_pieces_are_sent_in_their_turn() {
        let mut queue = OutputQueue::default();
        queue.push(1, vec![]);
        queue.push(2, vec![Bytes::new(), Bytes::from_static(b"ab"), Bytes::new()]);
        queue.push(3, vec![]);
        let mut socket = Scripted { script: [1, 1].into(), ..Scripted::default() };
        let mut sent = Vec::new();
        queue.flush(&mut socket, |token| sent.push(token)).unwrap();
        assert_eq!(sent, [1, 2, 3]);
        assert_eq!(socket.written, b"ab");
    }

    #[test]
    fn a_socket_that_takes_nothing_is_an_error_and_not_an_endless_loop() {
        let mut queue = OutputQueue::default();
        queue.push(1, vec![Bytes::from_static(b"ab")]);
        let mut socket = Scripted { script: [0].into(), ..Scripted::default() };
        let error = queue.flush(&mut socket, |_| {}).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn one_call_takes_pieces_of_many_frames_up_to_its_limit() {
        let mut queue = OutputQueue::default();
        for token in 0..50 {
            queue.push(token, vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        }
        let mut socket = Scripted { script: [1000, 1000].into(), ..Scripted::default() };
        let mut sent = Vec::new();
        queue.flush(&mut socket, |token| sent.push(token)).unwrap();
        assert_eq!(socket.slices_most, SLICES_MAX);
        assert_eq!(sent, Vec::from_iter(0..50));
    }

    proptest! {
        #[test]
        fn bytes_and_tokens_keep_their_order_however_the_socket_cuts_them(
            frames in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6), 0..40),
            script in prop::collection::vec(1_usize..60, 0..60),
        ) {
            let expected: Vec<u8> = frames.concat().concat();
            let tokens: Vec<u64> = (0..frames.len() as u64).collect();
            let mut queue = OutputQueue::default();
            for (token, frame) in frames.into_iter().enumerate() {
                queue.push(token as u64, frame.into_iter().map(Bytes::from).collect());
            }
            let mut socket = Scripted { script: script.into(), ..Scripted::default() };
            let mut sent = Vec::new();
            queue.flush(&mut socket, |token| sent.push(token)).unwrap();
            prop_assert!(expected.starts_with(&socket.written));
            socket.script = [usize::MAX; 10].into();
            queue.flush(&mut socket, |token| sent.push(token)).unwrap();
            prop_assert_eq!(socket.written, expected);
            prop_assert_eq!(sent, tokens);
        }
    }
}
