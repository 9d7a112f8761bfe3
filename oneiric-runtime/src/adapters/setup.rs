//! What an adapter is given beside its settings when it is opened.

/// The surroundings of an adapter that is opened.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    pub(crate) name: &'a str,
    pub(crate) program: &'a str,
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
}
