//! The ways in which senders sign, each in its sender's own words: where the signature stands, what it is over, and how.
//!
//! Standard Webhooks: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
//! GitHub: <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
//! Slack: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
//! Stripe: <https://docs.stripe.com/webhooks/signature>.
//! Twilio: <https://www.twilio.com/docs/usage/security>.
//! `SendGrid`: <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use crate::callers::constant_time;
use crate::callers::settings::Scheme;

/// The most signatures that are tried. A sender that changes its secret has two.
const MAX_SIGNATURES: usize = 8;

/// What a P-256 public key begins with in DER, before its uncompressed point: RFC 5480, 2.
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What a request brings to be judged by.
#[derive(Debug)]
pub(super) struct Brought {
    /// When it was signed, in seconds since 1970, where the scheme says that.
    pub(super) timestamp: Option<i64>,
    /// Any of these may be right.
    pub(super) signatures: Vec<Vec<u8>>,
    /// What is signed before the body.
    prefix: String,
}

/// Why a request brings nothing to be judged by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unreadable {
    /// There is no signature.
    Missing,
    /// There is one that cannot be read.
    Wrong(&'static str),
}

/// What a signature is verified with.
pub(super) enum Key {
    Hmac(hmac::Key),
    P256(Vec<u8>),
}

impl Scheme {
    /// What a request brings. `names` are the headers of the signature and of its time, for the scheme that lets them be
    /// chosen.
    pub(super) fn read(
        self,
        headers: &HeaderMap,
        names: (Option<&str>, Option<&str>),
    ) -> Result<Brought, Unreadable> {
        match self {
            Self::StandardWebhooks => standard(headers),
            Self::Timestamped => {
                let signature = required(headers, names.0.unwrap_or("x-signature"))?;
                let time = required(headers, names.1.unwrap_or("x-timestamp"))?;
                let signature = signature.strip_prefix("sha256=").unwrap_or(signature);
                brought(Some(time), vec![hex(signature)?], format!("{time}."))
            }
            Self::Github => {
                let signature = required(headers, "x-hub-signature-256")?;
                let signature = signature.strip_prefix("sha256=").ok_or(NOT_OF_THE_SCHEME)?;
                brought(None, vec![hex(signature)?], String::new())
            }
            Self::Slack => {
                let signature = required(headers, "x-slack-signature")?;
                let time = required(headers, "x-slack-request-timestamp")?;
                let signature = signature.strip_prefix("v0=").ok_or(NOT_OF_THE_SCHEME)?;
                brought(Some(time), vec![hex(signature)?], format!("v0:{time}:"))
            }
            Self::Stripe => stripe(required(headers, "stripe-signature")?),
            Self::Twilio => {
                let signature = required(headers, "x-twilio-signature")?;
                brought(None, vec![base64(signature)?], String::new())
            }
            Self::Sendgrid => {
                let signature = required(headers, "x-twilio-email-event-webhook-signature")?;
                let time = required(headers, "x-twilio-email-event-webhook-timestamp")?;
                brought(Some(time), vec![base64(signature)?], time.to_owned())
            }
        }
    }

    /// What is signed. `url` is what stands before the path in the address that the sender knows.
    pub(super) fn content(
        self,
        brought: &Brought,
        head: &Parts,
        body: &[u8],
        url: Option<&str>,
    ) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Twilio => twilio(head, body, url.unwrap_or_default()),
            _ => Ok([brought.prefix.as_bytes(), body].concat()),
        }
    }

    /// The key that a secret is, or why it is none.
    pub(super) fn key(self, secret: &str) -> Result<Key, &'static str> {
        if secret.is_empty() {
            return Err("the secret is empty");
        }
        match self {
            Self::StandardWebhooks => {
                let text = secret.strip_prefix("whsec_").unwrap_or(secret);
                let bytes =
                    STANDARD.decode(text).map_err(|_| "the secret of Standard Webhooks is not base64")?;
                Ok(Key::Hmac(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
            }
            Self::Sendgrid => {
                let info = STANDARD.decode(secret).map_err(|_| "the public key is not base64")?;
                let point = info.strip_prefix(&P256_INFO).ok_or("the public key is not one of P-256")?;
                Ok(Key::P256(point.to_vec()))
            }
            Self::Twilio => {
                Ok(Key::Hmac(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes())))
            }
            Self::Timestamped | Self::Github | Self::Slack | Self::Stripe => {
                Ok(Key::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
            }
        }
    }
}

impl Key {
    /// Whether `signature` is over `content` and by this key.
    pub(super) fn signs(&self, content: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, content, signature).is_ok(),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(content, signature).is_ok()
            }
        }
    }
}

const NOT_OF_THE_SCHEME: Unreadable =
    Unreadable::Wrong("the signature is not of the scheme that is expected");

/// `webhook-signature: v1,BASE64 v1,BASE64`, over `ID.TIMESTAMP.BODY`. Svix calls the same headers by its own name.
fn standard(headers: &HeaderMap) -> Result<Brought, Unreadable> {
    let family = if headers.contains_key("webhook-signature") { "webhook" } else { "svix" };
    let header = |what| required(headers, &format!("{family}-{what}"));
    let (signatures, id, time) = (header("signature")?, header("id")?, header("timestamp")?);
    // Other versions are other algorithms, and are for those who know them.
    let signatures = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let signatures = signatures.take(MAX_SIGNATURES).map(base64).collect::<Result<Vec<_>, _>>()?;
    brought(Some(time), signatures, format!("{id}.{time}."))
}

/// `t=TIMESTAMP,v1=HEX,v1=HEX`, over `TIMESTAMP.BODY`.
fn stripe(header: &str) -> Result<Brought, Unreadable> {
    let mut time = None;
    let mut signatures = Vec::new();
    for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" if time.is_some() => return Err(Unreadable::Wrong("it has two times")),
            "t" => time = Some(value),
            "v1" if signatures.len() < MAX_SIGNATURES => signatures.push(hex(value)?),
            _ => {}
        }
    }
    let time = time.ok_or(NOT_OF_THE_SCHEME)?;
    brought(Some(time), signatures, format!("{time}."))
}

/// The address, and after it the names and values of a form in the order of their names. A body that is no form has its
/// SHA-256 in the address.
fn twilio(head: &Parts, body: &[u8], url: &str) -> Result<Vec<u8>, &'static str> {
    let path = head.uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str);
    let mut content = format!("{}{path}", url.trim_end_matches('/'));
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded") {
        // A name may have several values; they are sorted as well.
        let mut form: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            form.entry(name).or_default().push(value);
        }
        for (name, mut values) in form {
            values.sort_unstable();
            values.dedup();
            for value in values {
                content.extend([&*name, &*value]);
            }
        }
        return Ok(content.into_bytes());
    }
    let query = head.uri.query().unwrap_or_default();
    let stated = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256");
    let (_, stated) = stated.ok_or("the body is no form, and the address says nothing of it")?;
    let stated = hex(&stated).map_err(|_| "what the address says of the body cannot be read")?;
    if constant_time::equal(&stated, digest(&SHA256, body).as_ref()) {
        Ok(content.into_bytes())
    } else {
        Err("the body is another than the address says")
    }
}

fn brought(time: Option<&str>, signatures: Vec<Vec<u8>>, prefix: String) -> Result<Brought, Unreadable> {
    /// Seconds since 1970 have ten digits until the year 2286.
    const MAX_DIGITS: usize = 10;

    if signatures.is_empty() {
        return Err(NOT_OF_THE_SCHEME);
    }
    let is_number = |text: &str| text.len() <= MAX_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    let timestamp = time
        .map(|text| is_number(text).then(|| text.parse().ok()).flatten().ok_or(NOT_A_TIME))
        .transpose()?;
    Ok(Brought { timestamp, signatures, prefix })
}

const NOT_A_TIME: Unreadable = Unreadable::Wrong("its time is no number of seconds");

/// The header of this name, which has to be there once.
fn required<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Unreadable> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Unreadable::Missing)?;
    if values.next().is_some() {
        return Err(Unreadable::Wrong("a header of the signature is there twice"));
    }
    value.to_str().map_err(|_| Unreadable::Wrong("a header of the signature is not text"))
}

fn base64(text: &str) -> Result<Vec<u8>, Unreadable> {
    STANDARD.decode(text).map_err(|_| Unreadable::Wrong("the signature is not base64"))
}

fn hex(text: &str) -> Result<Vec<u8>, Unreadable> {
    const WRONG: Unreadable = Unreadable::Wrong("the signature is not hexadecimal");
    if !text.len().is_multiple_of(2) {
        return Err(WRONG);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect::<Option<_>>().ok_or(WRONG)
}
