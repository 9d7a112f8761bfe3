//! TLS towards other servers: whose certificates are trusted, and what checks them.
//!
//! rustls speaks the protocol and `ring` does its cryptography. Both are handed over by value: nothing is installed for
//! the whole process, and nothing is read before the first connection. Which server is meant is left to who connects.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The environment variable that names a PEM file of certificate authorities to trust instead of Mozilla's, as where a
/// company's own authority signs its servers' certificates.
pub(crate) const ROOTS: &str = "ONEIRIC_TLS_ROOTS";

/// Whose certificates are trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Roots {
    /// Mozilla's list, which is part of the program: an image needs no CA bundle, and none is parsed.
    Embedded,
    /// The certificates of a PEM file, and no others.
    File(PathBuf),
}

impl Roots {
    /// What [`ROOTS`] says.
    pub(crate) fn from_env() -> Self {
        env::var_os(ROOTS).map_or(Self::Embedded, |path| Self::File(path.into()))
    }

    /// What rustls needs to connect to servers that these vouch for.
    ///
    /// # Errors
    ///
    /// A sentence, when the file cannot be read or holds no certificate.
    pub(crate) fn config(&self) -> Result<ClientConfig, String> {
        let roots = match self {
            Self::Embedded => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            Self::File(path) => read(path)?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }
}

/// The certificates of a PEM file.
fn read(path: &Path) -> Result<RootCertStore, String> {
    let fault = |what: &dyn std::fmt::Display| {
        format!("the TLS roots in `{}` cannot be used: {what}", path.display())
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(&error))? {
        roots.add(certificate.map_err(|error| fault(&error))?).map_err(|error| fault(&error))?;
    }
    if roots.is_empty() { Err(fault(&"it holds no certificate")) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_roots_need_no_file() {
        assert!(Roots::Embedded.config().is_ok());
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("roots.pem");
        let refusal = || Roots::File(path.clone()).config().expect_err("no certificate");
        assert!(refusal().contains("roots.pem"), "{}", refusal());
        std::fs::write(&path, "nothing here").expect("a file");
        assert!(refusal().ends_with("it holds no certificate"), "{}", refusal());
    }
}
