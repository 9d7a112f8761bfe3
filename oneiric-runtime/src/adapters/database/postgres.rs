//! PostgreSQL 12 or later, where the instances of a program keep the runs that they share.
//!
//! With `checkpoint: { adapter: NAME }` runs are kept there instead of in a file, which is what a program needs that runs
//! more than once, or where no disk lasts, as on Cloud Run. Each run is held by one instance at a time; when an instance
//! dies, or is silent for longer than `lease`, others go on with its runs where they are recorded to be. An instance
//! that stops in good order lets go of them at once.
//!
//! The connection is named by `dsn`, or by `host` and what goes with it. A host that is a folder is that of a Unix
//! socket, so Cloud SQL is reached through `/cloudsql/PROJECT:REGION:INSTANCE`. A proxy between must hand a session
//! through as a whole: PgBouncer's transaction mode does not.
//!
//! The tables are in a schema of their own, which is made at the first start; the user needs the right to make it, or has
//! to be its owner. An instance uses two connections.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::Checkpoints;
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::checkpoint::{self, PostgresSettings, Store};
use crate::secret::Secret;
use crate::settings::Period;

/// Where the database is, and how it is used.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// All of the connection in one text, as `postgres://user:password@host:5432/database`. It takes the place of the
    /// settings from `host` to `database`.
    #[serde(default)]
    pub dsn: Option<Secret>,
    /// The host, or the folder of its Unix socket.
    #[serde(default)]
    pub host: Option<String>,
    /// The port.
    #[serde(default = "port")]
    pub port: u16,
    /// The user.
    #[serde(default = "postgres")]
    pub user: String,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The database.
    #[serde(default = "postgres")]
    pub database: String,
    /// Whether the connection is encrypted, and the server's certificate checked. `ONEIRIC_TLS_ROOTS` names who may have
    /// signed it, if not one of the public authorities.
    #[serde(default)]
    pub ssl: bool,
    /// Accepted for the sake of manifests of the first Oneiric: runs are kept over two connections.
    #[serde(default)]
    pub min_size: Option<u32>,
    /// Accepted for the sake of manifests of the first Oneiric: runs are kept over two connections.
    #[serde(default)]
    pub max_size: Option<u32>,
    /// How long the server may work on a statement; without end if it is left out.
    #[serde(default)]
    pub statement_timeout: Option<Period>,
    /// The schema of the tables; `oneiric_` and the program's name if it is left out. Programs that share a schema share
    /// their runs.
    #[serde(default)]
    pub schema: Option<String>,
    /// How long an instance may be silent before others go on with its runs.
    #[serde(default = "lease")]
    pub lease: Period,
}

fn port() -> u16 {
    5432
}

fn postgres() -> String {
    "postgres".to_owned()
}

fn lease() -> Period {
    Period::secs(15)
}

/// A Postgres database.
#[derive(Debug)]
pub struct Postgres(PostgresSettings);

impl Adapter for Postgres {
    const ID: &'static str = "database.postgres";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        connection(&settings, setup.program()).map(Self).map_err(|error| told(&error))
    }

    async fn health(&self) -> Result<(), Error> {
        checkpoint::Postgres::ping(&self.0).await.map_err(|error| told(&error))
    }
}

impl Checkpoints for Postgres {
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Store>, checkpoint::Error>> {
        Box::pin(async { Ok(Arc::new(checkpoint::Postgres::open(self.0.clone()).await?) as _) })
    }

    fn open_reader(&self) -> BoxFuture<'_, Result<Arc<dyn Store>, checkpoint::Error>> {
        Box::pin(async { Ok(Arc::new(checkpoint::Postgres::open_reader(self.0.clone()).await?) as _) })
    }
}

/// What the store is told of the connection.
fn connection(settings: &Settings, program: &str) -> Result<PostgresSettings, checkpoint::Error> {
    let Settings { dsn, host, port, user, password, database, ssl, statement_timeout, schema, lease, .. } = settings;
    let of_settings = match (dsn, host) {
        (Some(dsn), None) => PostgresSettings::of_dsn(dsn.expose())?,
        (None, Some(host)) => {
            PostgresSettings::at(host, *port, user, password.as_ref().map(Secret::expose), database)?
        }
        (dsn, _) => {
            let which = if dsn.is_some() { "not both" } else { "one of them is needed" };
            let message = format!("`dsn` or `host` says where the database is: {which}");
            return Err(checkpoint::Error::new(checkpoint::Kind::Denied, message));
        }
    };
    let schema = schema.clone().unwrap_or_else(|| schema_of(program));
    let mut settings = of_settings.schema(&schema)?.lease(lease.0);
    if let Some(Period(timeout)) = statement_timeout {
        settings = settings.statement_timeout(*timeout);
    }
    if *ssl { settings.encrypted() } else { Ok(settings) }
}

/// The schema of a program whose settings name none.
fn schema_of(program: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("oneiric_{}", program.chars().map(plain).take(50).collect::<String>())
}

fn told(error: &checkpoint::Error) -> Error {
    use checkpoint::Kind as Store;

    let kind = match error.kind() {
        Store::Denied => Kind::Denied,
        Store::Version | Store::Corrupt => Kind::Rejected,
        _ => Kind::Unavailable,
    };
    Error::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use oneiric_tests::services::Postgres as Server;
    use serde_json::{Value, json};

    use super::*;

    fn read(settings: Value) -> Result<PostgresSettings, String> {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        connection(&settings, "my-shop").map_err(|error| error.to_string())
    }

    #[test]
    fn a_connection_is_named_in_one_of_two_ways() {
        let of_host = read(json!({ "host": "/cloudsql/demo:here:db", "user": "app", "database": "shop" })).unwrap();
        let of_dsn = read(json!({ "dsn": "host=/cloudsql/demo:here:db user=app dbname=shop" })).unwrap();
        assert_eq!(format!("{of_host:?}"), format!("{of_dsn:?}"));
        assert!(format!("{of_host:?}").contains("oneiric_my_shop"), "{of_host:?}");
        assert!(read(json!({})).unwrap_err().contains("one of them is needed"));
        assert!(read(json!({ "dsn": "postgres://db", "host": "db" })).unwrap_err().contains("not both"));
        assert!(read(json!({ "host": "db", "schema": "A" })).unwrap_err().contains("cannot be the name"));
        assert!(read(json!({ "host": "db", "prt": 1 })).unwrap_err().contains("unknown field"));
    }

    #[test]
    fn a_long_name_still_makes_a_schema() {
        let settings: Settings = serde_json::from_value(json!({ "host": "db" })).unwrap();
        assert!(connection(&settings, &"Ü-".repeat(80)).is_ok());
    }

    #[tokio::test]
    async fn health_is_whether_the_server_answers() {
        let server = Server::shared();
        let adapter = Postgres(read(json!({ "dsn": server.dsn() })).unwrap());
        assert_eq!(adapter.health().await, Ok(()));
        let away = Postgres(read(json!({ "host": "/nowhere", "password": "hush" })).unwrap());
        let error = away.health().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
