//! The caller: without credentials, without permissions, and not used at all with `off`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use sandbox::eks::Faults;
use serde_json::{Value, json};
use terraform_provider_platform_orchestrator::access::CheckId;

use super::{ADDRESS, CIDRS, SUBJECT, Scene, count, modes, my_runner, runner};
use crate::Scenario;
use crate::cli::{Cli, Output};
use crate::signals::until;

pub(super) const SCENARIOS: &[Scenario] = sandbox::scenarios![no_credentials, denied, incomplete];

/// What only the provider decides.
pub(super) const IN_TURN: &[Scenario] = sandbox::scenarios![bad_credentials, may_not_impersonate, off,];

/// The data source, as an output with each check's status and message.
pub(super) const STATUSES: &str = r#"
data "platform-orchestrator_kubernetes_eks_access" "it" {
  id         = "my-runner"
  depends_on = [platform-orchestrator_kubernetes_eks_runner.my_runner]
}
output "checks" {
  value = { for check in data.platform-orchestrator_kubernetes_eks_access.it.checks : check.id => "${check.status}: ${check.message}" }
}
output "ok" {
  value = data.platform-orchestrator_kubernetes_eks_access.it.ok
}
"#;

impl Scene {
    fn without_credentials(&mut self) {
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            self.workspace.unset_env(name);
        }
    }

    /// Returns the status and message of one check in the output `checks`.
    pub(super) fn check(&self, id: &str) -> String {
        let output = self.workspace.run(&["output", "-json", "checks"]).ok();
        let checks: Value = serde_json::from_str(&output.text).expect("JSON");
        checks[id].as_str().unwrap_or_default().to_owned()
    }
}

fn no_credentials(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.without_credentials();
    let many = runner("for_each = toset([for n in range(20) : \"runner-${n}\"])\nid = each.key");
    scene.write(&modes("error", "error", ""), &many);
    scene.init();
    let start = Instant::now();
    let plan = scene.workspace.plan(&["-out=saved"]).ok();
    // These run without credentials, do not apply, or cannot fail with this state storage.
    let others = [
        "session-name",
        "oidc-issuer",
        "assume-role",
        "pod-identity",
        "rbac-list-pods",
        "rbac-list-events",
        "pod-template-refs",
        "scheduling",
    ];
    let unchecked = CheckId::ALL.len() - others.len();
    let summary = "Warning: EKS access checks are incomplete: no AWS credentials";
    plan.has(summary)
        .has(&format!("{unchecked} of {} checks", CheckId::ALL.len()))
        .has("plan  = \"off\"");
    assert_eq!(count(&plan, "EKS access"), 1, "{}", plan.text);
    let apply = scene.workspace.run(&["apply", "-no-color", "saved"]).ok();
    apply.has("20 added").has(summary);
    assert_eq!(count(&apply, "EKS access"), 1, "{}", apply.text);
    assert_eq!(scene.orchestrator.runners().len(), 20);
    // Nothing was waited for.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "it took {took:?}");
}

/// Credentials that are there and are refused, and configuration files that cannot be read.
fn bad_credentials(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    scene.write(&modes("error", "error", "timeout = \"1m\""), &my_runner());
    scene.init();
    let once = |scene: &Scene, texts: &[&str]| {
        let start = Instant::now();
        let plan = scene.workspace.plan(&[]).ok();
        plan.has("Warning: EKS access checks are incomplete");
        for text in texts {
            plan.has(text);
        }
        assert_eq!(count(&plan, "EKS access"), 1, "{}", plan.text);
        let apply = scene.workspace.apply(&["-replace", ADDRESS]).ok();
        apply.has("1 added").has_not("Error:");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(30), "it took {took:?}");
        scene.workspace.destroy().ok();
    };
    let secret = "bm90LXRoZS1zZWNyZXQtYXQtYWxs";
    scene.workspace.set_env("AWS_SECRET_ACCESS_KEY", secret);
    once(&scene, &["SignatureDoesNotMatch"]);
    scene.workspace.plan(&[]).ok().has_not(secret);
    scene.without_credentials();
    scene.workspace.set_env("AWS_PROFILE", "no-such-profile");
    once(&scene, &["no-such-profile"]);
    scene
        .workspace
        .write("aws-config", "[profile no-such-profile\nrole_arn");
    let file = scene.workspace.path().join("aws-config").display().to_string();
    scene.workspace.set_env("AWS_CONFIG_FILE", &file);
    once(&scene, &[]);
}

/// A caller that is denied an action: the checks that need it are skipped. A plan and an apply warn
/// once, and the data source is not `ok`.
fn denied(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let settings = modes("error", "error", &format!("timeout = \"20s\"\n{CIDRS}"));
    scene.write(&settings, &(my_runner() + STATUSES));
    scene.init();
    for (action, skipped) in [
        ("sts:GetCallerIdentity", "aws-credentials"),
        ("iam:GetRole", "role-trust"),
        ("iam:GetOpenIDConnectProvider", "oidc-provider"),
        ("iam:SimulatePrincipalPolicy", "role-permission"),
        ("eks:DescribeCluster", "cluster-active"),
        ("eks:DescribeAccessEntry", "access-entry"),
        ("eks:ListAssociatedAccessPolicies", ""),
    ] {
        let faults = Faults {
            deny: vec![action.to_owned()],
            ..Faults::default()
        };
        scene.eks.set_faults(&faults).expect("faults");
        let start = Instant::now();
        let apply = scene.workspace.apply(&["-replace", ADDRESS]).ok();
        let took = start.elapsed();
        // A denial is not propagation: the apply does not wait.
        assert!(took < Duration::from_secs(20), "{action}: {took:?}");
        scene.registered();
        assert_eq!(count(&apply, SUBJECT), 0, "{action}:\n{}", apply.text);
        if skipped.is_empty() {
            apply.has("ok = true").has_not("Warning:");
            continue;
        }
        let summary = format!("Warning: EKS access checks are incomplete: no permission for {action}");
        apply.has("ok = false");
        // Terraform shows the warnings of the plan and of the apply together, one of each summary.
        assert_eq!(count(&apply, &summary), 1, "{action}:\n{}", apply.text);
        let said = scene.check(skipped);
        assert!(said.starts_with("skipped: "), "{action}: {skipped}: {said}");
    }
}

/// Each reason for which checks cannot be made, with `incomplete` as `error`: the plan fails, and with
/// `apply = "error"` nothing is registered. With `ignore` nothing is reported. The data source is not `ok`.
fn incomplete(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    scene.write("", &my_runner());
    scene.init();
    for (faults, reason) in [
        (deny("iam:GetRole"), "no permission for iam:GetRole"),
        (deny("eks:DescribeCluster"), "no permission for eks:DescribeCluster"),
        (
            Faults {
                throttle: [("iam:GetRole".to_owned(), u32::MAX)].into(),
                ..Faults::default()
            },
            "iam:GetRole was throttled",
        ),
        (
            Faults {
                delay_ms: 30_000,
                ..Faults::default()
            },
            "timed out",
        ),
    ] {
        scene.eks.set_faults(&faults).expect("faults");
        judge(&scene, CIDRS, reason);
    }
    scene.eks.set_faults(&Faults::default()).expect("faults");
    let no_issuer = format!("{CIDRS}\noidc_issuer = null");
    judge(&scene, &no_issuer, "the OIDC issuer is not set");
    // Nothing listens there.
    scene.workspace.set_env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let unusable = "no usable response from sts:GetCallerIdentity";
    judge(&scene, CIDRS, unusable);
    // The responses are not from AWS.
    for response in [
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 27\r\n\r\n<html>Log in first.</html>\n",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 500\r\n\r\n<GetCallerIdentityResponse>",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 27\r\n\r\n<html>Log in first.</html>\n",
    ] {
        let url = always_responding(response);
        scene.workspace.set_env("AWS_ENDPOINT_URL", &url);
        scene.write(&strict("error", "error", CIDRS), &my_runner());
        let plan = scene.workspace.plan(&[]).fails();
        plan.has(&format!("EKS access checks are incomplete: {unusable}"));
    }
    scene.workspace.unset_env("AWS_ENDPOINT_URL");
    scene.without_credentials();
    judge(&scene, CIDRS, "no AWS credentials");
}

/// Returns settings in which incomplete checks have this effect.
fn with_incomplete(plan: &str, apply: &str, incomplete: &str, more: &str) -> String {
    let more = format!("incomplete = {incomplete:?}\ntimeout = \"5s\"\n{more}");
    modes(plan, apply, &more)
}

fn strict(plan: &str, apply: &str, more: &str) -> String {
    with_incomplete(plan, apply, "error", more)
}

/// Asserts what a plan, an apply, and the data source do if the checks are incomplete for this reason.
fn judge(scene: &Scene, more: &str, reason: &str) {
    let summary = format!("EKS access checks are incomplete: {reason}");
    let reports_once = |output: &Output, severity: &str| {
        let reports = count(output, &format!("{severity}: {summary}"));
        assert_eq!(reports, 1, "{}", output.text);
    };
    scene.write(&strict("error", "error", more), &my_runner());
    reports_once(&scene.workspace.plan(&[]).fails(), "Error");
    scene.write(&strict("off", "error", more), &my_runner());
    reports_once(&scene.workspace.apply(&[]).fails(), "Error");
    scene.nothing_is_registered();
    scene.write(&with_incomplete("error", "error", "warn", more), &my_runner());
    reports_once(&scene.workspace.plan(&[]).ok(), "Warning");
    let data_source = my_runner().replace(
        "resource \"platform-orchestrator_kubernetes_eks_runner\" \"my_runner\"",
        "data \"platform-orchestrator_kubernetes_eks_access\" \"it\"",
    );
    let output = "output \"ok\" {\n  value = data.platform-orchestrator_kubernetes_eks_access.it.ok\n}\n";
    scene.write(
        &with_incomplete("error", "error", "ignore", more),
        &(my_runner() + &data_source + output),
    );
    let plan = scene.workspace.plan(&[]).ok();
    plan.has_not("EKS access checks").has("ok = false");
}

/// The URL of a server that sends this response to every request and closes the connection.
fn always_responding(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    // It ends with the process.
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut request = [0; 16 << 10];
                let _ = connection.read(&mut request);
                let _ = connection.write_all(response.as_bytes());
            });
        }
    });
    url
}

fn deny(action: &str) -> Faults {
    Faults {
        deny: vec![action.to_owned()],
        ..Faults::default()
    }
}

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/eks-access");
    fs::read_to_string(folder.join(name)).expect("an example")
}

/// A caller with the documented permissions, except impersonation.
fn may_not_impersonate(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    let policy = serde_json::from_str(&example("caller-policy.json")).expect("JSON");
    let caller = scene.eks.create_user("caller", &policy).expect("a user");
    let entry = json!({
        "clusterName": "my-eks-cluster",
        "principalArn": "arn:aws:iam::123456789012:user/caller",
        "kubernetesGroups": ["eks-runner-preflight"],
    });
    scene.eks.aws("eks", "CreateAccessEntry", &entry).expect("an entry");
    scene.eks.apply(&example("caller-rbac.yaml")).expect("RBAC");
    for (name, value) in scene.eks.env_as(&caller) {
        scene.workspace.set_env(&name, &value);
    }
    let incomplete = format!("{CIDRS}\nincomplete = \"error\"");
    scene.write(&modes("warn", "warn", CIDRS), &(my_runner() + STATUSES));
    scene.init();
    until("the cluster knows the caller", || {
        scene.workspace.apply(&["-replace", ADDRESS]).ok();
        scene.check("api-server").starts_with("passed")
    });
    let said = scene.check("job-dry-run");
    let expected = "skipped: The caller has no permission to impersonate";
    assert!(said.starts_with(expected), "{said}");
    scene.workspace.destroy().ok();
    scene.write(&modes("error", "error", &incomplete), &my_runner());
    scene
        .workspace
        .plan(&[])
        .fails()
        .has("no permission to impersonate the runner's user")
        .has("skip_checks = [\"job-dry-run\"]");
    // As the error says.
    let skipping = format!("{incomplete}\nskip_checks = [\"job-dry-run\"]");
    scene.write(&modes("error", "error", &skipping), &(my_runner() + STATUSES));
    let apply = scene.workspace.apply(&[]).ok();
    apply.has("ok = true").has_not("EKS access");
    assert!(scene.check("rbac-create-jobs").starts_with("passed"));
}

/// With `off`, the provider neither calls AWS nor looks up credentials, so broken credentials do not matter.
fn off(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.without_credentials();
    scene.workspace.write("aws-config", "[profile broken\n=");
    let broken = scene.workspace.path().join("aws-config").display().to_string();
    for (name, value) in [
        ("AWS_CONFIG_FILE", broken.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", &broken),
        ("AWS_PROFILE", "no-such-profile"),
        ("AWS_CA_BUNDLE", "/no/such/bundle.pem"),
    ] {
        scene.workspace.set_env(name, value);
    }
    let more = "profile = \"none\"\nassume_role = { role_arn = \"arn:aws:iam::123456789012:role/none\" }\n\
                kubeconfig = { path = \"/no/such/kubeconfig\" }";
    scene.write(&modes("off", "off", more), &my_runner());
    scene.init();
    let (calls, apply) = scene.counted(|workspace| workspace.apply(&[]));
    apply.ok().has("1 added").has_not("EKS access");
    assert_eq!(calls, 0);
    let changed = my_runner().replace("my-bucket", "other-bucket");
    scene.write(&modes("off", "off", more), &changed);
    let (calls, apply) = scene.counted(|workspace| workspace.apply(&[]));
    apply.ok().has("1 changed").has_not("EKS access");
    assert_eq!(calls, 0);
    scene.workspace.plans_nothing();
}
