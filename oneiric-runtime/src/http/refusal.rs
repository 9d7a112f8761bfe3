//! What a caller who may not call is told, and what the log is told beside it.
//!
//! A caller learns no more than a code: whatever else it was told would help those who try. The log has the reason, and
//! nothing of what the caller brought.

use hyper::StatusCode;

use super::answer::Answer;
use crate::callers::{Challenge, Refusal};

/// Seconds after which it is worth asking again when callers cannot be judged.
const SOON: u32 = 5;

/// What is told to everybody where the manifest is silent.
const UNDECLARED: &str = "the manifest does not say who may call; write `http: { auth: { oidc: { audience: \"https://…\" } } }`, \
     `http: { auth: { shared_secret: \"${secret:NAME}\" } }`, or `http: { auth: none }` for anyone, and build it again";

/// The answer to a caller who is turned away.
pub(super) fn answer(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::Undeclared => {
            tracing::warn!(reason = "the manifest does not say who may call", "caller-refused");
            Answer::explained(StatusCode::FORBIDDEN, "callers-undeclared", UNDECLARED)
        }
        Refusal::Missing(challenge) => {
            tracing::warn!(reason = "it does not say who calls", "caller-refused");
            Answer::unauthorized("credentials-missing", missing(*challenge))
        }
        Refusal::Invalid(challenge, reason) => {
            tracing::warn!(reason, "caller-refused");
            Answer::unauthorized("credentials-invalid", invalid(*challenge))
        }
        Refusal::NotAllowed(reason) => {
            tracing::warn!(reason, "caller-refused");
            Answer::error(StatusCode::FORBIDDEN, "caller-not-allowed")
        }
        Refusal::Unavailable(reason) => {
            tracing::error!(reason, "callers-not-judged");
            let answer = Answer::error(StatusCode::SERVICE_UNAVAILABLE, "callers-not-judged");
            Answer { retry_after: Some(SOON), ..answer }
        }
    }
}

/// RFC 6750, 3: who has brought nothing is told no more than the scheme.
fn missing(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Bearer => "Bearer",
        Challenge::Signature => "Signature",
    }
}

fn invalid(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Bearer => "Bearer error=\"invalid_token\"",
        Challenge::Signature => "Signature error=\"invalid_signature\"",
    }
}
