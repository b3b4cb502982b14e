//! The documented least permissions of a caller: all of them, and with each one removed.
//!
//! Source of the ARNs of each action's resources: "Actions, resources, and condition keys for Amazon Elastic Kubernetes
//! Service" in the Service Authorization Reference. A list of something is an action on the cluster, except
//! `ListAssociatedAccessPolicies`, which is one on the access entry.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::eks::Credentials;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    documented_least,
    each_taken_away,
    namespace_unread,
    agent_and_nodepools,
    volume_unread,
    config_map,
];

/// Actions that a check calls only after it found something missing.
const ONLY_WHERE_SOMETHING_LACKS: [&str; 6] = [
    "kms:ListGrants",
    "eks:ListAssociatedAccessPolicies",
    "eks:ListNodegroups",
    "eks:DescribeNodegroup",
    "eks:ListFargateProfiles",
    "eks:DescribeFargateProfile",
];

/// Returns a file of `examples/eks-access/`.
fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/eks-access")
        .join(name);
    fs::read_to_string(path).unwrap()
}

/// A user with the documented IAM policy and an access entry of the documented group.
fn caller(cloud: &Cloud) -> Credentials {
    let policy: Value = serde_json::from_str(&example("caller-policy.json")).unwrap();
    let user = cloud.eks.create_user("caller", &policy).unwrap();
    let entry = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "principalArn": "arn:aws:iam::123456789012:user/caller",
        "kubernetesGroups": ["eks-runner-preflight"],
    });
    cloud.aws("eks", "CreateAccessEntry", &entry);
    user
}

/// The runner of the documentation's example: with a Secret, and its state in the cluster.
fn runner(cloud: &Cloud) -> Value {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&[
        "create",
        "secret",
        "generic",
        "my-secret",
        &namespace,
        "--from-literal=key=x",
    ]);
    let key = json!({"name": "my-secret", "key": "key"});
    let main = json!({"name": "main", "env": [{"name": "A", "valueFrom": {"secretKeyRef": key}}]});
    let mut runner = cloud.with("job/pod_template", json!({"spec": {"containers": [main]}}));
    let storage = json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
    runner["state_storage_configuration"] = storage;
    let checked = cloud.check(&runner);
    crate::fix::apply(cloud, &mut runner, &checked, "state-storage");
    crate::identity::set_up(cloud, "my-job-role");
    crate::identity::create_fargate_profile(cloud, "others", &json!({"namespace": "others"}));
    runner
}

/// Checks until the cluster has seen the caller's entry.
#[track_caller]
fn once_let_in(cloud: &Cloud, who: &Credentials, runner: &Value) -> Checked {
    let start = Instant::now();
    loop {
        let checked = cloud.check_in(cloud.eks.env_as(who), runner, &[]);
        if checked.status("api-server") == "passed" {
            return checked;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "\n{}", checked.text());
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn documented_least(cloud: &Cloud) {
    let (who, runner) = (caller(cloud), runner(cloud));
    cloud.eks.apply(&example("caller-rbac.yaml")).unwrap();
    cloud.eks.apply(&example("caller-impersonation.yaml")).unwrap();
    let checked = once_let_in(cloud, &who, &runner);
    checked.all_pass();
    assert_eq!(checked.ids("skipped"), ["assume-role"], "\n{}", checked.text());
    checked.says("job-dry-run", &["admits the Orchestrator's Job and its pod"]);
    // Without impersonation the run is incomplete, unless the check is skipped by name.
    let roles = ["clusterrole", "clusterrolebinding"];
    for kind in roles {
        cloud.kubectl(&["delete", kind, "eks-runner-preflight-impersonation"]);
    }
    let without = |arguments: &[&str]| cloud.check_in(cloud.eks.env_as(&who), &runner, arguments);
    let reason = "no permission to impersonate the runner's user (1)";
    without(&[]).is_incomplete(reason);
    let skipped = without(&["--skip", "job-dry-run"]);
    assert_eq!(skipped.exit_code, 0, "\n{}", skipped.text());
    assert_eq!(skipped.report["ok"], true);
    assert_eq!(skipped.of("job-dry-run")["skip"], "requested");
    let allowed = without(&["--allow-incomplete"]);
    assert_eq!((allowed.exit_code, &allowed.report["ok"]), (0, &json!(false)));
    cloud.eks.apply(&example("caller-impersonation.yaml")).unwrap();
    // No part of the IAM policy can be spared.
    crate::storage::set_up_encrypted(cloud);
    let stored = crate::storage::runner(cloud);
    cloud.check_in(cloud.eks.env_as(&who), &stored, &[]).all_pass();
    let policy: Value = serde_json::from_str(&example("caller-policy.json")).unwrap();
    for (index, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
        let actions = statement["Action"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![statement["Action"].clone()]);
        for action in actions
            .iter()
            .filter(|action| !ONLY_WHERE_SOMETHING_LACKS.iter().any(|one| *action == *one))
        {
            let mut less = policy.clone();
            let kept: Vec<_> = actions.iter().filter(|one| *one != action).collect();
            match kept.as_slice() {
                [] => drop(less["Statement"].as_array_mut().unwrap().remove(index)),
                kept => less["Statement"][index]["Action"] = json!(kept),
            }
            let put = json!({"UserName": "caller", "PolicyName": "caller", "PolicyDocument": less.to_string()});
            cloud.aws("iam", "PutUserPolicy", &put);
            let action = action.as_str().unwrap();
            let checked = cloud.check_in(cloud.eks.env_as(&who), &stored, &[]);
            checked.is_incomplete(&format!("no permission for {action}"));
        }
    }
}

/// The documented objects, each a JSON value.
fn objects(cloud: &Cloud, name: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/eks-access")
        .join(name);
    let text = cloud.kubectl(&[
        "create",
        "--dry-run=client",
        "--output=json",
        "-f",
        &file.display().to_string(),
    ]);
    let list: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    match list.as_slice() {
        [one] if one["kind"] == "List" => one["items"].as_array().unwrap().clone(),
        _ => list,
    }
}

/// Without one rule, every check that needs it is skipped with that reason, and no check fails or warns.
fn each_taken_away(cloud: &Cloud) {
    let (who, runner) = (caller(cloud), runner(cloud));
    let mut all = objects(cloud, "caller-rbac.yaml");
    all.extend(objects(cloud, "caller-impersonation.yaml"));
    for object in &all {
        cloud.eks.apply(&object.to_string()).unwrap();
    }
    once_let_in(cloud, &who, &runner).all_pass();
    let mut spared = Vec::new();
    for object in all.iter().filter(|object| object["rules"].is_array()) {
        for rule in 0..object["rules"].as_array().unwrap().len() {
            for resource in 0..object["rules"][rule]["resources"].as_array().unwrap().len() {
                let mut less = object.clone();
                let taken = less["rules"][rule]["resources"]
                    .as_array_mut()
                    .unwrap()
                    .remove(resource);
                if less["rules"][rule]["resources"] == json!([]) {
                    less["rules"].as_array_mut().unwrap().remove(rule);
                }
                cloud.eks.apply(&less.to_string()).unwrap();
                let checked = cloud.check_in(cloud.eks.env_as(&who), &runner, &[]);
                cloud.eks.apply(&object.to_string()).unwrap();
                let what = format!("without {taken} of {}:\n{}", object["metadata"], checked.text());
                assert_eq!(
                    (checked.ids("failed"), checked.ids("warned")),
                    (vec![], vec![]),
                    "{what}"
                );
                let complete = checked.unchecked().is_empty();
                assert_eq!(checked.exit_code, if complete { 0 } else { 4 }, "{what}");
                if !checked.text().contains("forbidden") && !checked.text().contains("may not") {
                    spared.push(taken.as_str().unwrap().to_owned());
                }
            }
        }
    }
    // These are needed for other causes only: why a right is missing, what a Role allows already, what aws-auth maps, where
    // the agent runs, what adds nodes, whether a claim waits for its pod, whether something creates its volume or mounts an
    // inline one, and which nodes can attach it.
    spared.sort();
    assert_eq!(
        spared,
        [
            "clusterrolebindings",
            "configmaps",
            "configmaps",
            "csidrivers",
            "daemonsets",
            "nodepools",
            "persistentvolumes",
            "rolebindings",
            "roles",
            "storageclasses"
        ]
    );
}

/// A caller who is not allowed to read the namespace still learns that the service account is missing.
fn namespace_unread(cloud: &Cloud) {
    let (who, mut runner) = (caller(cloud), runner(cloud));
    for mut object in objects(cloud, "caller-rbac.yaml") {
        if let Some(rules) = object["rules"].as_array_mut() {
            rules.retain(|rule| rule["resources"] != json!(["namespaces"]));
        }
        cloud.eks.apply(&object.to_string()).unwrap();
    }
    let checked = once_let_in(cloud, &who, &runner);
    assert_eq!(checked.status("service-account"), "passed", "\n{}", checked.text());
    crate::cloud::set(&mut runner, "job/service_account", json!("absent"));
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&["delete", "secret", "my-secret", &namespace]);
    let checked = once_let_in(cloud, &who, &runner);
    checked
        .says("namespace", &["The caller has no permission to read"])
        .says("service-account", &["\"absent\" does not exist"])
        .says("pod-template-refs", &["Secret \"my-secret\" does not exist"]);
    for id in ["service-account", "pod-template-refs"] {
        assert_eq!(checked.status(id), "failed", "\n{}", checked.text());
    }
}

/// What only some set-ups need to read: the agent's DaemonSet without the add-on, and NodePools without a node.
fn agent_and_nodepools(cloud: &Cloud) {
    let (who, runner) = (caller(cloud), runner(cloud));
    let mut objects = objects(cloud, "caller-rbac.yaml");
    objects.extend(self::objects(cloud, "caller-impersonation.yaml"));
    for object in &mut objects {
        if let Some(rules) = object["rules"].as_array_mut() {
            rules.retain(|rule| {
                !["daemonsets", "nodepools"]
                    .map(|name| json!([name]))
                    .contains(&rule["resources"])
            });
        }
        cloud.eks.apply(&object.to_string()).unwrap();
    }
    once_let_in(cloud, &who, &runner).all_pass();
    let addon = json!({"clusterName": cloud.eks.options().cluster_name, "addonName": "eks-pod-identity-agent"});
    cloud.aws("eks", "DeleteAddon", &addon);
    crate::scheduling::no_nodes(cloud);
    let checked = once_let_in(cloud, &who, &runner);
    checked
        .outcome(&[], &[], &["pod-identity", "scheduling"])
        .says(
            "pod-identity",
            &["DaemonSet \"eks-pod-identity-agent\"", "no permission"],
        )
        .says("scheduling", &["It is unknown whether something adds one", "nodepools"]);
}

/// Without the volume of a claim, it is unknown whether a node can attach it.
fn volume_unread(cloud: &Cloud) {
    let who = caller(cloud);
    let mut objects = objects(cloud, "caller-rbac.yaml");
    objects.extend(self::objects(cloud, "caller-impersonation.yaml"));
    for object in &mut objects {
        if object["kind"] == "Role" && object["metadata"]["namespace"] == "humanitec-runner" {
            let claims = json!({"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get"]});
            object["rules"].as_array_mut().unwrap().push(claims);
        }
        cloud.eks.apply(&object.to_string()).unwrap();
    }
    crate::volumes::bind(cloud, "cache", "us-west-2a");
    let claim = json!({"name": "cache", "persistentVolumeClaim": {"claimName": "cache"}});
    let template = crate::volumes::mounted(&json!([claim]));
    let runner = cloud.with("job/pod_template", template);
    let node = cloud.eks.node_name();
    let zone = "topology.kubernetes.io/zone=us-west-2a";
    cloud.kubectl(&["label", "node", &node, "--overwrite", zone]);
    once_let_in(cloud, &who, &runner).all_pass();
    for mut object in objects {
        if let Some(rules) = object["rules"].as_array_mut() {
            rules.retain(|rule| rule["resources"] != json!(["persistentvolumes"]));
            cloud.eks.apply(&object.to_string()).unwrap();
        }
    }
    once_let_in(cloud, &who, &runner)
        .outcome(&[], &[], &["scheduling"])
        .says(
            "scheduling",
            &[
                "Could not check which nodes can attach the volume of PersistentVolumeClaim \"cache\"",
                "no permission to read persistentvolumes \"pv-1\"",
            ],
        );
}

fn config_map(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    let role = &cloud.runner().role_arn;
    let user = "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/{{SessionName}}";
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": {
            "mapRoles": format!("- rolearn: {role}\n  username: {user}\n"),
            "mapUsers": "- userarn: arn:aws:iam::123456789012:user/caller\n  username: caller\n  groups: [eks-runner-preflight]\n",
        },
    });
    cloud.eks.apply(&map.to_string()).unwrap();
    let policy: Value = serde_json::from_str(&example("caller-policy.json")).unwrap();
    let who = cloud.eks.create_user("caller", &policy).unwrap();
    cloud.eks.apply(&example("caller-rbac.yaml")).unwrap();
    cloud.eks.apply(&example("caller-impersonation.yaml")).unwrap();
    let runner = cloud.configuration();
    once_let_in(cloud, &who, &runner).all_pass();
    cloud.kubectl(&[
        "delete",
        "rolebinding",
        "eks-runner-preflight",
        "--namespace=kube-system",
    ]);
    let checked = once_let_in(cloud, &who, &runner);
    checked.only(&[], &[&["access-entry"][..], &crate::cloud::BY_USER].concat());
    checked.says("access-entry", &["no permission to read aws-auth", "forbidden"]);
    // Without the check of the mapping, the role's user is just as unknown.
    let skip = ["--skip", "access-entry"];
    let checked = cloud.check_in(cloud.eks.env_as(&who), &runner, &skip);
    checked
        .is_incomplete("no permission to read aws-auth (3)")
        .says("rbac-create-jobs", &["no permission to read aws-auth"]);
}
