//! The small EKS with one documented runner, and how to ask about it; and what is wrong with the
//! cluster as AWS sees it.

use std::io::Write;
use std::process::{Command, Stdio};

use sandbox::eks::{Eks, Faults, Options, Runner};
use serde_json::{Value, json};

use crate::{Scenario, child};

pub(crate) struct Cloud {
    pub(crate) eks: Eks,
    pub(crate) runner: Option<Runner>,
}

/// What came out of one runner's checks.
pub(crate) struct Checked(pub(crate) Value);

impl Cloud {
    pub(crate) fn start() -> Self {
        let eks = Eks::start(Options::default()).unwrap();
        Self { eks, runner: None }
    }

    /// Brings everything back to what the documentation sets up.
    pub(crate) fn reset(&mut self) {
        if self.runner.is_some() {
            self.eks.reset().unwrap();
        }
        self.eks.set_faults(&Faults::default()).unwrap();
        let runner = self
            .eks
            .set_up_as_documented("my-org", "my-runner")
            .unwrap();
        self.runner = Some(runner);
        self.eks.reset_calls().unwrap();
    }

    pub(crate) fn runner(&self) -> &Runner {
        self.runner.as_ref().unwrap()
    }

    /// The documented runner, as the API has it.
    pub(crate) fn configuration(&self) -> Value {
        let (runner, options) = (self.runner(), self.eks.options());
        json!({
            "id": "my-runner",
            "runner_configuration": {
                "type": "kubernetes-eks",
                "cluster": {
                    "name": options.cluster_name,
                    "region": options.region,
                    "auth": {"role_arn": runner.role_arn},
                },
                "job": {"namespace": runner.namespace, "service_account": runner.service_account},
            },
            "state_storage_configuration": {"type": "s3", "bucket": "states"},
        })
    }

    /// Runs the preflight in a process with this environment.
    pub(crate) fn run(&self, environment: Vec<(String, String)>, asked: &Value) -> Value {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env(child::MARK, "1")
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = process.stdin.take().unwrap();
        input.write_all(asked.to_string().as_bytes()).unwrap();
        drop(input);
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "the run broke off");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Checks one runner as the administrator, with more settings if any.
    pub(crate) fn check(&self, runner: &Value, settings: &Value) -> Checked {
        self.check_as(self.eks.env(), runner, settings)
    }

    /// Checks one runner in an environment.
    pub(crate) fn check_as(
        &self,
        environment: Vec<(String, String)>,
        runner: &Value,
        settings: &Value,
    ) -> Checked {
        let mut asked = settings.clone();
        asked["runners"] = json!([runner]);
        Checked(self.run(environment, &asked)["reports"][0].take())
    }

    /// Checks the documented runner.
    pub(crate) fn check_documented(&self) -> Checked {
        self.check(&self.configuration(), &json!({}))
    }

    /// Lets a role, or anything else of AWS, be changed.
    pub(crate) fn aws(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.eks.aws(service, operation, parameters).unwrap()
    }
}

impl Checked {
    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.0["checks"].as_array().unwrap().iter()
    }

    pub(crate) fn of(&self, id: &str) -> &Value {
        self.checks().find(|check| check["id"] == id).unwrap()
    }

    pub(crate) fn message(&self, id: &str) -> &str {
        self.of(id)["message"].as_str().unwrap()
    }

    pub(crate) fn fix(&self, id: &str) -> &str {
        self.of(id)["fix"].as_str().unwrap()
    }

    /// The ids with a status, in order.
    pub(crate) fn ids(&self, status: &str) -> Vec<&str> {
        let has = |check: &&Value| check["status"] == status;
        self.checks()
            .filter(has)
            .map(|check| check["id"].as_str().unwrap())
            .collect()
    }

    /// All as text, for a broken test.
    pub(crate) fn text(&self) -> String {
        self.checks()
            .map(|c| {
                format!(
                    "{:8} {:18} {}\n",
                    c["status"].as_str().unwrap(),
                    c["id"].as_str().unwrap(),
                    c["message"].as_str().unwrap()
                )
            })
            .collect()
    }

    /// Exactly these failed, and exactly these were skipped besides the ones that always are.
    #[track_caller]
    pub(crate) fn only(&self, failed: &[&str], skipped: &[&str]) -> &Self {
        assert_eq!(self.ids("failed"), failed, "\n{}", self.text());
        let more: Vec<_> = self
            .ids("skipped")
            .into_iter()
            .filter(|id| !(["assume-role", "state-storage"].contains(id)))
            .collect();
        assert_eq!(more, skipped, "\n{}", self.text());
        self
    }

    /// The message of a check has these parts.
    #[track_caller]
    pub(crate) fn says(&self, id: &str, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(
                self.message(id).contains(part),
                "{part:?} is not in: {}\n{}",
                self.message(id),
                self.text()
            );
        }
        self
    }
}

/// What needs the cluster's API.
pub(crate) const IN_CLUSTER: [&str; 8] = [
    "namespace",
    "service-account",
    "rbac-create-jobs",
    "rbac-get-jobs",
    "rbac-list-pods",
    "rbac-list-events",
    "pod-template-refs",
    "job-dry-run",
];
/// What needs the runner's user.
pub(crate) const BY_USER: [&str; 5] = [
    "rbac-create-jobs",
    "rbac-get-jobs",
    "rbac-list-pods",
    "rbac-list-events",
    "job-dry-run",
];

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("cluster::absent", absent),
    ("cluster::deleting", deleting),
    ("cluster::private", private),
    ("cluster::restricted", restricted),
    ("cluster::entry_missing", entry_missing),
    ("cluster::entry_for_nodes", entry_for_nodes),
    ("cluster::config_map", config_map),
    ("cluster::role_recreated", role_recreated),
    (
        "cluster::entry_with_name_and_groups",
        entry_with_name_and_groups,
    ),
];

fn absent(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["runner_configuration"]["cluster"]["name"] = json!("another");
    let checked = cloud.check(&runner, &json!({}));
    let mut skipped = vec!["cluster-endpoint", "access-entry", "api-server"];
    skipped.extend(IN_CLUSTER);
    checked.only(&["role-permission", "cluster-active"], &skipped);
    checked.says("cluster-active", &["\"another\"", "us-west-2"]);
    assert_eq!(checked.of("cluster-active")["not_yet"], true);
}

fn deleting(cloud: &Cloud) {
    cloud
        .eks
        .set_cluster(&json!({"status": "DELETING"}))
        .unwrap();
    let checked = cloud.check_documented();
    let mut skipped = vec!["cluster-endpoint", "access-entry", "api-server"];
    skipped.extend(IN_CLUSTER);
    checked
        .only(&["cluster-active"], &skipped)
        .says("cluster-active", &["DELETING"]);
    cloud
        .eks
        .set_cluster(&json!({"status": "UPDATING"}))
        .unwrap();
    cloud.check_documented().only(&[], &[]);
}

fn private(cloud: &Cloud) {
    let network = json!({"resourcesVpcConfig": {"endpointPublicAccess": false}});
    cloud.eks.set_cluster(&network).unwrap();
    let checked = cloud.check_documented();
    checked.only(&["cluster-endpoint"], &[]);
    assert!(
        checked
            .fix("cluster-endpoint")
            .contains("endpointPublicAccess=true")
    );
    let faults = Faults {
        cluster_unreachable: true,
        ..Faults::default()
    };
    cloud.eks.set_faults(&faults).unwrap();
    let checked = cloud.check_documented();
    let mut skipped = vec!["api-server"];
    skipped.extend(IN_CLUSTER);
    checked
        .only(&["cluster-endpoint"], &skipped)
        .says("api-server", &["see cluster-endpoint"]);
}

fn restricted(cloud: &Cloud) {
    let network = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}});
    cloud.eks.set_cluster(&network).unwrap();
    let ask = |cidrs: Value| {
        cloud.check(
            &cloud.configuration(),
            &json!({"orchestrator_cidrs": cidrs}),
        )
    };
    let checked = ask(json!([]));
    checked.only(&[], &[]);
    assert_eq!(checked.ids("warned"), ["cluster-endpoint"]);
    let checked = ask(json!(["203.0.113.9/32"]));
    checked.only(&[], &[]);
    assert!(checked.ids("warned").is_empty());
    ask(json!(["198.51.100.7/32"]))
        .only(&["cluster-endpoint"], &[])
        .says("cluster-endpoint", &["198.51.100.7/32"]);
}

fn entry(cloud: &Cloud) -> Value {
    json!({"clusterName": cloud.eks.options().cluster_name, "principalArn": cloud.runner().role_arn})
}

fn entry_missing(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &entry(cloud));
    let checked = cloud.check_documented();
    checked.only(&["access-entry"], &BY_USER);
    assert!(checked.fix("access-entry").contains("aws_eks_access_entry"));
    assert_eq!(checked.of("access-entry")["not_yet"], true);
}

fn entry_for_nodes(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &entry(cloud));
    let mut nodes = entry(cloud);
    nodes["type"] = json!("EC2_LINUX");
    cloud.aws("eks", "CreateAccessEntry", &nodes);
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["EC2_LINUX"]);
}

fn config_map(cloud: &Cloud) {
    cloud
        .eks
        .set_cluster(&json!({"authenticationMode": "CONFIG_MAP"}))
        .unwrap();
    let checked = cloud.check_documented();
    // The administrator, who made the cluster, is let in without a line of its own.
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["aws-auth"]);
    let line = checked
        .fix("access-entry")
        .split_once('\n')
        .unwrap()
        .1
        .to_owned();
    let map = |lines: &str| {
        let indented = lines.replace('\n', "\n    ");
        cloud.eks.apply(&format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth\n  namespace: kube-system\ndata:\n  mapRoles: |\n    {indented}\n"
        )).unwrap();
    };
    map(&line);
    cloud.check_documented().only(&[], &[]);
}

fn role_recreated(cloud: &Cloud) {
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    cloud.eks.recreate_role(&policy).unwrap();
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["older than the role"]);
}

fn entry_with_name_and_groups(cloud: &Cloud) {
    let mut changed = entry(cloud);
    changed["username"] = json!("runner:{{SessionName}}");
    changed["kubernetesGroups"] = json!(["runners"]);
    cloud.aws("eks", "UpdateAccessEntry", &changed);
    let checked = cloud.check_documented();
    checked.only(
        &[
            "rbac-create-jobs",
            "rbac-get-jobs",
            "rbac-list-pods",
            "rbac-list-events",
        ],
        &["job-dry-run"],
    );
    checked.says(
        "rbac-create-jobs",
        &["runner:my-org-my-runner", "another name"],
    );
    assert_eq!(checked.0["kubernetes_user"], "runner:my-org-my-runner");
    let namespace = &cloud.runner().namespace;
    let group = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "by-group", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "humanitec-runner-orchestrator-access"},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "runners"}]});
    cloud.eks.apply(&group.to_string()).unwrap();
    cloud.check_documented().only(&[], &[]);
}
