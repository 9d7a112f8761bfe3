//! Where requests come in: a port, or a socket in the state directory.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::control;

/// Something that connections come from.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Which door it is.
    const DOOR: Door;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Connection>> + Send;
}

/// A connection from whichever door, so that the protocol is compiled once and not for each of them.
pub(crate) type Connection = Box<dyn Stream>;

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Through which door a request came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    /// The port, where anybody may stand.
    Public,
    /// The socket, for the user who runs the program.
    Control,
}

impl Listener for TcpListener {
    const DOOR: Door = Door::Public;

    async fn accept(&self) -> io::Result<Connection> {
        let (stream, _) = self.accept().await?;
        // Answers are written in one piece; waiting for more would only delay the last of them.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

impl Listener for UnixListener {
    const DOOR: Door = Door::Control;

    async fn accept(&self) -> io::Result<Connection> {
        let (stream, _) = self.accept().await?;
        control::check_peer(&stream)?;
        Ok(Box::new(stream))
    }
}
