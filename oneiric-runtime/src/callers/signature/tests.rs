//! Signatures of all schemes. They were computed with Python's `hmac` and `cryptography`, and not with what is tested.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::Request;

use super::*;
use crate::callers::Lookup;
use crate::callers::settings::Scheme;
use crate::secret::Secret;

/// When the signatures were made.
const SIGNED: i64 = 1_767_225_600;

const BODY: &str = r#"{"workflow":"fulfil","run_id":"order-7"}"#;

const SECRET: &str = "open sesame";

/// Secrets whose name is their text.
struct Named;

impl Lookup for Named {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, String>> {
        Box::pin(std::future::ready(Ok(Secret::new(name))))
    }
}

/// A signed request.
#[derive(Clone)]
struct Signed {
    scheme: Scheme,
    secret: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
    at: i64,
}

impl Signed {
    fn new(scheme: Scheme, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { scheme, secret: SECRET, path: "/tasks/workflow", headers, body: BODY, at: SIGNED }
    }

    fn judge(&self) -> Result<(), Refusal> {
        let settings = Settings {
            scheme: self.scheme,
            secret: self.secret.to_owned(),
            tolerance: Duration::from_mins(5),
            signature_header: None,
            timestamp_header: None,
            url: Some("https://shop.example.org".to_owned()),
        };
        let secret = crate::callers::secret::Named::new(self.secret, Arc::new(Named));
        let signature = Signature::new(settings, secret);
        let mut request = Request::post(self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let brought = signature.brought(&head, Timestamp(self.at * 1_000_000))?;
        signature.judge(&brought, self.secret, &head, self.body.as_bytes())
    }

    fn reason(&self) -> &'static str {
        match self.judge() {
            Err(Refusal::Invalid(Challenge::Signature, reason)) => reason,
            Err(Refusal::Missing(Challenge::Signature)) => "missing",
            other => panic!("{other:?}"),
        }
    }
}

const TIME: &str = "1767225600";

fn standard() -> Signed {
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", TIME),
        ("webhook-signature", "v1,CS3uFUM63Ji3nesw6SIYSVo05bBnFr9XSX0Le7Gwc0Q="),
    ];
    Signed {
        secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u",
        ..Signed::new(Scheme::StandardWebhooks, &headers)
    }
}

fn all() -> Vec<Signed> {
    let over_time = "6437df0885d729c17a4b0cf2022badec76326b5311264575a98ee9b5cb50e6b2";
    let svix = standard().headers.into_iter().map(|(name, value)| {
        let name = match name {
            "webhook-id" => "svix-id",
            "webhook-timestamp" => "svix-timestamp",
            _ => "svix-signature",
        };
        (name, value)
    });
    let sendgrid = [
        ("x-twilio-email-event-webhook-timestamp", TIME),
        (
            "x-twilio-email-event-webhook-signature",
            "MEUCIQC+Z93I3AASpC3urV9h0rIVBTIo0KsD9HP2tafWfTgmLQIgO7eaOu4BsX9cmQfStVEjzsEC8h8byJa/MPPk9gvqqeM=",
        ),
    ];
    vec![
        standard(),
        Signed { headers: svix.collect(), ..standard() },
        Signed::new(Scheme::Timestamped, &[("x-timestamp", TIME), ("x-signature", over_time)]),
        Signed::new(
            Scheme::Github,
            &[(
                "x-hub-signature-256",
                "sha256=55b4e615f534a13d276ab0bd13e63d31a668ebf7112bb89116abd98bc9a62076",
            )],
        ),
        Signed::new(
            Scheme::Slack,
            &[
                ("x-slack-request-timestamp", TIME),
                ("x-slack-signature", "v0=62df106cb0434af889af06bb9331924026f1408e7e510eec3d02d4e23382ddeb"),
            ],
        ),
        Signed::new(Scheme::Stripe, &[("stripe-signature", &format!("t={TIME},v1={over_time},v0=00"))]),
        Signed {
            path: "/tasks/workflow?bodySHA256=07c731e31fd3cb3f8254cdabf69c9ab27712e0a8ab2b0196cafe7552b6069174",
            ..Signed::new(Scheme::Twilio, &[("x-twilio-signature", "jv1q8lQmP2HL1kRnMeD3ukqVisc=")])
        },
        Signed {
            path: "/tasks/workflow?x=1",
            body: "B=2&A=1&C=a+b%26",
            ..Signed::new(
                Scheme::Twilio,
                &[
                    ("x-twilio-signature", "wt8p7OJX/iuR7wQpAOLl3rUc+k8="),
                    ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ],
            )
        },
        Signed {
            secret: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2Gx9pocsHDVLzISd9pM/gLHW6ouw9Dh7HVXn3TLu4dMPmphA8/dZjA6dSHhwAXr6vcoOXecx2wLaJVzX9j7HCQ==",
            ..Signed::new(Scheme::Sendgrid, &sendgrid)
        },
    ]
}

#[test]
fn what_is_signed_is_good() {
    for signed in all() {
        assert_eq!(signed.judge(), Ok(()), "{:?} {:?}", signed.scheme, signed.headers);
    }
}

#[test]
fn another_body_or_secret_or_none_at_all_is_not() {
    for signed in all() {
        let what = format!("{:?} {:?}", signed.scheme, signed.headers);
        assert!(Signed { body: "{}", ..signed.clone() }.judge().is_err(), "{what}");
        let other = match signed.scheme {
            Scheme::StandardWebhooks => "whsec_AAAA",
            // The public key of another pair.
            Scheme::Sendgrid => {
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=="
            }
            _ => "close sesame",
        };
        assert_eq!(
            Signed { secret: other, ..signed.clone() }.reason(),
            "no signature is over this request and by this secret",
            "{what}"
        );
        assert_eq!(Signed { headers: Vec::new(), ..signed }.reason(), "missing", "{what}");
    }
}

#[test]
fn a_signature_is_good_for_a_while() {
    for signed in all() {
        for (later, is_good) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let then = Signed { at: SIGNED + later, ..signed.clone() };
            let says_no_time = matches!(signed.scheme, Scheme::Github | Scheme::Twilio);
            assert_eq!(then.judge().is_ok(), is_good || says_no_time, "{:?} after {later} s", signed.scheme);
        }
    }
}

#[test]
fn one_of_several_signatures_is_enough() {
    let mut signed = standard();
    signed.headers[2].1 = format!("v1a,AAAA v1,AAAA {}", signed.headers[2].1);
    assert_eq!(signed.judge(), Ok(()));
    signed.headers[2].1 = "v2,CS3uFUM63Ji3nesw6SIYSVo05bBnFr9XSX0Le7Gwc0Q=".to_owned();
    assert_eq!(signed.reason(), "the signature is not of the scheme that is expected");
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let with = |headers: &[(&'static str, &str)]| Signed::new(Scheme::Timestamped, headers).reason();
    assert_eq!(with(&[("x-timestamp", TIME), ("x-signature", "zz")]), "the signature is not hexadecimal");
    assert_eq!(with(&[("x-timestamp", TIME), ("x-signature", "abc")]), "the signature is not hexadecimal");
    for time in ["", "now", "-1", "1767225600.0", "99999999999", "+1"] {
        assert_eq!(
            with(&[("x-timestamp", time), ("x-signature", "00")]),
            "its time is no number of seconds",
            "{time}"
        );
    }
    assert_eq!(with(&[("x-signature", "00")]), "missing");
    assert_eq!(
        with(&[("x-timestamp", TIME), ("x-timestamp", TIME), ("x-signature", "00")]),
        "a header of the signature is there twice"
    );
    let twice = format!("t={TIME},t={TIME},v1=00");
    assert_eq!(Signed::new(Scheme::Stripe, &[("stripe-signature", &twice)]).reason(), "it has two times");
}

#[test]
fn a_secret_that_is_no_key_is_ours_to_mend() {
    for (scheme, secret) in
        [(Scheme::StandardWebhooks, "whsec_not base64"), (Scheme::Sendgrid, "AAAA"), (Scheme::Github, "")]
    {
        let signed = all().into_iter().find(|one| one.scheme == scheme).unwrap();
        let refused = Signed { secret, ..signed }.judge();
        assert!(matches!(refused, Err(Refusal::Unavailable(_))), "{scheme:?}: {refused:?}");
    }
}
