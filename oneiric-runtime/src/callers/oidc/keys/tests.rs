//! Keys that change, an issuer that goes away, and those who ask for keys that never were; in time that jumps.

use std::collections::HashMap;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::fetch::Document;
use super::*;

const KEYS: &str = "https://issuer.example/keys";

/// An issuer whose documents a test sets.
#[derive(Default)]
struct Issuer {
    documents: StdMutex<HashMap<String, Result<Document, String>>>,
    fetched: AtomicUsize,
}

impl Fetch for Arc<Issuer> {
    async fn fetch(&self, url: &str) -> Result<Document, String> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        // Long enough for everybody else who waits to arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let documents = self.documents.lock().unwrap();
        documents.get(url).cloned().unwrap_or_else(|| Err("there is nothing".to_owned()))
    }
}

impl Issuer {
    fn has(&self, url: &str, text: &str, max_age: Option<u64>) {
        let document = Document { body: text.to_owned().into(), max_age: max_age.map(Duration::from_secs) };
        self.documents.lock().unwrap().insert(url.to_owned(), Ok(document));
    }

    /// Publishes keys of these ids.
    fn publishes(&self, ids: &[&str]) {
        let keys = ids.iter().map(|id| format!(r#"{{"kty":"RSA","kid":"{id}","n":"AQAB","e":"AQAB"}}"#));
        let keys = keys.collect::<Vec<_>>().join(",");
        self.has(KEYS, &format!(r#"{{"keys":[{keys}]}}"#), Some(3600));
    }

    fn goes_away(&self) {
        self.documents.lock().unwrap().clear();
    }

    fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

fn keys(ids: &[&str]) -> (Arc<Issuer>, Arc<Keys<Arc<Issuer>>>) {
    let issuer = Arc::new(Issuer::default());
    issuer.publishes(ids);
    (Arc::clone(&issuer), Arc::new(Keys::new(Source::Keys(KEYS.to_owned()), issuer)))
}

async fn find(keys: &Arc<Keys<Arc<Issuer>>>, id: &str) -> Result<(), NoKey> {
    Arc::clone(keys).find(id, Algorithm::Rs256).await.map(|_| ())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_before_it_is_needed_and_then_once() {
    let (issuer, keys) = keys(&["a"]);
    assert_eq!(issuer.fetched(), 0);
    let found = futures_util::future::join_all((0..50).map(|_| find(&keys, "a"))).await;
    assert!(found.iter().all(Result::is_ok), "{found:?}");
    assert_eq!(issuer.fetched(), 1);
    assert_eq!(find(&keys, "a").await, Ok(()));
    assert_eq!(issuer.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_for_another_algorithm_is_another_key() {
    let (_, keys) = keys(&["a"]);
    let found = keys.find("a", Algorithm::Es256).await.map(|_| ());
    assert_eq!(found, Err(NoKey::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_and_an_old_one_forgotten() {
    let (issuer, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    issuer.publishes(&["b"]);
    tokio::time::advance(INTERVAL).await;
    assert_eq!(find(&keys, "b").await, Ok(()));
    assert_eq!(issuer.fetched(), 2);
    tokio::time::advance(INTERVAL).await;
    assert_eq!(find(&keys, "a").await, Err(NoKey::Unknown));
}

#[tokio::test(start_paused = true)]
async fn ids_of_no_key_do_not_make_it_fetch_all_the_time() {
    let (issuer, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    for round in 0..10 {
        let ids = (0..100).map(|id| format!("{round}-{id}")).collect::<Vec<_>>();
        let found = futures_util::future::join_all(ids.iter().map(|id| find(&keys, id))).await;
        assert!(found.iter().all(|found| *found == Err(NoKey::Unknown)), "{found:?}");
        tokio::time::advance(INTERVAL / 10).await;
    }
    assert_eq!(issuer.fetched(), 1, "all of it within one interval");
    tokio::time::advance(INTERVAL).await;
    assert_eq!(find(&keys, "x").await, Err(NoKey::Unknown));
    assert_eq!(issuer.fetched(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_asks_and_goes_away_does_not_stop_it() {
    let (issuer, keys) = keys(&["a"]);
    let asked = tokio::time::timeout(Duration::from_millis(10), find(&keys, "a")).await;
    assert!(asked.is_err(), "it is still being fetched");
    assert_eq!(find(&keys, "a").await, Ok(()));
    assert_eq!(issuer.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_stay_good_for_a_day_while_the_issuer_is_away() {
    let (issuer, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    issuer.goes_away();
    tokio::time::advance(Duration::from_secs(3601)).await;
    assert_eq!(find(&keys, "a").await, Ok(()), "their time is over, and nobody says which are good now");
    assert_eq!(issuer.fetched(), 2);
    assert_eq!(find(&keys, "b").await, Err(NoKey::Unavailable("there is nothing".to_owned())));
    tokio::time::advance(GRACE).await;
    assert_eq!(find(&keys, "a").await, Err(NoKey::Unavailable("there is nothing".to_owned())));
    issuer.publishes(&["a"]);
    tokio::time::advance(INTERVAL).await;
    assert_eq!(find(&keys, "a").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_new_keys_while_the_old_ones_do() {
    let (issuer, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    tokio::time::advance(Duration::from_secs(3601)).await;
    let first = find(&keys, "a");
    let second = async {
        tokio::task::yield_now().await;
        let begin = Instant::now();
        assert_eq!(find(&keys, "a").await, Ok(()));
        begin.elapsed()
    };
    let (first, waited) = tokio::join!(first, second);
    assert_eq!((first, waited), (Ok(()), Duration::ZERO));
    assert_eq!(issuer.fetched(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_may_not_say_that_keys_are_good_for_ever_or_for_no_time() {
    let (issuer, keys) = keys(&["a"]);
    let set = r#"{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}"#;
    for (max_age, age) in [(Some(0), LEAST_AGE), (None, DEFAULT_AGE), (Some(10_000_000), GREATEST_AGE)] {
        issuer.has(KEYS, set, max_age);
        tokio::time::advance(GREATEST_AGE).await;
        let before = issuer.fetched();
        assert_eq!(find(&keys, "a").await, Ok(()));
        tokio::time::advance(age.checked_sub(Duration::from_secs(1)).unwrap()).await;
        assert_eq!(find(&keys, "a").await, Ok(()));
        assert_eq!(issuer.fetched(), before + 1, "{max_age:?}: they are good");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(find(&keys, "a").await, Ok(()));
        assert_eq!(issuer.fetched(), before + 2, "{max_age:?}: their time is over");
    }
}

#[tokio::test(start_paused = true)]
async fn what_are_no_keys_does_not_take_the_place_of_keys() {
    let (issuer, keys) = keys(&["a"]);
    assert_eq!(find(&keys, "a").await, Ok(()));
    for text in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#] {
        issuer.has(KEYS, text, None);
        tokio::time::advance(Duration::from_secs(3601)).await;
        assert_eq!(find(&keys, "a").await, Ok(()), "{text}");
    }
    assert_eq!(issuer.fetched(), 5);
}

#[tokio::test(start_paused = true)]
async fn keys_are_where_the_issuer_says() {
    const ISSUER: &str = "https://issuer.example/";
    const DISCOVERY: &str = "https://issuer.example/.well-known/openid-configuration";
    let issuer = Arc::new(Issuer::default());
    issuer.publishes(&["a"]);
    let keys = Arc::new(Keys::new(Source::Discovery(ISSUER.to_owned()), Arc::clone(&issuer)));
    for (document, expected) in [
        ("[]", Err("the issuer's discovery document cannot be read")),
        (
            r#"{"issuer":"https://other.example/","jwks_uri":"https://issuer.example/keys"}"#,
            Err("the discovery document is of another issuer"),
        ),
        (
            r#"{"issuer":"https://issuer.example/","jwks_uri":"http://issuer.example/keys"}"#,
            Err("the issuer's keys are not at an `https` address"),
        ),
        (r#"{"issuer":"https://issuer.example/","jwks_uri":"https://issuer.example/keys"}"#, Ok(())),
    ] {
        issuer.has(DISCOVERY, document, None);
        let expected = expected.map_err(|why: &str| NoKey::Unavailable(why.to_owned()));
        assert_eq!(find(&keys, "a").await, expected, "{document}");
        tokio::time::advance(INTERVAL).await;
    }
}

#[test]
fn only_this_machine_may_speak_without_encryption() {
    for url in
        ["https://a.example/keys", "http://127.0.0.1/keys", "http://localhost:80", "http://[::1]:80/keys"]
    {
        assert!(is_confidential(url), "{url}");
    }
    for url in [
        "http://a.example/keys",
        "http://127.0.0.1.example/keys",
        "http://localhost@a.example/keys",
        "http://localhost:80@a.example/keys",
        "ftp://localhost/keys",
        "keys",
    ] {
        assert!(!is_confidential(url), "{url}");
    }
}
