//! The place of one adapter in a program: what it is called, how it is opened, and what came of it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::database::Checkpoints;
use super::messaging::Messaging;
use super::queue::Queue;
use super::secrets::SecretSource;
use super::{Adapter, Error, Kind, Setup};
use crate::settings::Setting;

/// An adapter that a program names.
#[derive(Clone, Copy)]
pub(crate) struct Declared {
    /// Its key in the manifest.
    pub(crate) name: &'static str,
    /// What kind of adapter it is, such as `queue.cloudtasks`.
    pub(crate) id: &'static str,
    /// Whether the settings fit; secrets are not there yet.
    check: fn(&Setting) -> Result<(), Error>,
    open: for<'a> fn(&'a Setting, Setup<'a>) -> BoxFuture<'a, Result<Opened, Error>>,
}

/// How an adapter stands among those of its domain.
type Cast<A> = fn(&Arc<A>) -> Role;

/// What an adapter is for, as those see it who do not know its type.
#[derive(Clone)]
pub(crate) enum Role {
    Queue(Arc<dyn Queue>),
    Messaging(Arc<dyn Messaging>),
    SecretSource(Arc<dyn SecretSource>),
    Checkpoints(Arc<dyn Checkpoints>),
    /// Only code that knows the type uses it.
    Typed,
}

/// An adapter that is open.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) role: Role,
    pub(crate) typed: Arc<dyn Any + Send + Sync>,
    live: Arc<dyn Live>,
}

/// An [`Adapter`] of any type.
trait Live: Send + Sync {
    fn health(&self) -> BoxFuture<'_, Result<(), Error>>;
    fn close(&self) -> BoxFuture<'_, Result<(), Error>>;
}

impl<A: Adapter> Live for A {
    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(Adapter::health(self))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(Adapter::close(self))
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

/// Says how an adapter of type `A` is cast, so that a function pointer is all that a program keeps of it.
pub(crate) trait InRole<A> {
    const CAST: Cast<A>;
}

impl Declared {
    /// The adapter `name` of type `A`, in the role `R`.
    pub(crate) fn of<A: Adapter, R: InRole<A>>(name: &'static str) -> Self {
        Self {
            name,
            id: A::ID,
            check: |setting| read::<A>(setting).map(drop),
            open: |setting, setup| {
                Box::pin(async move {
                    let adapter = Arc::new(A::open(read::<A>(setting)?, &setup).await?);
                    Ok(Opened { role: (R::CAST)(&adapter), typed: adapter.clone(), live: adapter })
                })
            },
        }
    }
}

fn read<A: Adapter>(setting: &Setting) -> Result<A::Settings, Error> {
    setting.read().map_err(|error| Error::new(Kind::Settings, error.to_string()))
}

/// An adapter of a program.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) declared: Declared,
    /// Held by whoever opens it.
    opening: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
    /// Told whenever it is in another state.
    changes: watch::Sender<()>,
}

/// What came of an adapter so far.
#[derive(Debug, Default)]
struct Known {
    state: State,
    opened: Option<Opened>,
}

/// How an adapter stands.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum State {
    /// Nobody has needed it yet.
    #[default]
    NotOpened,
    /// It is being opened.
    Opening,
    /// It is open.
    Ready,
    /// It could not be opened; the next who needs it tries again.
    Failed {
        /// Why.
        error: String,
    },
}

impl Slot {
    pub(crate) fn new(declared: Declared, changes: watch::Sender<()>) -> Self {
        Self { declared, opening: tokio::sync::Mutex::default(), known: Mutex::default(), changes }
    }

    /// Whether the settings fit.
    pub(crate) fn check(&self, setting: &Setting) -> Result<(), Error> {
        (self.declared.check)(setting)
    }

    /// The adapter, opened with these settings if nobody has yet. Who comes while it is being opened waits for it; who
    /// comes after that failed tries again.
    pub(crate) async fn open(
        &self,
        setup: Setup<'_>,
        setting: impl Future<Output = Result<Setting, Error>>,
    ) -> Result<Opened, Error> {
        let _opening = self.opening.lock().await;
        if let Some(opened) = self.opened() {
            return Ok(opened);
        }
        self.enter(State::Opening, None);
        let given_up = GivenUp(self);
        let result = self.try_open(setup, setting).await;
        std::mem::forget(given_up);
        match &result {
            Ok(opened) => self.enter(State::Ready, Some(opened.clone())),
            Err(error) => self.enter(State::Failed { error: error.to_string() }, None),
        }
        result
    }

    async fn try_open(
        &self,
        setup: Setup<'_>,
        setting: impl Future<Output = Result<Setting, Error>>,
    ) -> Result<Opened, Error> {
        let Declared { name, id, open, .. } = self.declared;
        let setting = setting.await?;
        let opened = open(&setting, setup).await;
        let opened = opened.map_err(|error| error.map_message(|message| setting.redact(message)))?;
        tracing::info!(adapter = name, provider = id, "adapter-ready");
        Ok(opened)
    }

    /// The adapter, if it is open.
    pub(crate) fn opened(&self) -> Option<Opened> {
        self.known().opened.clone()
    }

    /// How it stands.
    pub(crate) fn state(&self) -> State {
        self.known().state.clone()
    }

    /// Takes the adapter out, so that the next who needs it opens another.
    pub(crate) fn take(&self) -> Option<Opened> {
        let taken = self.known().opened.take();
        if taken.is_some() {
            self.enter(State::NotOpened, None);
        }
        taken
    }

    fn enter(&self, state: State, opened: Option<Opened>) {
        *self.known() = Known { state, opened };
        self.changes.send_replace(());
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes, when it is dropped, that whoever opened an adapter has stopped waiting for it.
struct GivenUp<'a>(&'a Slot);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.enter(State::NotOpened, None);
    }
}

impl Opened {
    /// Whether somebody holds the adapter beside this, and nobody can come to it any more but through them.
    pub(crate) fn is_in_use(&self) -> bool {
        let own = if matches!(self.role, Role::Typed) { 2 } else { 3 };
        Arc::strong_count(&self.typed) > own
    }

    pub(crate) async fn health(&self) -> Result<(), Error> {
        self.live.health().await
    }

    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.live.close().await
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

/// The role of an adapter of a domain whose trait it has.
pub(crate) mod role {
    use super::{Adapter, Arc, Cast, Checkpoints, InRole, Messaging, Queue, Role, SecretSource};

    pub(crate) struct AsQueue;
    pub(crate) struct AsMessaging;
    pub(crate) struct AsSecretSource;
    pub(crate) struct AsCheckpoints;
    pub(crate) struct AsTyped;

    impl<A: Adapter + Queue> InRole<A> for AsQueue {
        const CAST: Cast<A> = |adapter| Role::Queue(Arc::clone(adapter) as _);
    }

    impl<A: Adapter + Messaging> InRole<A> for AsMessaging {
        const CAST: Cast<A> = |adapter| Role::Messaging(Arc::clone(adapter) as _);
    }

    impl<A: Adapter + SecretSource> InRole<A> for AsSecretSource {
        const CAST: Cast<A> = |adapter| Role::SecretSource(Arc::clone(adapter) as _);
    }

    impl<A: Adapter + Checkpoints> InRole<A> for AsCheckpoints {
        const CAST: Cast<A> = |adapter| Role::Checkpoints(Arc::clone(adapter) as _);
    }

    impl<A: Adapter> InRole<A> for AsTyped {
        const CAST: Cast<A> = |_| Role::Typed;
    }
}
