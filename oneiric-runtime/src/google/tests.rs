//! Tokens from stubs of Google's servers that check what they are sent. The key in `test_key.pem` was made for this test by
//! `openssl genpkey` and opens nothing.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, KeyPair as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::client::Policy;
use crate::client::stub::{Answer, Asked, Stub, answer};
use crate::task::Retry;

const KEY: &str = include_str!("test_key.pem");
const EMAIL: &str = "robot@demo.iam.gserviceaccount.com";

/// A client that tries once.
fn client() -> Client {
    Client::new(Policy { retry: Retry::attempts(1), ..Policy::default() })
}

/// A file that holds this, until the folder is dropped.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials.json");
    std::fs::write(&path, text).expect("a file");
    (folder, path)
}

fn service_account(token_uri: &Url) -> (TempDir, PathBuf) {
    let account = json!({
        "type": "service_account", "client_email": EMAIL, "private_key_id": "k1", "private_key": KEY,
        "token_uri": token_uri.as_str(), "project_id": "demo",
    });
    file(&account.to_string())
}

fn user(token_uri: &Url) -> (TempDir, PathBuf) {
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "canary-s", "refresh_token": "canary-r",
        "token_uri": token_uri.as_str(),
    });
    file(&user.to_string())
}

/// Credentials that the metadata server at `host` gives.
fn of_metadata(client: &Client, host: &str) -> Credentials {
    let credentials = Credentials::new(client, None);
    let metadata = Metadata::new(client, Some(host)).expect("a host");
    assert!(credentials.0.source.set(Source::Metadata(metadata)).is_ok());
    credentials
}

/// A token with these claims, signed by nobody.
fn token(claims: &Value) -> String {
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.x", part(&json!({ "alg": "RS256" })), part(claims))
}

/// The claims of an assertion, which must be signed by the key above.
fn verified(assertion: &str) -> Value {
    let (signed, signature) = assertion.rsplit_once('.').expect("a token");
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
    let key = ring::rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key");
    signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, key.public_key())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).expect("Base64"))
        .expect("a signature of the key");
    let parts = signed.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("Base64"));
    let parts = parts.map(|part| serde_json::from_slice::<Value>(&part).expect("JSON")).collect::<Vec<_>>();
    assert_eq!(parts[0], json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    parts[1].clone()
}

/// The fields of a form.
fn form(asked: &Asked) -> HashMap<String, String> {
    form_urlencoded::parse(&asked.body).into_owned().collect()
}

/// A token endpoint that says what it is asked for.
fn grant(asked: &Asked) -> Answer {
    let form = form(asked);
    let grant = form["grant_type"].as_str();
    if grant == "refresh_token" {
        return answer(200, r#"{"access_token": "of-a-user", "expires_in": 3599, "token_type": "Bearer"}"#);
    }
    assert_eq!(grant, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = verified(&form["assertion"]);
    match claims["target_audience"].as_str() {
        Some(audience) => {
            let now = crate::clock::Timestamp::now().0 / 1_000_000;
            answer(
                200,
                json!({ "id_token": token(&json!({ "aud": audience, "exp": now + 3600 })) }).to_string(),
            )
        }
        None => answer(200, r#"{"access_token": "of-a-robot", "expires_in": 3599, "token_type": "Bearer"}"#),
    }
}

async fn access_token(path: &Path) -> Result<String, Error> {
    let token = Credentials::new(&client(), Some(path.to_owned())).access_token().await?;
    Ok(token.expect("a token").expose().to_owned())
}

#[tokio::test]
async fn a_service_account_asks_with_what_it_signs() {
    let google = Stub::serve(grant).await;
    let (_folder, path) = service_account(&google.url("/token"));
    let credentials = Credentials::new(&client(), Some(path));
    let token = credentials.access_token().await.expect("an answer").expect("a token");
    assert_eq!(token.expose(), "of-a-robot");
    let [asked] = google.asked().try_into().expect("one request");
    let claims = verified(&form(&asked)["assertion"]);
    assert_eq!(claims["iss"], EMAIL);
    assert_eq!(claims["aud"], google.url("/token").as_str());
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    let (issued, ends) = (claims["iat"].as_i64().expect("a time"), claims["exp"].as_i64().expect("a time"));
    assert_eq!(ends - issued, 3600);
    assert!((crate::clock::Timestamp::now().0 / 1_000_000 - issued).abs() < 60);
}

#[tokio::test]
async fn id_tokens_are_kept_by_audience() {
    let google = Stub::serve(grant).await;
    let (_folder, path) = service_account(&google.url("/token"));
    let credentials = Credentials::new(&client(), Some(path));
    for audience in ["https://a.example", "https://b.example", "https://a.example"] {
        let token = credentials.id_token(audience).await.expect("an answer").expect("a token");
        let claims =
            URL_SAFE_NO_PAD.decode(token.expose().split('.').nth(1).expect("claims")).expect("Base64");
        assert_eq!(serde_json::from_slice::<Value>(&claims).expect("JSON")["aud"], audience);
    }
    assert_eq!(google.asked().len(), 2);
}

#[tokio::test]
async fn a_person_has_access_tokens_and_no_id_tokens() {
    let google = Stub::serve(grant).await;
    let (_folder, path) = user(&google.url("/token"));
    assert_eq!(access_token(&path).await.as_deref(), Ok("of-a-user"));
    let fields = form(&google.asked()[0]);
    assert_eq!((&*fields["client_id"], &*fields["refresh_token"]), ("c", "canary-r"));
    let refused = Credentials::new(&client(), Some(path)).id_token("https://a.example").await;
    assert_eq!(refused.expect_err("none").kind(), Kind::Settings);
}

#[tokio::test]
async fn the_metadata_server_is_asked_once_for_all_who_need_a_token() {
    let google = Stub::serve(|asked| {
        assert_eq!((asked.method.as_str(), asked.header("metadata-flavor")), ("GET", "Google"));
        let mut answer = answer(200, r#"{"access_token": "t", "expires_in": 3599, "token_type": "Bearer"}"#);
        answer.headers_mut().insert("metadata-flavor", "Google".parse().expect("a header"));
        answer
    })
    .await;
    let credentials = of_metadata(&client(), &google.host());
    let tokens = futures_util::future::join_all((0..20).map(|_| credentials.access_token())).await;
    assert!(tokens.iter().all(|token| token.as_ref().is_ok_and(Option::is_some)));
    let [asked] = google.asked().try_into().expect("one request");
    assert_eq!(
        asked.target,
        "/computeMetadata/v1/instance/service-accounts/default/token\
         ?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform"
    );
}

#[tokio::test]
async fn the_metadata_server_gives_id_tokens_with_the_account_in_them() {
    let google = Stub::serve(|_| {
        let mut answer = answer(200, token(&json!({ "exp": 32_503_680_000_i64 })));
        answer.headers_mut().insert("metadata-flavor", "Google".parse().expect("a header"));
        answer
    })
    .await;
    let credentials = of_metadata(&client(), &google.host());
    assert!(credentials.id_token("https://a.example").await.expect("an answer").is_some());
    assert_eq!(
        google.asked()[0].target,
        "/computeMetadata/v1/instance/service-accounts/default/identity\
         ?audience=https%3A%2F%2Fa.example&format=full"
    );
}

#[tokio::test]
async fn who_is_not_the_metadata_server_is_not_believed() {
    let other = Stub::serve(|_| answer(200, r#"{"access_token": "t", "expires_in": 3599}"#)).await;
    let error = of_metadata(&client(), &other.host()).access_token().await.expect_err("another server");
    assert_eq!(error.kind(), Kind::Unavailable);
    let nobody = other.host();
    other.stop().await;
    let error = of_metadata(&client(), &nobody).access_token().await.expect_err("nobody");
    assert!(error.to_string().starts_with("there are no Google credentials"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_taken_back_is_replaced_once() {
    let google = Stub::serve(|asked| match asked.target.as_str() {
        "/token" => grant(asked),
        "/good" => answer(200, ""),
        _ => answer(401, ""),
    })
    .await;
    let (_folder, path) = user(&google.url("/token"));
    let credentials = Credentials::new(&client(), Some(path));
    let send =
        async |path| credentials.send(Request::post(google.url(path))).await.expect("an answer").status();
    assert_eq!(send("/good").await, 200);
    assert_eq!(google.asked()[1].header("authorization"), "Bearer of-a-user");
    assert_eq!(send("/bad").await, 401);
    let asked = google.asked().into_iter().map(|asked| asked.target).collect::<Vec<_>>();
    assert_eq!(asked, ["/token", "/good", "/bad", "/token", "/bad"]);
}

#[tokio::test]
async fn what_google_does_not_take_is_denied_and_not_shown() {
    let google =
        Stub::serve(|_| answer(400, r#"{"error": "invalid_grant", "error_description": "canary-d"}"#)).await;
    for (_folder, path) in [service_account(&google.url("/token")), user(&google.url("/token"))] {
        let error = access_token(&path).await.expect_err("refused");
        assert_eq!(error.kind(), Kind::Denied);
        let expected = format!(
            "the credentials file `{}` holds credentials that Google does not take (invalid_grant)",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn files_that_are_not_understood_are_told_without_what_is_in_them() {
    let key = json!({ "type": "service_account", "client_email": "e", "private_key_id": "k", "private_key": "canary" });
    let number = json!({ "type": "authorized_user", "client_id": "canary", "client_secret": 7, "refresh_token": "canary" });
    for (text, expected) in [
        ("canary", "is no JSON (line 1, column 1)"),
        (&*key.to_string(), "holds a `private_key` that is not in PEM"),
        (&*number.to_string(), "holds something else than expected (line 1, column "),
        (r#"{"type": "external_account"}"#, "is of the type `external_account`; known are"),
        (r#"{"type": "authorized_user", "token_uri": "canary"}"#, "holds something else than expected"),
    ] {
        let (_folder, path) = file(text);
        let error = access_token(&path).await.expect_err("not understood");
        assert_eq!(error.kind(), Kind::Settings);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
    let error = access_token(Path::new("/nonexistent/key.json")).await.expect_err("no file");
    assert!(error.to_string().contains("`/nonexistent/key.json` cannot be read"), "{error}");
}

#[tokio::test]
async fn no_token_leaves_this_machine_unencrypted() {
    let google = Stub::serve(grant).await;
    let (_folder, path) = user(&google.url("/token"));
    for (endpoint, is_given) in [
        ("https://secretmanager.googleapis.com", true),
        ("http://127.0.0.1:8085", true),
        ("http://[::1]:8085", true),
        ("http://localhost:8085", true),
        ("http://pubsub:8085", false),
        ("http://127.0.0.1.example", false),
    ] {
        let endpoint = Url::parse(endpoint).expect("a URL");
        let credentials = Credentials::for_endpoint(&client(), Some(path.clone()), &endpoint);
        assert_eq!(credentials.access_token().await.expect("an answer").is_some(), is_given, "{endpoint}");
    }
}

#[tokio::test]
async fn what_the_service_says_went_wrong_is_told_by_its_code() {
    let stub = Stub::serve(|asked| match asked.target.as_str() {
        "/denied" => {
            answer(403, r#"{"error": {"status": "PERMISSION_DENIED", "message": "Permission 'x' denied"}}"#)
        }
        "/invalid" => answer(400, r#"{"error": {"status": "INVALID_ARGUMENT", "message": "canary"}}"#),
        _ => answer(404, "<html>canary</html>"),
    })
    .await;
    let told = async |path| {
        let response = client().send(Request::get(stub.url(path))).await.expect("an answer");
        let error = check(response).map(|_| ()).expect_err("a failure");
        (error.kind(), error.to_string())
    };
    let origin = format!("GET http://{}: answered ", stub.host());
    let denied = format!("{origin}403 Forbidden (PERMISSION_DENIED: Permission 'x' denied)");
    assert_eq!(told("/denied").await, (Kind::Denied, denied));
    let invalid = format!("{origin}400 Bad Request (INVALID_ARGUMENT)");
    assert_eq!(told("/invalid").await, (Kind::Rejected, invalid));
    assert_eq!(told("/none").await, (Kind::NotFound, format!("{origin}404 Not Found")));
}
