//! The AWS identity of the Job's pod: EKS Pod Identity, roles for service accounts, and neither.

use sandbox::eks::{EksOptions, Faults};
use serde_json::{Value, json};

use crate::Scenario;
use crate::annotation::annotate;
use crate::cloud::{Checked, Cloud};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    association,
    association_role,
    conditions,
    agent,
    fargate,
    fargate_by_label_of_jobs,
    proxy,
    not_mutated,
    each_permission,
];

pub(crate) const ROLE: &str = "job-role";
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

pub(crate) fn role_arn(cloud: &Cloud, name: &str) -> String {
    let EksOptions { partition, account, .. } = cloud.eks.options();
    format!("arn:{partition}:iam::{account}:role/{name}")
}

/// A trust policy for EKS Pod Identity.
pub(crate) fn pod_trust(condition: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": condition,
    }]})
}

pub(crate) fn create_role(cloud: &Cloud, name: &str, trust: &Value) {
    let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    cloud.aws("iam", "CreateRole", &role);
}

pub(crate) fn set_trust(cloud: &Cloud, name: &str, trust: &Value) {
    let policy = json!({"RoleName": name, "PolicyDocument": trust.to_string()});
    cloud.aws("iam", "UpdateAssumeRolePolicy", &policy);
}

/// Associates a role with the Job's service account, with more parameters.
pub(crate) fn associate(cloud: &Cloud, role: &str, more: &Value) -> String {
    let runner = cloud.runner();
    let mut association = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "namespace": runner.namespace,
        "serviceAccount": runner.service_account,
        "roleArn": role_arn(cloud, role),
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        association[name] = value.clone();
    }
    let made = cloud.aws("eks", "CreatePodIdentityAssociation", &association);
    made["association"]["associationId"].as_str().unwrap().to_owned()
}

pub(crate) fn install_agent(cloud: &Cloud) {
    let addon = json!({"clusterName": cloud.eks.options().cluster_name, "addonName": "eks-pod-identity-agent"});
    cloud.aws("eks", "CreateAddon", &addon);
}

/// Sets up EKS Pod Identity as AWS documents it.
pub(crate) fn set_up(cloud: &Cloud, role: &str) -> String {
    create_role(cloud, role, &pod_trust(json!({})));
    install_agent(cloud);
    associate(cloud, role, &json!({}))
}

pub(crate) fn create_fargate_profile(cloud: &Cloud, name: &str, selector: &Value) {
    let profile = json!({
        "clusterName": cloud.eks.options().cluster_name,
        "fargateProfileName": name,
        "podExecutionRoleArn": role_arn(cloud, "pods"),
        "selectors": [selector],
    });
    cloud.aws("eks", "CreateFargateProfile", &profile);
}

/// The check passed, and so did everything else.
#[track_caller]
pub(crate) fn passes<'a>(checked: &'a Checked, parts: &[&str]) -> &'a Checked {
    checked.all_pass();
    assert_eq!(checked.status("pod-identity"), "passed");
    checked.says("pod-identity", parts)
}

fn association(cloud: &Cloud) {
    let id = set_up(cloud, ROLE);
    let role = role_arn(cloud, ROLE);
    passes(
        &cloud.check_documented(),
        &[&id, &role, "Add-on eks-pod-identity-agent is installed"],
    );
    // An association of another service account is none.
    associate(cloud, "absent", &json!({"serviceAccount": "other"}));
    passes(&cloud.check_documented(), &[&id]);
}

/// Checks that `pod-identity` alone fails, with these texts.
pub(crate) fn pod_identity_fails(cloud: &Cloud, parts: &[&str]) -> Checked {
    let checked = cloud.check_documented();
    checked.only(&["pod-identity"], &[]).says("pod-identity", parts);
    checked
}

fn association_role(cloud: &Cloud) {
    install_agent(cloud);
    associate(cloud, ROLE, &json!({}));
    let fails = |parts: &[&str]| pod_identity_fails(cloud, parts);
    let checked = fails(&[&role_arn(cloud, ROLE), "does not exist"]);
    fix::works(cloud, &checked, "pod-identity");
    let statement = |change: &dyn Fn(&mut Value)| {
        let mut trust = pod_trust(json!({}));
        change(&mut trust["Statement"][0]);
        trust
    };
    for (trust, part) in [
        (
            statement(&|one| one["Principal"] = json!({"Service": "ec2.amazonaws.com"})),
            "{\"Service\": \"pods.eks.amazonaws.com\"}",
        ),
        (
            statement(&|one| one["Action"] = json!("sts:AssumeRole")),
            "call sts:TagSession",
        ),
        (
            statement(&|one| one["Action"] = json!("sts:TagSession")),
            "call sts:AssumeRole",
        ),
        (
            cloud.eks.documented_trust_policy("my-org", "my-runner"),
            "pods.eks.amazonaws.com",
        ),
    ] {
        set_trust(cloud, ROLE, &trust);
        let checked = fails(&[part]);
        fix::works(cloud, &checked, "pod-identity");
    }
    let mut denying = pod_trust(json!({}));
    let mut deny = denying["Statement"][0].clone();
    deny["Effect"] = json!("Deny");
    denying["Statement"].as_array_mut().unwrap().push(deny);
    set_trust(cloud, ROLE, &denying);
    let checked = fails(&["Statement 2 denies", "A Deny overrides"]);
    fix::shell(cloud, checked.fix("pod-identity"));
    // A role of the same name with another path.
    cloud.aws("iam", "DeleteRole", &json!({"RoleName": ROLE}));
    let policy = pod_trust(json!({})).to_string();
    let elsewhere = json!({"RoleName": ROLE, "Path": "/team/", "AssumeRolePolicyDocument": policy});
    cloud.aws("iam", "CreateRole", &elsewhere);
    fails(&["under a different path", "role/team/job-role"]);
}

fn conditions(cloud: &Cloud) {
    set_up(cloud, ROLE);
    let arn = cloud.eks.cluster_arn();
    let tags = |namespace: &str, account: &str, cluster: &str| {
        json!({"StringEquals": {
            "aws:RequestTag/kubernetes-namespace": [namespace],
            "aws:RequestTag/kubernetes-service-account": account,
            "aws:RequestTag/eks-cluster-arn": cluster,
            "aws:SourceAccount": "123456789012",
        }})
    };
    let name = "humanitec-runner";
    set_trust(cloud, ROLE, &pod_trust(tags(name, name, &arn)));
    passes(&cloud.check_documented(), &[]);
    for (condition, key) in [
        (tags("other", name, &arn), "kubernetes-namespace"),
        (tags(name, "other", &arn), "kubernetes-service-account"),
        (tags(name, name, "arn:aws:eks:x"), "eks-cluster-arn"),
        (
            json!({"StringEquals": {"aws:SourceAccount": "999999999999"}}),
            "aws:SourceAccount",
        ),
        (
            json!({"StringEquals": {"aws:RequestTag/team": "a"}}),
            "sends no such key",
        ),
    ] {
        set_trust(cloud, ROLE, &pod_trust(condition));
        let checked = cloud.check_documented();
        checked.only(&["pod-identity"], &[]).says("pod-identity", &[key]);
        fix::works(cloud, &checked, "pod-identity");
    }
    for condition in [
        json!({"StringLike": {"aws:RequestTag/kubernetes-pod-name": "x-*"}}),
        json!({"ArnEquals": {"aws:SourceArn": "arn:aws:eks:us-west-2:123456789012:cluster/x"}}),
        json!({"StringEquals": {"aws:SourceOrgID": "o-1"}}),
    ] {
        set_trust(cloud, ROLE, &pod_trust(condition));
        let checked = cloud.check_documented();
        checked
            .only(&[], &["pod-identity"])
            .says("pod-identity", &["Could not check", "the value of this key is unknown"]);
    }
    // Without session tags, no condition on them holds.
    set_trust(cloud, ROLE, &pod_trust(tags(name, name, &arn)));
    let list = json!({"clusterName": cloud.eks.options().cluster_name});
    let found = cloud.aws("eks", "ListPodIdentityAssociations", &list);
    let mut update = list.clone();
    update["associationId"] = found["associations"][0]["associationId"].clone();
    update["disableSessionTags"] = json!(true);
    cloud.aws("eks", "UpdatePodIdentityAssociation", &update);
    let checked = cloud.check_documented();
    checked
        .only(&["pod-identity"], &[])
        .says("pod-identity", &["disables session tags"]);
    fix::works(cloud, &checked, "pod-identity");
}

/// Adds a page of nodes of EKS Auto Mode, whose names come before the one of the cluster's own node.
fn add_nodes_of_auto_mode(cloud: &Cloud) {
    let nodes: Vec<Value> = (0..100)
        .map(|index| {
            json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {
                    "name": format!("auto-{index:02}"),
                    "labels": {"eks.amazonaws.com/compute-type": "auto"},
                },
            })
        })
        .collect();
    assert!(cloud.eks.node_name().as_str() > "auto");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": nodes});
    cloud.eks.apply(&list.to_string()).unwrap();
}

fn agent(cloud: &Cloud) {
    create_role(cloud, ROLE, &pod_trust(json!({})));
    associate(cloud, ROLE, &json!({}));
    let warns = |parts: &[&str]| {
        let checked = cloud.check_documented();
        checked.outcome(&[], &["pod-identity"], &[]).says("pod-identity", parts);
        checked
    };
    let checked = warns(&["neither the add-on eks-pod-identity-agent nor its DaemonSet"]);
    fix::works(cloud, &checked, "pod-identity");
    for status in ["DEGRADED", "CREATE_FAILED"] {
        let addons = json!({"addons": {"eks-pod-identity-agent": status}});
        cloud.eks.set_cluster(&addons).unwrap();
        let checked = warns(&[status]);
        fix::shell(cloud, checked.fix("pod-identity"));
    }
    let auto = json!({"computeConfig": {"enabled": true}});
    cloud.eks.set_cluster(&auto).unwrap();
    // A node outside of EKS Auto Mode could take the pod, and has no agent. It is on the second page of the nodes.
    add_nodes_of_auto_mode(cloud);
    warns(&["Add-on eks-pod-identity-agent is CREATE_FAILED"]);
    let label = |label: &str| cloud.kubectl(&["label", "nodes", "--all", "--overwrite", label]);
    label("eks.amazonaws.com/compute-type=auto");
    passes(&cloud.check_documented(), &["EKS Auto Mode runs its agent"]);
    label("eks.amazonaws.com/compute-type-");
    let manual = json!({"computeConfig": {"enabled": false}});
    cloud.eks.set_cluster(&manual).unwrap();
    let addon = json!({"clusterName": cloud.eks.options().cluster_name, "addonName": "eks-pod-identity-agent"});
    cloud.aws("eks", "DeleteAddon", &addon);
    let labels = json!({"app": "agent"});
    let daemon_set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "eks-pod-identity-agent", "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "agent", "image": "agent"}]},
        }},
    });
    cloud.eks.apply(&daemon_set.to_string()).unwrap();
    passes(&cloud.check_documented(), &["DaemonSet eks-pod-identity-agent exists"]);
    cloud.kubectl(&[
        "delete",
        "daemonset",
        "eks-pod-identity-agent",
        "--namespace=kube-system",
    ]);
}

fn fargate(cloud: &Cloud) {
    set_up(cloud, ROLE);
    create_fargate_profile(cloud, "others", &json!({"namespace": "others"}));
    let labels = json!({"app": "runner"});
    let selector = json!({"namespace": "humanitec-*", "labels": labels});
    create_fargate_profile(cloud, "labeled", &selector);
    passes(&cloud.check_documented(), &[]);
    let mut runner = cloud.with("job/pod_template", json!({"metadata": {"labels": labels}}));
    let checked = cloud.check(&runner);
    checked.only(&["pod-identity"], &[]).says(
        "pod-identity",
        &["runs on Fargate (profile \"labeled\")", "not available"],
    );
    // An annotation that the service account already has stays.
    let annotation = |value: &str| annotate(cloud, &[format!("{ROLE_ANNOTATION}{value}")]);
    annotation("=arn:aws:iam::123456789012:role/irsa");
    let both = cloud.check(&runner);
    let fix = both.fix("pod-identity");
    assert!(
        fix.contains("which names arn:aws:iam::123456789012:role/irsa")
            && !fix.contains("kubectl")
            && fix.contains("delete-pod-identity-association"),
        "{fix}"
    );
    annotation("-");
    // The role that has the permissions is the target role.
    let list = json!({"clusterName": cloud.eks.options().cluster_name});
    let found = cloud.aws("eks", "ListPodIdentityAssociations", &list);
    let mut update = list;
    update["associationId"] = found["associations"][0]["associationId"].clone();
    update["targetRoleArn"] = json!(role_arn(cloud, "target"));
    cloud.aws("eks", "UpdatePodIdentityAssociation", &update);
    let fix = cloud.check(&runner).fix("pod-identity").to_owned();
    let place = |part: &str| fix.find(part).unwrap_or_else(|| panic!("{part}: {fix}"));
    assert!(
        place(&format!("{ROLE_ANNOTATION}={}", role_arn(cloud, "target")))
            < place("the AWS identity of every pod of service account"),
        "{fix}"
    );
    update["targetRoleArn"] = json!("");
    cloud.aws("eks", "UpdatePodIdentityAssociation", &update);
    // The role for the service account comes next.
    fix::apply(cloud, &mut runner, &checked, "pod-identity");
    let checked = cloud.check(&runner);
    checked
        .only(&["pod-identity"], &[])
        .says("pod-identity", &["no IAM OIDC provider for the cluster's issuer"]);
    fix::works_for(cloud, &mut runner, &checked, "pod-identity");
}

/// A profile can select a label that the API server adds to the pod of every Job, which pod_template does not have.
fn fargate_by_label_of_jobs(cloud: &Cloud) {
    set_up(cloud, ROLE);
    let selector = json!({"namespace": "humanitec-runner", "labels": {"job-name": "????????-*"}});
    create_fargate_profile(cloud, "jobs", &selector);
    let on_fargate = ["runs on Fargate (profile \"jobs\")", "not available"];
    pod_identity_fails(cloud, &on_fargate).says("scheduling", &["profile \"jobs\" runs the pod"]);
    // Without the admitted pod, the label is known as well.
    let untried = cloud.check_with(&cloud.configuration(), &["--skip", "job-dry-run"]);
    untried.says("pod-identity", &on_fargate);
    assert_eq!(untried.status("pod-identity"), "failed");
}

/// The documented runner with these variables and labels.
fn with_template(cloud: &Cloud, env: &Value, labels: &Value) -> Value {
    let main = json!({"name": "main", "env": env});
    cloud.with(
        "job/pod_template",
        json!({"metadata": {"labels": labels}, "spec": {"containers": [main]}}),
    )
}

/// The agent is on the pod's node, where no proxy reaches it.
fn proxy(cloud: &Cloud) {
    set_up(cloud, ROLE);
    let proxy = |name: &str| json!({"name": name, "value": "http://proxy.example:3128"});
    let with_env = |env: &Value| with_template(cloud, env, &json!({}));
    passes(&cloud.check(&with_env(&json!([proxy("HTTPS_PROXY")]))), &[]);
    let mut env = json!([proxy("HTTP_PROXY"), {"name": "NO_PROXY", "value": ".internal"}]);
    let checked = cloud.check(&with_env(&env));
    checked.outcome(&[], &["pod-identity"], &[]).says(
        "pod-identity",
        &["sets HTTP_PROXY, but NO_PROXY does not contain 169.254.170.23"],
    );
    let entry = checked.fix("pod-identity").lines().last().unwrap();
    env[1] = serde_json::from_str(entry.strip_prefix("# ").unwrap()).unwrap();
    assert_eq!(env[1]["value"], ".internal,169.254.170.23");
    passes(&cloud.check(&with_env(&env)), &[]);
}

/// EKS's webhook does not see a pod with this label.
fn not_mutated(cloud: &Cloud) {
    set_up(cloud, ROLE);
    let labels = json!({"eks.amazonaws.com/skip-pod-identity-webhook": "false"});
    cloud
        .check(&with_template(cloud, &json!([]), &labels))
        .outcome(&[], &["pod-identity"], &[])
        .says(
            "pod-identity",
            &["sets the label eks.amazonaws.com/skip-pod-identity-webhook"],
        );
}

fn each_permission(cloud: &Cloud) {
    set_up(cloud, ROLE);
    create_fargate_profile(cloud, "others", &json!({"namespace": "others"}));
    for action in [
        "eks:ListPodIdentityAssociations",
        "eks:DescribePodIdentityAssociation",
        "eks:DescribeAddon",
        "eks:ListFargateProfiles",
        "eks:DescribeFargateProfile",
    ] {
        cloud.deny(action);
        cloud
            .check_documented()
            .only(&[], &["pod-identity"])
            .is_incomplete(&format!("no permission for {action} (1)"))
            .says("pod-identity", &["no permission", action]);
    }
    // The Job starts without an AWS identity, so that the check cannot fail.
    cloud.deny("eks:ListPodIdentityAssociations");
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] = json!({"type": "gcs", "bucket": "my-states"});
    let checked = cloud.check(&runner);
    assert_eq!(checked.of("pod-identity")["skip"], "incomplete");
    assert_eq!(checked.report["complete"], true, "\n{}", checked.text());
    assert_eq!(checked.exit_code, 0);
    // The calls about the target role and, without an association, about the annotation.
    cloud.faults(Faults::default());
    create_role(cloud, "target", &pod_trust(json!({})));
    let list = json!({"clusterName": cloud.eks.options().cluster_name});
    let found = cloud.aws("eks", "ListPodIdentityAssociations", &list);
    let mut update = list.clone();
    update["associationId"] = found["associations"][0]["associationId"].clone();
    update["targetRoleArn"] = json!(role_arn(cloud, "target"));
    cloud.aws("eks", "UpdatePodIdentityAssociation", &update);
    let source = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": role_arn(cloud, ROLE)},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }]});
    set_trust(cloud, "target", &source);
    passes(&cloud.check_documented(), &["assume the target role"]);
    let denied = |skipped: &[&str], action: &str| {
        cloud.deny(action);
        cloud
            .check_documented()
            .only(&[], skipped)
            .says("pod-identity", &["no permission", action]);
    };
    denied(&["role-permission", "pod-identity"], "iam:SimulatePrincipalPolicy");
    let every_role = ["role-exists", "role-trust", "role-permission", "pod-identity"];
    denied(&every_role, "iam:GetRole");
}
