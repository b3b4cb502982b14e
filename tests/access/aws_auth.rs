//! `aws-auth`: the command's verdict, compared with the cluster's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{BY_USER, Checked, Cloud, RBAC};
use crate::cluster::role_with_a_path;
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    absent,
    other_lines_stay,
    beside_entries,
    refused_beside_entries,
    beside_an_older_entry,
    a_path,
    accounts,
    no_username,
    two_lines,
    lines_by_chance,
    a_line_for_instances,
    what_the_cluster_admits,
    not_yaml,
    key_of_the_session,
];

/// Writes `aws-auth` with this key only.
pub(crate) fn map(cloud: &Cloud, key: &str, text: &str) {
    maps(cloud, &json!({key: text}));
}

fn maps(cloud: &Cloud, data: &Value) {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": data,
    });
    cloud.eks.apply(&map.to_string()).unwrap();
}

/// Returns the role's ARN as aws-auth spells it.
const ROLE: &str = "arn:aws:iam::123456789012:role/humanitec-runner-eks-role";

/// Checks as the runner until the cluster does what is expected of it: the authenticator sees a change within seconds.
#[track_caller]
pub(crate) fn as_runner(cloud: &Cloud, expected: impl Fn(&Checked) -> bool) -> Checked {
    let token = cloud.eks.oidc_token("my-org", "my-runner").unwrap();
    let (_directory, file) = cloud.token_file(&token);
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let start = Instant::now();
    loop {
        let checked = cloud.check_with(&cloud.configuration(), &arguments);
        if expected(&checked) {
            return checked;
        }
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(20), "\n{}", checked.text());
    }
}

fn is_refused(checked: &Checked) -> bool {
    checked.status("api-server") == "failed"
}

fn absent(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    let checked = cloud.check_documented();
    // The administrator, who made the cluster, is let in without a line of its own.
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["CONFIG_MAP", "aws-auth"]);
    as_runner(cloud, is_refused);
    fix::works(cloud, &checked, "access-entry");
    as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
    map(
        cloud,
        "mapRoles",
        "- rolearn: arn:aws:iam::123456789012:role/nodes\n  username: system:node:{{EC2PrivateDNSName}}\n",
    );
    cloud
        .check_documented()
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["does not map"]);
}

/// The printed command adds a line, in whatever style the others are written.
fn other_lines_stay(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    for roles in [
        "- rolearn: arn:aws:iam::123456789012:role/nodes\n  username: 'it''s $HOME \"%s\"'\n",
        "    - rolearn: arn:aws:iam::123456789012:role/nodes\n      username: n\n      groups:\n      - a\n",
        "# nothing yet\n- {rolearn: x, username: y}",
        "",
    ] {
        let users = "- {userarn: arn:aws:iam::123456789012:user/ops, username: ops}\n";
        maps(cloud, &json!({"mapRoles": roles, "mapUsers": users}));
        let checked = cloud.check_documented();
        checked.only(&["access-entry"], &BY_USER);
        fix::works(cloud, &checked, "access-entry");
        let kept = cloud.kubectl(&[
            "get",
            "configmap",
            "aws-auth",
            "--namespace=kube-system",
            "--output=json",
        ]);
        let kept: Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(kept["data"]["mapUsers"], users);
        let now = kept["data"]["mapRoles"].as_str().unwrap();
        assert!(now.starts_with(roles.trim_end()), "{now}");
    }
    // A command cannot edit this style, so the fix is a note.
    map(cloud, "mapRoles", "[{rolearn: x, username: y}]");
    let checked = cloud.check_documented();
    assert!(checked.fix("access-entry").contains("kubectl edit"));
}

fn beside_entries(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    map(
        cloud,
        "mapRoles",
        &format!("- rolearn: {ROLE}\n  username: mapped:{{{{SessionName}}}}\n  groups: [runners]\n"),
    );
    let checked = cloud.check_documented();
    checked
        .only(&RBAC, &["job-dry-run"])
        .says("access-entry", &["aws-auth", "mapped:my-org-my-runner"]);
    checked.says("rbac-create-jobs", &["mapped:my-org-my-runner"]);
    fix::works(cloud, &checked, "rbac-create-jobs");
    // In mode API, aws-auth has no effect.
    cloud.authentication_mode("API");
    cloud.check_documented().only(&["access-entry"], &BY_USER);
}

/// Without an entry, an unusable line is reported, and the fix creates an entry.
fn refused_beside_entries(cloud: &Cloud) {
    for roles in [
        format!("- rolearn: {ROLE}\n  username: system:node:{{{{EC2PrivateDNSName}}}}\n"),
        format!("- rolearn: {ROLE}\nusername: x\n"),
    ] {
        cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
        map(cloud, "mapRoles", &roles);
        let checked = cloud.check_documented();
        checked
            .only(&["access-entry"], &BY_USER)
            .says("access-entry", &["no access entry", "aws-auth"]);
        as_runner(cloud, is_refused);
        fix::works(cloud, &checked, "access-entry");
    }
}

/// If the entry belongs to a deleted role of the same name, aws-auth decides.
fn beside_an_older_entry(cloud: &Cloud) {
    std::thread::sleep(Duration::from_millis(1100));
    let policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    cloud.eks.recreate_role(&policy).unwrap();
    let user = "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/{{SessionName}}";
    map(cloud, "mapRoles", &format!("- rolearn: {ROLE}\n  username: {user}\n"));
    let checked = cloud.check_documented();
    checked
        .only(&[], &[])
        .says("access-entry", &["older than the role", "aws-auth maps"]);
    as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
}

fn a_path(cloud: &Cloud) {
    let (role, runner) = role_with_a_path(cloud);
    cloud.authentication_mode("CONFIG_MAP");
    map(cloud, "mapRoles", &format!("- rolearn: {role}\n  username: x\n"));
    let checked = cloud.check(&runner);
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["must not contain the path", "Line 1"]);
    fix::shell(cloud, checked.fix("access-entry"));
    let checked = cloud.check(&runner);
    checked.only(&RBAC, &["job-dry-run"]);
    checked.says(
        "rbac-create-jobs",
        &["arn:aws:sts::123456789012:assumed-role/pathed/my-org-my-runner"],
    );
    fix::works_for(cloud, &mut runner.clone(), &checked, "rbac-get-jobs");
}

/// The whole account is admitted, and the role is known by its ARN.
fn accounts(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    map(cloud, "mapAccounts", "- \"123456789012\"\n");
    let checked = cloud.check_documented();
    checked.only(&RBAC, &["job-dry-run"]);
    checked.says("access-entry", &["aws-auth maps the role", ROLE]);
    fix::works(cloud, &checked, "rbac-create-jobs");
    as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
}

/// A line without a user name gives the runner the permissions of its groups only.
fn no_username(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    map(cloud, "mapRoles", &format!("- rolearn: {ROLE}\n"));
    let checked = cloud.check_documented();
    checked.outcome(
        &["rbac-create-jobs", "rbac-get-jobs"],
        &["access-entry", "rbac-list-pods", "rbac-list-events"],
        &["job-dry-run"],
    );
    checked.says("access-entry", &["without a username and without groups"]);
    assert_eq!(checked.report["kubernetes_user"], Value::Null);
    fix::works(cloud, &checked, "access-entry");

    map(
        cloud,
        "mapRoles",
        &format!("- rolearn: {ROLE}\n  username:\n  groups: [runners]\n"),
    );
    let checked = cloud.check_documented();
    checked
        .only(&RBAC, &["job-dry-run"])
        .says("access-entry", &["the permissions of its groups, runners"]);
    fix::shell(cloud, checked.fix("rbac-create-jobs"));
    let checked = cloud.check_documented();
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    assert_eq!(checked.status("rbac-list-events"), "passed");
    assert_eq!(checked.report["kubernetes_user"], Value::Null);
    let checked = as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
    assert_eq!(checked.report["kubernetes_user"], Value::Null);
}

/// Of several lines for one role, the last one counts.
fn two_lines(cloud: &Cloud) {
    let line = |name: &str| format!("- rolearn: {ROLE}\n  username: {name}:{{{{SessionName}}}}\n");
    map(cloud, "mapRoles", &(line("first") + &line("last")));
    cloud.authentication_mode("CONFIG_MAP");
    let checked = cloud.check_documented();
    checked.only(&RBAC, &["job-dry-run"]);
    checked.says("rbac-create-jobs", &["last:my-org-my-runner"]);
    fix::works(cloud, &checked, "rbac-create-jobs");
    let checked = as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
    assert_eq!(checked.report["kubernetes_user"], "last:my-org-my-runner");
}

/// Lines of mapUsers that differ only in case: the authenticator picks one at each request.
fn lines_by_chance(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    let users = format!(
        "- {{userarn: '{ROLE}', username: a}}\n- {{userarn: '{}', username: b}}\n",
        ROLE.to_uppercase()
    );
    map(cloud, "mapUsers", &users);
    let checked = cloud.check_documented();
    assert_eq!(
        checked.ids("warned"),
        ["access-entry", "rbac-list-pods", "rbac-list-events"]
    );
    checked.says("access-entry", &["mapUsers", "at random"]);
    fix::works(cloud, &checked, "access-entry");
}

/// A line for nodes refuses the runner. The line of another role does not concern it.
fn a_line_for_instances(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    let line = |role: &str| {
        format!(
            "- rolearn: {role}\n  username: system:node:{{{{EC2PrivateDNSName}}}}\n  groups: [system:bootstrappers, system:nodes]\n"
        )
    };
    map(cloud, "mapRoles", &line(ROLE));
    let checked = cloud.check_documented();
    checked.only(&["access-entry"], &BY_USER).says(
        "access-entry",
        &[
            "system:node:{{EC2PrivateDNSName}}",
            "line 1 of mapRoles",
            "EC2 instance",
        ],
    );
    assert!(!checked.report["kubernetes_user"].to_string().contains("{{"));
    let refused = as_runner(cloud, is_refused);
    assert!(!refused.report["kubernetes_user"].to_string().contains("{{"));
    fix::works(cloud, &checked, "access-entry");
    as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
    let own = format!(
        "- rolearn: {ROLE}\n  username: arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/{{{{SessionName}}}}\n"
    );
    let nodes = line("arn:aws:iam::123456789012:role/nodes");
    map(cloud, "mapRoles", &(nodes + &own));
    cloud.check_documented().all_pass();
}

/// Lines that the authenticator accepts and a stricter parser would refuse.
fn what_the_cluster_admits(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    let user = "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/{{SessionName}}";
    for (key, text) in [
        ("mapUsers", format!("- userarn: {ROLE}\n  username: {user}\n")),
        ("mapRoles", format!("- roleARN: {ROLE}\n  USERNAME: {user}\n")),
        (
            "mapRoles",
            format!("- just a text\n- rolearn: {ROLE}\n  username: {user}\n  groups: none\n"),
        ),
    ] {
        map(cloud, key, &text);
        cloud.check_documented().all_pass();
        as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
        maps(cloud, &json!({}));
        as_runner(cloud, is_refused);
    }
    map(
        cloud,
        "mapRoles",
        &format!("- rolearn: {ROLE}\n  username: x\n  groups: ['grp:{{{{SessionName}}}}']\n"),
    );
    let checked = cloud.check_documented();
    checked
        .only(&RBAC, &["job-dry-run"])
        .says("access-entry", &["grp:my-org-my-runner"]);
    cloud.kubectl(&[
        "create",
        "rolebinding",
        "by-group",
        &format!("--namespace={}", cloud.runner().namespace),
        "--role=humanitec-runner-orchestrator-access",
        "--group=grp:my-org-my-runner",
    ]);
    cloud.check_documented().all_pass();
    as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
}

/// A key with invalid YAML is dropped, so none of its roles is admitted: the check fails and is not skipped.
fn not_yaml(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    for (roles, place) in [
        (format!("- rolearn: {ROLE}\nusername: x\n"), "line 2, column 1"),
        (format!("- rolearn: {ROLE}\n\tusername: x\n"), "line 2, column"),
        (
            format!("- rolearn: {ROLE}\n  username: {{{{SessionName}}}}\n"),
            "line 2, column 1",
        ),
    ] {
        map(cloud, "mapRoles", &roles);
        let checked = cloud.check_documented();
        checked
            .only(&["access-entry"], &BY_USER)
            .says("access-entry", &["mapRoles cannot be read", place]);
        let message = checked.message("access-entry");
        assert!(!message.contains('\n') && !message.contains("username"), "{message}");
        assert!(checked.fix("access-entry").contains("kubectl edit configmap aws-auth"));
        as_runner(cloud, is_refused);
        // The other keys count.
        maps(cloud, &json!({"mapRoles": roles, "mapAccounts": "[123456789012]"}));
        let checked = cloud.check_documented();
        assert_eq!(checked.status("access-entry"), "passed", "\n{}", checked.text());
    }
}

/// A user name that contains the session's access key differs for each session.
fn key_of_the_session(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    map(
        cloud,
        "mapRoles",
        &format!("- rolearn: {ROLE}\n  username: 'k:{{{{AccessKeyID}}}}'\n  groups: [runners]\n"),
    );
    let checked = cloud.check_documented();
    checked.only(&RBAC, &["job-dry-run"]);
    assert_eq!(checked.report["kubernetes_user"], Value::Null);
    fix::shell(cloud, checked.fix("rbac-create-jobs"));
    as_runner(cloud, |checked| checked.status("job-dry-run") == "passed");
}
