//! What this process holds and for how long: its lease, and taking runs and letting them go.

use std::time::Duration;

use tokio::time::Instant;

use super::{SOON, Writer};
use crate::checkpoint::{Error, Kind, Notice, RunKey};

/// The lease on all runs that this process holds.
#[derive(Clone, Copy)]
pub(super) struct Lease {
    /// The process's key.
    pub(super) instance: i64,
    pub(super) renew_at: Instant,
    /// Others may take the runs from then on. By this process's clock, from before the server was asked: never too late.
    pub(super) until: Instant,
}

impl Writer {
    /// Takes hold of a run; nothing if there is none, an error of its own if another process has it.
    pub(super) async fn claim(&mut self, run_id: &str) -> Result<Result<Option<RunKey>, Error>, Error> {
        let instance = self.instance().await?;
        let id = run_id.as_bytes();
        let row = self
            .persist("write to", async |link| {
                link.client.query_opt(&link.statements.claim, &[&id, &instance]).await
            })
            .await?;
        let Some(row) = row else { return Ok(Ok(None)) };
        let run = RunKey(row.get(0));
        match row.get::<_, Option<i32>>(1) {
            Some(epoch) => {
                self.held.add(run, epoch);
                Ok(Ok(Some(run)))
            }
            None => Ok(Err(held(run))),
        }
    }

    pub(super) async fn take(&mut self, after: RunKey, most: i64) -> Result<Vec<RunKey>, Error> {
        let instance = self.instance().await?;
        let rows = self
            .persist("write to", async |link| {
                link.client.query(&link.statements.take, &[&after.0, &instance, &most]).await
            })
            .await?;
        let taken = |row: &tokio_postgres::Row| {
            let run = RunKey(row.get(0));
            if let Some(epoch) = row.get::<_, Option<i32>>(1) {
                self.held.add(run, epoch);
            }
            run
        };
        Ok(rows.iter().map(taken).collect())
    }

    pub(super) async fn release(&mut self, run: RunKey) -> Result<(), Error> {
        let Some(epoch) = self.held.epoch(run) else { return Ok(()) };
        let announcement = format!("free {}", self.mark);
        self.announcing(announcement, async |link| {
            link.client.execute(&link.statements.release, &[&run.0, &epoch]).await
        })
        .await?;
        self.held.remove(run);
        Ok(())
    }

    /// The key under which this process holds runs.
    pub(super) async fn instance(&mut self) -> Result<i64, Error> {
        self.let_lapse();
        if let Some(lease) = &self.lease {
            return Ok(lease.instance);
        }
        let asked_at = Instant::now();
        let name = self.name.clone();
        let seconds = self.settings.lease.as_secs_f64();
        let announcement = format!("began {}", self.mark);
        let row = self
            .announcing(announcement, async |link| {
                link.client.query_one(&link.statements.register, &[&name, &seconds]).await
            })
            .await?;
        let instance = row.get(0);
        self.lease = Some(self.lease_from(instance, asked_at));
        Ok(instance)
    }

    fn lease_from(&self, instance: i64, asked_at: Instant) -> Lease {
        let length = self.settings.lease;
        Lease { instance, renew_at: asked_at + length / 3, until: asked_at + length }
    }

    /// Renews the lease of this process, or lets it end if nothing is held any more, and takes others for dead that have
    /// not renewed theirs.
    pub(super) async fn keep_leases(&mut self) -> Result<(), Error> {
        self.let_lapse();
        if let Some(lapsed) = self.lapsed {
            self.retire(lapsed).await?;
            self.lapsed = None;
        }
        if let Some(lease) = self.lease
            && self.held.is_empty()
        {
            self.retire(lease.instance).await?;
            self.lease = None;
        }
        let instance = self.lease.map_or(0, |lease| lease.instance);
        let seconds = self.settings.lease.as_secs_f64();
        let asked_at = Instant::now();
        let row = self
            .persist("renew a lease in", async |link| {
                link.client.query_one(&link.statements.renew, &[&instance, &seconds]).await
            })
            .await?;
        let (is_alive, dead, next) =
            (row.get::<_, i64>(0) > 0, row.get::<_, i64>(1), row.get::<_, Option<f64>>(2));
        if self.lease.is_some_and(|lease| lease.instance == instance) {
            if is_alive {
                self.lease = Some(self.lease_from(instance, asked_at));
            } else {
                self.lose();
            }
        }
        // A little later, because a renewal in the last moment counts.
        let look = |seconds: f64| Instant::now() + Duration::from_secs_f64(seconds.max(0.0)) + SOON;
        self.look_at = if self.notices.is_some() { next.map(look) } else { None };
        if dead > 0 {
            tracing::warn!(dead, "instances-expired");
            let announcement = format!("free {}", self.mark);
            self.announcing(announcement, async |_| Ok(())).await?;
            self.notify(Notice::Free);
        }
        Ok(())
    }

    pub(super) async fn retire(&mut self, instance: i64) -> Result<(), Error> {
        let announcement = format!("free {}", self.mark);
        self.announcing(announcement, async |link| {
            link.client.execute(&link.statements.retire, &[&instance]).await
        })
        .await
        .map(drop)
    }

    /// Gives up what is held if the lease ran out before it could be renewed.
    pub(super) fn let_lapse(&mut self) {
        if let Some(lease) = self.lease
            && lease.until <= Instant::now()
        {
            self.lapsed = Some(lease.instance);
            self.look_at = Some(Instant::now());
            self.lose();
        }
    }

    /// Holds nothing any more.
    fn lose(&mut self) {
        if self.lease.take().is_some() && !self.held.is_empty() {
            tracing::warn!("lease-lost");
            self.held.clear();
            self.notify(Notice::Lost);
        }
    }
}

/// Another process has the run.
pub(super) fn held(run: RunKey) -> Error {
    Error::new(Kind::Held, format!("another process has the run with the key {}", run.0))
}
