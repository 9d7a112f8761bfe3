//! The services that the other tests stand on do their job: each starts, takes what is right and refuses what is not.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oneiric_tests::services::{Gcp, Moto, PubSub, Received, Reply, Slack, Stub, Webhook};
use oneiric_tests::wait_for;
use ring::hmac;
use serde_json::{Value, json};

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The header that a program sends once it has asked the metadata server.
fn authorization(gcp: &Gcp) -> String {
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    let (status, answer) = gcp.request("GET", path, &[("metadata-flavor", "Google")], None);
    assert_eq!(status, 200, "{answer}");
    format!("Bearer {}", parse(&answer)["access_token"].as_str().expect("a token"))
}

#[test]
fn secrets_are_read_by_who_has_a_token_and_may() {
    let gcp = Gcp::start();
    let token = authorization(&gcp);
    let access = |name: &str, version: &str, token: &str| {
        let target = format!("/v1/projects/demo/secrets/{name}/versions/{version}:access");
        let (status, answer) = gcp.request("GET", &target, &[("authorization", token)], None);
        let answer = parse(&answer);
        let data =
            answer["payload"]["data"].as_str().map(|data| STANDARD.decode(data).expect("it is Base64"));
        let error = answer["error"]["status"].as_str().unwrap_or_default().to_owned();
        (status, data.map_or(error, |data| String::from_utf8(data).expect("it is text")))
    };
    assert_eq!([gcp.add_secret("KEY", "old"), gcp.add_secret("KEY", "new")], [1, 2]);
    gcp.add_secret("OTHER", "x");
    gcp.change_secret("OTHER", &json!({ "denied": true }));
    assert_eq!(access("KEY", "latest", &token), (200, "new".to_owned()));
    assert_eq!(access("KEY", "1", &token), (200, "old".to_owned()));
    assert_eq!(access("KEY", "3", &token), (404, "NOT_FOUND".to_owned()));
    assert_eq!(access("NONE", "latest", &token), (404, "NOT_FOUND".to_owned()));
    assert_eq!(access("OTHER", "latest", &token), (403, "PERMISSION_DENIED".to_owned()));
    assert_eq!(access("KEY", "latest", "Bearer forged"), (401, "UNAUTHENTICATED".to_owned()));
    gcp.change_secret("KEY", &json!({ "version": 2, "state": "DISABLED" }));
    assert_eq!(access("KEY", "latest", &token), (400, "FAILED_PRECONDITION".to_owned()));
    gcp.fail(&json!({ "path": ":access$", "status": 503, "retry_after": "1" }));
    assert_eq!(access("KEY", "1", &token).0, 503);
    assert_eq!(access("KEY", "1", &token).0, 200, "a fault is for as many requests as it says");
    gcp.revoke_tokens();
    assert_eq!(access("KEY", "1", &token).0, 401);
    assert_eq!(gcp.requests().len(), 11);
}

#[test]
fn the_metadata_server_answers_only_who_means_to_ask_it() {
    let gcp = Gcp::start();
    let path = "/computeMetadata/v1/instance/service-accounts/default/identity?audience=https://a.example";
    assert_eq!(gcp.request("GET", path, &[], None).0, 403);
    let (status, token) = gcp.request("GET", path, &[("metadata-flavor", "Google")], None);
    assert_eq!(status, 200, "{token}");
    let parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("it is Base64"));
    let parts = parts.collect::<Vec<_>>();
    let header = serde_json::from_slice::<Value>(&parts[0]).expect("it is JSON");
    let claims = serde_json::from_slice::<Value>(&parts[1]).expect("it is JSON");
    assert_eq!(claims["aud"], "https://a.example");
    assert_eq!(claims["email"], Gcp::ACCOUNT);
    let published = || parse(&gcp.request("GET", "/oauth2/v3/certs", &[], None).1)["keys"].clone();
    let before = published();
    assert_eq!(before[0]["kid"], header["kid"]);
    let modulus = URL_SAFE_NO_PAD.decode(before[0]["n"].as_str().expect("n")).expect("it is Base64");
    let exponent = URL_SAFE_NO_PAD.decode(before[0]["e"].as_str().expect("e")).expect("it is Base64");
    let key = ring::signature::RsaPublicKeyComponents { n: modulus, e: exponent };
    let (signed, _) = token.rsplit_once('.').expect("it has three parts");
    let algorithm = &ring::signature::RSA_PKCS1_2048_8192_SHA256;
    key.verify(algorithm, signed.as_bytes(), &parts[2]).expect("the published key verifies it");
    gcp.rotate_keys(true);
    assert_eq!(published().as_array().map(Vec::len), Some(1));
    assert_ne!(published()[0]["kid"], header["kid"]);
}

#[test]
fn tokens_are_given_for_a_signed_assertion_and_for_a_refresh_token() {
    let gcp = Gcp::start();
    let ask = |form: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (status, answer) = gcp.request("POST", "/token", &headers, Some(form));
        (status, parse(&answer))
    };
    let account = gcp.service_account();
    let pem = account["private_key"].as_str().expect("a key");
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>());
    let key = ring::signature::RsaKeyPair::from_pkcs8(&der.expect("it is Base64")).expect("it is a key");
    let assert = |more: &Value, audience: &Value| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut claims =
            json!({ "iss": account["client_email"], "aud": audience, "iat": now, "exp": now + 3600 });
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": account["private_key_id"] });
        let parts = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = parts.join(".");
        let mut signature = vec![0; key.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        let padding = &ring::signature::RSA_PKCS1_SHA256;
        key.sign(padding, &random, signed.as_bytes(), &mut signature).expect("it signs");
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        ask(&format!("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={assertion}"))
    };
    let scope = json!({ "scope": "https://www.googleapis.com/auth/cloud-platform" });
    let (status, answer) = assert(&scope, &account["token_uri"]);
    assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")), "{answer}");
    assert_eq!(assert(&scope, &json!("https://elsewhere.example")).0, 400);
    let (status, answer) = assert(&json!({ "target_audience": "https://a.example" }), &account["token_uri"]);
    assert!(status == 200 && answer["id_token"].is_string(), "{answer}");

    let user = gcp.authorized_user();
    let field = |name: &str| format!("{name}={}", user[name].as_str().expect("text"));
    let form = |secret: &str| {
        format!("grant_type=refresh_token&{}&{}&{secret}", field("client_id"), field("refresh_token"))
    };
    assert_eq!(ask(&form(&field("client_secret"))).0, 200);
    assert_eq!(ask(&form("client_secret=wrong")).0, 400);
}

#[test]
fn cloud_tasks_sends_what_is_put_into_a_queue_until_it_is_taken() {
    let gcp = Gcp::start();
    let token = authorization(&gcp);
    let target = Stub::start(|_| Reply::status(200));
    target.next(Reply::status(503));
    let queue = gcp.create_queue("dag");
    let create = |task: &Value| {
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        gcp.request(
            "POST",
            &format!("/v2/{queue}/tasks"),
            &headers,
            Some(&json!({ "task": task }).to_string()),
        )
    };
    let task = json!({
        "name": format!("{queue}/tasks/one"),
        "httpRequest": {
            "url": format!("{}/tasks/workflow", target.url()),
            "headers": { "Content-Type": "application/json", "X-CloudTasks-TaskName": "forged" },
            "body": STANDARD.encode("{}"),
            "oidcToken": { "serviceAccountEmail": "queue@demo.iam.gserviceaccount.com" },
        },
        "dispatchDeadline": "600s",
    });
    let (status, answer) = create(&task);
    assert_eq!(status, 200, "{answer}");
    let received = target.wait_for(2);
    let attempts = received.iter().map(|one| one.headers["x-cloudtasks-taskretrycount"].as_str());
    assert_eq!(attempts.collect::<Vec<_>>(), ["0", "1"]);
    let sent = &received[1];
    assert_eq!(
        (sent.method.as_str(), sent.target.as_str(), sent.body.as_str()),
        ("POST", "/tasks/workflow", "{}")
    );
    assert_eq!(sent.headers["x-cloudtasks-taskname"], "one");
    let claims = sent.headers["authorization"].split('.').nth(1).expect("a token has three parts");
    let claims = parse(&String::from_utf8(URL_SAFE_NO_PAD.decode(claims).expect("Base64")).expect("text"));
    assert_eq!(claims["aud"], format!("{}/tasks/workflow", target.url()));
    assert_eq!(claims["email"], "queue@demo.iam.gserviceaccount.com");

    assert_eq!(create(&task).0, 409, "a name is taken once");
    for wrong in [
        json!({}),
        json!({ "httpRequest": { "url": "ftp://a.example/" } }),
        json!({ "httpRequest": { "url": target.url() }, "dispatchDeadline": "1s" }),
        json!({ "httpRequest": { "url": target.url(), "oidc": {} } }),
        json!({ "httpRequest": { "url": target.url() }, "name": "one" }),
        json!({ "httpRequest": { "url": target.url(), "body": "not base64!" } }),
    ] {
        let (status, answer) = create(&wrong);
        assert_eq!(status, 400, "{wrong}: {answer}");
    }
    let tasks = gcp.tasks();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["text"], "{}");
}

#[test]
fn pubsub_is_googles_emulator_where_it_is_installed() {
    holds_for_pubsub(&PubSub::start());
}

#[test]
fn pubsub_of_ours_does_what_the_emulator_does() {
    let pubsub = PubSub::double();
    holds_for_pubsub(&pubsub);
    let topic = pubsub.create_topic("strict");
    let publish = format!("/v1/{topic}:publish");
    let (status, answer) = pubsub.request("POST", &publish, &json!({ "mesages": [] }));
    assert_eq!(status, 400, "{answer}");

    // What the emulator does not: of one ordering key, nothing comes before what came earlier is done.
    let ordered = pubsub.create_subscription("ordered", &topic, json!({ "enableMessageOrdering": true }));
    let ids = pubsub.call("POST", &publish, &messages(&["first", "second"]))["messageIds"].clone();
    for id in ids.as_array().expect("a list") {
        let received = pull(&pubsub, &ordered, 10);
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(&received[0]["message"]["messageId"], id);
        let done = json!({ "ackIds": [received[0]["ackId"]] });
        pubsub.call("POST", &format!("/v1/{ordered}:acknowledge"), &done);
    }
}

fn holds_for_pubsub(pubsub: &PubSub) {
    let topic = pubsub.create_topic("runs");
    let pulled = pubsub.create_subscription("pulled", &topic, json!({}));
    let target = Stub::start(|_| Reply::status(204));
    target.next(Reply::status(500));
    let endpoint = json!({ "pushConfig": { "pushEndpoint": format!("{}/tasks/workflow", target.url()) } });
    let pushed = pubsub.create_subscription("pushed", &topic, endpoint);
    let ids = pubsub.call("POST", &format!("/v1/{topic}:publish"), &messages(&["first", "second"]));

    let (ids, first) = (ids["messageIds"].clone(), pull(pubsub, &pulled, 1).remove(0));
    let give_back = json!({ "ackIds": [first["ackId"]], "ackDeadlineSeconds": 0 });
    pubsub.call("POST", &format!("/v1/{pulled}:modifyAckDeadline"), &give_back);
    let mut taken = Vec::new();
    while taken.len() < 2 {
        let received = pull(pubsub, &pulled, 10);
        let open = received.iter().map(|one| one["ackId"].clone()).collect::<Vec<_>>();
        pubsub.call("POST", &format!("/v1/{pulled}:acknowledge"), &json!({ "ackIds": open }));
        taken.extend(received);
    }
    let again = taken.iter().find(|one| one["message"]["messageId"] == first["message"]["messageId"]);
    let again = &again.expect("what is given back comes again")["message"];
    assert!(ids.as_array().is_some_and(|ids| ids.contains(&again["messageId"])), "{ids} {again}");
    assert_eq!([&again["attributes"]["kind"], &again["orderingKey"]], ["run", "k"]);
    assert!([STANDARD.encode("first"), STANDARD.encode("second")].iter().any(|data| again["data"] == *data));

    let received = target.wait_for(3);
    let bodies = received.iter().map(Received::json).collect::<Vec<_>>();
    assert!(bodies.iter().all(|body| body["subscription"] == pushed.as_str()), "{bodies:?}");
    let refused = &bodies[0]["message"]["messageId"];
    let deliveries = bodies.iter().filter(|body| &body["message"]["messageId"] == refused).count();
    assert_eq!(deliveries, 2, "what was refused comes again: {bodies:?}");
    let (status, _) = pubsub.request("POST", "/v1/projects/demo/topics/none:publish", &messages(&["x"]));
    assert_eq!(status, 404);
}

fn messages(texts: &[&str]) -> Value {
    let messages = texts.iter().map(
        |text| json!({ "data": STANDARD.encode(text), "attributes": { "kind": "run" }, "orderingKey": "k" }),
    );
    json!({ "messages": messages.collect::<Vec<_>>() })
}

/// At least one message and no more than `limit`.
fn pull(pubsub: &PubSub, subscription: &str, limit: usize) -> Vec<Value> {
    let mut received = Vec::new();
    wait_for(|| {
        let asked = json!({ "maxMessages": limit });
        let answer = pubsub.call("POST", &format!("/v1/{subscription}:pull"), &asked);
        received = answer["receivedMessages"].as_array().cloned().unwrap_or_default();
        !received.is_empty()
    });
    assert!(received.len() <= limit, "{received:?}");
    received
}

#[test]
fn moto_keeps_secrets_and_their_versions() {
    let moto = Moto::start();
    let call = |action: &str, body: Value| moto.call(&format!("secretsmanager.{action}"), &body);
    let token = |digit: &str| digit.repeat(32);
    let created =
        call("CreateSecret", json!({ "Name": "K", "SecretString": "old", "ClientRequestToken": token("1") }));
    assert_eq!(created.0, 200, "{created:?}");
    let put = json!({ "SecretId": "K", "SecretString": "new", "ClientRequestToken": token("2") });
    assert_eq!(call("PutSecretValue", put).0, 200);
    assert_eq!(call("GetSecretValue", json!({ "SecretId": "K" })).1["SecretString"], "new");
    let previous = json!({ "SecretId": "K", "VersionStage": "AWSPREVIOUS" });
    assert_eq!(call("GetSecretValue", previous).1["SecretString"], "old");
    let (status, answer) = call("GetSecretValue", json!({ "SecretId": "none" }));
    // AWS says so with status 400, moto with another: what counts is the type.
    assert!(status >= 400, "{status}");
    assert_eq!(answer["__type"], "ResourceNotFoundException", "{answer}");
}

#[test]
fn slack_says_most_faults_with_status_200() {
    let slack = Slack::start(&["deploys"]);
    let post = |token: &str, body: &Value| {
        let mut request = ureq::post(format!("{}/chat.postMessage", slack.base_url()));
        request = request.header("authorization", format!("Bearer {token}"));
        request = request.header("content-type", "application/json; charset=utf-8");
        let mut response =
            request.config().http_status_as_error(false).build().send(body.to_string()).expect("answer");
        let text = response.body_mut().read_to_string().expect("a body");
        let error = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|body| Some(body["error"].as_str()?.to_owned()));
        (response.status().as_u16(), error)
    };
    let fault = |error: &str| (200, Some(error.to_owned()));
    let good = json!({ "channel": "#deploys", "text": "done" });
    assert_eq!(post(Slack::TOKEN, &good), (200, None));
    assert_eq!(post("xoxb-other", &good), fault("invalid_auth"));
    assert_eq!(post(Slack::TOKEN, &json!({ "channel": "none", "text": "done" })), fault("channel_not_found"));
    assert_eq!(post(Slack::TOKEN, &json!({ "channel": "deploys" })), fault("no_text"));
    let title = json!({ "channel": "deploys", "text": "done", "title": "no argument of Slack's" });
    assert_eq!(post(Slack::TOKEN, &title), fault("invalid_arguments"));
    slack.next(Reply::status(429).header("retry-after", "3"));
    assert_eq!(post(Slack::TOKEN, &good).0, 429);
    assert_eq!(slack.posted().len(), 6);
}

#[test]
fn a_webhook_is_taken_from_who_signed_it() {
    let webhook = Webhook::start();
    let key = STANDARD.decode(&Webhook::SECRET["whsec_".len()..]).expect("it is Base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let post = |timestamp: u64, signed: &str, body: &str| {
        let tag = hmac::sign(&key, format!("msg_1.{timestamp}.{signed}").as_bytes());
        let mut request = ureq::post(webhook.url()).header("webhook-id", "msg_1");
        request = request.header("webhook-timestamp", timestamp.to_string());
        request = request.header("webhook-signature", format!("v1,AAAA v1,{}", STANDARD.encode(tag)));
        let sent = request.config().http_status_as_error(false).build().send(body);
        sent.expect("it answers").status().as_u16()
    };
    assert_eq!(post(now, "{}", "{}"), 204);
    assert_eq!(post(now, "{}", "{ }"), 401);
    assert_eq!(post(now - 3600, "{}", "{}"), 401);
    webhook.next(Reply::status(204).after(Duration::from_millis(200)));
    let start = Instant::now();
    assert_eq!(post(now, "{}", "{}"), 204);
    assert!(start.elapsed() >= Duration::from_millis(200));
}
