//! One transaction for whatever waits: new runs, events, and what both refer to.

use std::collections::HashSet;

use tokio::time::Instant;

use super::super::batch::{Appends, Creates, Fate, commit};
use super::super::job::Write;
use super::super::statement::read_run;
use super::Writer;
use super::lease::held;
use crate::checkpoint::row::definition_checksum;
use crate::checkpoint::{Created, Error, Kind, NewRun, RunKey, gone};
use crate::json::Json;
use crate::run::Entry;

impl Writer {
    /// Writes the batch as one transaction, and answers when it is on disk.
    pub(super) async fn commit(&mut self, mut batch: Vec<Write>) -> Result<(), Error> {
        match self.try_commit(&mut batch).await {
            Ok(answers) => {
                for (write, answer) in batch.into_iter().zip(answers) {
                    match (write, answer) {
                        (Write::Create { promise, .. }, Answer::Created(created)) => {
                            drop(promise.send(created));
                        }
                        (Write::Append { promise, run, .. }, Answer::Appended(fate)) => {
                            drop(promise.send(told(run, fate)));
                        }
                        // Each answer was made for its write.
                        (write, _) => write.refuse(&Error::new(Kind::Io, "the store mixed up its answers")),
                    }
                }
                Ok(())
            }
            Err(error) => {
                for write in batch {
                    write.refuse(&error);
                }
                Err(error)
            }
        }
    }

    async fn try_commit(&mut self, batch: &mut [Write]) -> Result<Vec<Answer>, Error> {
        let runs = || {
            batch.iter().filter_map(|write| match write {
                Write::Create { run, .. } => Some(&**run),
                Write::Append { .. } => None,
            })
        };
        self.define(runs().map(|run| (run.workflow.as_str(), run.digest.as_str(), &run.definition))).await?;
        let mut creates = Creates::default();
        for run in runs() {
            creates.add(run, self.definitions[&(run.workflow.clone(), run.digest.clone())]);
        }
        let mut appends = Appends::default();
        for write in batch.iter() {
            if let Write::Append { run, entries, .. } = write {
                appends.add(&self.held, *run, entries);
            }
        }
        let creates_any = runs().next().is_some();
        let began = Instant::now();
        let done = loop {
            let holder = if creates_any { self.instance().await? } else { 0 };
            let announce = |run: RunKey| format!("over {} {}", run.0, self.mark);
            let channel = &self.settings.schema;
            let attempt = self.attempt("write to", async |link| {
                commit(link, holder, &creates, &appends, None, announce, channel).await
            });
            match attempt.await {
                Ok(done) => break done,
                Err(fault) => self.mend(fault, began).await?,
            }
        };
        let locked = done.locked;
        let fates = appends.settle(&self.held, &locked);
        for key in done.made.values() {
            self.held.add(*key, 1);
        }

        let mut made = done.made;
        let mut answers = Vec::with_capacity(batch.len());
        for write in batch.iter() {
            answers.push(match write {
                Write::Create { run, .. } => Answer::Created(match made.remove(run.run_id.as_bytes()) {
                    Some(key) => Ok(Created::New(key)),
                    None => self.existing(run).await?,
                }),
                Write::Append { run, .. } => Answer::Appended(fates.get(run).copied().unwrap_or(Fate::Gone)),
            });
        }
        Ok(answers)
    }

    /// The run that has the id of `new` already. If it is one of ours that nobody here knows, then it was made by a commit
    /// whose answer got lost.
    async fn existing(&mut self, new: &NewRun) -> Result<Result<Created, Error>, Error> {
        let run_id = new.run_id.as_bytes();
        let found = self
            .persist("read", async |link| link.client.query_opt(&link.statements.find, &[&run_id]).await)
            .await?;
        let Some(kept) = found.as_ref().map(read_run) else {
            let message = format!("run `{}` was there and has just been pruned: start it again", new.run_id);
            return Ok(Err(Error::new(Kind::Gone, message)));
        };
        let is_ours =
            kept.epoch == 1 && kept.holder.is_some() && kept.holder == self.lease.map(|own| own.instance);
        if is_ours && !self.held.has(kept.key) {
            self.held.add(kept.key, 1);
            return Ok(Ok(Created::New(kept.key)));
        }
        Ok(kept.run.map(Created::Existing))
    }

    /// Sees to it that the keys of definitions are known.
    async fn define<'a>(
        &mut self,
        definitions: impl Iterator<Item = (&'a str, &'a str, &'a Json)>,
    ) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let missing = definitions
            .filter(|(name, digest, _)| {
                !self.definitions.contains_key(&((*name).to_owned(), (*digest).to_owned()))
                    && seen.insert((*name, *digest))
            })
            .collect::<Vec<_>>();
        if missing.is_empty() {
            return Ok(());
        }
        let names = missing.iter().map(|(name, ..)| name.as_bytes()).collect::<Vec<_>>();
        let digests = missing.iter().map(|(_, digest, _)| *digest).collect::<Vec<_>>();
        let texts = missing.iter().map(|(.., definition)| definition.text()).collect::<Vec<_>>();
        let sum = |(name, digest, definition): &(&str, &str, &Json)| {
            i64::from(definition_checksum(name, digest, definition.text()))
        };
        let sums = missing.iter().map(sum).collect::<Vec<_>>();
        let rows = self
            .persist("write to", async |link| {
                let statements = &link.statements;
                link.client.execute(&statements.define, &[&names, &digests, &texts, &sums]).await?;
                link.client.query(&statements.defined, &[&names, &digests]).await
            })
            .await?;
        for row in rows {
            let name = String::from_utf8_lossy(row.get::<_, &[u8]>(1)).into_owned();
            self.definitions.insert((name, row.get(2)), row.get(0));
        }
        Ok(())
    }

    pub(super) async fn rebase(
        &mut self,
        run: RunKey,
        digest: &str,
        definition: &Json,
        log: &[Entry],
    ) -> Result<Result<(), Error>, Error> {
        let named = self
            .persist("read", async |link| {
                link.client.query_opt(&link.statements.workflow_of, &[&run.0]).await
            })
            .await?;
        let Some(row) = named else { return Ok(Err(gone(run))) };
        let workflow = String::from_utf8_lossy(row.get::<_, &[u8]>(0)).into_owned();
        self.define(std::iter::once((workflow.as_str(), digest, definition))).await?;
        let key = self.definitions[&(workflow, digest.to_owned())];
        let appends = Appends::rebased(run, self.held.epoch(run), log);
        let creates = Creates::default();
        let mark = self.mark.clone();
        let schema = self.settings.schema.clone();
        let done = self
            .persist("write to", async |link| {
                let announce = |run: RunKey| format!("over {} {mark}", run.0);
                commit(link, 0, &creates, &appends, Some((run, key)), announce, &schema).await
            })
            .await?;
        self.held.rebase(run, log);
        let fates = appends.settle(&self.held, &done.locked);
        Ok(told(run, fates.get(&run).copied().unwrap_or(Fate::Gone)))
    }
}

/// What a caller is to be told.
enum Answer {
    Created(Result<Created, Error>),
    Appended(Fate),
}

fn told(run: RunKey, fate: Fate) -> Result<(), Error> {
    match fate {
        Fate::Kept => Ok(()),
        Fate::Held => Err(held(run)),
        Fate::Gone => Err(gone(run)),
    }
}
