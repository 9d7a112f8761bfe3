//! All adapters of a program, and the secrets that they and its tasks use.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json};
use tokio::sync::watch;

use super::database::Checkpoints;
use super::messaging::Messaging;
use super::queue::Queue;
use super::slot::{Opened, Slot, State};
use super::{Adapter, Declared, Error, Kind, Role, Setup};
use crate::failure::{Failure, nearest};
use crate::program::UNNAMED;
use crate::secret::Secret;
use crate::secrets::{self, Secrets, Source, Status};
use crate::settings::{Layers, Origin, Setting, Surroundings};

/// How long a program that starts is not ready because of adapters and secrets that take their time.
const WARM_UP: Duration = Duration::from_secs(10);

/// The adapters of a program. Nothing is read or opened before somebody asks.
#[derive(Debug)]
pub(crate) struct Adapters {
    program: String,
    plan: Map<String, Json>,
    layers: OnceLock<Layers>,
    slots: Vec<Slot>,
    secrets: Secrets,
    #[cfg(feature = "client")]
    client: crate::client::Client,
    /// The names of those that are open, in the order in which they were opened.
    opened: Mutex<Vec<&'static str>>,
    /// Those that another has replaced, and that somebody still used then.
    replaced: Mutex<Vec<Opened>>,
    /// Whether warming up is over.
    is_warm: AtomicBool,
    /// Told whenever an adapter is in another state, or all are warm.
    changes: watch::Sender<()>,
}

/// What the manifest says of adapters and secrets.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) adapters: Map<String, Json>,
    pub(crate) secrets: secrets::Plan,
}

impl Default for Adapters {
    /// Those of a program that has none.
    fn default() -> Self {
        Self::new(UNNAMED, Vec::new(), Plan::default())
    }
}

impl Adapters {
    pub(crate) fn new(program: &str, declared: Vec<Declared>, plan: Plan) -> Self {
        let secrets = Secrets::new(plan.secrets);
        let changes = watch::Sender::new(());
        let slots = declared.into_iter().map(|declared| Slot::new(declared, changes.clone())).collect();
        Self {
            program: program.to_owned(),
            plan: plan.adapters,
            layers: OnceLock::new(),
            slots,
            secrets,
            #[cfg(feature = "client")]
            client: crate::client::Client::default(),
            opened: Mutex::default(),
            replaced: Mutex::default(),
            is_warm: AtomicBool::new(false),
            changes,
        }
    }

    /// Reads the config file and the environment, and checks every setting that is known before secrets are.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let layers = self.layers()?;
        for slot in &self.slots {
            let Declared { name, id, .. } = slot.declared;
            slot.check(&layers.adapter(name)).map_err(|error| {
                Failure::usage(format!("the settings of the adapter `{name}` ({id}): {error}"))
            })?;
        }
        Ok(())
    }

    /// What is set.
    pub(crate) fn layers(&self) -> Result<&Layers, Failure> {
        if let Some(layers) = self.layers.get() {
            return Ok(layers);
        }
        let names = self.slots.iter().map(|slot| slot.declared.name);
        let layers = Layers::of_plan(names, &self.plan).with_surroundings(Surroundings::get()?)?;
        Ok(self.layers.get_or_init(|| layers))
    }

    /// What there is, in the manifest's order.
    pub(crate) fn declared(&self) -> impl Iterator<Item = Declared> + '_ {
        self.slots.iter().map(|slot| slot.declared)
    }

    /// How each of them stands, in the manifest's order.
    pub(crate) fn states(&self) -> impl Iterator<Item = (Declared, State)> + '_ {
        self.slots.iter().map(|slot| (slot.declared, slot.state()))
    }

    /// Whether all adapters were opened, or tried, or have had their time for it.
    pub(crate) fn is_warm(&self) -> bool {
        self.is_warm.load(Ordering::Acquire) || self.slots.is_empty() && self.secrets.named().is_empty()
    }

    /// Tells of every change of what [`states`](Self::states) and [`is_warm`](Self::is_warm) say.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The queue `name`.
    pub(crate) async fn queue(&self, name: &str) -> Result<Arc<dyn Queue>, Error> {
        match &self.open(name).await?.role {
            Role::Queue(queue) => Ok(Arc::clone(queue)),
            _ => Err(self.unfit(name, "a queue")),
        }
    }

    /// The adapter `name` that tells people.
    pub(crate) async fn messaging(&self, name: &str) -> Result<Arc<dyn Messaging>, Error> {
        match &self.open(name).await?.role {
            Role::Messaging(messaging) => Ok(Arc::clone(messaging)),
            _ => Err(self.unfit(name, "able to notify")),
        }
    }

    /// The database `name` that can keep runs.
    pub(crate) async fn checkpoints(&self, name: &str) -> Result<Arc<dyn Checkpoints>, Error> {
        match &self.open(name).await?.role {
            Role::Checkpoints(database) => Ok(Arc::clone(database)),
            _ => Err(self.unfit(name, "able to keep runs")),
        }
    }

    /// The adapter `name`, which is an `A`.
    pub(crate) async fn get<A: Adapter>(&self, name: &str) -> Result<Arc<A>, Error> {
        let typed: Arc<dyn Any + Send + Sync> = Arc::clone(&self.open(name).await?.typed);
        typed.downcast().map_err(|_| self.unfit(name, A::ID))
    }

    /// The secret that a manifest calls `${secret:REFERENCE}`.
    pub(crate) fn secret<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Secret, Error>> {
        // Boxed, because a source is an adapter, and an adapter's settings may name a secret.
        Box::pin(self.secrets.get(reference, || self.sources()))
    }

    /// Opens every adapter and asks for every secret that the manifest names, so that whoever needs one later does not
    /// wait. What fails is logged, and tried again by whoever needs it.
    pub(crate) async fn warm_up(&self) {
        let adapters = self.slots.iter().map(|slot| async {
            let Declared { name, id, .. } = slot.declared;
            if let Err(error) = self.open(name).await {
                tracing::error!(adapter = name, provider = id, error = %error, "adapter-not-opened");
            }
        });
        let secrets = self.secrets.named().iter().map(|name| async move {
            if let Err(error) = self.secret(name).await {
                tracing::error!(secret = name, error = %error, "secret-not-read");
            }
        });
        let all = futures_util::future::join(
            futures_util::future::join_all(adapters),
            futures_util::future::join_all(secrets),
        );
        let mut all = std::pin::pin!(all);
        let is_done = tokio::time::timeout(WARM_UP, &mut all).await.is_ok();
        self.is_warm.store(true, Ordering::Release);
        self.changes.send_replace(());
        if !is_done {
            all.await;
        }
    }

    /// Forgets these secrets, or all, so that their sources are asked again, and says how many there were; and lets go of
    /// the adapters that were opened with them, which the next who needs them opens anew.
    pub(crate) async fn forget_secrets(&self, names: &[String]) -> (usize, Vec<&'static str>) {
        let forgotten = self.secrets.forget(names);
        let Ok(layers) = self.layers() else { return (forgotten, Vec::new()) };
        let is_meant = |reference: &str| {
            let bare = reference.split('@').next().unwrap_or(reference);
            names.is_empty() || names.iter().any(|name| name == reference || name == bare)
        };
        let mut renewed = Vec::new();
        for slot in &self.slots {
            let mut setting = layers.adapter(slot.declared.name);
            let has_one = setting.texts_mut().iter().any(|(text, _)| reference(text).is_some_and(is_meant));
            let Some(taken) = has_one.then(|| slot.take()).flatten() else { continue };
            renewed.push(slot.declared.name);
            self.order().retain(|name| *name != slot.declared.name);
            lock(&self.replaced).push(taken);
        }
        self.close_replaced(false).await;
        (forgotten, renewed)
    }

    /// For tests: how many adapters are kept that another has replaced.
    #[cfg(test)]
    pub(super) fn replaced(&self) -> usize {
        lock(&self.replaced).len()
    }

    /// Closes adapters that another has replaced, if nobody uses them any more, or in any case.
    async fn close_replaced(&self, in_any_case: bool) {
        let replaced = std::mem::take(&mut *lock(&self.replaced));
        let (kept, idle) = replaced.into_iter().partition(|opened| !in_any_case && opened.is_in_use());
        lock(&self.replaced).extend::<Vec<_>>(kept);
        let idle: Vec<Opened> = idle;
        for opened in idle {
            if let Err(error) = opened.close().await {
                tracing::warn!(error = %error, "adapter-not-closed");
            }
        }
    }

    /// How each secret stands that was asked for.
    pub(crate) fn secrets(&self) -> BTreeMap<String, Status> {
        self.secrets.status()
    }

    /// The program's name.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// The secrets that the manifest's workflows name.
    pub(crate) fn named_secrets(&self) -> &[String] {
        self.secrets.named()
    }

    /// Who is asked for secrets, in this order.
    pub(crate) fn secret_order(&self) -> Vec<String> {
        let last = ["environment", "manifest"].map(str::to_owned);
        self.secrets.sources().iter().cloned().chain(last).collect()
    }

    /// For how many milliseconds an answer of a source is kept.
    pub(crate) fn secrets_kept_for(&self) -> u64 {
        u64::try_from(self.secrets.ttl().as_millis()).unwrap_or(u64::MAX)
    }

    /// Asks the other side how an adapter is, which is opened if nobody has yet.
    pub(crate) async fn health(&self, name: &str) -> Result<(), Error> {
        self.open(name).await?.health().await
    }

    /// Closes what is open, the last one opened first.
    pub(crate) async fn close(&self) {
        let opened = std::mem::take(&mut *self.order());
        for name in opened.into_iter().rev() {
            let Some(adapter) = self.slot(name).ok().and_then(Slot::take) else { continue };
            match adapter.close().await {
                Ok(()) => tracing::info!(adapter = name, "adapter-closed"),
                Err(error) => tracing::warn!(adapter = name, error = %error, "adapter-not-closed"),
            }
        }
        self.close_replaced(true).await;
    }

    async fn open(&self, name: &str) -> Result<Opened, Error> {
        let slot = self.slot(name)?;
        if let Some(opened) = slot.opened() {
            return Ok(opened);
        }
        let layers = self.layers().map_err(|failure| Error::new(Kind::Settings, failure.message))?;
        let setting = self.with_secrets(name, layers.adapter(name));
        let setup = Setup {
            name: slot.declared.name,
            program: &self.program,
            #[cfg(feature = "client")]
            client: &self.client,
        };
        let opened = slot.open(setup, setting).await?;
        let mut order = self.order();
        if !order.contains(&slot.declared.name) {
            order.push(slot.declared.name);
        }
        Ok(opened)
    }

    /// A setting with its secrets in the place of their references.
    async fn with_secrets(&self, name: &str, mut setting: Setting) -> Result<Setting, Error> {
        for (text, origin) in setting.texts_mut() {
            let Some(reference) = reference(text).map(str::to_owned) else { continue };
            if self.secrets.sources().iter().any(|source| source == name) {
                let message = format!("`{name}` is a source of secrets, so its own settings cannot name one");
                return Err(Error::new(Kind::Settings, message));
            }
            self.secret(&reference).await?.expose().clone_into(text);
            *origin = Origin::Secret;
        }
        Ok(setting)
    }

    /// The sources of secrets, open. Their own settings name no secrets, so this ends.
    async fn sources(&self) -> Result<Vec<Source>, Error> {
        let mut sources = Vec::new();
        for name in self.secrets.sources() {
            match &self.open(name).await?.role {
                Role::SecretSource(source) => {
                    sources.push(Source { name: name.clone(), source: Arc::clone(source) });
                }
                _ => return Err(self.unfit(name, "a source of secrets")),
            }
        }
        Ok(sources)
    }

    fn slot(&self, name: &str) -> Result<&Slot, Error> {
        let found = self.slots.iter().find(|slot| slot.declared.name == name);
        found.ok_or_else(|| {
            let known = nearest(name, self.slots.iter().map(|slot| slot.declared.name));
            let message = format!("the program has no adapter `{name}`");
            Error::new(Kind::NotFound, Failure::usage(message).with_nearest(known).message)
        })
    }

    fn unfit(&self, name: &str, wanted: &str) -> Error {
        let id = self.slot(name).map_or("", |slot| slot.declared.id);
        Error::new(Kind::Settings, format!("the adapter `{name}` is {id}, and not {wanted}"))
    }

    fn order(&self) -> MutexGuard<'_, Vec<&'static str>> {
        lock(&self.opened)
    }
}

/// The secret that a text stands for, if it is a reference to one.
fn reference(text: &str) -> Option<&str> {
    text.strip_prefix("${secret:")?.strip_suffix('}')
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
