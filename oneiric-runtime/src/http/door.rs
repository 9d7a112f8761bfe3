//! Where requests come in: a port, or a socket in the state directory.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::control;

/// Something that connections come from.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Which door it is.
    const DOOR: Door;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Through which door a request came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    /// The port, where anybody may stand.
    Public,
    /// The socket, for the user who runs the program.
    Control,
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    const DOOR: Door = Door::Public;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // Answers are written in one piece; waiting for more would only delay the last of them.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    const DOOR: Door = Door::Control;

    async fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.accept().await?;
        control::check_peer(&stream)?;
        Ok(stream)
    }
}
