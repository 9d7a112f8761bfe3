//! What the server's and the connection's errors mean: to the store, which may try again, and to the person who must do
//! something about them.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::checkpoint::{Error, Kind};

/// What can be done after an error.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection is gone, or was never there. Whether the last transaction was committed is unknown.
    Lost(Error),
    /// The transaction was rolled back, and can be made again at once.
    Again(Error),
    /// Nothing: it would fail again.
    Final(Error),
}

impl Fault {
    /// The error itself.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Lost(error) | Self::Again(error) | Self::Final(error) => error,
        }
    }
}

/// What an error of doing `what` with `place` means.
pub(super) fn judge(error: &tokio_postgres::Error, what: &str, place: &str) -> Fault {
    let Some(database) = error.as_db_error() else {
        let cause = std::error::Error::source(error);
        let why = cause.map_or_else(|| error.to_string(), ToString::to_string);
        // What a TLS library refuses comes as invalid data.
        let is_transient = |error: &std::io::Error| error.kind() != std::io::ErrorKind::InvalidData;
        if cause.is_none_or(|cause| cause.downcast_ref().is_some_and(is_transient)) {
            return Fault::Lost(told(Kind::Io, what, place, &why, "see that it runs and can be reached"));
        }
        // Of the rest, all that can happen between two sound programs is that they do not agree on a login.
        let way_out = "check the settings of the database";
        return Fault::Final(told(Kind::Denied, what, place, &why, way_out));
    };
    let code = database.code();
    let why = format!("{} ({})", database.message(), code.code());
    let told = |kind, way_out| told(kind, what, place, &why, way_out);
    let starts = |class: &str| code.code().starts_with(class);
    if [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::QUERY_CANCELED]
        .contains(&code)
    {
        return Fault::Again(told(Kind::Io, "start again when it is less busy"));
    }
    if starts("08")
        || starts("57P")
        || [&SqlState::TOO_MANY_CONNECTIONS, &SqlState::READ_ONLY_SQL_TRANSACTION].contains(&code)
    {
        return Fault::Lost(told(Kind::Io, "see that it runs, takes connections, and may be written to"));
    }
    Fault::Final(match code {
        code if [&SqlState::DISK_FULL, &SqlState::OUT_OF_MEMORY].contains(&code) => {
            told(Kind::Full, "make room on the server and start again")
        }
        code if [&SqlState::INSUFFICIENT_PRIVILEGE, &SqlState::UNDEFINED_DATABASE].contains(&code) => {
            told(Kind::Denied, "give the user the right to connect, and to create a schema or to use it")
        }
        _ if starts("28") => told(Kind::Denied, "check the user and the password"),
        code if [&SqlState::DATA_CORRUPTED, &SqlState::INDEX_CORRUPTED].contains(&code) => {
            told(Kind::Corrupt, "restore it from a backup")
        }
        _ => told(Kind::Io, "look for more in the server's log"),
    })
}

/// The error of a server that did not answer for this long.
pub(super) fn silent(what: &str, place: &str, waited: Duration) -> Error {
    told(Kind::Io, what, place, &format!("no answer for {waited:?}"), "see that it runs and can be reached")
}

fn told(kind: Kind, what: &str, place: &str, why: &str, way_out: &str) -> Error {
    Error::new(kind, format!("cannot {what} {place}: {why}; {way_out}"))
}
