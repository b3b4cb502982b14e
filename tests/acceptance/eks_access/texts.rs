//! The whole text of each failed check, as a snapshot; and that the fix, pasted as it is
//! shown, fixes it.

use std::process::Command;
use std::time::{Duration, Instant};

use sandbox::eks::{Eks, Faults, ROLE_NAME};
use serde_json::{Value, json};

use super::{CIDRS, SUBJECT, Scene, modes, my_runner, refusing};
use crate::Scenario;
use crate::cli::{Cli, Output};
use crate::signals::until;

pub(super) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![role, cluster, entry, namespace, job, as_runner, warnings,];

const NAMESPACE: &str = "--namespace=humanitec-runner";

impl Scene {
    pub(super) fn diagnostics(&self, output: &Output) -> String {
        let folder = self.workspace.path().display().to_string();
        let named = json!({"name": "my-eks-cluster"});
        let cluster = self.eks.aws("eks", "DescribeCluster", &named);
        let cluster = cluster.expect("a cluster");
        let endpoint = &cluster["cluster"]["endpoint"];
        let endpoint = endpoint.as_str().unwrap_or("https://no-endpoint-yet");
        let server = kubeconfig_server(&self.eks);
        let hidden = [
            (endpoint, "https://ENDPOINT"),
            (server.as_str(), "https://KUBECONFIG"),
            (folder.as_str(), "FOLDER"),
            (self.orchestrator.url(), "http://orchestrator"),
        ];
        crate::texts::texts(output, &hidden)
    }

    /// Asserts that the apply of this runner is refused and nothing is registered. Returns the text.
    #[track_caller]
    fn refused(&self, name: &str, runner: &str) -> String {
        self.refused_with(name, &refusing("1s"), runner)
    }

    #[track_caller]
    fn refused_with(&self, name: &str, eks_access: &str, runner: &str) -> String {
        self.write(eks_access, runner);
        let apply = self.workspace.run(&["apply", "-auto-approve", "-json"]).fails();
        let text = self.diagnostics(&apply);
        insta::assert_snapshot!(format!("eks-access-{}", name.replace(' ', "-")), text);
        self.nothing_is_registered();
        text
    }

    /// Waits until no check reports anything about this runner.
    #[track_caller]
    fn is_fixed(&self, eks_access: &str, runner: &str) {
        self.write(eks_access, runner);
        let start = Instant::now();
        loop {
            let plan = self.workspace.plan(&[]);
            if plan.code == 0 && !plan.text.contains(SUBJECT) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(15), "{}", plan.text);
        }
    }

    /// Asserts the refusal, and that its commands, pasted as they are shown, fix it.
    #[track_caller]
    fn refused_and_fixed(&self, name: &str, runner: &str) {
        let text = self.refused(name, runner);
        for fix in fixes(&text) {
            self.shell(&fix);
        }
        self.is_fixed(&modes("error", "off", CIDRS), runner);
    }

    /// Runs commands as the administrator.
    #[track_caller]
    pub(super) fn shell(&self, commands: &str) {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", commands])
            .envs(self.eks.shell_env())
            .output()
            .expect("bash");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commands}\n{error}");
        // bash only warns about a here-document without an end.
        assert!(!error.contains("warning: here-document"), "{commands}\n{error}");
    }

    /// Asserts that Terraform can parse the text that belongs in a configuration.
    #[track_caller]
    fn is_configuration(&self, fix: &str) {
        self.workspace.write("pasted/main.tf", fix);
        self.workspace.run(&["fmt", "pasted"]).ok();
    }

    #[track_caller]
    pub(super) fn aws(&self, service: &str, operation: &str, parameters: &Value) {
        self.eks.aws(service, operation, parameters).expect(operation);
    }

    #[track_caller]
    fn kubectl(&self, arguments: &[&str]) {
        self.eks.kubectl(arguments).expect("kubectl");
    }
}

/// The URL of the cluster's API in the administrator's kubeconfig.
fn kubeconfig_server(eks: &Eks) -> String {
    let text = std::fs::read_to_string(eks.kubeconfig()).expect("a kubeconfig");
    let text: Value = serde_json::from_str(&text).expect("JSON");
    let server = &text["clusters"][0]["cluster"]["server"];
    server.as_str().expect("a URL").to_owned()
}

/// Returns the fix in the diagnostics, as it is shown.
pub(super) fn fixes(text: &str) -> Vec<String> {
    let parts = text.split("To fix it:\n\n").skip(1);
    let fixes = parts.map(|part| part.split("\n\nMore:").next().unwrap_or_default());
    fixes.map(str::to_owned).collect()
}

fn role_name() -> Value {
    json!({"RoleName": ROLE_NAME})
}

fn policy() -> Value {
    json!({"RoleName": ROLE_NAME, "PolicyArn": "arn:aws:iam::123456789012:policy/humanitec-runner-eks-policy"})
}

fn access_entry() -> Value {
    json!({
        "clusterName": "my-eks-cluster",
        "principalArn": format!("arn:aws:iam::123456789012:role/{ROLE_NAME}"),
    })
}

fn in_job(lines: &str) -> String {
    my_runner().replace(
        "service_account = \"humanitec-runner\"",
        &format!("service_account = \"humanitec-runner\"\n      {lines}"),
    )
}

fn pod_template(template: &Value) -> String {
    in_job(&format!("pod_template = {:?}", template.to_string()))
}

fn role(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write("", "");
    scene.init();
    scene.break_trust();
    scene.refused_and_fixed("role trust", &my_runner());
    scene.aws("iam", "DetachRolePolicy", &policy());
    scene.refused_and_fixed("role permission", &my_runner());
    let provider = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";
    let client = json!({"OpenIDConnectProviderArn": provider, "ClientID": "sts.amazonaws.com"});
    scene.aws("iam", "RemoveClientIDFromOpenIDConnectProvider", &client);
    scene.refused_and_fixed("oidc provider without the client id", &my_runner());
    let provider = json!({"OpenIDConnectProviderArn": provider});
    scene.aws("iam", "DeleteOpenIDConnectProvider", &provider);
    let text = scene.refused("no oidc provider", &my_runner());
    scene.is_configuration(&fixes(&text)[0]);
    let provider = json!({"Url": "https://oidc.humanitec.dev", "ClientIDList": ["sts.amazonaws.com"]});
    scene.aws("iam", "CreateOpenIDConnectProvider", &provider);
    let elsewhere = my_runner().replace(ROLE_NAME, &format!("team/{ROLE_NAME}"));
    let text = scene.refused("role of another path", &elsewhere);
    let line = fixes(&text)[0].trim().to_owned();
    let wrong = format!("role_arn = \"arn:aws:iam::123456789012:role/team/{ROLE_NAME}\"");
    assert!(elsewhere.contains(&wrong));
    let corrected = elsewhere.replace(&wrong, &line);
    scene.is_fixed(&modes("error", "off", CIDRS), &corrected);
    let policies = scene.eks.aws("iam", "ListRolePolicies", &role_name());
    let policies = policies.expect("policies");
    for name in policies["PolicyNames"].as_array().expect("a list") {
        let policy = json!({"RoleName": ROLE_NAME, "PolicyName": name});
        scene.aws("iam", "DeleteRolePolicy", &policy);
    }
    scene.aws("iam", "DeleteRole", &role_name());
    let text = scene.refused("no role", &my_runner());
    scene.is_configuration(&fixes(&text)[0]);
}

fn cluster(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write("", "");
    scene.init();
    let set = |cluster: Value| scene.eks.set_cluster(&cluster).expect("a cluster");
    let absent = my_runner().replace("my-eks-cluster", "another");
    let text = scene.refused("no cluster", &absent);
    let list = fixes(&text).into_iter().find(|fix| fix.contains("list-clusters"));
    scene.shell(&list.expect("a list of clusters"));
    set(json!({"status": "CREATING"}));
    scene.refused("cluster that is being created", &my_runner());
    set(json!({"status": "FAILED"}));
    scene.refused("cluster that failed", &my_runner());
    set(json!({"status": "ACTIVE", "resourcesVpcConfig": {"endpointPublicAccess": false}}));
    scene.refused_and_fixed("private cluster", &my_runner());
    set(json!({"resourcesVpcConfig": {"publicAccessCidrs": ["198.51.100.0/24"]}}));
    scene.refused_and_fixed("cluster that admits others", &my_runner());
    set(json!({"resourcesVpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}}));
    let unreachable = Faults {
        cluster_unreachable: true,
        ..Faults::default()
    };
    scene.eks.set_faults(&unreachable).expect("faults");
    // The route from here says nothing about the runner: only `incomplete = "error"` refuses it.
    let incomplete = refusing("1s").replacen('{', "{\n  incomplete = \"error\"", 1);
    scene.refused_with("cluster that does not respond", &incomplete, &my_runner());
}

fn entry(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write("", "");
    scene.init();
    scene.aws("eks", "DeleteAccessEntry", &access_entry());
    let text = scene.refused("no access entry", &my_runner());
    scene.is_configuration(&fixes(&text)[0]);
    let mut nodes = access_entry();
    nodes["type"] = json!("EC2_LINUX");
    scene.aws("eks", "CreateAccessEntry", &nodes);
    let text = scene.refused("access entry for nodes", &my_runner());
    // Nodes might need the entry, so the commands that replace it are comments.
    let commands = fixes(&text)[0].replace("# ", "");
    let (_, commands) = commands.split_once(":\n").expect("the commands");
    scene.shell(commands);
    scene.is_fixed(&modes("error", "off", CIDRS), &my_runner());
    // IAM's times are in seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let policy = scene.eks.documented_trust_policy(scene.orchestrator.org(), "my-runner");
    scene.eks.recreate_role(&policy).expect("a role");
    scene.refused_and_fixed("access entry of the role before", &my_runner());
    let mode = json!({"authenticationMode": "CONFIG_MAP"});
    scene.eks.set_cluster(&mode).expect("a cluster");
    // The authenticator uses the new mode after a moment, and refuses every caller until then.
    scene.write(&modes("warn", "off", CIDRS), &my_runner());
    until("the mode", || scene.workspace.plan(&[]).text.contains("CONFIG_MAP"));
    scene.refused("no line in aws-auth", &my_runner());
}

fn namespace(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write("", "");
    scene.init();
    scene.kubectl(&["delete", "serviceaccount", "humanitec-runner", NAMESPACE]);
    scene.refused_and_fixed("no service account", &my_runner());
    let binding = "humanitec-runner-orchestrator-access";
    scene.kubectl(&["delete", "rolebinding", binding, NAMESPACE]);
    scene.refused_and_fixed("no role binding", &my_runner());
    let renamed = my_runner().replace("auth = {", "auth = {\n        session_name = \"another-session\"");
    scene.refused_and_fixed("role binding of another user", &renamed);
    // One after the other, because the namespace must exist before the objects in it.
    let nowhere = my_runner().replace(
        "namespace       = \"humanitec-runner\"",
        "namespace       = \"nowhere\"",
    );
    let text = scene.refused("no namespace", &nowhere);
    scene.shell(&fixes(&text)[0]);
    scene.refused_and_fixed("an empty namespace", &nowhere);
    scene.kubectl(&["delete", "namespace", "nowhere", "--wait=false"]);
    scene.refused("namespace that is being deleted", &nowhere);
    let storage = my_runner()
        .replace("type = \"s3\"", "type = \"kubernetes\"")
        .replace("s3_configuration", "kubernetes_configuration")
        .replace("bucket = \"my-bucket\"", "namespace = \"humanitec-runner\"");
    scene.refused_and_fixed("state storage without rights", &storage);
    let elsewhere = storage.replace("      namespace = \"humanitec-runner\"", "      namespace = \"states\"");
    scene.refused("state storage without a namespace", &elsewhere);
}

fn job(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write("", "");
    scene.init();
    let key = |name: &str| json!({"name": name, "key": "token"});
    let refers = pod_template(&json!({"spec": {"containers": [{"name": "main", "env": [
        {"name": "A", "valueFrom": {"secretKeyRef": key("my-secret")}},
        {"name": "B", "valueFrom": {"configMapKeyRef": key("my-map")}},
    ]}]}}));
    scene.refused_and_fixed("no secret and no config map", &refers);
    let other = "--from-literal=other=bm8tb25lLXNob3dzLWl0";
    scene.kubectl(&["delete", "secret", "my-secret", NAMESPACE]);
    scene.kubectl(&["create", "secret", "generic", "my-secret", NAMESPACE, other]);
    let text = scene.refused("secret without the key", &refers);
    assert!(!text.contains("bm8tb25lLXNob3dzLWl0"), "{text}");
    let volume = json!({"name": "absent", "mountPath": "/x"});
    let invalid = json!({"spec": {"containers": [{"name": "main", "volumeMounts": [volume]}]}});
    scene.refused("pod template that makes no Job", &pod_template(&invalid));
    let label = "pod-security.kubernetes.io/enforce=restricted";
    scene.kubectl(&["label", "namespace", "humanitec-runner", label]);
    let root = json!({"spec": {"containers": [{"name": "main", "securityContext": {"runAsNonRoot": false}}]}});
    scene.refused_and_fixed("pod that is not secure enough", &pod_template(&root));
    let none = json!({"count/jobs.batch": "0"});
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": "humanitec-runner"},
        "spec": {"hard": none},
    });
    scene.eks.apply(&quota.to_string()).expect("a quota");
    let status = |hard: &Value| {
        let patch = json!({"status": {"hard": hard, "used": {"count/jobs.batch": "0"}}});
        let patch = format!("--patch={patch}");
        let status = ["--subresource=status", "--type=merge", &patch];
        let arguments = [&["patch", "resourcequota", "none", NAMESPACE][..], &status].concat();
        scene.kubectl(&arguments);
    };
    status(&none);
    let text = scene.refused("quota that is used up", &my_runner());
    scene.shell(&fixes(&text)[0]);
    // Writes the status, as the quota controller does.
    status(&json!({"count/jobs.batch": "1"}));
    scene.is_fixed(&modes("error", "off", CIDRS), &my_runner());
    // A policy of the cluster for its own namespace. It stays.
    let policed = my_runner().replace(
        "namespace       = \"humanitec-runner\"",
        "namespace       = \"policed\"",
    );
    scene.kubectl(&["create", "namespace", "policed"]);
    scene.kubectl(&["create", "serviceaccount", "humanitec-runner", "--namespace=policed"]);
    let text = scene.refused("no role binding where a policy is", &policed);
    scene.shell(&fixes(&text)[0]);
    scene.eks.apply(POLICY).expect("a policy");
    scene.write(&modes("warn", "off", CIDRS), &policed);
    until("the policy", || scene.workspace.plan(&[]).text.contains("job-dry-run"));
    let text = scene.refused("Job that a policy refuses", &policed);
    scene.shell(&fixes(&text)[0]);
}

/// Refuses every Job in the namespace `policed`.
const POLICY: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: no-jobs
spec:
  matchConstraints:
    resourceRules:
    - apiGroups: [batch]
      apiVersions: [v1]
      operations: [CREATE]
      resources: [jobs]
  validations:
  - expression: "false"
    message: jobs of this namespace need the label team
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: no-jobs
spec:
  policyName: no-jobs
  validationActions: [Deny]
  matchResources:
    namespaceSelector:
      matchLabels: {kubernetes.io/metadata.name: policed}
"#;

fn as_runner(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.write("", "");
    scene.init();
    let token_of = |runner: &str| {
        let token = scene.eks.oidc_token(scene.orchestrator.org(), runner);
        scene.workspace.write("token", &token.expect("a token"));
    };
    let file = scene.workspace.path().join("token").display().to_string();
    let more = format!("as = \"runner\"\nweb_identity_token_file = {file:?}\ntimeout = \"1s\"\n{CIDRS}");
    let planned = modes("error", "off", &more);
    let applied = modes("off", "error", &more);
    // Nothing exists yet. STS only returns a refusal.
    token_of("my-runner");
    scene.write(&planned, &my_runner());
    let plan = scene.workspace.plan(&[]).ok();
    plan.has("Warning: EKS access: assume-role").has_not("Error:");
    scene.set_up();
    token_of("another-runner");
    scene.refused_with("runner with another token", &applied, &my_runner());
    token_of("my-runner");
    scene.is_fixed(&planned, &my_runner());
    scene.aws("iam", "DetachRolePolicy", &policy());
    let text = scene.refused_with("runner that may not describe", &applied, &my_runner());
    for fix in fixes(&text) {
        scene.shell(&fix);
    }
    scene.is_fixed(&planned, &my_runner());
    scene.aws("eks", "DeleteAccessEntry", &access_entry());
    scene.refused_with("runner without an access entry", &applied, &my_runner());
    scene.aws("eks", "CreateAccessEntry", &access_entry());
    scene.is_fixed(&planned, &my_runner());
    let binding = "humanitec-runner-orchestrator-access";
    scene.kubectl(&["delete", "rolebinding", binding, NAMESPACE]);
    let text = scene.refused_with("runner without a role binding", &applied, &my_runner());
    scene.shell(&fixes(&text)[0]);
    scene.is_fixed(&planned, &my_runner());
}

fn warnings(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    scene.write("", "");
    scene.init();
    let warned = |scene: &Scene, name: &str, eks_access: &str, runner: &str| {
        scene.write(eks_access, runner);
        let plan = scene.workspace.run(&["plan", "-json"]).ok();
        let text = scene.diagnostics(&plan);
        insta::assert_snapshot!(format!("eks-access-warning-{}", name.replace(' ', "-")), text);
    };
    let network = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}});
    scene.eks.set_cluster(&network).expect("a cluster");
    warned(&scene, "restricted cluster", "", &my_runner());
    let network = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}});
    scene.eks.set_cluster(&network).expect("a cluster");
    let kubeconfig = scene.eks.kubeconfig();
    let settings = modes("warn", "off", &format!("kubeconfig = {{ path = {kubeconfig:?} }}"));
    warned(&scene, "kubeconfig of another endpoint", &settings, &my_runner());
    let node = scene.eks.node_name();
    scene.eks.kubectl(&["cordon", &node]).expect("a node");
    warned(&scene, "cordoned node", "", &my_runner());
    scene.eks.kubectl(&["uncordon", &node]).expect("a node");
    let long = "a-runner-whose-id-is-so-long-that-the-name-of-its-session-is-cut";
    let policy = scene.eks.documented_trust_policy(scene.orchestrator.org(), long);
    scene.eks.set_trust_policy(&policy).expect("a trust policy");
    let cut = my_runner().replace("id = \"my-runner\"", &format!("id = {long:?}"));
    warned(&scene, "session name that is cut", "", &cut);
    scene.workspace.set_env("AWS_SECRET_ACCESS_KEY", "wrong");
    warned(&scene, "wrong credentials", "", &my_runner());
    scene.workspace.unset_env("AWS_ACCESS_KEY_ID");
    scene.workspace.unset_env("AWS_SECRET_ACCESS_KEY");
    warned(&scene, "no credentials", "", &my_runner());
}
