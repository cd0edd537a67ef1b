//! Opening the listeners: all of them, or none.
//!
//! Every thread has its own socket of every listener (`SO_REUSEPORT`), and the kernel deals the
//! far ends out among them: one far end always comes to the same thread.
//!
//! `[::]` serves IPv4 as well, unless `0.0.0.0` with the same port and transport is listed too:
//! then each serves its own family.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Settings;
use crate::effect::Transport;
use crate::io::net::certificates::CertificateError;

/// The sockets of one thread, one for each listener and in their order.
pub(crate) type Sockets = Vec<Listening>;

/// One thread's socket of one listener.
#[derive(Debug)]
pub(crate) enum Listening {
    Udp(UdpSocket),
    Stream(TcpListener),
}

/// Why a listener could not be opened; nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else has it.
    #[error(
        "{transport} {address} is in use: stop the program that has it \
         (`ss -lnp 'sport = :{}'` names it) or give another address in [[listen]]",
        address.port()
    )]
    InUse {
        /// The transport.
        transport: Transport,
        /// The address.
        address: SocketAddr,
    },
    /// It is not an address of this machine.
    #[error(
        "this machine has no address {}: `ip address` lists those it has; put one of them, or 0.0.0.0 for all, in [[listen]]",
        address.ip()
    )]
    NotOurs {
        /// The address.
        address: SocketAddr,
    },
    /// The port is for privileged programs.
    #[error(
        "{transport} {address} is not permitted to this user: use a port above 1023, or grant CAP_NET_BIND_SERVICE"
    )]
    NotPermitted {
        /// The transport.
        transport: Transport,
        /// The address.
        address: SocketAddr,
    },
    /// It cannot prove who it is.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Anything else.
    #[error("{transport} {address} cannot be opened: {error}")]
    Other {
        /// The transport.
        transport: Transport,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

/// Opens every listener once for each thread. A listener with port 0 gets a free port, and the
/// settings are told which.
pub(crate) fn open(settings: &mut Settings) -> Result<Vec<Sockets>, OpenError> {
    let mut threads: Vec<Sockets> = (0..settings.servers).map(|_| Vec::new()).collect();
    for index in 0..settings.listeners.len() {
        let Some(door) = Door::of(settings, index) else { continue };
        let sockets = door.open(threads.len()).map_err(|error| door.explain(error))?;
        let bound = sockets.first().and_then(|socket| socket.local_addr().ok()?.as_socket());
        if let (Some(listener), Some(bound)) = (settings.listeners.get_mut(index), bound)
            && listener.address.port() == 0
        {
            listener.address.set_port(bound.port());
            for told in [Some(&mut listener.advertise), listener.advertise_v4.as_mut()].into_iter().flatten()
            {
                if let Some(host) = told.strip_suffix(":0") {
                    *told = format!("{host}:{}", bound.port());
                }
            }
        }
        for (thread, socket) in threads.iter_mut().zip(sockets) {
            thread.push(if door.is_stream() {
                Listening::Stream(socket.into())
            } else {
                Listening::Udp(socket.into())
            });
        }
    }
    Ok(threads)
}

/// A listener that is being opened.
struct Door {
    transport: Transport,
    address: SocketAddr,
    v6_only: bool,
}

impl Door {
    fn of(settings: &Settings, index: usize) -> Option<Self> {
        let listener = settings.listeners.get(index)?;
        let twin = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), listener.address.port());
        let has_twin = settings.listeners.iter().any(|other| {
            other.transport.is_reliable() == listener.transport.is_reliable() && other.address == twin
        });
        let everything = listener.address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        Some(Self {
            transport: listener.transport,
            address: listener.address,
            v6_only: !everything || has_twin,
        })
    }

    fn is_stream(&self) -> bool {
        self.transport.is_reliable()
    }

    /// One socket for each thread, all on one port.
    fn open(&self, threads: usize) -> io::Result<Vec<Socket>> {
        let mut address = self.address;
        if address.port() != 0 {
            // With SO_REUSEPORT another program of the same user could share the port and take half
            // of what comes in: so first see that nobody has it.
            self.bind(address, false)?;
        }
        let mut sockets = Vec::with_capacity(threads);
        for _ in 0..threads {
            let socket = self.bind(address, true)?;
            if let Some(bound) = socket.local_addr()?.as_socket() {
                address.set_port(bound.port());
            }
            sockets.push(socket);
        }
        // Only now, that nothing else can fail, are connections let in.
        if self.is_stream() {
            sockets.iter().try_for_each(|socket| socket.listen(BACKLOG))?;
        }
        Ok(sockets)
    }

    fn bind(&self, address: SocketAddr, shared: bool) -> io::Result<Socket> {
        let (kind, protocol) =
            if self.is_stream() { (Type::STREAM, Protocol::TCP) } else { (Type::DGRAM, Protocol::UDP) };
        let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(self.v6_only)?;
        }
        if self.is_stream() {
            // A connection of an earlier run that is still being buried is no reason not to start.
            socket.set_reuse_address(true)?;
        } else {
            // The system grants what it allows; less is no reason either.
            let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
            let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        }
        if shared {
            socket.set_reuse_port(true)?;
        }
        socket.bind(&address.into())?;
        Ok(socket)
    }

    fn explain(&self, error: io::Error) -> OpenError {
        let Self { transport, address, .. } = *self;
        #[allow(clippy::wildcard_enum_match_arm, reason = "the system's errors are not ours to list")]
        match error.kind() {
            io::ErrorKind::AddrInUse => OpenError::InUse { transport, address },
            io::ErrorKind::AddrNotAvailable => OpenError::NotOurs { address },
            io::ErrorKind::PermissionDenied => OpenError::NotPermitted { transport, address },
            _ => OpenError::Other { transport, address, error },
        }
    }
}

/// What the kernel may hold for us while a thread is busy: a burst of some thousand messages.
const BUFFER_BYTES: usize = 4 << 20;
/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 1024;
