//! Listening sockets. Binding and listening are two steps: a server may own its port long before
//! it is ready to serve, and keep it while it is down, when clients are refused.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections the operating system holds that nobody accepted yet.
const BACKLOG: i32 = 1024;

/// A socket that owns its address and refuses connections.
#[derive(Debug)]
pub struct BoundSocket {
    socket: Socket,
    addr: SocketAddr,
}

impl BoundSocket {
    /// Takes the address; port 0 takes a free one.
    pub fn bind(addr: SocketAddr) -> io::Result<BoundSocket> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // Connections of an earlier socket may linger on the port after their end.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        let taken = socket.local_addr()?.as_socket();
        let addr = taken.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        Ok(BoundSocket { socket, addr })
    }

    /// The address, with the port that was taken.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets clients connect; until somebody accepts them they wait.
    pub fn listen(self) -> io::Result<ListeningSocket> {
        self.socket.listen(BACKLOG)?;
        Ok(ListeningSocket { listener: mio::net::TcpListener::from_std(self.socket.into()) })
    }
}

/// A socket that clients can connect to.
#[derive(Debug)]
pub struct ListeningSocket {
    pub(super) listener: mio::net::TcpListener,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpStream};

    fn free_port() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    #[test]
    fn a_bound_socket_refuses_and_a_listening_one_does_not() {
        let bound = BoundSocket::bind(free_port()).unwrap();
        let addr = bound.addr();
        let error = TcpStream::connect(addr).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let listening = bound.listen().unwrap();
        TcpStream::connect(addr).unwrap();
        drop(listening);
        let again = BoundSocket::bind(addr).unwrap();
        assert_eq!(again.addr(), addr);
    }
}
