//! Injected faults affect programs that run with the sandbox's environment variables.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Failed;
use sandbox::eks::{Eks, Faults};
use serde_json::{Value, json};

use crate::{Test, becomes_user, clean, documented, eventually, expect_code, user_of};

pub(crate) const TESTS: &[(&str, Test)] = sandbox::scenarios![
    throttled_calls_count_down,
    denied_action_is_refused_to_everyone,
    calls_are_delayed,
    new_role_is_hidden_until_it_has_propagated,
    new_policy_of_a_role_counts_when_it_has_propagated,
    new_entry_is_hidden_until_it_has_propagated,
    cluster_can_be_unreachable,
    fips_and_dual_stack_hosts_get_a_response,
    unknown_hosts_are_not_reached,
];

/// The start of each program: boto3 without retries, and a call of the cluster's API that tells how long it took.
const PRELUDE: &str = "
import base64, boto3, botocore.config, os, ssl, time, urllib3
config = botocore.config.Config(retries={'total_max_attempts': 1})
client = lambda name: boto3.client(name, config=config)
proxy = lambda context=None: urllib3.ProxyManager(os.environ['HTTPS_PROXY'], ssl_context=context, retries=False)
def kubernetes_seconds(path):
    cluster = client('eks').describe_cluster(name='my-eks-cluster')['cluster']
    authority = base64.b64decode(cluster['certificateAuthority']['data']).decode()
    pool = proxy(ssl.create_default_context(cadata=authority))
    start = time.monotonic()
    assert pool.request('GET', cluster['endpoint'] + path).status == 200
    return time.monotonic() - start
def aws_seconds():
    sts = client('sts')
    start = time.monotonic()
    sts.get_caller_identity()
    return time.monotonic() - start
";

/// What a Python program prints for an expression, or the last line of its error.
fn program(eks: &Eks, expression: &str) -> Result<String, Failed> {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/build");
    let environment = Command::new(build).args(["--path", "aws"]).output()?.stdout;
    let python = Path::new(String::from_utf8(environment)?.trim()).join("bin/python");
    let script = format!("{PRELUDE}print({expression})");
    let output = Command::new(python).arg("-c").arg(script).envs(eks.env()).output()?;
    let text = if output.status.success() {
        output.stdout
    } else {
        output.stderr
    };
    Ok(String::from_utf8(text)?
        .trim()
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned())
}

const DESCRIBE: &str = "client('eks').describe_cluster(name='my-eks-cluster')['cluster']['status']";
const IDENTITY: &str = "client('sts').get_caller_identity()['Arn']";

fn throttled_calls_count_down() -> Result<(), Failed> {
    let eks = clean()?;
    eks.set_faults(&Faults {
        throttle: BTreeMap::from([
            ("eks:DescribeCluster".to_owned(), 1),
            ("sts:GetCallerIdentity".to_owned(), 1),
        ]),
        ..Faults::default()
    })?;
    let throttled = program(&eks, DESCRIBE)?;
    assert!(
        throttled.contains("(ThrottlingException) when calling the DescribeCluster operation"),
        "{throttled}"
    );
    assert_eq!(program(&eks, DESCRIBE)?, "ACTIVE");
    let throttled = program(&eks, IDENTITY)?;
    assert!(throttled.contains("(Throttling) when calling"), "{throttled}");
    assert_eq!(program(&eks, IDENTITY)?, "arn:aws:iam::123456789012:user/admin");
    assert_eq!(
        eks.calls()?,
        BTreeMap::from([
            ("eks:DescribeCluster".to_owned(), 2),
            ("sts:GetCallerIdentity".to_owned(), 2)
        ])
    );
    eks.reset_calls()?;
    assert_eq!(eks.calls()?, BTreeMap::new());
    Ok(())
}

fn denied_action_is_refused_to_everyone() -> Result<(), Failed> {
    let (eks, _) = documented()?;
    eks.set_faults(&Faults {
        deny: vec!["iam:GetRole".to_owned()],
        ..Faults::default()
    })?;
    let denied = program(&eks, "client('iam').get_role(RoleName='humanitec-runner-eks-role')")?;
    assert!(
        denied.contains("(AccessDenied)") && denied.contains("is not authorized to perform: iam:GetRole"),
        "{denied}"
    );
    eks.set_faults(&Faults::default())?;
    let found = program(
        &eks,
        "client('iam').get_role(RoleName='humanitec-runner-eks-role')['Role']['Path']",
    )?;
    assert_eq!(found, "/");
    Ok(())
}

fn calls_are_delayed() -> Result<(), Failed> {
    let eks = clean()?;
    let seconds = || -> Result<[f64; 2], Failed> {
        let aws = program(&eks, "aws_seconds()")?;
        let kubernetes = program(&eks, "kubernetes_seconds('/version')")?;
        Ok([
            aws.parse().map_err(|_| aws)?,
            kubernetes.parse().map_err(|_| kubernetes)?,
        ])
    };
    let quick = seconds()?;
    assert!(quick.iter().all(|seconds| *seconds < 0.5), "{quick:?}");
    eks.set_faults(&Faults {
        delay_ms: 1000,
        kubernetes_delay_ms: 2000,
        ..Faults::default()
    })?;
    let [aws, kubernetes] = seconds()?;
    assert!((1.0..1.5).contains(&aws), "{aws}");
    assert!((2.0..2.5).contains(&kubernetes), "{kubernetes}");
    Ok(())
}

fn new_role_is_hidden_until_it_has_propagated() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let slow = Faults {
        propagation_s: BTreeMap::from([("role".to_owned(), 2.0)]),
        ..Faults::default()
    };
    eks.set_faults(&slow)?;
    eks.recreate_role(&eks.documented_trust_policy("my-org", "my-runner"))?;
    let role = json!({"RoleName": "humanitec-runner-eks-role"});
    expect_code(eks.aws("iam", "GetRole", &role), "NoSuchEntity")?;
    let token = eks.oidc_token("my-org", "my-runner")?;
    expect_code(eks.assume_role(&runner.role_arn, "a-session", &token), "AccessDenied")?;
    assert!(eventually(|| eks.aws("iam", "GetRole", &role).is_ok()));
    eks.assume_role(&runner.role_arn, "a-session", &token)?;
    Ok(())
}

fn new_policy_of_a_role_counts_when_it_has_propagated() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let slow = Faults {
        propagation_s: BTreeMap::from([("policy".to_owned(), 2.0)]),
        ..Faults::default()
    };
    eks.set_faults(&slow)?;
    eks.recreate_role(&eks.documented_trust_policy("my-org", "my-runner"))?;
    // It can be seen at once.
    let role = json!({"RoleName": "humanitec-runner-eks-role"});
    let attached = eks.aws("iam", "ListAttachedRolePolicies", &role)?;
    assert_eq!(
        attached["AttachedPolicies"][0]["PolicyName"],
        "humanitec-runner-eks-policy"
    );
    let session = eks.assume_role(&runner.role_arn, "a-session", &eks.oidc_token("my-org", "my-runner")?)?;
    let describe = || {
        let cluster = json!({"name": "my-eks-cluster"});
        eks.aws_as(&session, "eks", "DescribeCluster", &cluster)
    };
    let simulate = || -> Result<Value, Failed> {
        let parameters = json!({"PolicySourceArn": runner.role_arn, "ActionNames": ["eks:DescribeCluster"],
            "ResourceArns": [eks.cluster_arn()]});
        let response = eks.aws("iam", "SimulatePrincipalPolicy", &parameters)?;
        Ok(response["EvaluationResults"][0]["EvalDecision"].clone())
    };
    expect_code(describe(), "AccessDeniedException")?;
    assert_eq!(simulate()?, "implicitDeny");
    assert!(eventually(|| describe().is_ok()));
    assert_eq!(simulate()?, "allowed");
    Ok(())
}

fn new_entry_is_hidden_until_it_has_propagated() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let entry = json!({"clusterName": "my-eks-cluster", "principalArn": runner.role_arn});
    eks.aws("eks", "DeleteAccessEntry", &entry)?;
    let slow = Faults {
        propagation_s: BTreeMap::from([("access-entry".to_owned(), 3.0)]),
        ..Faults::default()
    };
    eks.set_faults(&slow)?;
    eks.aws("eks", "CreateAccessEntry", &entry)?;
    expect_code(
        eks.aws("eks", "DescribeAccessEntry", &entry),
        "ResourceNotFoundException",
    )?;
    std::thread::sleep(Duration::from_secs(1));
    assert!(user_of(&eks, &runner, &runner.session_name).is_err());
    assert!(becomes_user(&eks, &runner, &runner.kubernetes_user));
    eks.aws("eks", "DescribeAccessEntry", &entry)?;
    Ok(())
}

fn cluster_can_be_unreachable() -> Result<(), Failed> {
    let eks = clean()?;
    eks.set_faults(&Faults {
        cluster_unreachable: true,
        ..Faults::default()
    })?;
    let refused = program(&eks, "kubernetes_seconds('/version')")?;
    assert!(refused.contains("504"), "{refused}");
    assert_eq!(program(&eks, DESCRIBE)?, "ACTIVE");
    Ok(())
}

fn fips_and_dual_stack_hosts_get_a_response() -> Result<(), Failed> {
    let eks = clean()?;
    let hosts = "[(name, (c := boto3.client(name, config=botocore.config.Config(**use))).meta.endpoint_url, \
                  c.list_clusters()['clusters'] if name == 'eks' else \
                  c.get_caller_identity()['Account'] if name == 'sts' else c.get_user()['User']['UserName']) \
                  for use in ({'use_fips_endpoint': True}, {'use_dualstack_endpoint': True}) \
                  for name in (('sts', 'iam', 'eks') if 'use_fips_endpoint' in use else ('eks',))]";
    let responses = program(&eks, hosts)?;
    for host in [
        "sts-fips.us-west-2.amazonaws.com",
        "iam-fips.amazonaws.com",
        "fips.eks.us-west-2.amazonaws.com",
        "eks.us-west-2.api.aws",
    ] {
        assert!(responses.contains(host), "{responses}");
    }
    Ok(())
}

fn unknown_hosts_are_not_reached() -> Result<(), Failed> {
    let eks = clean()?;
    let refused = program(&eks, "proxy().request('GET', 'https://example.com')")?;
    assert!(refused.contains("502"), "{refused}");
    Ok(())
}
