//! The socket in the state directory, for the directory's owner alone.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Its name.
const NAME: &str = "oneiric.sock";

/// The longest path that fits in a socket's address on every system.
const MAX_PATH: usize = 100;

/// Listens in `state_dir`. Whoever has the store to himself knows that a socket that is there already is one that nobody
/// listens to. Where the store is shared, and elsewhere, the directory may be missing, and another may listen in it.
pub(crate) fn listen(state_dir: &Path, is_shared: bool) -> io::Result<UnixListener> {
    let path = state_dir.join(NAME);
    if is_shared {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir)?;
        if at(state_dir, std::os::unix::net::UnixStream::connect).is_ok() {
            let message =
                "another process listens in the state directory: set ONEIRIC_STATE_DIR to one for each";
            return Err(io::Error::new(ErrorKind::AddrInUse, message));
        }
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = at(state_dir, |path| UnixListener::bind(path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Takes the socket away when nobody listens any more.
pub(crate) fn forget(state_dir: &Path) {
    // One that stays is taken for what it is by the next process.
    let _ = fs::remove_file(state_dir.join(NAME));
}

/// Whether there is a socket. One that is may have been left by a process that was killed.
pub(super) fn is_there(state_dir: &Path) -> bool {
    state_dir.join(NAME).exists()
}

/// Speaks to whoever listens in `state_dir`.
pub(super) fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let stream = at(state_dir, std::os::unix::net::UnixStream::connect)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Refuses processes of other users. The socket's mode does as well, but not between its making and its mode.
pub(crate) fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    if peer == own || peer == 0 { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
}

/// Does `action` with the socket's path, by a short way if it is too long for an address.
fn at<T>(state_dir: &Path, action: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let path = state_dir.join(NAME);
    if path.as_os_str().len() <= MAX_PATH {
        return action(path);
    }
    let dir = fs::File::open(state_dir)?;
    action(format!("/proc/self/fd/{}/{NAME}", dir.as_raw_fd()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_path_and_a_stale_socket_are_no_hindrance() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = dir.path().join("x".repeat(120));
        fs::create_dir(&state_dir).unwrap();
        drop(listen(&state_dir, false).unwrap());
        assert!(connect(&state_dir).is_err(), "nobody listens");

        let listener = listen(&state_dir, false).unwrap();
        let mode = fs::metadata(state_dir.join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let _connected = connect(&state_dir).unwrap();
        check_peer(&listener.accept().await.unwrap().0).unwrap();
    }

    #[tokio::test]
    async fn beside_a_shared_store_nobody_takes_the_others_place() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = dir.path().join("new");
        let listener = listen(&state_dir, true).unwrap();
        assert_eq!(listen(&state_dir, true).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(listener);
        listen(&state_dir, true).unwrap();
    }
}
