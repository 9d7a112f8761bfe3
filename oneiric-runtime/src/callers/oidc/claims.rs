//! What a token says, once its signature is known to be good.

use std::time::Duration;

use serde::Deserialize;

use crate::clock::Timestamp;

/// The claims that are judged. A claim that stands twice is an error of `serde`'s.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) subject: Option<String>,
    pub(super) email: Option<String>,
    pub(super) email_is_verified: bool,
    expires: f64,
    begins: Option<f64>,
    issued: Option<f64>,
}

/// The payload as it is written: RFC 7519, 4.1, and `OpenID` Connect Core 1.0, 5.1. Times are seconds since 1970, which
/// need not be whole.
#[derive(Deserialize)]
struct Payload {
    iss: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    sub: Option<String>,
    email: Option<String>,
    /// A boolean; some issuers write text, which is not taken for one.
    email_verified: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Claims {
    /// Reads a payload.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, &'static str> {
        let payload: Payload =
            serde_json::from_slice(payload).map_err(|_| "the claims that it must have cannot be read")?;
        Ok(Self {
            issuer: payload.iss,
            audiences: match payload.aud {
                Audience::One(audience) => vec![audience],
                Audience::Several(audiences) => audiences,
            },
            subject: payload.sub,
            email: payload.email,
            email_is_verified: payload.email_verified == Some(true.into()),
            expires: payload.exp,
            begins: payload.nbf,
            issued: payload.iat,
        })
    }

    /// Whether it is good at this time, on clocks that are at most `leeway` apart.
    pub(super) fn check_time(&self, now: Timestamp, leeway: Duration) -> Result<(), &'static str> {
        #[expect(clippy::cast_precision_loss, reason = "a microsecond does not matter")]
        let now = now.0 as f64 / 1e6;
        let leeway = leeway.as_secs_f64();
        let is_past = |time: f64| time + leeway <= now;
        let is_to_come = |time: f64| time > now + leeway;
        if is_past(self.expires) {
            Err("it has expired")
        } else if self.begins.is_some_and(is_to_come) {
            Err("it is not good yet")
        } else if self.issued.is_some_and(is_to_come) {
            Err("it was issued in the future")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn at(text: &str) -> Result<(), &'static str> {
        let claims = Claims::parse(format!(r#"{{"iss":"i","aud":"a",{text}}}"#).as_bytes())?;
        claims.check_time(Timestamp(NOW * 1_000_000), Duration::from_secs(30))
    }

    #[test]
    fn times_are_judged_with_leeway() {
        for (claims, expected) in [
            (format!(r#""exp":{}"#, NOW + 1), Ok(())),
            (format!(r#""exp":{}"#, NOW - 29), Ok(())),
            (format!(r#""exp":{}.5"#, NOW - 30), Ok(())),
            (format!(r#""exp":{}"#, NOW - 30), Err("it has expired")),
            (r#""exp":-1"#.to_owned(), Err("it has expired")),
            (format!(r#""exp":{},"nbf":{}"#, NOW + 60, NOW + 30), Ok(())),
            (format!(r#""exp":{},"nbf":{}"#, NOW + 60, NOW + 31), Err("it is not good yet")),
            (format!(r#""exp":{},"iat":{}"#, NOW + 60, NOW + 30), Ok(())),
            (format!(r#""exp":{},"iat":{}"#, NOW + 60, NOW + 31), Err("it was issued in the future")),
        ] {
            assert_eq!(at(&claims), expected, "{claims}");
        }
    }

    #[test]
    fn claims_have_their_types_and_stand_once() {
        for claims in [
            r#""n":1"#,
            r#""exp":"1700000060""#,
            r#""exp":1e999"#,
            r#""exp":null"#,
            r#""exp":1700000060,"exp":1700000060"#,
            r#""exp":1700000060,"aud":"b""#,
            r#""exp":1700000060,"email":["a@example.org"]"#,
        ] {
            assert_eq!(at(claims), Err("the claims that it must have cannot be read"), "{claims}");
        }
    }

    #[test]
    fn an_address_is_verified_only_if_the_issuer_plainly_says_so() {
        let verified = |text: &str| {
            let claims = format!(r#"{{"iss":"i","aud":"a","exp":1,"email":"e"{text}}}"#);
            Claims::parse(claims.as_bytes()).unwrap().email_is_verified
        };
        assert!(verified(r#","email_verified":true"#));
        for text in
            ["", r#","email_verified":false"#, r#","email_verified":"true""#, r#","email_verified":1"#]
        {
            assert!(!verified(text), "{text}");
        }
    }

    #[test]
    fn an_audience_is_a_text_or_several() {
        let audiences = |text: &str| {
            let claims = Claims::parse(format!(r#"{{"iss":"i","exp":1,"aud":{text}}}"#).as_bytes());
            claims.map(|claims| claims.audiences.join(" "))
        };
        assert_eq!(audiences(r#""a""#).unwrap(), "a");
        assert_eq!(audiences(r#"["a","b"]"#).unwrap(), "a b");
        assert!(audiences(r#"{"a":1}"#).is_err());
        assert!(audiences("[1]").is_err());
    }
}
