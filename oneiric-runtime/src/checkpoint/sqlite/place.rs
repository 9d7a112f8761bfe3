//! The state directory: made for its user only, on a disk of this machine, and held by one process at a time.
//!
//! What is in the database is left to `schema`.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::fault;
use crate::checkpoint::{Error, Kind};
use crate::orphans;

/// The names of the files, for `ONEIRIC_STATE_DIR`.
const DATABASE: &str = "oneiric.db";
const LOCK: &str = "oneiric.lock";

/// A state directory that no other process writes to for as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    /// The database.
    pub(super) database: PathBuf,
    /// Whether the last process to hold the place left without closing the store.
    pub(super) was_left_unclean: bool,
    /// The lock goes when this file is closed, however the process ends.
    _lock: File,
}

impl Place {
    /// Makes the directory and its files as far as they are missing, and takes the lock.
    pub(super) fn take(dir: &Path) -> Result<Self, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| fault::system(&error, "make the state directory", dir))?;
        refuse_network(dir)?;
        let (lock, before) = lock(&dir.join(LOCK))?;

        let database = dir.join(DATABASE);
        if database.is_dir() {
            let message = format!(
                "`{}` is a directory, and the database should be there: move it away, or choose another state directory",
                database.display()
            );
            return Err(Error::new(Kind::Denied, message));
        }
        if !database.exists() {
            // SQLite gives its other files the database's mode, so that this one decides for all.
            private_file(&database).map_err(|error| fault::system(&error, "make", &database))?;
            // The names must survive a power cut as well as what will be written under them.
            for dir in [Some(dir), dir.parent()].into_iter().flatten() {
                let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
                File::open(dir)
                    .and_then(|dir| dir.sync_all())
                    .map_err(|error| fault::system(&error, "sync the directory", dir))?;
            }
        }
        let was_left_unclean = write_ahead_log_of(&database).metadata().is_ok_and(|log| log.len() > 0);
        if was_left_unclean {
            orphans::end(&before);
        }
        Ok(Self { database, was_left_unclean, _lock: lock })
    }
}

/// Where the database of a state directory is.
pub(super) fn database_in(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// A clean end leaves no write-ahead log, or an empty one.
fn write_ahead_log_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The lock, and the mark of the process that had it before.
fn lock(path: &Path) -> Result<(File, String), Error> {
    let mut file = private_file(path).map_err(|error| fault::system(&error, "make", path))?;
    // The mark is for whoever comes next, and for the message of a process that is refused; the lock does not depend on it.
    let mut mark = String::new();
    match file.try_lock() {
        Ok(()) => {
            // What is no text is no mark either.
            let _ = file.read_to_string(&mut mark);
            file.rewind()
                .and_then(|()| file.set_len(0))
                .and_then(|()| writeln!(file, "{}", orphans::mark()))
                .map_err(|error| fault::system(&error, "write to", path))?;
            Ok((file, mark.trim().to_owned()))
        }
        Err(TryLockError::WouldBlock) => {
            let holder = match file.read_to_string(&mut mark) {
                Ok(1..) => format!("process {}", orphans::process_of(mark.trim())),
                _ => "another process".to_owned(),
            };
            let message = format!(
                "{holder} holds `{}`: one process at a time may write to a state directory; stop that process, or set \
                 ONEIRIC_STATE_DIR to another directory",
                path.display()
            );
            Err(Error::new(Kind::Locked, message))
        }
        Err(TryLockError::Error(error)) => Err(fault::system(&error, "lock", path)),
    }
}

/// SQLite's write-ahead log needs memory that is shared between processes, and locks that hold; file systems on other
/// machines have neither.
#[cfg(target_os = "linux")]
fn refuse_network(dir: &Path) -> Result<(), Error> {
    const NETWORK: [(i128, &str); 6] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x00c3_6400, "Ceph"),
        (0x5346_414f, "AFS"),
    ];
    let Ok(found) = rustix::fs::statfs(dir) else { return Ok(()) };
    // The number's type differs between platforms; its low 32 bits do not.
    let magic = i128::from(found.f_type) & 0xffff_ffff;
    match NETWORK.iter().find(|(number, _)| *number == magic) {
        None => Ok(()),
        Some((_, name)) => {
            let message = format!(
                "`{}` is on a network file system ({name}), where what is written may be lost or damaged; set \
                 ONEIRIC_STATE_DIR to a directory on a disk of this machine",
                dir.display()
            );
            Err(Error::new(Kind::Denied, message))
        }
    }
}

/// Other systems do not say it in one call.
#[cfg(not(target_os = "linux"))]
fn refuse_network(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Whether there is a state directory with a database that this user may read.
pub(super) fn look(dir: &Path) -> Result<PathBuf, Error> {
    let database = database_in(dir);
    fs::File::open(&database).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            let message = format!(
                "there is no `{}`: nothing has run with this state directory yet, or ONEIRIC_STATE_DIR names another",
                database.display()
            );
            Error::new(Kind::Denied, message)
        } else {
            fault::system(&error, "read", &database)
        }
    })?;
    Ok(database)
}
