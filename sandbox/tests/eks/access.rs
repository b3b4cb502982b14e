//! Who can access the cluster, under which name, and what they are allowed to do there.

use libtest_mimic::Failed;
use sandbox::eks::{Eks, Error};
use serde_json::json;

use crate::{Test, becomes_unauthorized, becomes_user, clean, documented, eventually, expect_code, user_of};

pub(crate) const TESTS: &[(&str, Test)] = sandbox::scenarios![
    documented_runner_creates_a_job_in_a_dry_run,
    describe_cluster_leads_to_the_api_server,
    removed_entry_shuts_the_runner_out,
    entry_belongs_to_the_role_that_was_there,
    at_sign_of_the_session_name_becomes_a_dash,
    entry_has_a_user_name_and_groups_of_its_own,
    user_name_has_no_role_path,
    config_map_mode_goes_by_aws_auth,
    entry_for_nodes_admits_no_session_of_the_runner,
    access_policy_grants_to_the_session_not_to_the_name,
    administrator_is_cluster_admin,
    invalid_entries_are_refused,
];

pub(crate) const JOB: &str = r#"{
  "apiVersion": "batch/v1", "kind": "Job",
  "metadata": {"name": "a-deployment", "namespace": "humanitec-runner"},
  "spec": {"template": {"spec": {
    "restartPolicy": "Never",
    "serviceAccountName": "humanitec-runner",
    "containers": [{"name": "main", "image": "runner"}]
  }}}
}"#;
pub(crate) const CREATE: [&str; 4] = ["create", "--validate=false", "--dry-run=server", "--filename=-"];

fn documented_runner_creates_a_job_in_a_dry_run() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let session = eks.assume_role(
        &runner.role_arn,
        &runner.session_name,
        &eks.oidc_token("my-org", "my-runner")?,
    )?;
    let token = eks.cluster_token(&session)?;
    let user = eks.kubectl_as(
        &token,
        &["auth", "whoami", "--output=jsonpath={.status.userInfo.username}"],
        "",
    )?;
    assert_eq!(
        user,
        "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner"
    );
    let created = eks.kubectl_as(&token, &CREATE, JOB)?;
    assert!(
        created.contains("job.batch/a-deployment created (server dry run)"),
        "{created}"
    );
    assert_eq!(eks.kubectl(&["get", "jobs", "--all-namespaces", "--output=name"])?, "");
    let secrets = eks.kubectl_as(&token, &["get", "secrets", "--namespace=humanitec-runner"], "");
    assert!(secrets.is_err_and(|error| error.to_string().contains("forbidden")));
    Ok(())
}

fn describe_cluster_leads_to_the_api_server() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let session = eks.assume_role(
        &runner.role_arn,
        &runner.session_name,
        &eks.oidc_token("my-org", "my-runner")?,
    )?;
    let name = json!({"name": "my-eks-cluster"});
    let cluster = &eks.aws_as(&session, "eks", "DescribeCluster", &name)?["cluster"];
    let endpoint = cluster["endpoint"].as_str().unwrap_or_default();
    assert!(
        endpoint.starts_with("https://") && endpoint.ends_with(".gr7.us-west-2.eks.amazonaws.com"),
        "{endpoint}"
    );
    assert_eq!(
        cluster["arn"],
        "arn:aws:eks:us-west-2:123456789012:cluster/my-eks-cluster"
    );
    assert_eq!(cluster["status"], "ACTIVE");
    assert_eq!(cluster["accessConfig"]["authenticationMode"], "API_AND_CONFIG_MAP");
    assert_eq!(cluster["resourcesVpcConfig"]["endpointPublicAccess"], true);
    assert_eq!(cluster["resourcesVpcConfig"]["publicAccessCidrs"], json!(["0.0.0.0/0"]));

    eks.set_cluster(&json!({
        "status": "DELETING",
        "resourcesVpcConfig": {"endpointPublicAccess": false, "publicAccessCidrs": ["198.51.100.0/24"]},
    }))?;
    let cluster = &eks.aws_as(&session, "eks", "DescribeCluster", &name)?["cluster"];
    assert_eq!(cluster["status"], "DELETING");
    assert_eq!(cluster["resourcesVpcConfig"]["endpointPublicAccess"], false);
    assert_eq!(
        cluster["resourcesVpcConfig"]["publicAccessCidrs"],
        json!(["198.51.100.0/24"])
    );
    expect_code(
        eks.aws("eks", "DescribeCluster", &json!({"name": "another"})),
        "ResourceNotFoundException",
    )?;
    expect_code(
        eks.aws_as(&session, "eks", "ListClusters", &json!({})),
        "AccessDeniedException",
    )
}

fn removed_entry_shuts_the_runner_out() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    assert!(becomes_user(&eks, &runner, &runner.kubernetes_user));
    let entry = json!({"clusterName": "my-eks-cluster", "principalArn": runner.role_arn});
    let described = eks.aws("eks", "DescribeAccessEntry", &entry)?["accessEntry"].take();
    assert_eq!(described["type"], "STANDARD");
    assert_eq!(
        described["username"],
        "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/{{SessionName}}"
    );
    eks.aws("eks", "DeleteAccessEntry", &entry)?;
    expect_code(
        eks.aws("eks", "DescribeAccessEntry", &entry),
        "ResourceNotFoundException",
    )?;
    assert!(becomes_unauthorized(&eks, &runner));
    eks.aws("eks", "CreateAccessEntry", &entry)?;
    assert!(becomes_user(&eks, &runner, &runner.kubernetes_user));
    Ok(())
}

fn entry_belongs_to_the_role_that_was_there() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let role = json!({"RoleName": "humanitec-runner-eks-role"});
    let before = eks.aws("iam", "GetRole", &role)?["Role"].take();
    eks.recreate_role(&eks.documented_trust_policy("my-org", "my-runner"))?;
    let after = eks.aws("iam", "GetRole", &role)?["Role"].take();
    assert_eq!(before["Arn"], after["Arn"]);
    assert_ne!(before["RoleId"], after["RoleId"]);
    assert!(becomes_unauthorized(&eks, &runner));
    let entry = json!({"clusterName": "my-eks-cluster", "principalArn": runner.role_arn});
    eks.aws("eks", "DeleteAccessEntry", &entry)?;
    eks.aws("eks", "CreateAccessEntry", &entry)?;
    assert!(becomes_user(&eks, &runner, &runner.kubernetes_user));
    Ok(())
}

fn at_sign_of_the_session_name_becomes_a_dash() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let user = user_of(&eks, &runner, "runner@my-org")?;
    assert_eq!(
        user,
        "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/runner-my-org"
    );
    Ok(())
}

fn entry_has_a_user_name_and_groups_of_its_own() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    eks.aws(
        "eks",
        "UpdateAccessEntry",
        &json!({
            "clusterName": "my-eks-cluster",
            "principalArn": runner.role_arn,
            "username": "orchestrator:{{SessionName}}",
            "kubernetesGroups": ["runners"],
        }),
    )?;
    assert!(becomes_user(&eks, &runner, "orchestrator:my-org-my-runner"));
    eks.kubectl(&[
        "create",
        "rolebinding",
        "runners",
        "--namespace=humanitec-runner",
        "--role=humanitec-runner-orchestrator-access",
        "--group=runners",
    ])?;
    let session = eks.assume_role(
        &runner.role_arn,
        &runner.session_name,
        &eks.oidc_token("my-org", "my-runner")?,
    )?;
    let created = eks.kubectl_as(&eks.cluster_token(&session)?, &CREATE, JOB)?;
    assert!(created.contains("server dry run"), "{created}");
    Ok(())
}

fn user_name_has_no_role_path() -> Result<(), Failed> {
    let (eks, mut runner) = documented()?;
    let role = json!({
        "RoleName": "runner",
        "Path": "/team/x/",
        "AssumeRolePolicyDocument": eks.documented_trust_policy("my-org", "my-runner").to_string(),
    });
    runner.role_arn = "arn:aws:iam::123456789012:role/team/x/runner".to_owned();
    assert_eq!(eks.aws("iam", "CreateRole", &role)?["Role"]["Arn"], *runner.role_arn);
    let entry = json!({"clusterName": "my-eks-cluster", "principalArn": runner.role_arn});
    let made = eks.aws("eks", "CreateAccessEntry", &entry)?;
    assert_eq!(
        made["accessEntry"]["username"],
        "arn:aws:sts::123456789012:assumed-role/runner/{{SessionName}}"
    );
    assert!(becomes_user(
        &eks,
        &runner,
        "arn:aws:sts::123456789012:assumed-role/runner/my-org-my-runner"
    ));
    let without_path = "arn:aws:iam::123456789012:role/runner";
    let token = eks.oidc_token("my-org", "my-runner")?;
    expect_code(eks.assume_role(without_path, "a-session", &token), "AccessDenied")?;

    // Without entries, `aws-auth` decides, and it takes role ARNs without their path only.
    eks.set_cluster(&json!({"authenticationMode": "CONFIG_MAP"}))?;
    map_role(&eks, &runner.role_arn)?;
    assert!(becomes_unauthorized(&eks, &runner));
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(user_of(&eks, &runner, "a-session").is_err());
    map_role(&eks, without_path)?;
    assert!(becomes_user(&eks, &runner, "from-aws-auth:my-org-my-runner"));
    Ok(())
}

/// Maps a role in `aws-auth` to the user `from-aws-auth:…`.
fn map_role(eks: &Eks, arn: &str) -> Result<(), Error> {
    eks.apply(&format!(
        "
apiVersion: v1
kind: ConfigMap
metadata: {{name: aws-auth, namespace: kube-system}}
data:
  mapRoles: |
    - rolearn: {arn}
      username: from-aws-auth:{{{{SessionName}}}}
      groups: []
"
    ))
}

fn config_map_mode_goes_by_aws_auth() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    eks.set_cluster(&json!({"authenticationMode": "CONFIG_MAP"}))?;
    assert!(becomes_unauthorized(&eks, &runner));
    let entry = json!({"clusterName": "my-eks-cluster", "principalArn": runner.role_arn});
    expect_code(eks.aws("eks", "DescribeAccessEntry", &entry), "InvalidRequestException")?;
    let administrator = eks.cluster_token(eks.administrator())?;
    let user = ["auth", "whoami", "--output=jsonpath={.status.userInfo.username}"];
    assert_eq!(eks.kubectl_as(&administrator, &user, "")?, "kubernetes-admin");
    map_role(&eks, &runner.role_arn)?;
    assert!(becomes_user(&eks, &runner, "from-aws-auth:my-org-my-runner"));
    Ok(())
}

fn entry_for_nodes_admits_no_session_of_the_runner() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let mut entry = json!({"clusterName": "my-eks-cluster", "principalArn": runner.role_arn});
    eks.aws("eks", "DeleteAccessEntry", &entry)?;
    // An entry comes before aws-auth, also one that refuses.
    map_role(&eks, &runner.role_arn)?;
    entry["type"] = json!("EC2_LINUX");
    let mut with_groups = entry.clone();
    with_groups["kubernetesGroups"] = json!(["runners"]);
    expect_code(
        eks.aws("eks", "CreateAccessEntry", &with_groups),
        "InvalidParameterException",
    )?;
    let made = eks.aws("eks", "CreateAccessEntry", &entry)?;
    assert_eq!(made["accessEntry"]["username"], "system:node:{{EC2PrivateDNSName}}");
    let policy = json!({
        "clusterName": "my-eks-cluster",
        "principalArn": runner.role_arn,
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
        "accessScope": {"type": "cluster"},
    });
    expect_code(
        eks.aws("eks", "AssociateAccessPolicy", &policy),
        "InvalidRequestException",
    )?;
    assert!(becomes_unauthorized(&eks, &runner));
    Ok(())
}

fn access_policy_grants_to_the_session_not_to_the_name() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    eks.kubectl(&[
        "delete",
        "rolebinding",
        "humanitec-runner-orchestrator-access",
        "--namespace=humanitec-runner",
    ])?;
    let create = |namespace: &str| -> Result<String, Failed> {
        let session = eks.assume_role(
            &runner.role_arn,
            &runner.session_name,
            &eks.oidc_token("my-org", "my-runner")?,
        )?;
        let token = eks.cluster_token(&session)?;
        let namespace = format!("--namespace={namespace}");
        let arguments = ["auth", "can-i", "create", "jobs.batch", &namespace];
        Ok(eks
            .kubectl_as(&token, &arguments, "")
            .unwrap_or_else(|_| "no".to_owned())
            .trim()
            .to_owned())
    };
    assert_eq!(create("humanitec-runner")?, "no");
    eks.aws(
        "eks",
        "AssociateAccessPolicy",
        &json!({
            "clusterName": "my-eks-cluster",
            "principalArn": runner.role_arn,
            "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy",
            "accessScope": {"type": "namespace", "namespaces": ["humanitec-runner"]},
        }),
    )?;
    assert_eq!(create("humanitec-runner")?, "yes");
    assert_eq!(create("default")?, "no");
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": runner.kubernetes_user,
            "resourceAttributes": {
                "namespace": "humanitec-runner", "group": "batch", "resource": "jobs", "verb": "create",
            },
        },
    });
    let administrator = eks.cluster_token(eks.administrator())?;
    let response = eks.kubectl_as(
        &administrator,
        &["create", "--filename=-", "--output=jsonpath={.status.allowed}"],
        &review.to_string(),
    )?;
    assert_eq!(response, "false");
    let entry = json!({"clusterName": "my-eks-cluster", "principalArn": runner.role_arn});
    let policies = eks.aws("eks", "ListAssociatedAccessPolicies", &entry)?;
    assert_eq!(
        policies["associatedAccessPolicies"][0]["accessScope"]["namespaces"],
        json!(["humanitec-runner"])
    );
    Ok(())
}

fn administrator_is_cluster_admin() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let token = eks.cluster_token(eks.administrator())?;
    let as_runner = format!("--as={}", runner.kubernetes_user);
    let created = eks.kubectl_as(&token, &[&CREATE[..], &[&as_runner]].concat(), JOB)?;
    assert!(created.contains("server dry run"), "{created}");
    Ok(())
}

fn invalid_entries_are_refused() -> Result<(), Failed> {
    let eks = clean()?;
    let user = "arn:aws:iam::123456789012:user/developer";
    let create = |principal: &str, more: serde_json::Value| {
        let mut entry = json!({"clusterName": "my-eks-cluster", "principalArn": principal});
        if let (Some(entry), Some(more)) = (entry.as_object_mut(), more.as_object()) {
            entry.extend(more.clone());
        }
        eks.aws("eks", "CreateAccessEntry", &entry)
    };
    expect_code(create(user, json!({})), "InvalidParameterException")?;
    eks.aws("iam", "CreateUser", &json!({"UserName": "developer"}))?;
    expect_code(
        create(user, json!({"kubernetesGroups": ["system:masters"]})),
        "InvalidParameterException",
    )?;
    expect_code(
        create(user, json!({"username": "system:admin"})),
        "InvalidParameterException",
    )?;
    create(user, json!({}))?;
    expect_code(create(user, json!({})), "ResourceInUseException")?;
    let listed = eks.aws("eks", "ListAccessEntries", &json!({"clusterName": "my-eks-cluster"}))?;
    assert!(eventually(|| listed["accessEntries"]
        .as_array()
        .is_some_and(|entries| entries.contains(&json!(user)))));
    Ok(())
}
