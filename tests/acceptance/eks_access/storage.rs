//! State in a bucket of S3: what is missing is found in the plan, and the runner is registered once it is there.

use serde_json::json;

use super::texts::fixes;
use super::{CIDRS, Scene, modes, my_runner};
use crate::Scenario;
use crate::cli::Cli;

pub(super) const SCENARIOS: &[Scenario] = &[("EKS access: state in a bucket", state_in_a_bucket)];

fn state_in_a_bucket(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
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
    assert_eq!(
        registered["state_storage_configuration"]["bucket"],
        "my-states"
    );
}
