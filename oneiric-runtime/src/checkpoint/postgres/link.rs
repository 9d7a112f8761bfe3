//! A connection, set up and with its statements prepared.

use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::{self, Fault};
use super::settings::Settings;
use super::statement::Statements;
use super::{schema, statement};
use crate::checkpoint::{Error, Kind};

/// How long a transaction may take before its connection is given up. None of ours takes a tenth of it on a sound server.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What a connection is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// It writes, makes the tables if they are missing, and hears what others announce.
    Write,
    /// It only reads.
    Read,
}

/// A connection. It is closed when this is dropped.
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) statements: Statements,
    /// What others announce; it ends with the connection.
    pub(super) announcements: mpsc::UnboundedReceiver<String>,
}

impl Link {
    /// Connects and sets the session up.
    pub(super) async fn open(settings: &Settings, purpose: Purpose) -> Result<Self, Fault> {
        let what = "connect to";
        let opened = tokio::time::timeout(PATIENCE, Self::connect(settings, purpose)).await;
        opened.unwrap_or_else(|_| Err(Fault::Lost(fault::silent(what, &settings.place(), PATIENCE))))
    }

    /// Whether the server lets this user in.
    pub(super) async fn ping(settings: &Settings) -> Result<(), Fault> {
        let place = settings.place();
        let ping = async {
            let (client, _) = log_in(settings).await?;
            client.check_connection().await
        };
        match tokio::time::timeout(PATIENCE, ping).await {
            Ok(answer) => answer.map_err(|error| fault::judge(&error, "connect to", &place)),
            Err(_) => Err(Fault::Lost(fault::silent("connect to", &place, PATIENCE))),
        }
    }

    async fn connect(settings: &Settings, purpose: Purpose) -> Result<Self, Fault> {
        let place = settings.place();
        let fault = |error: tokio_postgres::Error| fault::judge(&error, "connect to", &place);
        let (mut client, announcements) = log_in(settings).await.map_err(fault)?;
        client.batch_execute(&setup(settings)).await.map_err(fault)?;
        check_server(&client, &place).await?;
        match purpose {
            Purpose::Write => {
                schema::prepare(&mut client, settings).await?;
                client.batch_execute(&format!("LISTEN \"{}\"", settings.schema)).await.map_err(fault)?;
            }
            Purpose::Read if schema::check(&client, settings).await? => {}
            Purpose::Read => {
                let message = format!(
                    "there is no schema `{}` in {place}: nothing has run with it yet",
                    settings.schema
                );
                return Err(Fault::Final(Error::new(Kind::Denied, message)));
            }
        }
        let statements = statement::prepare(&client).await.map_err(fault)?;
        Ok(Self { client, statements, announcements })
    }
}

/// A session, and what others announce while it lasts.
async fn log_in(
    settings: &Settings,
) -> Result<(Client, mpsc::UnboundedReceiver<String>), tokio_postgres::Error> {
    let mut config = settings.config.clone();
    config.application_name(format!("oneiric {}", settings.schema));
    let (announce, announcements) = mpsc::unbounded_channel();
    let client = if let Some(tls) = &settings.tls {
        let (client, connection) = config.connect(MakeRustlsConnect::new(tls.clone())).await?;
        tokio::spawn(carry(connection, announce));
        client
    } else {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(carry(connection, announce));
        client
    };
    Ok((client, announcements))
}

/// Carries what the server and the client say to each other, until one of them has no more to say.
async fn carry<S, T>(mut connection: Connection<S, T>, announce: mpsc::UnboundedSender<String>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notification(notification) = message {
            // Who does not listen has no use for it.
            let _ = announce.send(notification.payload().to_owned());
        }
    }
}

/// What every session asks of the server.
fn setup(settings: &Settings) -> String {
    let timeout = settings.statement_timeout.map_or(0, |timeout| timeout.as_millis().max(1));
    format!(
        "SET search_path TO \"{}\"; SET synchronous_commit TO on; SET client_min_messages TO warning; \
         SET statement_timeout TO {timeout}; SET idle_in_transaction_session_timeout TO {}",
        settings.schema,
        PATIENCE.as_millis()
    )
}

/// Whether what was asked for took, and the server can keep what it is told.
async fn check_server(client: &Client, place: &str) -> Result<(), Fault> {
    let look = "SELECT current_setting('synchronous_commit'), current_setting('server_encoding'), \
                current_setting('fsync'), current_setting('server_version_num')::integer";
    let row = client.query_one(look, &[]).await.map_err(|error| fault::judge(&error, "read", place))?;
    let refuse =
        |kind, why: &str| Err(Fault::Final(Error::new(kind, format!("{place} cannot be used: {why}"))));
    let (commit, encoding, fsync): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
    if row.get::<_, i32>(3) < 120_000 {
        return refuse(Kind::Version, "it is older than version 12");
    }
    if commit != "on" {
        return refuse(Kind::Io, &format!("it keeps `synchronous_commit` at {commit} where `on` is needed"));
    }
    if encoding != "UTF8" {
        return refuse(
            Kind::Io,
            &format!("its encoding is {encoding}; make a database with the encoding UTF8"),
        );
    }
    if fsync != "on" {
        tracing::warn!(
            place,
            "store-not-durable: the server runs with fsync=off and loses data in a power cut"
        );
    }
    Ok(())
}
