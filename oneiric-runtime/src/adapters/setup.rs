//! What an adapter is given beside its settings when it is opened.

#[cfg(feature = "client")]
use crate::client::Client;

/// The surroundings of an adapter that is opened.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    pub(crate) name: &'a str,
    pub(crate) program: &'a str,
    #[cfg(feature = "client")]
    pub(crate) client: &'a Client,
}

impl Setup<'_> {
    /// The adapter's key in the manifest.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The program's name.
    pub fn program(&self) -> &str {
        self.program
    }

    /// The program's HTTP client. All adapters share its connections, and what it knows of hosts that are down.
    #[cfg(feature = "client")]
    pub fn client(&self) -> &Client {
        self.client
    }
}
