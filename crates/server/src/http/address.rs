//! Opening the sockets that a listener listens on.

use crate::config::Address;
use std::{
    io::{self, ErrorKind},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// An open socket that accepts connections.
#[derive(Debug)]
pub(super) enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket, with the file that goes when it is closed.
    Unix(UnixListener),
}

/// Open `address`, and say where that is: a free port has a number then.
pub(super) async fn open(address: &Address) -> io::Result<(Socket, Address)> {
    match address {
        Address::Tcp(tcp) => {
            let listener = TcpListener::bind(tcp).await?;
            let at = Address::Tcp(listener.local_addr()?);
            Ok((Socket::Tcp(listener), at))
        }
        Address::Unix(path) => {
            remove_stale(path).await?;
            let listener = UnixListener::bind(path)?;
            // The group may connect: a proxy runs as another user.
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
            Ok((Socket::Unix(listener), address.clone()))
        }
    }
}

/// Remove a socket file that nobody listens on any more: what a killed process leaves behind.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "the path exists and is not a socket",
        ));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::new(
            ErrorKind::AddrInUse,
            "another process listens there",
        )),
    }
}
