//! Where the database is, and how a store uses it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::checkpoint::{Error, Kind};
use crate::tls::Roots;

/// How long a process keeps the runs that it holds without saying that it is alive, unless the settings say otherwise:
/// long enough for a pause, short enough for who waits for a run of a process that died.
const LEASE: Duration = Duration::from_secs(15);

/// The shortest lease, below which a busy machine would lose it without a fault.
const SHORTEST_LEASE: Duration = Duration::from_millis(500);

/// The schema in which the tables are, unless the settings say otherwise.
const SCHEMA: &str = "oneiric";

/// Which database, and how it is used. It does not print the password.
#[derive(Clone)]
pub struct Settings {
    pub(super) config: tokio_postgres::Config,
    pub(super) schema: String,
    pub(super) lease: Duration,
    pub(super) statement_timeout: Option<Duration>,
    /// How the connection is encrypted, if it is.
    pub(super) tls: Option<rustls::ClientConfig>,
}

impl Settings {
    /// The database that a connection string names, as a URL (`postgres://user@host:5432/database`) or as words
    /// (`host=/cloudsql/project:region:instance user=…`).
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_dsn(dsn: &str) -> Result<Self, Error> {
        // What is wrong with it is not repeated, because it may be the password.
        let config = dsn.parse::<tokio_postgres::Config>().map_err(|_| {
            Error::new(
                Kind::Denied,
                "the dsn of the Postgres database cannot be read; it has the form \
                 postgres://user:password@host:5432/database, where special characters are written as %XX",
            )
        })?;
        Self::of(config)
    }

    /// The database of this name on a host, which is a name, an address, or the directory of a Unix socket.
    ///
    /// # Errors
    /// When the host is empty.
    pub fn at(
        host: &str,
        port: u16,
        user: &str,
        password: Option<&str>,
        database: &str,
    ) -> Result<Self, Error> {
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(port).user(user).dbname(database);
        if let Some(password) = password {
            config.password(password);
        }
        Self::of(config)
    }

    fn of(mut config: tokio_postgres::Config) -> Result<Self, Error> {
        if config.get_hosts().iter().all(|host| matches!(host, Host::Tcp(name) if name.is_empty())) {
            return Err(Error::new(Kind::Denied, "the settings of the Postgres database name no host"));
        }
        config.target_session_attrs(TargetSessionAttrs::ReadWrite).ssl_mode(SslMode::Disable);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        Ok(Self { config, schema: SCHEMA.to_owned(), lease: LEASE, statement_timeout: None, tls: None })
    }

    /// Keeps the tables in this schema. Programs that share a database but not their runs each need one of their own.
    ///
    /// # Errors
    /// When it is not a plain name.
    pub fn schema(mut self, schema: &str) -> Result<Self, Error> {
        let is_plain = schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && schema.len() <= 63
            && !schema.starts_with("pg_");
        if !is_plain {
            let message = format!(
                "`{schema}` cannot be the name of a schema here: it has at most 63 small letters, digits and `_`, and \
                 does not begin with a digit or `pg_`"
            );
            return Err(Error::new(Kind::Denied, message));
        }
        schema.clone_into(&mut self.schema);
        Ok(self)
    }

    /// For how long a process may be silent before others go on with its runs; at least half a second.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(SHORTEST_LEASE);
        self
    }

    /// How long the server works on a statement before it gives up; it waits without end if nobody says.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// Encrypts the connection, and checks that the server is the one that is named: by Mozilla's list of authorities, or
    /// by those in the file that `ONEIRIC_TLS_ROOTS` names.
    ///
    /// # Errors
    /// When that file cannot be read.
    pub fn encrypted(self) -> Result<Self, Error> {
        self.trusting(&Roots::from_env())
    }

    /// Encrypts the connection to a server that `roots` vouch for.
    pub(super) fn trusting(mut self, roots: &Roots) -> Result<Self, Error> {
        self.tls = Some(roots.config().map_err(|error| Error::new(Kind::Denied, error))?);
        self.config.ssl_mode(SslMode::Require);
        Ok(self)
    }

    /// The database in words, without anything secret.
    pub(super) fn place(&self) -> String {
        let name = self.config.get_dbname().or(self.config.get_user()).unwrap_or("postgres");
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => Path::new(path).display().to_string(),
        };
        let hosts = self.config.get_hosts().iter().map(host).collect::<Vec<_>>().join(", ");
        format!("the Postgres database `{name}` at {hosts}")
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("place", &self.place())
            .field("schema", &self.schema)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_the_place_of_a_socket() {
        let cloud_sql =
            Settings::at("/cloudsql/demo:us-central1:db", 5432, "app", Some("hush"), "shop").unwrap();
        assert_eq!(cloud_sql.place(), "the Postgres database `shop` at /cloudsql/demo:us-central1:db");
        let dsn = Settings::of_dsn("host=/cloudsql/demo:us-central1:db user=app password=hush dbname=shop")
            .unwrap();
        assert_eq!(dsn.place(), cloud_sql.place());
        let url = Settings::of_dsn("postgres://app:hush@%2Fcloudsql%2Fdemo:5432/shop").unwrap();
        assert_eq!(url.place(), "the Postgres database `shop` at /cloudsql/demo");
    }

    #[test]
    fn nothing_shows_the_password() {
        let settings = Settings::at("db.example.org", 5432, "app", Some("hush"), "shop").unwrap();
        assert!(!format!("{settings:?}").contains("hush"), "{settings:?}");
        let error = Settings::of_dsn("postgres://app:hush@db:hush/shop").unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        let settings = Settings::at("db", 5432, "app", None, "shop").unwrap();
        assert!(settings.clone().schema("oneiric_shop2").is_ok());
        for name in ["", "Shop", "2shop", "a-b", "a\"b", "pg_shop", &"x".repeat(64)] {
            assert!(settings.clone().schema(name).is_err(), "{name}");
        }
    }
}
