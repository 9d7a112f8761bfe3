//! What a service account signs with its key: JSON Web Tokens (RFC 7519) with RS256 (RFC 7518, 3.3).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::json;

use crate::adapters::{Error, Kind};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// How long an assertion is good for, in seconds: the longest that Google takes.
const LIFETIME: i64 = 3600;

/// A service account that signs.
pub(super) struct Signer {
    email: String,
    key_id: String,
    key: KeyPair,
}

impl Signer {
    /// A service account, with its private key in PEM.
    ///
    /// # Errors
    ///
    /// What is wrong with the key.
    pub(super) fn new(email: String, key_id: String, pem: &Secret) -> Result<Self, &'static str> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose().as_bytes())
            .map_err(|_| "holds a `private_key` that is not in PEM")?;
        let key = KeyPair::from_pkcs8(der.secret_pkcs8_der())
            .map_err(|_| "holds a `private_key` that is no RSA key of at least 2048 bits")?;
        Ok(Self { email, key_id, key })
    }

    /// An assertion to `audience` that this account asks for something.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers.
    pub(super) fn assertion(&self, audience: &str, (name, value): (&str, &str)) -> Result<Secret, Error> {
        let now = seconds();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let claims =
            json!({ "iss": self.email, "aud": audience, "iat": now, "exp": now + LIFETIME, name: value });
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Error::new(Kind::Unavailable, "the system gives no random numbers to sign with"))?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// How long a token lasts from now on, by what it says itself. It was just given to us by who signed it, and is not
/// checked.
pub(super) fn lasts(token: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }

    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(Duration::from_secs(u64::try_from(claims.exp - seconds()).unwrap_or(0)))
}

/// Seconds since 1970.
fn seconds() -> i64 {
    Timestamp::now().0 / 1_000_000
}
