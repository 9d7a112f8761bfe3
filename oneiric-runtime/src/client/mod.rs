//! The HTTP client that all adapters of REST services share.
//!
//! To `reqwest` it adds what a program owes to the services that it calls: limits on time and size, attempts that come
//! further and further apart, a pause for a host that is down. And what it owes to its own secrets: a redirect carries no
//! credential to another origin, and no error holds one. What an answer means is left to who asked.
//!
//! ```no_run
//! # async fn greet() -> Result<(), oneiric::client::Error> {
//! use oneiric::client::{Client, Request, Url};
//!
//! let client = Client::default();
//! let url = Url::parse("https://example.com/greeting").expect("a URL");
//! let greeting: String = client.send(Request::get(url)).await?.ok()?.json()?;
//! # Ok(())
//! # }
//! ```

mod breaker;
mod error;
mod redirect;
mod request;
mod response;
mod retry;
#[cfg(test)]
#[allow(dead_code, reason = "the tests of each feature use another part of it")]
pub(crate) mod stub;
#[cfg(test)]
mod tests;
mod transport;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use self::breaker::Breakers;
pub use self::error::{Error, Kind};
pub use self::request::Request;
pub use self::response::Response;
use self::transport::Transport;
use crate::clock::{millis, secs};
use crate::task::Retry;
use crate::tls::Roots;
pub use reqwest::{Method, StatusCode, Url};

/// Sends requests. Clones share connections and what is known about hosts that are down.
///
/// Making one costs nothing: what it needs is built when the first request is sent.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    policy: Policy,
}

/// What clones of a client share.
struct Shared {
    roots: OnceLock<Roots>,
    http: OnceLock<Result<reqwest::Client, String>>,
    breakers: Breakers,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// How long to wait, how often to try, and how much to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The longest that a call takes, with all its attempts, waits and redirects.
    pub total: Duration,
    /// The longest that one attempt takes, to the last byte of its answer.
    pub attempt: Duration,
    /// How often a call is tried, and the waits between.
    pub retry: Retry,
    /// The largest body of an answer, in bytes.
    pub max_body: usize,
    /// How many redirects are followed.
    pub redirects: usize,
}

impl Default for Policy {
    /// Thirty seconds in all and ten for an attempt; three attempts; bodies of 4 MiB; five redirects.
    fn default() -> Self {
        Self {
            total: secs(30),
            attempt: secs(10),
            retry: Retry::attempts(3).base_delay(millis(200)).max_delay(secs(5)).jitter(1.0),
            max_body: 4 << 20,
            redirects: 5,
        }
    }
}

impl Client {
    /// A client with this policy.
    pub fn new(policy: Policy) -> Self {
        let shared = Shared { roots: OnceLock::new(), http: OnceLock::new(), breakers: Breakers::default() };
        Self { shared: Arc::new(shared), policy }
    }

    /// The same client with another policy.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// What the service answers, whatever the status: [`Response::ok`] tells success from failure.
    ///
    /// # Errors
    ///
    /// When there is no answer: see [`Kind`].
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let http = self.http().map_err(|fault| Error::new(Kind::Setup, &request, fault))?;
        send(http, &self.shared.breakers, &self.policy, request).await
    }

    fn http(&self) -> Result<&reqwest::Client, &str> {
        let roots = self.shared.roots.get_or_init(Roots::from_env);
        self.shared.http.get_or_init(|| transport::build(roots)).as_ref().map_err(String::as_str)
    }
}

impl Default for Client {
    /// A client with the default policy.
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

/// One call: a request and the redirects that follow from it, each tried as often as the policy says.
async fn send(
    transport: &impl Transport,
    breakers: &Breakers,
    policy: &Policy,
    mut request: Request,
) -> Result<Response, Error> {
    if let Some(fault) = request.fault.take() {
        return Err(Error::new(Kind::Request, &request, &fault));
    }
    let deadline = Instant::now() + policy.total;
    for _ in 0..=policy.redirects {
        let response = retry::persist(transport, breakers, policy, &request, deadline).await?;
        match redirect::next(&request, &response)? {
            Some(next) => request = next,
            None => return Ok(response),
        }
    }
    Err(Error::new(Kind::Redirect, &request, &format!("more than {} redirects", policy.redirects)))
}
