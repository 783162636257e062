//! Cuts what a client sends into requests, one at a time: nothing is read from the socket while a
//! request is being answered, so that a client which sends faster than it is served fills its own
//! socket's buffers and not our memory.

use std::io;

use bytes::Bytes;

use super::transport::Transport;

const HEADER: usize = 4;
/// A length up to this is believed at once; a longer request gets memory as its bytes arrive.
const TRUST_MAX: usize = 1024 * 1024;

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// A whole request, without its length.
    Request(Bytes),
    /// The socket has nothing more for now.
    Blocked,
}

/// The incoming side of one connection.
#[derive(Debug, Default)]
pub struct RequestReader {
    /// Bytes that were read with an earlier request and follow it.
    ahead: Bytes,
    header: Vec<u8>,
    /// Memory for the request; its first `filled` bytes have arrived.
    body: Vec<u8>,
    filled: usize,
}

impl RequestReader {
    /// Reads until there is a request or the socket is empty. `scratch` is shared by all
    /// connections. An error is the reason why the connection is over.
    pub fn read(
        &mut self,
        transport: &mut dyn Transport,
        scratch: &mut [u8],
        request_max: usize,
    ) -> Result<Progress, String> {
        loop {
            if let Some(request) = self.take_ahead(request_max)? {
                return Ok(Progress::Request(request));
            }
            let to_body = self.filled < self.body.len();
            let room = if to_body { &mut self.body[self.filled..] } else { &mut *scratch };
            match transport.read(room) {
                Ok(0) => return Err(self.end_of_stream()),
                Ok(count) if to_body => self.filled += count,
                Ok(count) => self.ahead = Bytes::copy_from_slice(&scratch[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Blocked);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("reading from the client failed: {error}")),
            }
        }
    }

    /// Moves what was read into the request under way, and gives it if that makes it whole.
    fn take_ahead(&mut self, request_max: usize) -> Result<Option<Bytes>, String> {
        if self.header.len() < HEADER {
            let take = self.ahead.len().min(HEADER - self.header.len());
            self.header.extend_from_slice(&self.ahead.split_to(take));
        }
        let Some(header) = self.header.first_chunk::<HEADER>() else { return Ok(None) };
        let announced = i32::from_be_bytes(*header);
        let length = usize::try_from(announced).ok().filter(|length| *length <= request_max);
        let Some(length) = length else {
            return Err(format!(
                "the client announced a request of {announced} bytes; socket.request.max.bytes \
                 is {request_max}"
            ));
        };
        if self.filled == 0 && self.ahead.len() >= length {
            self.header.clear();
            self.body = Vec::new();
            return Ok(Some(self.ahead.split_to(length)));
        }
        if self.filled == self.body.len() && self.filled < length {
            let grown = (2 * self.filled).max(TRUST_MAX).min(length);
            if self.body.is_empty() {
                self.body = vec![0; grown];
            } else {
                self.body.reserve_exact(grown - self.filled);
                self.body.resize(grown, 0);
            }
        }
        let take = self.ahead.len().min(self.body.len() - self.filled);
        let bytes = self.ahead.split_to(take);
        self.body[self.filled..self.filled + take].copy_from_slice(&bytes);
        self.filled += take;
        if self.filled < length {
            return if self.ahead.is_empty() { Ok(None) } else { self.take_ahead(request_max) };
        }
        self.header.clear();
        self.filled = 0;
        Ok(Some(std::mem::take(&mut self.body).into()))
    }

    fn end_of_stream(&self) -> String {
        if self.header.is_empty() {
            "the client closed the connection".to_owned()
        } else {
            "the client closed the connection in the middle of a request".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::io::IoSlice;

    /// A socket that gives its bytes in the pieces it is told, then blocks.
    struct Scripted {
        bytes: VecDeque<u8>,
        pieces: VecDeque<usize>,
    }

    impl Transport for Scripted {
        fn finish_connect(&mut self) -> io::Result<bool> {
            Ok(true)
        }
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.pieces.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
            let count = most.min(buffer.len()).min(self.bytes.len());
            for (to, from) in buffer.iter_mut().zip(self.bytes.drain(..count)) {
                *to = from;
            }
            if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
        }
        fn write_vectored(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn framed(bodies: &[Vec<u8>]) -> Vec<u8> {
        let frame = |body: &Vec<u8>| [&(body.len() as u32).to_be_bytes(), &body[..]].concat();
        bodies.iter().flat_map(frame).collect()
    }

    fn read_all(socket: &mut Scripted, scratch: usize, max: usize) -> Result<Vec<Bytes>, String> {
        let mut reader = RequestReader::default();
        let mut scratch = vec![0; scratch];
        let mut requests = Vec::new();
        loop {
            match reader.read(socket, &mut scratch, max)? {
                Progress::Request(request) => requests.push(request),
                Progress::Blocked if socket.pieces.is_empty() => return Ok(requests),
                Progress::Blocked => {}
            }
        }
    }

    proptest! {
        #[test]
        fn requests_are_the_same_wherever_the_stream_is_cut(
            lengths in prop::collection::vec(0_usize..300, 0..20),
            pieces in prop::collection::vec(1_usize..200, 0..400),
            scratch in 1_usize..100,
        ) {
            let bodies: Vec<Vec<u8>> =
                lengths.iter().enumerate().map(|(i, len)| vec![i as u8; *len]).collect();
            let bytes: VecDeque<u8> = framed(&bodies).into();
            let pieces = pieces.into_iter().chain(std::iter::repeat_n(usize::MAX, 700)).collect();
            let mut socket = Scripted { bytes, pieces };
            let requests = read_all(&mut socket, scratch, 300).unwrap();
            prop_assert_eq!(requests, bodies);
        }
    }

    #[test]
    fn memory_follows_the_bytes_that_came_and_not_the_length() {
        let mut socket = Scripted { bytes: VecDeque::new(), pieces: [usize::MAX; 9].into() };
        socket.bytes.extend(i32::MAX.to_be_bytes());
        socket.bytes.extend([1; 100]);
        let mut reader = RequestReader::default();
        let most = i32::MAX as usize;
        assert_eq!(reader.read(&mut socket, &mut [0; 64], most), Ok(Progress::Blocked));
        assert_eq!(reader.filled, 100);
        assert!(reader.body.capacity() <= TRUST_MAX, "{}", reader.body.capacity());
    }

    #[test]
    fn a_large_request_grows_its_memory_and_comes_out_whole() {
        let body = vec![7; 3 * TRUST_MAX + 5];
        let bytes = framed(std::slice::from_ref(&body)).into();
        let mut socket = Scripted { bytes, pieces: [100_000; 40].into() };
        let requests = read_all(&mut socket, 1000, 4 * TRUST_MAX).unwrap();
        assert_eq!(requests, [body]);
    }

    #[test]
    fn a_bad_length_is_an_error_that_names_the_setting() {
        for announced in [-1, i32::MIN, 101] {
            let bytes = i32::to_be_bytes(announced).into();
            let mut socket = Scripted { bytes, pieces: [9; 9].into() };
            let reason = read_all(&mut socket, 64, 100).unwrap_err();
            assert!(reason.contains(&format!("request of {announced} bytes")), "{reason}");
            assert!(reason.contains("socket.request.max.bytes is 100"), "{reason}");
        }
    }
}
