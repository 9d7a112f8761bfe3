//! Adapters: connections to what is outside of the program, one file each.
//!
//! A program names its adapters and their settings; the settings are data, layered at start, and the types are code, so that
//! what is not named is not compiled in. An adapter is opened when it is first needed, once however many need it at the same
//! time, and closed when the program ends, the last one opened first.
//!
//! To add one: a file `<domain>/<name>.rs` with its settings, its type, [`Adapter`] and the trait of its domain; a line in
//! the list of `<domain>/mod.rs`; a cargo feature that is called as its id is, with `-` for `.`. The compiler's catalogue is
//! derived from these lists.

/// The adapters of a domain: `module: Type, [capabilities];`, with the cargo feature that brings it.
macro_rules! adapters {
    ($domain:literal; $($(#[$gate:meta])? $module:ident: $type:ident, [$($capability:ident),*];)*) => {
        $($(#[$gate])? pub mod $module;)*
        $($(#[$gate])? pub use $module::$type;)*

        /// What the compiler has to know of the adapters of this domain.
        #[cfg(feature = "catalog")]
        pub(super) fn catalog() -> Vec<crate::adapters::catalog::Entry> {
            vec![$(crate::adapters::catalog::Entry::of::<$type>(
                $domain,
                stringify!($module),
                stringify!($type),
                !stringify!($($gate)?).is_empty(),
                &[$(stringify!($capability)),*],
            )),*]
        }
    };
}

#[cfg(feature = "catalog")]
pub mod catalog;
mod error;
pub mod messaging;
pub mod queue;
pub mod secrets;
mod set;
mod setup;
mod slot;
#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;

pub use error::{Error, Kind};
pub(crate) use set::{Adapters, Plan};
pub use setup::Setup;
pub(crate) use slot::{Declared, Role, State, role};

/// A connection to something outside of the program.
///
/// It is opened from its settings; a secret in them is there by then. What it can do is said by the trait of its domain, such
/// as [`queue::Queue`].
pub trait Adapter: Sized + Send + Sync + 'static {
    /// Its domain and its name in it, such as `queue.cloudtasks`.
    const ID: &'static str;

    /// What can be set. Unknown names are refused by `#[serde(deny_unknown_fields)]`.
    type Settings: DeserializeOwned + Send + 'static;

    /// Opens it. Only what cannot work at all is an error: a service that is away for a moment is found out by
    /// [`health`](Self::health) and by those who use it.
    fn open(settings: Self::Settings, setup: &Setup<'_>) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Whether it can do its work now, found out by asking the other side where there is a harmless way to.
    fn health(&self) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Ends what it has under way and lets go of what it holds.
    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }
}
