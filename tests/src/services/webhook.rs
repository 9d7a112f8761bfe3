//! A receiver of webhooks that checks who sent them, as Standard Webhooks 1.0 says.
//!
//! The signature is `v1,` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY` in Base64, in the header `webhook-signature`, where
//! several stand apart by spaces; the secret is `whsec_` and the key in Base64.

use std::ops::Deref;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::services::{Received, Reply, Stub};

/// How far the sender's clock may be from ours, in seconds.
const TOLERANCE: u64 = 300;

/// A receiver that answers 204 to what [`SECRET`](Self::SECRET) signed, and 401 to all else.
pub struct Webhook(Stub);

impl Webhook {
    /// The secret that senders must have.
    pub const SECRET: &str = "whsec_b25laXJpYy13ZWJob29rLXRlc3Qta2V5";

    /// Starts it.
    pub fn start() -> Self {
        Self(Stub::start(|received| match verify(received) {
            Ok(()) => Reply::status(204),
            Err(reason) => Reply::json(401, &serde_json::json!({ "error": reason })),
        }))
    }

    /// Starts one that takes whatever comes.
    pub fn open() -> Self {
        Self(Stub::start(|_| Reply::status(204)))
    }
}

/// What every stub can do.
impl Deref for Webhook {
    type Target = Stub;

    fn deref(&self) -> &Stub {
        &self.0
    }
}

fn verify(received: &Received) -> Result<(), &'static str> {
    let header = |name| received.headers.get(name).map(String::as_str).ok_or("a header is missing");
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let sent = timestamp.parse::<u64>().map_err(|_| "the timestamp is no number")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    if now.abs_diff(sent) > TOLERANCE {
        return Err("the timestamp is too far from now");
    }
    let key = Webhook::SECRET.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key.expect("the constant is a secret"));
    let signed = format!("{id}.{timestamp}.{}", received.body);
    let is_ours = header("webhook-signature")?.split(' ').any(|signature| {
        let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&key, signed.as_bytes(), &tag).is_ok())
    });
    if is_ours { Ok(()) } else { Err("no signature is of our secret") }
}
