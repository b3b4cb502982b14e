//! Who asks: nobody, whoever may not, and nobody at all with `off`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::eks::Faults;
use serde_json::{Value, json};

use super::{ADDRESS, CIDRS, SUBJECT, Scene, count, eks, modes, my_runner, runner};
use crate::Scenario;
use crate::cli::Cli;
use crate::signals::until;

pub(super) const SCENARIOS: &[Scenario] = &[
    ("EKS access: no credentials is one warning", no_credentials),
    ("EKS access: credentials that do not serve", bad_credentials),
    ("EKS access: who may not ask fails nothing", denied),
    (
        "EKS access: who may not impersonate fails nothing",
        may_not_impersonate,
    ),
    ("EKS access: off makes no call", off),
];

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

impl Scene<'_> {
    fn without_credentials(&mut self) {
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            self.workspace.unset_env(name);
        }
    }

    /// What the output `checks` says of one check.
    pub(super) fn check(&self, id: &str) -> String {
        let output = self.workspace.run(&["output", "-json", "checks"]).ok();
        let checks: Value = serde_json::from_str(&output.text).expect("JSON");
        checks[id].as_str().unwrap_or_default().to_owned()
    }
}

fn no_credentials(cli: &Cli) {
    let eks = eks();
    let mut scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.without_credentials();
    let many = runner("for_each = toset([for n in range(20) : \"runner-${n}\"])\n  id = each.key");
    scene.write(&modes("error", "error", ""), &many);
    scene.init();
    let start = Instant::now();
    let plan = scene.workspace.plan(&["-out=saved"]).ok();
    plan.has("Warning: EKS access was not checked")
        .has("plan  = \"off\"");
    assert_eq!(count(&plan, "EKS access"), 1, "{}", plan.text);
    let apply = scene.workspace.run(&["apply", "-no-color", "saved"]).ok();
    apply
        .has("20 added")
        .has("Warning: EKS access was not checked");
    assert_eq!(count(&apply, "EKS access"), 1, "{}", apply.text);
    assert_eq!(scene.orchestrator.runners().len(), 20);
    // Nothing was waited for.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "it took {took:?}");
}

/// Credentials that are there and are refused, and configuration files that cannot be read.
fn bad_credentials(cli: &Cli) {
    let eks = eks();
    let mut scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    scene.write(&modes("error", "error", "timeout = \"1m\""), &my_runner());
    scene.init();
    let once = |scene: &Scene<'_>, texts: &[&str]| {
        let start = Instant::now();
        let plan = scene.workspace.plan(&[]).ok();
        plan.has("Warning: EKS access was not checked");
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
    let file = scene
        .workspace
        .path()
        .join("aws-config")
        .display()
        .to_string();
    scene.workspace.set_env("AWS_CONFIG_FILE", &file);
    once(&scene, &[]);
}

/// Each action that is refused to the caller: the checks that need it are skipped, which the data source
/// shows and neither a plan nor an apply tells.
fn denied(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
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
        apply.has("ok = true").has_not("Warning:");
        assert_eq!(count(&apply, SUBJECT), 0, "{action}:\n{}", apply.text);
        // A refusal is no propagation: nothing is waited for.
        assert!(took < Duration::from_secs(20), "{action}: {took:?}");
        scene.registered();
        if !skipped.is_empty() {
            let said = scene.check(skipped);
            assert!(said.starts_with("skipped: "), "{action}: {skipped}: {said}");
        }
    }
}

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/eks-access");
    fs::read_to_string(folder.join(name)).expect("an example")
}

/// A caller with what the documentation asks for, but impersonation.
fn may_not_impersonate(cli: &Cli) {
    let eks = eks();
    let mut scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    let policy = serde_json::from_str(&example("caller-policy.json")).expect("JSON");
    let caller = scene.eks.create_user("caller", &policy).expect("a user");
    let entry = json!({
        "clusterName": "my-eks-cluster",
        "principalArn": "arn:aws:iam::123456789012:user/caller",
        "kubernetesGroups": ["eks-runner-preflight"],
    });
    scene
        .eks
        .aws("eks", "CreateAccessEntry", &entry)
        .expect("an entry");
    scene.eks.apply(&example("caller-rbac.yaml")).expect("RBAC");
    for (name, value) in scene.eks.env_as(&caller) {
        scene.workspace.set_env(&name, &value);
    }
    scene.write(&modes("error", "error", CIDRS), &(my_runner() + STATUSES));
    scene.init();
    until("the cluster knows the caller", || {
        let apply = scene.workspace.apply(&["-replace", ADDRESS]).ok();
        apply
            .has("ok = true")
            .has_not("Warning:")
            .has_not("EKS access");
        scene.check("api-server").starts_with("passed")
    });
    let said = scene.check("job-dry-run");
    let expected = "skipped: The caller may not impersonate";
    assert!(said.starts_with(expected), "{said}");
    assert!(scene.check("rbac-create-jobs").starts_with("passed"));
}

/// Neither calls nor a look for credentials: what is broken there is nobody's business.
fn off(cli: &Cli) {
    let eks = eks();
    let mut scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.without_credentials();
    scene.workspace.write("aws-config", "[profile broken\n=");
    let broken = scene
        .workspace
        .path()
        .join("aws-config")
        .display()
        .to_string();
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
