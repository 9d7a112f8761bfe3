//! All adapters of a program, and the secrets that they and its tasks use.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json};

use super::messaging::Messaging;
use super::queue::Queue;
use super::slot::{Opened, Slot};
use super::{Adapter, Declared, Error, Kind, Role, Setup};
use crate::failure::{Failure, nearest};
use crate::program::UNNAMED;
use crate::secret::Secret;
use crate::secrets::{self, Secrets, Source, Status};
use crate::settings::{Layers, Origin, Setting};

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
    opened: std::sync::Mutex<Vec<&'static str>>,
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
        let slots = declared.into_iter().map(Slot::new).collect();
        Self {
            program: program.to_owned(),
            plan: plan.adapters,
            layers: OnceLock::new(),
            slots,
            secrets,
            #[cfg(feature = "client")]
            client: crate::client::Client::default(),
            opened: std::sync::Mutex::default(),
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
        let layers = Layers::of_plan(names, &self.plan).with_surroundings()?;
        Ok(self.layers.get_or_init(|| layers))
    }

    /// What there is, in the manifest's order.
    pub(crate) fn declared(&self) -> impl Iterator<Item = Declared> + '_ {
        self.slots.iter().map(|slot| slot.declared)
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
        futures_util::future::join(
            futures_util::future::join_all(adapters),
            futures_util::future::join_all(secrets),
        )
        .await;
    }

    /// Forgets these secrets, or all, so that their sources are asked again.
    pub(crate) fn forget_secrets(&self, names: &[String]) -> usize {
        self.secrets.forget(names)
    }

    /// How each secret stands that was asked for.
    pub(crate) fn secrets(&self) -> BTreeMap<String, Status> {
        self.secrets.status()
    }

    /// How an adapter is; `None` for one that nobody has opened yet.
    pub(crate) async fn health(&self, name: &str) -> Option<Result<(), Error>> {
        let opened = self.slot(name).ok()?.opened()?;
        Some(opened.health().await)
    }

    /// Closes what is open, the last one opened first.
    pub(crate) async fn close(&self) {
        let opened = std::mem::take(&mut *self.order());
        for name in opened.into_iter().rev() {
            let Some(adapter) = self.slot(name).ok().and_then(Slot::opened) else { continue };
            match adapter.close().await {
                Ok(()) => tracing::info!(adapter = name, "adapter-closed"),
                Err(error) => tracing::warn!(adapter = name, error = %error, "adapter-not-closed"),
            }
        }
    }

    async fn open(&self, name: &str) -> Result<&Opened, Error> {
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
            let reference = text.strip_prefix("${secret:").and_then(|rest| rest.strip_suffix('}'));
            let Some(reference) = reference.map(str::to_owned) else { continue };
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

    fn order(&self) -> std::sync::MutexGuard<'_, Vec<&'static str>> {
        self.opened.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
