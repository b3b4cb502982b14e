//! The complete set-up of a runner with the real hashicorp/aws, against the small EKS: `examples/complete/`,
//! and the output of `eks-runner setup`.
//!
//! kubectl stands in for hashicorp/kubernetes: it applies the manifests of the example.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use sandbox::eks::{Credentials, Eks, Faults, ISSUER, ROLE_NAME};
use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::Cli;
use crate::eks_access::Scene;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![everything_at_once];

pub(crate) const IN_TURN: &[Scenario] = sandbox::scenarios![
    state_in_a_bucket,
    refused,
    what_setup_prints,
    what_setup_prints_for_irsa,
];

/// The example in a workspace of its own, with its variables.
fn example_in(cli: &Cli) -> Scene {
    let mut scene = Scene::new(cli);
    scene.workspace.mirror_aws(cli);
    for (name, text) in example() {
        scene.workspace.write(&name, &with_kubectl(&name, &text));
    }
    for (name, value) in [
        ("HUMANITEC_API_URL", scene.orchestrator.url()),
        ("HUMANITEC_AUTH_TOKEN", scene.orchestrator.token()),
        ("TF_VAR_org_id", scene.orchestrator.org()),
        ("TF_VAR_cluster_name", &scene.eks.options().cluster_name),
        ("TF_VAR_cluster_region", &scene.eks.options().region),
    ] {
        scene.workspace.set_env(name, value);
    }
    // kubectl with its own kubeconfig for deletions: a destroy provisioner has no token.
    for (name, value) in scene.eks.shell_env() {
        scene.workspace.set_env(&name, &value);
    }
    scene
}

/// From an account with nothing but the cluster to a checked runner, and back.
fn everything_at_once(cli: &Cli) {
    let mut scene = example_in(cli);
    let propagation_s = BTreeMap::from([("role".into(), 3.0), ("policy".into(), 8.0)]);
    scene
        .eks
        .set_faults(&Faults {
            propagation_s,
            ..Faults::default()
        })
        .expect("faults");
    scene.workspace.init();
    scene.workspace.validate().ok();

    // The objects whose names the plan knows do not exist yet.
    scene
        .workspace
        .plan(&[])
        .ok()
        .has("Warning: EKS access: namespace")
        .has("does not exist in the cluster")
        .has("12 to add");
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("12 added")
        .has("kubernetes_user = \"arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner\"");
    scene.workspace.plans_nothing();
    assert!(scene.orchestrator.runner("my-runner").is_some());
    all_green(&scene);
    starts_a_job(&scene.eks);

    // The block from the guide about CI.
    let reader = scene
        .eks
        .create_user("ci", &reading_policy())
        .expect("a user who may read");
    as_user(&mut scene, &reader);
    scene.workspace.plans_nothing();
    let administrator = scene.eks.administrator().clone();
    as_user(&mut scene, &administrator);

    // If the role is recreated under the same name, Terraform also recreates what belonged to the old one.
    scene.eks.set_faults(&Faults::default()).expect("no faults");
    scene
        .workspace
        .apply(&["-replace=aws_iam_role.runner"])
        .ok()
        .has("3 added, 0 changed, 3 destroyed");
    scene.workspace.plans_nothing();
    all_green(&scene);
    starts_a_job(&scene.eks);

    scene.workspace.destroy().ok().has("12 destroyed");
    assert!(scene.orchestrator.runners().is_empty());
    nothing_is_left(&scene.eks);
}

/// The same with the state in S3, for which the Jobs get a role of their own.
fn state_in_a_bucket(cli: &Cli) {
    let mut scene = example_in(cli);
    create_bucket(&scene.eks, "my-states");
    scene.workspace.set_env("TF_VAR_state_bucket", "my-states");
    scene.workspace.init();
    scene.workspace.apply(&[]).ok().has("14 added");
    scene.workspace.plans_nothing();
    all_green(&scene);
    starts_a_job(&scene.eks);

    let reader = scene
        .eks
        .create_user("ci", &reading_policy())
        .expect("a user who may read");
    as_user(&mut scene, &reader);
    scene.workspace.plans_nothing();
    let administrator = scene.eks.administrator().clone();
    as_user(&mut scene, &administrator);

    let replaced = scene.workspace.apply(&["-replace=aws_iam_role.job[0]"]);
    replaced.ok().has("2 added, 0 changed, 2 destroyed");
    all_green(&scene);

    scene.workspace.set_env("TF_VAR_job_identity", "irsa");
    // kubectl applies a manifest when its stand-in is created.
    let account = "-replace=terraform_data.in_namespace[\"service_account\"]";
    let changed = scene.workspace.apply(&[account]);
    changed.ok().has("2 added, 1 changed, 3 destroyed");
    scene.workspace.plans_nothing();
    all_green(&scene);
    let statements = scene.workspace.run(&["output", "-raw", "bucket_statements"]);
    let statements: Value = serde_json::from_str(&statements.ok().text).expect("statements");
    let role = format!("arn:aws:iam::123456789012:role/{ROLE_NAME}-job");
    assert_eq!(statements[0]["Principal"], json!({"AWS": role}));
    assert_eq!(statements[1]["Resource"], "arn:aws:s3:::my-states/*");
    scene.workspace.destroy().ok().has("13 destroyed");
    nothing_is_left(&scene.eks);
}

/// A trust policy for another runner.
fn refused(cli: &Cli) {
    let scene = example_in(cli);
    let right = scene.workspace.read("aws.tf");
    let wrong = right.replace("[local.oidc_subject]", "[\"${var.org_id}+other-runner\"]");
    assert_ne!(right, wrong);
    scene.workspace.write("aws.tf", &wrong);
    scene.workspace.init();
    let apply = scene.workspace.apply(&[]).fails();
    apply.has(&guide_after("## When a check fails the apply", "text"));
    assert!(scene.orchestrator.runners().is_empty());
    scene.workspace.write("aws.tf", &right);
    scene.workspace.apply(&[]).ok().has("1 added, 1 changed");
    all_green(&scene);
}

/// The output of `setup --output terraform` is formatted and valid, and the runner that it creates passes every check.
fn what_setup_prints(cli: &Cli) {
    let storage = json!({"type": "kubernetes", "namespace": "runner-states"});
    set_up(cli, &storage, &[]);
}

/// The same for state in S3, with the cluster's own OIDC provider.
fn what_setup_prints_for_irsa(cli: &Cli) {
    let storage = json!({"type": "s3", "bucket": "runner-states"});
    set_up(cli, &storage, &["--pod-identity", "irsa"]);
}

fn set_up(cli: &Cli, storage: &Value, options: &[&str]) {
    let scene = Scene::new(cli);
    let workspace = &scene.workspace;
    workspace.mirror_aws(cli);
    scene.orchestrator.put(&json!({
        "id": "my-runner",
        "runner_configuration": {
            "type": "kubernetes-eks",
            "cluster": {
                "name": scene.eks.options().cluster_name,
                "region": scene.eks.options().region,
                "auth": {"role_arn": format!("arn:aws:iam::123456789012:role/runners/{ROLE_NAME}")},
            },
            "job": {"namespace": "humanitec-runner", "service_account": "deployer"},
        },
        "state_storage_configuration": storage,
    }));
    if let Some(bucket) = storage["bucket"].as_str() {
        create_bucket(&scene.eks, bucket);
    }
    let setup = |format: &str| {
        let issuer: &[&str] = match format {
            "yaml" => &[],
            _ => &["--oidc-issuer", ISSUER],
        };
        let runner = ["setup", "--runner", "my-runner", "--output", format];
        let arguments = [&runner[..], issuer, options].concat();
        let (code, text) = eks_runner(&scene, &arguments);
        assert_eq!(code, 0, "{text}");
        text
    };
    let terraform = setup("terraform");
    workspace.write("setup.tf", &terraform);
    workspace.run(&["fmt", "-check", "-diff"]).ok();
    let (aws, _) = terraform
        .split_once("resource \"kubernetes_")
        .expect("the cluster's part");
    workspace.write("setup.tf", aws);
    workspace.init();
    workspace.validate().ok();
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    scene.eks.apply(&setup("yaml")).expect("manifests");
    all_green(&scene);
}

/// Creates a bucket in the cluster's region.
fn create_bucket(eks: &Eks, bucket: &str) {
    let configuration = json!({"LocationConstraint": eks.options().region});
    let parameters = json!({"Bucket": bucket, "CreateBucketConfiguration": configuration});
    eks.aws("s3", "CreateBucket", &parameters).expect("a bucket");
}

/// Sets other credentials for Terraform.
fn as_user(scene: &mut Scene, credentials: &Credentials) {
    for (name, value) in scene.eks.env_as(credentials) {
        scene.workspace.set_env(&name, &value);
    }
}

/// The guides' permissions for a plan: those of the checks, and those with which hashicorp/aws reads its resources.
fn reading_policy() -> Value {
    let [mut checks, plan] = ["caller-policy.json", "plan-policy.json"].map(|name| -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/eks-access");
        let text = fs::read_to_string(folder.join(name)).expect("a policy");
        // The role of the Jobs has a placeholder.
        let text = text.replace("role/my-job-role", "role/humanitec-runner-eks-role-job");
        serde_json::from_str(&text).expect("a policy is JSON")
    });
    let statements = checks["Statement"].as_array_mut().expect("statements");
    statements.extend(plan["Statement"].as_array().expect("statements").clone());
    checks
}

/// The first block of a kind below a heading of the guide about results.
fn guide_after(heading: &str, kind: &str) -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/eks-access-results.md");
    let text = fs::read_to_string(guide).expect("the guide");
    let (_, below) = text.split_once(heading).expect("the heading");
    let (_, block) = below.split_once(&format!("```{kind}\n")).expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    block.to_owned()
}

/// The example's files by name.
fn example() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/complete");
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the example") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "tf") {
            let name = path.file_name().expect("has a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a file of the example");
            files.insert(name.into_owned(), text);
        }
    }
    files
}

/// A file of the example in which each `kubernetes_manifest` is a `terraform_data` that applies the same
/// manifest with kubectl, at the endpoint and with the token of hashicorp/kubernetes.
fn with_kubectl(name: &str, text: &str) -> String {
    let text = text.replace("kubernetes_manifest", "terraform_data");
    match name {
        "versions.tf" => {
            let (before, kubernetes) = text.split_once("    kubernetes = {").expect("is required");
            let (_, after) = kubernetes.split_once("    }\n").expect("ends");
            format!("{before}{after}")
        }
        "kubernetes.tf" => {
            assert!(text.contains("provider \"kubernetes\" {"), "{text}");
            let text = text.replace("provider \"kubernetes\" {", "locals {");
            let lines = text.lines().map(|line| match line.split_once('=') {
                Some((argument, manifest)) if argument.trim() == "manifest" => {
                    format!("  input = {manifest}\n{KUBECTL}")
                }
                _ => format!("{line}\n"),
            });
            lines.collect()
        }
        _ => text,
    }
}

const KUBECTL: &str = r#"
  provisioner "local-exec" {
    interpreter = ["bash", "-euo", "pipefail", "-c"]
    command     = <<-EOT
      ca=$(mktemp)
      trap 'rm "$ca"' EXIT
      echo "$CA" >"$ca"
      kubectl apply --server="$SERVER" --certificate-authority="$ca" --token="$TOKEN" -f - <<<"$MANIFEST"
    EOT
    environment = {
      MANIFEST   = jsonencode(self.input)
      SERVER     = local.host
      CA         = local.cluster_ca_certificate
      TOKEN      = local.token
      KUBECONFIG = "/dev/null"
    }
  }
  provisioner "local-exec" {
    when        = destroy
    interpreter = ["bash", "-euo", "pipefail", "-c"]
    command     = "kubectl delete --wait=false -f - <<<\"$MANIFEST\""
    environment = { MANIFEST = jsonencode(self.input) }
  }
"#;

/// Runs the command with Terraform's credentials. Returns its exit code and its output.
fn eks_runner(scene: &Scene, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_eks-runner"))
        .args(arguments)
        .env_clear()
        .envs(scene.eks.env())
        .env("HUMANITEC_API_URL", scene.orchestrator.url())
        .env("HUMANITEC_ORG_ID", scene.orchestrator.org())
        .env("HUMANITEC_AUTH_TOKEN", scene.orchestrator.token())
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "it printed nothing: {error}");
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// Asserts that every check of the registered runner passes, except the one that needs the runner's credentials and, if
/// its Jobs keep their state in the cluster, the one of their AWS credentials, which they do not need then.
#[track_caller]
fn all_green(scene: &Scene) {
    let (code, text) = eks_runner(
        scene,
        &[
            "check",
            "--runner",
            "my-runner",
            "--oidc-issuer",
            ISSUER,
            "--output",
            "json",
        ],
    );
    let report: Value = serde_json::from_str(&text).expect("a report");
    let open: Vec<_> = report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|check| check["status"] != "passed")
        .filter_map(|check| check["id"].as_str())
        .collect();
    let runner = scene.orchestrator.runner("my-runner").expect("a runner");
    let is_in_s3 = runner["state_storage_configuration"]["type"] == "s3";
    let mut skipped = vec!["assume-role", "pod-identity"];
    skipped.truncate(if is_in_s3 { 1 } else { 2 });
    assert_eq!((code, open), (0, skipped), "{text}");
}

/// Asserts that each step of the Orchestrator works: token, session, cluster, Job.
#[track_caller]
fn starts_a_job(eks: &Eks) {
    let role = format!("arn:aws:iam::123456789012:role/{ROLE_NAME}");
    let token = eks.oidc_token("my-org", "my-runner").expect("a token");
    let session = eks.assume_role(&role, "my-org-my-runner", &token).expect("a session");
    let cluster = eks
        .aws_as(&session, "eks", "DescribeCluster", &json!({"name": "my-eks-cluster"}))
        .expect("the cluster");
    assert_eq!(cluster["cluster"]["status"], "ACTIVE");
    let bearer = eks.cluster_token(&session).expect("a bearer token");
    let job = [
        "create",
        "job",
        "deployment",
        "--image=runner",
        "--namespace=humanitec-runner",
        "--dry-run=server",
    ];
    eks.kubectl_as(&bearer, &job, "").expect("a Job");
}

/// Asserts that the account and the cluster are as they were.
#[track_caller]
fn nothing_is_left(eks: &Eks) {
    for (operation, list) in [
        ("ListRoles", "Roles"),
        ("ListOpenIDConnectProviders", "OpenIDConnectProviderList"),
    ] {
        let response = eks.aws("iam", operation, &json!({})).expect("a list");
        assert_eq!(response[list], json!([]), "{operation}");
    }
    let policies = eks
        .aws("iam", "ListPolicies", &json!({"Scope": "Local"}))
        .expect("a list");
    assert_eq!(policies["Policies"], json!([]));
    let entries = eks
        .aws("eks", "ListAccessEntries", &json!({"clusterName": "my-eks-cluster"}))
        .expect("a list");
    assert_eq!(
        entries["accessEntries"],
        json!(["arn:aws:iam::123456789012:user/admin"])
    );
    let objects = eks
        .kubectl(&[
            "get",
            "serviceaccounts,roles,rolebindings",
            "--namespace=humanitec-runner",
            "--output=name",
        ])
        .expect("a list");
    assert_eq!(objects, "");
    let namespace = eks
        .kubectl(&[
            "get",
            "namespace",
            "humanitec-runner",
            "--output=jsonpath={.status.phase}",
        ])
        .expect("its phase");
    assert_eq!(namespace, "Terminating", "there is no controller that ends it");
}
