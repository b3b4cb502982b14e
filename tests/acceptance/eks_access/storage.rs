//! State in an S3 bucket: what is missing is found in the plan, and the runner is registered once it is there. Many
//! runners share what AWS says about it.

use std::collections::BTreeMap;

use serde_json::json;

use super::texts::fixes;
use super::{CIDRS, Scene, modes, my_runner, runner};
use crate::Scenario;
use crate::cli::Cli;

pub(super) const SCENARIOS: &[Scenario] = sandbox::scenarios![state_in_a_bucket, hundred_with_one_bucket,];

/// Gives the Job's service account a role, which is allowed nothing, by EKS Pod Identity.
fn set_up_identity(scene: &Scene) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }]});
    scene.aws(
        "iam",
        "CreateRole",
        &json!({"RoleName": "my-job-role", "AssumeRolePolicyDocument": trust.to_string()}),
    );
    scene.aws(
        "eks",
        "CreateAddon",
        &json!({"clusterName": "my-eks-cluster", "addonName": "eks-pod-identity-agent"}),
    );
    scene.aws(
        "eks",
        "CreatePodIdentityAssociation",
        &json!({
            "clusterName": "my-eks-cluster",
            "namespace": "humanitec-runner",
            "serviceAccount": "humanitec-runner",
            "roleArn": "arn:aws:iam::123456789012:role/my-job-role",
        }),
    );
}

fn state_in_a_bucket(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    set_up_identity(&scene);
    let runner = my_runner().replace("my-bucket", "my-states");
    scene.write(&modes("error", "error", CIDRS), &runner);
    scene.init();
    for part in [
        "Bucket \"my-states\" does not exist.",
        "do not allow s3:ListBucket on arn:aws:s3:::my-states",
    ] {
        // What the same apply might create is a warning.
        let plan = scene.workspace.run(&["plan", "-json"]).ok();
        let text = scene.diagnostics(&plan);
        assert!(text.contains(part), "{text}");
        assert!(text.contains("EKS access: state-storage"), "{text}");
        scene.shell(&fixes(&text)[0]);
    }
    scene.workspace.apply(&[]).ok().has_not("EKS access");
    let registered = scene.registered();
    assert_eq!(registered["state_storage_configuration"]["bucket"], "my-states");
}

/// A plan of a hundred new runners that share the cluster, the role, and the bucket makes the same AWS calls as a plan of
/// one, each once.
fn hundred_with_one_bucket(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    set_up_identity(&scene);
    scene.aws(
        "s3",
        "CreateBucket",
        &json!({
            "Bucket": "my-states",
            "CreateBucketConfiguration": {"LocationConstraint": scene.eks.options().region},
        }),
    );
    let calls = |count: u32| {
        let head = format!("for_each = toset([for n in range({count}) : \"runner-${{n}}\"])\nid = each.key");
        let runners = runner(&head).replace("my-bucket", "my-states");
        scene.write(&modes("warn", "off", CIDRS), &runners);
        scene.workspace.init();
        scene.eks.reset_calls().expect("counters");
        let plan = scene.workspace.plan(&[]).ok();
        plan.has(&format!("{count} to add"));
        scene.eks.calls().expect("counters")
    };
    let of_one = calls(1);
    // The runner's role and the Job's; the permissions for the cluster, the bucket, and its objects; the issuer's two
    // documents.
    let several = BTreeMap::from([("iam:GetRole", 2), ("iam:SimulatePrincipalPolicy", 3), ("issuer", 2)]);
    for (action, count) in &of_one {
        let expected = several.get(action.as_str()).copied().unwrap_or(1);
        assert_eq!(*count, expected, "{action}: {of_one:?}");
    }
    assert!(of_one.contains_key("s3:ListBucket"), "{of_one:?}");
    assert_eq!(calls(100), of_one);
}
