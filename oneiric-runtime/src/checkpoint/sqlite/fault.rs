//! What SQLite's and the system's errors mean to the person who must do something about them.
//!
//! Every message says what was wrong, where, and what to do. Whether the process goes on is not decided here.

use std::io;
use std::path::Path;

use rusqlite::ffi;

use crate::checkpoint::{Error, Kind};

/// Why SQLite could not do `what` with the database at `path`.
pub(super) fn sqlite(error: &rusqlite::Error, what: &str, path: &Path) -> Error {
    let place = path.display();
    let (code, extended) = error
        .sqlite_error()
        .map_or((ffi::SQLITE_ERROR, 0), |fault| (fault.extended_code & 0xff, fault.extended_code));
    let (kind, way_out) = match (code, extended) {
        (ffi::SQLITE_FULL, _) => (Kind::Full, "the disk, or the quota, is full: make room and start again"),
        (_, ffi::SQLITE_READONLY_DBMOVED) => {
            (Kind::Io, "the file was moved or deleted while in use: put it back and start again")
        }
        (ffi::SQLITE_READONLY | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM | ffi::SQLITE_AUTH, _) => {
            (Kind::Denied, "make the state directory and its files writable for this user, or choose another")
        }
        (ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED, _) => {
            (Kind::Locked, "another program holds a lock on it: close that program, then start again")
        }
        (ffi::SQLITE_NOTADB, _) => (
            Kind::Corrupt,
            "it is not a database, or its first page is damaged: restore it from a backup, or move it away to begin anew",
        ),
        (ffi::SQLITE_CORRUPT, _) => {
            (Kind::Corrupt, "the file is damaged: restore it from a backup, or move it away to begin anew")
        }
        _ => (Kind::Io, "check the disk and the system's log, then start again"),
    };
    Error::new(kind, format!("cannot {what} `{place}`: {error}; {way_out}"))
}

/// Why the system could not do `what` with `path`.
pub(super) fn system(error: &io::Error, what: &str, path: &Path) -> Error {
    let place = path.display();
    let (kind, way_out) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            (Kind::Full, "make room and start again")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (Kind::Denied, "make it writable for this user, or choose another state directory")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory => (
            Kind::Denied,
            "something else is in its place: move that away, or choose another state directory",
        ),
        _ => (Kind::Io, "check the disk and the system's log, then start again"),
    };
    Error::new(kind, format!("cannot {what} `{place}`: {error}; {way_out}"))
}
