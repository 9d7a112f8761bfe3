//! The compact form of a signed token: `header.payload.signature`, each in base64url without padding (RFC 7515, 7.1).
//!
//! One token has one spelling: whatever else could be read as the same token is refused. Nothing here is to be trusted
//! before the signature is verified, which is left to the caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The longest token. Google's have about a kilobyte.
const MAX_TOKEN: usize = 8 * 1024;

/// The longest id of a key.
const MAX_KEY_ID: usize = 256;

/// A token that is well-formed, and nothing else.
#[derive(Debug)]
pub(super) struct Jws<'t> {
    algorithm: Algorithm,
    key_id: String,
    signed: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The algorithms that are taken. `none` is not one, and none of them has a secret that could be taken for a public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// Members of the header that change what a token means. A member that stands twice is an error of `serde`'s.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
    jwk: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
}

impl<'t> Jws<'t> {
    /// Takes a token apart, or says why it is none.
    pub(super) fn parse(token: &'t str) -> Result<Self, &'static str> {
        if token.len() > MAX_TOKEN {
            return Err("it is longer than a token may be");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NOT_THREE)?;
        let (header, payload) = signed.split_once('.').ok_or(NOT_THREE)?;
        if payload.contains('.') {
            return Err(NOT_THREE);
        }
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "a part is not base64url");
        let header = decode(header)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| "the header cannot be read")?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            _ => return Err("the algorithm is neither RS256 nor ES256"),
        };
        if header.jwk.is_some() || header.jku.is_some() || header.x5u.is_some() || header.x5c.is_some() {
            return Err("it brings its own key");
        }
        if header.crit.is_some() {
            return Err("it demands an extension");
        }
        if header.typ.is_some_and(|typ| !is_jwt(&typ)) {
            return Err("it is not of the type JWT");
        }
        let key_id = header.kid.filter(|kid| !kid.is_empty() && kid.len() <= MAX_KEY_ID);
        let key_id = key_id.ok_or("it does not say which key it is signed with")?;
        Ok(Self { algorithm, key_id, signed, payload: decode(payload)?, signature: decode(signature)? })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id of the key that it says it is signed with.
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The text that the signature is over.
    pub(super) fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

const NOT_THREE: &str = "it has not three parts";

/// `JWT`, or `at+jwt` of RFC 9068; both are media types, which may be written out and in any case.
fn is_jwt(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    typ == "jwt" || typ == "at+jwt"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode("{}"), encode("signature"))
    }

    fn refused(token: &str) -> &'static str {
        Jws::parse(token).unwrap_err()
    }

    #[test]
    fn a_token_is_taken_apart() {
        let token = token(r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#);
        let jws = Jws::parse(&token).unwrap();
        assert_eq!((jws.algorithm(), jws.key_id()), (Algorithm::Es256, "k"));
        assert_eq!((jws.payload(), jws.signature()), (&b"{}"[..], &b"signature"[..]));
        assert_eq!(
            Some((std::str::from_utf8(jws.signed()).unwrap(), "c2lnbmF0dXJl")),
            token.rsplit_once('.')
        );
    }

    #[test]
    fn types_that_are_jwts_are_taken() {
        for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
            let token = token(&format!(r#"{{"alg":"RS256","kid":"k","typ":"{typ}"}}"#));
            assert!(Jws::parse(&token).is_ok(), "{typ}");
        }
    }

    #[test]
    fn a_header_cannot_choose_how_it_is_verified() {
        for (header, reason) in [
            (r#"{"alg":"none","kid":"k"}"#, "the algorithm is neither RS256 nor ES256"),
            (r#"{"alg":"NONE","kid":"k"}"#, "the algorithm is neither RS256 nor ES256"),
            (r#"{"alg":"HS256","kid":"k"}"#, "the algorithm is neither RS256 nor ES256"),
            (r#"{"alg":"rs256","kid":"k"}"#, "the algorithm is neither RS256 nor ES256"),
            (r#"{"alg":"RS256","kid":"k","jwk":{}}"#, "it brings its own key"),
            (r#"{"alg":"RS256","kid":"k","jku":"https://example.org"}"#, "it brings its own key"),
            (r#"{"alg":"RS256","kid":"k","x5u":"https://example.org"}"#, "it brings its own key"),
            (r#"{"alg":"RS256","kid":"k","x5c":[]}"#, "it brings its own key"),
            (r#"{"alg":"RS256","kid":"k","crit":["b64"],"b64":false}"#, "it demands an extension"),
            (r#"{"alg":"RS256","kid":"k","typ":"logout+jwt"}"#, "it is not of the type JWT"),
            (r#"{"alg":"RS256"}"#, "it does not say which key it is signed with"),
            (r#"{"alg":"RS256","kid":""}"#, "it does not say which key it is signed with"),
            (r#"{"alg":"RS256","kid":7}"#, "the header cannot be read"),
            (r#"{"alg":"RS256","alg":"RS256","kid":"k"}"#, "the header cannot be read"),
            (r#"{"kid":"k"}"#, "the header cannot be read"),
            (r#"{"alg":"RS256","kid":"k"} x"#, "the header cannot be read"),
            (r"[]", "the header cannot be read"),
        ] {
            assert_eq!(refused(&token(header)), reason, "{header}");
        }
    }

    #[test]
    fn one_token_has_one_spelling() {
        let good = token(r#"{"alg":"RS256","kid":"k"}"#);
        let (signed, _) = good.rsplit_once('.').unwrap();
        assert!(Jws::parse(&good).is_ok());
        for (token, reason) in [
            (String::new(), NOT_THREE),
            (signed.to_owned(), NOT_THREE),
            (format!("{good}."), NOT_THREE),
            (format!("{good}.e30"), NOT_THREE),
            // `e30` is `{}`; what follows decodes to the same bytes for those who are not strict.
            (format!("{signed}.e31"), "a part is not base64url"),
            (format!("{signed}.e30="), "a part is not base64url"),
            (format!("{signed}.e3 0"), "a part is not base64url"),
            (format!("{signed}.+/+/"), "a part is not base64url"),
            (format!(" {good}"), "a part is not base64url"),
            (format!("{signed}.{}", "A".repeat(MAX_TOKEN)), "it is longer than a token may be"),
        ] {
            assert_eq!(refused(&token), reason, "{token:.80}");
        }
    }
}
