//! How bytes get from a connection to its socket: the door for TLS.
//!
//! A connection drives a `Transport` and knows nothing below it. `PlaintextTransport` is a bare
//! socket; one for TLS would finish its handshake in `finish_connect` and answer `WouldBlock`
//! from the other two where TLS itself is short of bytes.

use std::io::{self, IoSlice, Read};
use std::os::fd::AsFd;

use socket2::SockRef;

/// A non-blocking byte stream whose socket is registered, edge-triggered, for both directions:
/// after `WouldBlock` the selector calls again when the socket is ready.
pub trait Transport: Send {
    /// Goes on with connecting; true once application bytes may flow.
    fn finish_connect(&mut self) -> io::Result<bool>;
    /// Reads what is there; 0 is the end of the stream.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes some of the pieces' bytes, in order; gives how many. `pieces` is not empty.
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// A bare TCP socket (`security.protocol=PLAINTEXT`).
pub struct PlaintextTransport<S> {
    stream: S,
}

impl<S: Read + AsFd + Send> PlaintextTransport<S> {
    /// A transport over a socket that connects or is connected.
    pub fn new(stream: S) -> PlaintextTransport<S> {
        PlaintextTransport { stream }
    }
}

impl<S: Read + AsFd + Send> Transport for PlaintextTransport<S> {
    fn finish_connect(&mut self) -> io::Result<bool> {
        let socket = SockRef::from(&self.stream);
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        let peer = match socket.peer_addr() {
            Ok(peer) => peer,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(error),
        };
        // Linux may give a socket that connects to an unused local port that very port, and it
        // is then connected to itself. No broker is there.
        if socket.local_addr()? == peer {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        // The standard library's `write_vectored` is writev, which raises SIGPIPE when the peer
        // is gone. A C program that loads this library has not blocked it and would die of it.
        SockRef::from(&self.stream).send_vectored_with_flags(pieces, libc::MSG_NOSIGNAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    #[test]
    fn a_socket_connected_to_itself_counts_as_refused() {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.connect(&socket.local_addr().unwrap()).unwrap();
        let mut transport = PlaintextTransport::new(TcpStream::from(socket));
        let error = transport.finish_connect().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_connected_socket_is_connected() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(PlaintextTransport::new(stream).finish_connect().unwrap());
    }
}
