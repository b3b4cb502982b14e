//! The issuer of the Orchestrator's tokens, as STS reads it.

use std::collections::BTreeMap;

use sandbox::eks::{Faults, ISSUER};
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![published, wrong, unread, self_hosted, accepted_by_sts,];

/// Checks the documented runner while the issuer publishes something else.
fn with(cloud: &Cloud, changes: &Value) -> Checked {
    let issuer: BTreeMap<String, Value> = serde_json::from_value(changes.clone()).unwrap();
    cloud.faults(Faults {
        issuer,
        ..Faults::default()
    });
    cloud.check_documented()
}

fn published(cloud: &Cloud) {
    let checked = cloud.check_documented();
    checked.all_pass();
    checked.says("oidc-issuer", &[ISSUER, "1 RS256 key"]);
    // The keys can be anywhere, and others can stand beside the right one.
    let rsa = json!({"kty": "RSA", "n": "x", "e": "AQAB"});
    let keys = json!([{"kty": "EC", "alg": "ES256"}, rsa]);
    with(cloud, &json!({"keys": keys})).all_pass();
    let elsewhere = json!({"jwks_uri": "https://oidc.example.com/.well-known/jwks"});
    with(cloud, &elsewhere).all_pass();
}

fn wrong(cloud: &Cloud) {
    for (changes, parts) in [
        (
            json!({"status": 404}),
            ["responds with 404", "if OIDC_ISSUER_URL is not set"],
        ),
        (json!({"status": 410}), ["responds with 410", "gets no keys"]),
        (
            json!({"issuer": "https://idp.example.com"}),
            ["another issuer", "https://idp.example.com"],
        ),
        (json!({"issuer": ""}), ["another issuer", "none"]),
        (json!({"jwks_uri": ""}), ["has no key", "no jwks_uri"]),
        (
            json!({"jwks_uri": format!("{ISSUER}/nowhere")}),
            ["/nowhere has no key", "the response has status 404"],
        ),
        (json!({"keys": []}), ["signed with RS256", "no keys"]),
        (
            json!({"keys": [{"kty": "EC", "alg": "ES256", "use": "sig"}]}),
            ["signed with RS256", "a key with kty EC, alg ES256, use sig"],
        ),
        (
            json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "enc"}]}),
            ["signed with RS256", "use enc"],
        ),
    ] {
        let checked = with(cloud, &changes);
        checked.only(&["oidc-issuer"], &[]).says("oidc-issuer", &parts);
        let fix = checked.fix("oidc-issuer");
        assert!(
            fix.lines().all(|line| line.starts_with('#')) && fix.contains("OIDC_ISSUER_URL"),
            "{fix}"
        );
    }
    for (changes, part) in [
        (
            json!({"status": 301, "location": ISSUER}),
            "a redirect, which STS might not follow",
        ),
        (json!({"issuer": format!("{ISSUER}/")}), "with a slash at its end"),
        (json!({"jwks_uri": "http://oidc.example.com/"}), "not an HTTPS URL"),
    ] {
        with(cloud, &changes)
            .outcome(&[], &["oidc-issuer"], &[])
            .says("oidc-issuer", &[part]);
    }
}

/// What the caller cannot read says nothing about STS.
fn unread(cloud: &Cloud) {
    for (changes, part) in [
        (json!({"unreachable": true}), "could not be read from here"),
        (json!({"status": 403}), "the response has status 403"),
        (json!({"status": 503}), "the response has status 503"),
        (json!({"body": "<html>"}), "not a JSON object"),
    ] {
        let checked = with(cloud, &changes);
        checked
            .only(&[], &["oidc-issuer"])
            .says("oidc-issuer", &[part, "STS reads it from the internet"])
            .is_incomplete("the issuer cannot be read from here (1)");
    }
    let skipped = cloud.check_with(&cloud.configuration(), &["--skip", "oidc-issuer"]);
    assert_eq!(skipped.exit_code, 0, "\n{}", skipped.text());
}

fn self_hosted(cloud: &Cloud) {
    let elsewhere = |arguments: &[&str]| {
        let arguments = [&["--api-url", "https://po.example.com"], arguments].concat();
        cloud.check_with(&cloud.configuration(), &arguments)
    };
    elsewhere(&[]).says("oidc-issuer", &["--oidc-issuer", "OIDC_ISSUER_URL"]);
    let own = elsewhere(&["--oidc-issuer", "https://oidc.example.com"]);
    assert_eq!(own.status("oidc-issuer"), "passed", "\n{}", own.text());
    let nobody = elsewhere(&["--oidc-issuer", "https://oidc.example.net"]);
    assert_eq!(nobody.of("oidc-issuer")["skip"], "incomplete");
    let older = ["--oidc-issuer", "https://idtoken.humanitec.io"];
    let older = cloud.check_with(&cloud.configuration(), &older);
    assert_eq!(older.status("oidc-issuer"), "warned", "\n{}", older.text());
    older.says(
        "oidc-issuer",
        &["older Humanitec product", "https://oidc.humanitec.dev"],
    );
}

/// STS has read the issuer if it has accepted a token.
fn accepted_by_sts(cloud: &Cloud) {
    let token = cloud.eks.oidc_token("my-org", "my-runner").unwrap();
    let (_directory, file) = cloud.token_file(&token);
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    // Whatever the caller gets, such as a response of another server behind split DNS.
    for (changes, part) in [
        (json!({"unreachable": true}), "could not be read from here"),
        (json!({"status": 404}), "responds with 404"),
        (json!({"issuer": "https://idp.example.com"}), "another issuer"),
        (json!({"keys": []}), "no keys"),
        (json!({"body": "<html>"}), "not a JSON object"),
    ] {
        cloud.faults(Faults {
            issuer: serde_json::from_value(changes).unwrap(),
            ..Faults::default()
        });
        let checked = cloud.check_with(&cloud.configuration(), &arguments);
        checked.says("oidc-issuer", &["STS has accepted the web identity token", part]);
        assert_eq!(checked.of("oidc-issuer")["skip"], "not-applicable");
        assert_eq!(checked.unchecked(), [""; 0], "\n{}", checked.text());
    }
    // A token of another issuer says nothing about this one.
    let other = [&arguments[..], &["--oidc-issuer", "https://oidc.example.com"]].concat();
    let checked = cloud.check_with(&cloud.configuration(), &other);
    assert_eq!(checked.of("oidc-issuer")["skip"], "incomplete");
}
