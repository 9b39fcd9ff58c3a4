//! Ports where nobody answers.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted once somebody listens.
const BACKLOG: u32 = 64;

/// A port of loopback that refuses every connection as long as this value lives. It stays bound, so that no other program is given it
/// meanwhile: a port that is bound and released again may answer a moment later.
#[derive(Debug)]
pub struct ClosedPort {
    socket: TcpSocket,
    address: SocketAddr,
}

impl ClosedPort {
    /// A port that the system chooses.
    ///
    /// # Panics
    ///
    /// When the system has none.
    #[must_use]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind((Ipv4Addr::LOCALHOST, 0).into())
            .expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        Self { socket, address }
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens it: connections are accepted from now on.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    #[must_use]
    pub fn listen(self) -> TcpListener {
        self.socket.listen(BACKLOG).expect("a bound socket listens")
    }
}

impl Default for ClosedPort {
    fn default() -> Self {
        Self::new()
    }
}
