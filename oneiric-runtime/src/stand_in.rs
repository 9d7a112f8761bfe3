//! What tests put in the place of tasks. Empty in every program.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::task::{Ctx, Definition, Error};

/// What a test does instead of the function of `D`.
pub(crate) type StandIn<D> =
    Arc<dyn Fn(Ctx, <D as Definition>::Values) -> Result<<D as Definition>::Output, Error> + Send + Sync>;

/// A [`StandIn`] for each of some tasks.
#[derive(Clone, Default)]
pub(crate) struct StandIns(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl StandIns {
    /// Puts `stand_in` in the place of the task `D`, wherever it is named.
    pub(crate) fn add<D: Definition>(&mut self, stand_in: StandIn<D>) {
        self.0.insert(TypeId::of::<D>(), Arc::new(stand_in));
    }

    /// What stands in for the task `D`.
    pub(crate) fn of<D: Definition>(&self) -> Option<StandIn<D>> {
        self.0.get(&TypeId::of::<D>())?.downcast_ref::<StandIn<D>>().cloned()
    }
}

impl fmt::Debug for StandIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StandIns({})", self.0.len())
    }
}
