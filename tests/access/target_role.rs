//! The target role of a Pod Identity association.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;
use crate::fix;
use crate::identity::{ROLE, associate, create_role, install_agent, passes, pod_trust, role_arn, set_trust};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![target_role];

fn target_role(cloud: &Cloud) {
    create_role(cloud, ROLE, &pod_trust(json!({})));
    install_agent(cloud);
    let (source, target) = (role_arn(cloud, ROLE), role_arn(cloud, "target"));
    associate(cloud, ROLE, &json!({"targetRoleArn": target}));
    let both = ["sts:AssumeRole", "sts:TagSession"];
    let trust = |principal: &str, actions: &[&str]| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions,
        }]})
    };
    let fails = |parts: &[&str]| crate::identity::pod_identity_fails(cloud, parts);
    let checked = fails(&[&target, "does not exist"]);
    fix::works(cloud, &checked, "pod-identity");
    // A target role that trusts the role itself needs no policy of the role.
    set_trust(cloud, "target", &trust(&source, &both));
    passes(&cloud.check_documented(), &[&target]);
    set_trust(cloud, "target", &trust(&source, &both[..1]));
    let checked = fails(&["call sts:TagSession", &target]);
    fix::works(cloud, &checked, "pod-identity");
    let root = "arn:aws:iam::123456789012:root";
    set_trust(cloud, "target", &trust(root, &both));
    let checked = fails(&["do not allow sts:AssumeRole", &source]);
    fix::works(cloud, &checked, "pod-identity");
    // Only AWS knows the tags of the target role.
    let with_tag = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:*", "Resource": "*",
        "Condition": {"StringEquals": {"iam:ResourceTag/Project": "a"}},
    }]});
    let assume = inline_policies(cloud);
    let put = |name: &str, policy: &Value| {
        let put = json!({"RoleName": ROLE, "PolicyName": name, "PolicyDocument": policy.to_string()});
        cloud.aws("iam", "PutRolePolicy", &put);
    };
    for name in &assume {
        put(name, &with_tag);
    }
    cloud
        .check_documented()
        .only(&[], &["pod-identity"])
        .says("pod-identity", &["conditions on iam:resourcetag/project"]);
    // The tags of the request are those of the pod.
    let mut of_namespace = with_tag;
    of_namespace["Statement"][0]["Condition"] = json!({"StringEquals": {
        "aws:RequestTag/kubernetes-namespace": "humanitec-runner", "aws:ResourceAccount": "123456789012",
    }});
    for name in &assume {
        put(name, &of_namespace);
    }
    passes(&cloud.check_documented(), &[&target]);
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]});
    let deny = json!({"RoleName": ROLE, "PolicyName": "deny", "PolicyDocument": deny.to_string()});
    cloud.aws("iam", "PutRolePolicy", &deny);
    set_trust(cloud, "target", &trust(&source, &both));
    let checked = fails(&["do not allow sts:AssumeRole"]);
    assert!(!checked.fix("pod-identity").contains("put-role-policy"));
    let policy = json!({"RoleName": ROLE, "PolicyName": "deny"});
    cloud.aws("iam", "DeleteRolePolicy", &policy);
    // Nobody here can read a role of another account.
    let list = json!({"clusterName": cloud.eks.options().cluster_name});
    let found = cloud.aws("eks", "ListPodIdentityAssociations", &list);
    let mut update = list.clone();
    update["associationId"] = found["associations"][0]["associationId"].clone();
    update["targetRoleArn"] = json!("arn:aws:iam::999999999999:role/target");
    cloud.aws("eks", "UpdatePodIdentityAssociation", &update);
    let checked = fails(&["do not allow sts:AssumeRole", "999999999999"]);
    fix::apply(cloud, &mut cloud.configuration(), &checked, "pod-identity");
    cloud
        .check_documented()
        .only(&[], &["pod-identity"])
        .is_incomplete("a role of the Job is in another account (1)");
}

/// Returns the names of the role's inline policies.
fn inline_policies(cloud: &Cloud) -> Vec<String> {
    let found = cloud.aws("iam", "ListRolePolicies", &json!({"RoleName": ROLE}));
    serde_json::from_value(found["PolicyNames"].clone()).unwrap()
}
