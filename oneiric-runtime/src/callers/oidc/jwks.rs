//! A set of public keys, as an issuer publishes it: JSON Web Key Set, RFC 7517 and RFC 7518, 6.
//!
//! Keys of kinds that are not used here are passed over, since an issuer may have others for others.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::jws::Algorithm;

/// How long a coordinate on P-256 is, in bytes.
const COORDINATE: usize = 32;

/// The most keys that are looked at. Issuers have two or three.
const MAX_KEYS: usize = 100;

/// Public keys by id.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<(String, Arc<Key>)>);

/// A public key that verifies one algorithm and no other.
#[derive(Debug)]
pub(super) enum Key {
    /// An RSA key of at least 2048 bits, which `ring` sees to.
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document<'_> = serde_json::from_slice(text)?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        let written = keys.filter_map(|key| serde_json::from_str::<Written>(key.get()).ok());
        Ok(Self(written.filter_map(|key| Some((key.kid.clone()?, Arc::new(Key::read(&key)?)))).collect()))
    }

    /// The key of this id, for this algorithm.
    pub(super) fn find(&self, id: &str, algorithm: Algorithm) -> Option<Arc<Key>> {
        let found = self.0.iter().find(|(known, key)| known == id && key.algorithm() == algorithm);
        found.map(|(_, key)| Arc::clone(key))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Key {
    fn read(key: &Written) -> Option<Self> {
        let may_verify = key.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && key.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        let is_for = |algorithm: &str| key.alg.as_deref().is_none_or(|written| written == algorithm);
        match key.kty.as_str() {
            "RSA" if may_verify && is_for("RS256") => {
                // RFC 7518 forbids leading zeros, and some write them all the same; `ring` does not take them.
                let number = |text: &Option<String>| Some(trimmed(decode(text.as_deref()?)?));
                Some(Self::Rsa(RsaPublicKeyComponents { n: number(&key.n)?, e: number(&key.e)? }))
            }
            "EC" if may_verify && is_for("ES256") && key.crv.as_deref() == Some("P-256") => {
                let (x, y) = (decode(key.x.as_deref()?)?, decode(key.y.as_deref()?)?);
                let fits = x.len() == COORDINATE && y.len() == COORDINATE;
                // SEC 1, 2.3.3: an uncompressed point begins with 4.
                fits.then(|| Self::P256([&[4], &x[..], &y[..]].concat()))
            }
            _ => None,
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    /// Whether `signature` is over `message` and by the owner of this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn trimmed(number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    if zeros == 0 { number } else { number[zeros..].to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with Python's `cryptography`: each signature is over `a.b`.
    const N: &str = "nuTINqtSLeOGZd36NvnCPIn7teznb8ej-zZoMoT6ISLbWjbYfzcbo1KYY6Web3eGpUxtG687d0GK7B8MZtHGYfHVJSCJp1wZglZRvt2lUe6E63woobPdVr2p_1rCsDDtHLjPKrrpmR7-PFaxS0flObUKb24bKjvsmI3iO8ED-HEFroRoUp-nNPZPkR5ZJPAh9KRVXgzP6gvZFfYdJGSzhn5Z9q6oxHz8E8zgCWeVl9VuIa5BQ6Zp2Z_l4d7HRbsiIzjeViKQ32cxExg1l4EbXaFEmhazkpWXyMNvXVcTGjDg-QDpYZR6j_4iETpKbD2NUCtwGPOnbgj2kNM4G1nDrw";
    const RS256: &str = "Y4a0M71Ac-VOR1evWgCSZotIAbpQBjmJYzOL6O8ifdBko4L0_a_174613OTm0yzfRwwl1uq4xj0jZ8NhWnSZrhnBmnhO0Yculf82cSsQ6tZbgNSh4bVNExaCLpROHe7Wzcl8lqB_G1q2u9glqU6icqCFbPfuc0Q3reSnzIzEIfa0O51dVbJrrqoe-d6--Ze8gmutFdJA2fY9xidQnHDVrxgMO0YEZb2rXTfInJJwBPdBfhewrvBS4IlcuU2nWb5bD2uWWIZN_qbSO8JxSfvcqbqKF6vTOWY7b7HXAxgV06UD7HOOjbl9jko6u7Haz2eWCUq62NS2pfjejHoLseUGfA";
    const SMALL_N: &str = "2dF5EffFMQG6lPQlzaAvTSLN_lHcQwH__md6PRreDvlYhX59AU5B7czSWtySZMSJq8SAJC5hKJQHK_AVADG-mU5SLDHKRpo4wqKzqFn69KvLaWgQ4iMY-TU03HYga5ujkliKPSXVf7wUwLig55_sJigeGM590pyV1Nlgru37SmE";
    const SMALL_RS256: &str = "1tybVHWpQ8ZmTUqJQX0jLK0cqY3Wer1LWeBQB2DDj_i7vxIQOUm5Pgx85EfsaBSuh026AssMX0yw9kg-NL2KvkVHgNbC9XDYDgrkA7L-725PZLomCBB-AP3K2mBb2m7F0C8gLzPOkCfkjmTRbuqE63jJC4WMcx3xeSfDKYWbyv4";
    const X: &str = "9mf_HV2sZWYCK64SoFEjX2qa5n4lV-k_TsDoJtj_aRU";
    const Y: &str = "TiBLnpSG6QXqXFTp46WeYVpUjaVQRMR6XXKlqNJqGlo";
    const ES256: &str =
        "W5FKaFn3HIj7ha9CTzyK4d-XHy0bytUHatJsbRawWmqWQ9Hplog0USzBBpOIS47I-cdmwHpOjsnBxWIxdUKSeg";

    fn set(key: &str) -> KeySet {
        KeySet::parse(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).unwrap()
    }

    fn rsa(n: &str, more: &str) -> KeySet {
        set(&format!(r#"{{"kty":"RSA","kid":"k","n":"{n}","e":"AQAB"{more}}}"#))
    }

    fn p256(x: &str, more: &str) -> KeySet {
        set(&format!(r#"{{"kty":"EC","kid":"k","crv":"P-256","x":"{x}","y":"{Y}"{more}}}"#))
    }

    fn verifies(set: &KeySet, algorithm: Algorithm, signature: &str) -> bool {
        let key = set.find("k", algorithm).unwrap();
        assert!(!key.verifies(b"a.c", &decode(signature).unwrap()), "another message");
        key.verifies(b"a.b", &decode(signature).unwrap())
    }

    #[test]
    fn signatures_are_verified() {
        assert!(verifies(&rsa(N, ""), Algorithm::Rs256, RS256));
        assert!(verifies(
            &rsa(N, r#","alg":"RS256","use":"sig","key_ops":["verify"]"#),
            Algorithm::Rs256,
            RS256
        ));
        assert!(verifies(&p256(X, ""), Algorithm::Es256, ES256));
        let padded = URL_SAFE_NO_PAD.encode([&[0, 0], &decode(N).unwrap()[..]].concat());
        assert!(verifies(&rsa(&padded, ""), Algorithm::Rs256, RS256), "a number with leading zeros");
        assert!(!verifies(&rsa(SMALL_N, ""), Algorithm::Rs256, SMALL_RS256), "a key of 1024 bits");
    }

    #[test]
    fn a_key_is_for_one_algorithm() {
        assert!(rsa(N, "").find("k", Algorithm::Es256).is_none());
        assert!(p256(X, "").find("k", Algorithm::Rs256).is_none());
        assert!(rsa(N, "").find("other", Algorithm::Rs256).is_none());
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        for more in [
            r#","use":"enc""#,
            r#","alg":"RS512""#,
            r#","alg":"RSA-OAEP""#,
            r#","key_ops":["encrypt"]"#,
            r#","kid":"twice""#,
        ] {
            assert!(rsa(N, more).is_empty(), "{more}");
        }
        for key in [
            r#"{"kty":"oct","kid":"k","k":"AAAA"}"#.to_owned(),
            r#"{"kty":"RSA","kid":"k","n":"AQAB"}"#.to_owned(),
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
            format!(r#"{{"kty":"EC","kid":"k","crv":"P-384","x":"{X}","y":"{Y}"}}"#),
            format!(r#"{{"kty":"EC","kid":"k","crv":"P-256","x":"AAAA","y":"{Y}"}}"#),
            "7".to_owned(),
        ] {
            assert!(set(&key).is_empty(), "{key}");
        }
    }

    #[test]
    fn what_is_no_set_is_an_error() {
        for text in ["", "[]", "{}", r#"{"keys":{}}"#] {
            assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
