//! Work that outlives a connection: done again on another one where that does no harm, for as long as it makes sense.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::super::fault::{self, Fault};
use super::super::link::{Link, PATIENCE, Purpose};
use super::Writer;
use crate::checkpoint::{Error, Notice, RunKey};

/// How long the server may be away before the store gives up: longer than a restart or a change of the primary takes.
const OUTAGE: Duration = Duration::from_mins(1);

impl Writer {
    /// Does `work`, and announces something in the same breath.
    pub(super) async fn announcing<T>(
        &mut self,
        announcement: String,
        work: impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let channel = self.settings.schema.clone();
        let announcements = [announcement];
        self.persist("write to", async |link| {
            let done = work(link).await?;
            link.client.query(&link.statements.announce, &[&channel, &&announcements[..]]).await?;
            Ok(done)
        })
        .await
    }

    /// Does `work`, again on another connection if this one is lost: it must be such that twice does no harm.
    pub(super) async fn persist<T>(
        &mut self,
        what: &str,
        work: impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        loop {
            match self.attempt(what, &work).await {
                Ok(done) => return Ok(done),
                Err(fault) => self.mend(fault, began).await?,
            }
        }
    }

    pub(super) async fn attempt<T>(
        &self,
        what: &str,
        work: impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Fault> {
        match timeout_at(self.patience(), work(&self.link)).await {
            Ok(done) => done.map_err(|error| fault::judge(&error, what, &self.place)),
            Err(_) => Err(Fault::Lost(fault::silent(what, &self.place, PATIENCE))),
        }
    }

    /// Until when to wait for the server: not beyond the lease, whose end must not be slept through.
    fn patience(&self) -> Instant {
        let patience = Instant::now() + PATIENCE;
        self.lease.map_or(patience, |lease| patience.min(lease.until))
    }

    /// Does what can be done about a fault of something that was begun then.
    pub(super) async fn mend(&mut self, fault: Fault, began: Instant) -> Result<(), Error> {
        match fault {
            Fault::Final(error) => Err(error),
            Fault::Again(error) if began.elapsed() > OUTAGE => Err(error),
            Fault::Again(_) => {
                sleep(Duration::from_millis(fastrand::u64(2..20))).await;
                Ok(())
            }
            Fault::Lost(error) => self.reconnect(&error.to_string()).await,
        }
    }

    /// Connects again, however long the server takes within [`OUTAGE`].
    pub(super) async fn reconnect(&mut self, why: &str) -> Result<(), Error> {
        tracing::warn!(why, "store-disconnected");
        let until = Instant::now() + OUTAGE;
        let mut pause = Duration::from_millis(20);
        loop {
            self.let_lapse();
            let opening = timeout_at(self.patience(), Link::open(&self.settings, Purpose::Write));
            match opening.await {
                Ok(Ok(link)) => {
                    self.link = link;
                    break;
                }
                Ok(Err(Fault::Final(error))) => return Err(error),
                Ok(Err(fault)) if Instant::now() > until => return Err(fault.into_error()),
                _ => sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        tracing::info!("store-connected");
        // What was announced meanwhile was not heard, and what the others' leases say is not known.
        if self.notices.is_some() {
            self.look_at = Some(Instant::now());
        }
        if let Some(lease) = &mut self.lease {
            lease.renew_at = Instant::now();
            let rows =
                self.link.client.query(&self.link.statements.to_be_cancelled, &[&lease.instance]).await;
            for row in rows.iter().flatten() {
                self.notify(Notice::Cancel(RunKey(row.get(0))));
            }
        }
        self.notify(Notice::Missed);
        Ok(())
    }
}
