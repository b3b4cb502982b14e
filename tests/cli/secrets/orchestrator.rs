//! The Orchestrator's token, hctl's file, and the password of a proxy.

use super::{CANARY, Case, broken, try_all};
use crate::echo;

pub(super) fn token() {
    let url = echo::start();
    let runner = ["--runner", "my-runner", "--org", "my-org", "--api-url", &url];
    let mut cases: Vec<Case> = [
        ("repeated by the service", CANARY.to_owned(), "(redacted)"),
        ("Bearer before it", format!("Bearer {CANARY}"), "a space"),
        ("newline inside", format!("{CANARY}\n{CANARY}"), "a line break"),
        ("newline after it", format!("{CANARY}\n"), "(redacted)"),
        ("no header value", format!("{CANARY}é"), "another character"),
    ]
    .into_iter()
    .map(|(name, value, shows)| {
        Case::new(format!("token, {name}"), shows)
            .variable("HUMANITEC_AUTH_TOKEN", value)
            .arguments(&runner)
    })
    .collect();
    cases.push(
        Case::new("token of octl".to_owned(), "another character")
            .variable("PO_AUTH_TOKEN", format!("{CANARY}é"))
            .arguments(&runner),
    );
    let file = |name: String, content: Vec<u8>, shows| {
        let case = Case::new(name, shows).file("hctl.yaml", content).arguments(&runner);
        case.arguments(&["--hctl-config-file", "hctl.yaml"])
    };
    cases.push(file(
        "hctl file, repeated".to_owned(),
        format!("token: {CANARY}\n").into(),
        "(redacted)",
    ));
    for (way, lines) in broken("token", "") {
        cases.push(file(format!("hctl file, {way}"), lines, ""));
    }
    try_all(cases);
}

pub(super) fn proxy() {
    let runner = ["--runner", "my-runner", "--org", "my-org"];
    let mut cases = Vec::new();
    for (variable, scheme) in [("HTTPS_PROXY", "https"), ("HTTP_PROXY", "http"), ("ALL_PROXY", "https")] {
        for (way, value, shows) in [
            ("refused", format!("http://me:{CANARY}@127.0.0.1:9"), ""),
            ("scheme", format!("ftp://me:{CANARY}@127.0.0.1:9"), "is not supported"),
            ("space", format!("http://me:{CANARY} x@127.0.0.1:9"), "contains a space"),
            ("newline", format!("http://me:{CANARY}\n@127.0.0.1:9"), "a line break"),
            ("port", format!("http://me:{CANARY}@127.0.0.1:x"), ""),
            ("no host", format!("http://{CANARY}@"), ""),
        ] {
            let api = format!("{scheme}://orchestrator.invalid");
            let asks = Case::new(format!("{variable}, {way}, Orchestrator"), shows)
                .variable("HUMANITEC_AUTH_TOKEN", "t0ken-of-mine")
                .variable(variable, value.clone())
                .arguments(&runner)
                .arguments(&["--api-url", &api]);
            if way != "refused" {
                cases.push(asks);
            }
            if scheme == "https" {
                let aws = Case::new(format!("{variable}, {way}, AWS"), shows)
                    .variable("AWS_ACCESS_KEY_ID", "an-access-key")
                    .variable("AWS_SECRET_ACCESS_KEY", "another-key")
                    .variable(variable, value);
                cases.push(aws);
            }
        }
    }
    try_all(cases);
}
