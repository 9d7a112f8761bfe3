//! Where credentials are found, on stubs of AWS's endpoints that check what they are asked.

use std::collections::HashMap;
use std::path::Path;

use super::*;
use crate::client::Policy;
use crate::client::stub::{Stub, answer};
use crate::task::Retry;

fn client() -> Client {
    Client::new(Policy { retry: Retry::attempts(1), ..Policy::default() })
}

/// The keys that are found in an environment: id, secret, session token, and how long they last.
async fn found(
    named: &Named,
    environment: &[(&str, &str)],
) -> Result<(String, String, Option<String>, Option<Duration>), Error> {
    let environment = environment.iter().copied().collect::<HashMap<_, _>>();
    let get = |name: &str| environment.get(name).map(ToString::to_string);
    let source = chain::find(&client(), named, "eu-central-1", get).await?;
    let Lasting { value, lasts } = source.keys().await?;
    let token = value.session_token.map(|token| token.expose().to_owned());
    Ok((value.access_key_id, value.secret_access_key.expose().to_owned(), token, lasts))
}

/// An id and a secret that are there to read.
fn fixed(id: &str, secret: &str) -> (String, String, Option<String>, Option<Duration>) {
    (id.to_owned(), secret.to_owned(), None, None)
}

fn message(error: &Error) -> String {
    format!("{error} {error:?}")
}

/// A folder with the shared files.
fn files(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join(".aws")).expect("a folder");
    std::fs::write(home.path().join(".aws/config"), config).expect("a file");
    std::fs::write(home.path().join(".aws/credentials"), credentials).expect("a file");
    home
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[tokio::test]
async fn the_first_place_that_has_credentials_wins() {
    let home = files(
        "[profile work]\nregion = eu-west-1\n",
        "[default]\naws_access_key_id=p\naws_secret_access_key=ps\n",
    );
    let mut environment = vec![("HOME", text(home.path()))];
    let mut named = Named::default();
    assert_eq!(found(&named, &environment).await, Ok(fixed("p", "ps")));
    environment.extend([("AWS_ACCESS_KEY_ID", "e"), ("AWS_SECRET_ACCESS_KEY", "es")]);
    assert_eq!(found(&named, &environment).await, Ok(fixed("e", "es")));
    environment.push(("AWS_SESSION_TOKEN", "et"));
    assert_eq!(found(&named, &environment).await.expect("keys").2.as_deref(), Some("et"));
    named.profile_name = Some("default".to_owned());
    assert_eq!(found(&named, &environment).await, Ok(fixed("p", "ps")), "who names a profile means it");
    named.access_key_id = Some("s".to_owned());
    assert_eq!(found(&named, &environment).await.expect_err("half").kind(), Kind::Settings);
    named.secret_access_key = Some(Secret::new("ss"));
    assert_eq!(found(&named, &environment).await, Ok(fixed("s", "ss")));
}

#[tokio::test]
async fn a_profile_is_what_both_files_say_of_it() {
    let config = "# comment\n[default]\nregion = x\n[profile a b]\naws_access_key_id = old\naws_secret_access_key = AS\n\
                  s3 =\n  aws_secret_access_key = nested\n[profile sso]\nsso_session = corp\n[profile none]\nregion = y\n";
    let home = files(config, "[a b]\n  \nAWS_Access_Key_Id=new\n");
    let read = async |name: &str| {
        let named = Named { profile_name: Some(name.to_owned()), ..Named::default() };
        found(&named, &[("HOME", text(home.path()))]).await
    };
    assert_eq!(read("a b").await, Ok(fixed("new", "AS")));
    for (name, expected) in [
        ("sso", "the AWS profile `sso` has its credentials from `sso_session`, which is not known here"),
        ("none", "the AWS profile `none` has no credentials"),
        ("missing", "the AWS profile `missing` is in none of the shared files"),
    ] {
        assert_eq!(read(name).await.expect_err("no keys").to_string(), expected);
    }
}

#[tokio::test]
async fn a_web_identity_is_taken_to_sts() {
    let sts = Stub::serve(|asked| {
        let form = form_urlencoded::parse(&asked.body).into_owned().collect::<HashMap<_, _>>();
        if form["WebIdentityToken"] != "canary-t" {
            return answer(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>");
        }
        assert_eq!((&*form["Action"], &*form["RoleArn"]), ("AssumeRoleWithWebIdentity", "arn:aws:iam::1:role/r"));
        answer(
            200,
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
             <AccessKeyId>w</AccessKeyId><SecretAccessKey>ws/+=</SecretAccessKey><SessionToken>wt</SessionToken>\
             <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
             </AssumeRoleWithWebIdentityResponse>",
        )
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "canary-t\n").expect("a file");
    let url = sts.url("/");
    let environment = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", text(&file)),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ENDPOINT_URL_STS", url.as_str()),
    ];
    let (id, secret, token, lasts) = found(&Named::default(), &environment).await.expect("keys");
    assert_eq!((&*id, &*secret, token.as_deref()), ("w", "ws/+=", Some("wt")));
    assert!(lasts.is_some());
    std::fs::write(&file, "canary-u").expect("a file");
    let error = found(&Named::default(), &environment).await.expect_err("refused");
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.to_string().ends_with("(InvalidIdentityToken)"), "{error}");
    assert!(!message(&error).contains("canary"), "{error}");
}

const GIVEN: &str = r#"{"Code": "Success", "AccessKeyId": "g", "SecretAccessKey": "gs", "Token": "gt",
    "Expiration": "2999-01-01T00:00:00Z"}"#;

#[tokio::test]
async fn a_container_asks_its_endpoint_with_its_token() {
    let agent = Stub::serve(|asked| match asked.header("authorization") {
        "Bearer a" => answer(200, GIVEN),
        _ => answer(401, ""),
    })
    .await;
    let url = agent.url("/creds");
    let mut environment = vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())];
    assert_eq!(found(&Named::default(), &environment).await.expect_err("no token").kind(), Kind::Denied);
    environment.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer a"));
    let (id, secret, token, lasts) = found(&Named::default(), &environment).await.expect("keys");
    assert_eq!((&*id, &*secret, token.as_deref(), lasts.is_some()), ("g", "gs", Some("gt"), true));
    let elsewhere = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://agent.example/creds")];
    let error = found(&Named::default(), &elsewhere).await.expect_err("not safe");
    assert_eq!(
        error.to_string(),
        "the endpoint of container credentials is neither encrypted nor on this machine"
    );
}

#[tokio::test]
async fn an_instance_is_asked_in_the_second_version_only() {
    let instance = Stub::serve(|asked| match (asked.method.as_str(), asked.target.as_str()) {
        ("PUT", "/latest/api/token") if asked.header("x-aws-ec2-metadata-token-ttl-seconds") == "300" => {
            answer(200, "session")
        }
        _ if asked.header("x-aws-ec2-metadata-token") != "session" => answer(401, ""),
        ("GET", "/latest/meta-data/iam/security-credentials/") => answer(200, "role\n"),
        ("GET", "/latest/meta-data/iam/security-credentials/role") => answer(200, GIVEN),
        _ => answer(404, ""),
    })
    .await;
    let url = instance.url("/");
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    assert_eq!(found(&Named::default(), &environment).await.expect("keys").0, "g");
    assert_eq!(instance.asked().len(), 3);
    let error =
        found(&Named::default(), &[("AWS_EC2_METADATA_DISABLED", "true")]).await.expect_err("nowhere");
    assert!(error.to_string().starts_with("there are no AWS credentials"), "{error}");
    instance.stop().await;
    let error = found(&Named::default(), &environment).await.expect_err("nobody");
    assert!(error.to_string().starts_with("there are no AWS credentials"), "{error}");
}

/// Credentials with keys in the settings, and what a service answers to a request that they sign.
async fn asked(service: &Stub) -> Response {
    let named = Named {
        access_key_id: Some("AKIDEXAMPLE".to_owned()),
        secret_access_key: Some(Secret::new("canary")),
        ..Named::default()
    };
    let credentials = Credentials::new(&client(), named, "us-east-1");
    credentials.send("secretsmanager", Request::post(service.url("/")).json(&1)).await.expect("an answer")
}

#[tokio::test]
async fn requests_are_signed_for_their_service_and_region() {
    let service = Stub::serve(|_| answer(200, "{}")).await;
    assert!(check(asked(&service).await).is_ok());
    let [sent] = service.asked().try_into().expect("one request");
    let authorization = sent.header("authorization");
    let date = &sent.header("x-amz-date")[..8];
    let expected =
        format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{date}/us-east-1/secretsmanager/aws4_request, ");
    assert!(authorization.starts_with(&expected), "{authorization}");
    assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date, "), "{authorization}");
    assert_eq!(sent.header("host"), service.host());
}

#[tokio::test]
async fn credentials_that_have_ended_are_replaced_once() {
    let service = Stub::serve(|_| answer(400, r#"{"__type": "com.amazon#ExpiredTokenException"}"#)).await;
    let error = check(asked(&service).await).map(|_| ()).expect_err("ended");
    assert_eq!(error.kind(), Kind::Denied);
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn the_code_of_an_answer_says_what_kind_of_failure_it_is() {
    for (status, code, kind) in [
        (400, "ResourceNotFoundException", Kind::NotFound),
        (400, "AccessDeniedException", Kind::Denied),
        (400, "UnrecognizedClientException", Kind::Denied),
        (400, "ThrottlingException", Kind::Unavailable),
        (400, "InvalidParameterException", Kind::Rejected),
        (500, "InternalServiceError", Kind::Unavailable),
    ] {
        let body = format!(r#"{{"__type": "{code}", "Message": "canary"}}"#);
        let service = Stub::serve(move |_| answer(status, body.clone())).await;
        let error = check(asked(&service).await).map(|_| ()).expect_err(code);
        assert_eq!(error.kind(), kind, "{code}");
        assert!(error.to_string().ends_with(&format!("({code})")), "{error}");
        assert!(!message(&error).contains("canary"), "{error}");
    }
}
