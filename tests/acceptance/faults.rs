//! A service or a network that fails during an operation: for each operation and each fault, the runner is
//! created once, is neither lost nor tainted, and the message says what to do.

use std::time::Duration;

use sandbox::orchestrator::faults::{BodyKind, Fault, When};
use serde_json::json;

use crate::Scenario;
use crate::cli::{Cli, Output, Workspace};
use crate::configuration::{Runner, provider};
use crate::stand_in::StandIn;

/// Each fault in each operation.
pub(crate) const MATRIX: &[Scenario] = sandbox::scenarios![
    faults_while_creating,
    faults_while_reading,
    faults_while_updating,
    faults_while_deleting,
];

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    down_after_a_create,
    create_past_its_timeout,
    somebody_else,
    too_long_a_wait,
];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

/// A fault, and its visible effect if it happens once.
struct Case {
    name: &'static str,
    fault: Fault,
    /// The operations (by method) that then fail, and a part of the advice in the message. The others
    /// still succeed.
    fails: &'static [(&'static str, &'static str)],
}

/// A proxy's page in place of the response.
pub(crate) fn login_page() -> Fault {
    status(200, BodyKind::Html, When::BeforeWork)
}

fn status(status: u16, body: BodyKind, when: When) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
        body,
        message: None,
        when,
    }
}

fn case(name: &'static str, fault: Fault, fails: &'static [(&'static str, &'static str)]) -> Case {
    Case { name, fault, fails }
}

fn cases() -> Vec<Case> {
    let mut cases = passing_statuses();
    cases.extend(failing_responses());
    cases.extend(broken_connections());
    cases
}

/// Delays, and responses after which another attempt succeeds.
fn passing_statuses() -> Vec<Case> {
    let limited = |retry_after: &str| Fault::Status {
        status: 429,
        retry_after: Some(retry_after.to_owned()),
        body: BodyKind::Json,
        message: None,
        when: When::BeforeWork,
    };
    vec![
        case(
            "delay before",
            Fault::Delay {
                ms: 1500,
                when: When::BeforeWork,
            },
            &[],
        ),
        case(
            "delay after",
            Fault::Delay {
                ms: 1500,
                when: When::AfterWork,
            },
            &[],
        ),
        case("429", limited("1"), &[]),
        case("429 with a date gone by", limited("Wed, 21 Oct 2015 07:28:00 GMT"), &[]),
        case("503", status(503, BodyKind::Empty, When::BeforeWork), &[]),
        case("502 of a proxy", status(502, BodyKind::Html, When::BeforeWork), &[]),
        case("504 after the work", status(504, BodyKind::Html, When::AfterWork), &[]),
        case("503 after the work", status(503, BodyKind::Json, When::AfterWork), &[]),
    ]
}

fn broken_connections() -> Vec<Case> {
    vec![
        case(
            "closed before",
            Fault::Disconnect {
                reset: false,
                when: When::BeforeWork,
            },
            &[],
        ),
        case(
            "reset before",
            Fault::Disconnect {
                reset: true,
                when: When::BeforeWork,
            },
            &[],
        ),
        case(
            "lost response",
            Fault::Disconnect {
                reset: false,
                when: When::AfterWork,
            },
            &[],
        ),
        case(
            "lost response by reset",
            Fault::Disconnect {
                reset: true,
                when: When::AfterWork,
            },
            &[],
        ),
        case("cut off", Fault::CutOff {}, &[]),
        case("truncated JSON", Fault::TruncatedJson {}, &[]),
        case(
            "a proxy's page",
            login_page(),
            &[("DELETE", "no proxy responds in its place")],
        ),
    ]
}

/// Responses that another attempt does not change, or after which a request must not be repeated blindly.
fn failing_responses() -> Vec<Case> {
    vec![
        case(
            "500",
            status(500, BodyKind::Json, When::BeforeWork),
            &[
                ("GET", "Try again later"),
                ("PATCH", "Try again later"),
                ("DELETE", "Try again later"),
            ],
        ),
        case(
            "500 after the work",
            status(500, BodyKind::Json, When::AfterWork),
            &[("GET", "Try again later")],
        ),
        case(
            "403",
            status(403, BodyKind::Json, When::BeforeWork),
            &[
                ("POST", "has no permission"),
                ("GET", "has no permission"),
                ("PATCH", "has no permission"),
                ("DELETE", "has no permission"),
            ],
        ),
        case(
            "a redirect",
            Fault::Redirect {
                status: 308,
                location: "http://127.0.0.1:9/elsewhere".to_owned(),
            },
            &[
                ("POST", "Redirects are not followed"),
                ("GET", "Redirects are not followed"),
                ("PATCH", "Redirects are not followed"),
                ("DELETE", "Redirects are not followed"),
            ],
        ),
        case(
            "404 of a proxy",
            status(404, BodyKind::Html, When::BeforeWork),
            &[
                ("POST", "api_url"),
                ("GET", "api_url"),
                ("PATCH", "api_url"),
                ("DELETE", "api_url"),
            ],
        ),
        case(
            "a response without end",
            Fault::Oversized { bytes: 5 << 20 },
            &[("GET", "4 MiB")],
        ),
    ]
}

#[track_caller]
fn ends_as(case: &Case, method: &str, output: &Output) {
    match case.fails.iter().find(|(failing, _)| *failing == method) {
        None => assert_eq!(output.code, 0, "{} should not matter:\n{}", case.name, output.text),
        Some((_, advice)) => {
            assert_eq!(output.code, 1, "{} should be reported:\n{}", case.name, output.text);
            output.has(advice);
        }
    }
}

fn with_description(text: &str) -> String {
    Runner {
        head: format!("id = \"my-runner\"\ndescription = \"{text}\""),
        ..Runner::basic()
    }
    .block()
}

/// Asserts that there is one runner, that the state has it untainted, and that the plan is empty.
#[track_caller]
fn all_is_well(case: &Case, workspace: &Workspace, orchestrator: &StandIn) {
    assert_eq!(orchestrator.runners().len(), 1, "{}", case.name);
    assert!(
        workspace.state().contains_key(ADDRESS),
        "{}: the runner is lost",
        case.name
    );
    assert!(
        workspace.tainted().is_empty(),
        "{}: a healthy runner is tainted",
        case.name
    );
    let plan = workspace.plan(&["-detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{}: the plan should be empty:\n{}", case.name, plan.text);
}

fn faults_while_creating(cli: &Cli) {
    for case in cases() {
        let orchestrator = StandIn::start();
        let workspace = Workspace::new(cli, &(provider(&orchestrator) + &with_description("x")));
        workspace.init();
        orchestrator.fault("POST", case.fault.clone(), Some(1));
        let output = workspace.apply(&[]);
        ends_as(&case, "POST", &output);
        if output.code != 0 {
            assert!(
                orchestrator.runners().is_empty(),
                "{}: said to have failed, and did not",
                case.name
            );
            assert!(workspace.state().is_empty(), "{}", case.name);
            workspace.apply(&[]).ok();
        }
        all_is_well(&case, &workspace, &orchestrator);
    }
}

fn faults_while_reading(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &with_description("x")));
    workspace.init();
    workspace.apply(&[]).ok();
    let before = workspace.read("terraform.tfstate");
    for case in cases() {
        orchestrator.fault("GET", case.fault.clone(), Some(1));
        let output = workspace.plan(&[]);
        ends_as(&case, "GET", &output);
        output.has_not("will be created");
        if output.code == 0 {
            output.has("No changes.");
        }
        orchestrator.faults().clear();
        assert_eq!(workspace.read("terraform.tfstate"), before, "{}", case.name);
        all_is_well(&case, &workspace, &orchestrator);
    }
}

fn faults_while_updating(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let workspace = Workspace::new(cli, &(provider.clone() + &with_description("at first")));
    workspace.init();
    workspace.apply(&[]).ok();
    for (number, case) in cases().into_iter().enumerate() {
        let text = format!("change {number}");
        workspace.write("main.tf", &(provider.clone() + &with_description(&text)));
        let before = workspace.state()[ADDRESS].clone();
        orchestrator.fault("PATCH", case.fault.clone(), Some(1));
        let output = workspace.apply(&[]);
        ends_as(&case, "PATCH", &output);
        orchestrator.faults().clear();
        if output.code != 0 {
            assert_eq!(workspace.state()[ADDRESS], before, "{}: nothing was changed", case.name);
            workspace.apply(&[]).ok();
        }
        all_is_well(&case, &workspace, &orchestrator);
        assert_eq!(
            orchestrator.runner("my-runner").expect("registered")["description"],
            json!(text)
        );
    }
}

fn faults_while_deleting(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &with_description("x")));
    workspace.init();
    for case in cases() {
        workspace.apply(&[]).ok();
        orchestrator.fault("DELETE", case.fault.clone(), Some(1));
        let output = workspace.destroy();
        ends_as(&case, "DELETE", &output);
        orchestrator.faults().clear();
        if output.code != 0 {
            all_is_well(&case, &workspace, &orchestrator);
            workspace.destroy().ok();
        }
        assert!(orchestrator.runners().is_empty(), "{}", case.name);
        assert!(workspace.state().is_empty(), "{}", case.name);
    }
}

/// The work is done, the response is lost, and the lookup fails: Terraform keeps the full state, with
/// an error that says so.
fn down_after_a_create(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        tail: "timeouts = {\ncreate = \"3s\"\n}".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    orchestrator.fault(
        "POST",
        Fault::Disconnect {
            reset: false,
            when: When::AfterWork,
        },
        None,
    );
    orchestrator.fault(
        "GET",
        Fault::Disconnect {
            reset: false,
            when: When::BeforeWork,
        },
        None,
    );
    workspace
        .apply(&[])
        .fails()
        .has("Could not create runner")
        .has("It is unknown whether runner \"my-runner\" was created")
        .has("run `untaint` with its address to keep it");
    let state = workspace.state();
    assert_eq!(
        state[ADDRESS]["runner_configuration"]["job"]["service_account"],
        "canyon-runner"
    );
    orchestrator.faults().clear();
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    assert_eq!(orchestrator.runners().len(), 1);
}

/// The service is slow, not broken: at the timeout, the lookup finds that the create is done.
fn create_past_its_timeout(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        tail: "timeouts = {\ncreate = \"2s\"\n}".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    orchestrator.delay_once("POST", Duration::from_secs(60), When::AfterWork);
    workspace.apply(&[]).ok();
    assert!(workspace.tainted().is_empty());
    workspace.plans_nothing();
    assert_eq!(orchestrator.count("POST", "/runners"), 1);
}

/// The connection broke before the work, and meanwhile someone else used the ID: that runner is not adopted.
fn somebody_else(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &Runner::basic().block()));
    workspace.init();
    orchestrator.put(&json!({
        "id": "my-runner",
        "runner_configuration": {
            "type": "kubernetes-eks",
            "cluster": {"name": "theirs", "region": "us-west-2",
                        "auth": {"role_arn": "arn:aws:iam::123456789012:role/theirs"}},
            "job": {"namespace": "theirs", "service_account": "theirs"},
        },
        "state_storage_configuration": {"type": "kubernetes", "namespace": "theirs"},
    }));
    orchestrator.fault(
        "POST",
        Fault::Disconnect {
            reset: false,
            when: When::BeforeWork,
        },
        Some(1),
    );
    workspace.apply(&[]).fails().has("my-runner").has("import");
    assert!(workspace.state().is_empty());
    let theirs = orchestrator.runner("my-runner").expect("still there");
    assert_eq!(theirs["runner_configuration"]["cluster"]["name"], "theirs");
}

fn too_long_a_wait(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        tail: "timeouts = {\ncreate = \"5s\"\n}".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    let limited = Fault::Status {
        status: 429,
        retry_after: Some("3600".to_owned()),
        body: BodyKind::Json,
        message: None,
        when: When::BeforeWork,
    };
    orchestrator.fault("POST", limited, None);
    let start = std::time::Instant::now();
    workspace.apply(&[]).fails().has("3600 s").has("timeouts");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it does not wait for what it cannot get"
    );
    assert!(workspace.state().is_empty());
}
