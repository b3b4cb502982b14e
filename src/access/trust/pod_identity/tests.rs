//! What IAM decides about EKS Pod Identity.

use super::*;
use crate::access::trust::{Member, amended};

const CLUSTER: &str = "arn:aws:eks:us-west-2:123456789012:cluster/c";

fn pod() -> TaggedPod {
    TaggedPod::fixture("ns", "sa")
}

fn policy(principal: Value, action: Value, condition: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition,
    }})
}

/// The decision about the association's role, for each action.
fn decide(pod: &TaggedPod, document: &Value) -> Vec<PolicyDecision> {
    let of_action = |action: &&'static str| {
        let session = PodIdentitySession { action, pod };
        evaluate(document, &session)
    };
    pod.actions().iter().map(of_action).collect()
}

fn with(condition: Value) -> Vec<PolicyDecision> {
    let both = json!(["sts:AssumeRole", "sts:TagSession"]);
    decide(&pod(), &policy(json!({"Service": SERVICE}), both, condition))
}

#[test]
fn the_documented_trust_policies_allow_both_actions() {
    for condition in [
        json!({}),
        json!({"StringEquals": {
            "aws:RequestTag/kubernetes-namespace": ["ns"],
            "aws:RequestTag/kubernetes-service-account": ["sa"],
        }}),
        json!({"StringEquals": {"aws:SourceAccount": "123456789012"}}),
        json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        json!({"ArnEquals": {"aws:SourceArn": CLUSTER}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:123456789012:cluster/*"}}),
        json!({"StringLike": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:*:*:cluster/c"}}),
        json!({"ArnEquals": {"aws:RequestTag/eks-cluster-arn": CLUSTER}}),
        json!({"ArnLike": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:*:123456789012:cluster/*"}}),
        json!({"ForAllValues:StringLike": {"aws:TagKeys": ["eks-*", "kubernetes-*"]}}),
        json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["kubernetes-namespace", "x"]}}),
        json!({"ForAllValues:StringNotEquals": {"aws:TagKeys": ["team"]}}),
    ] {
        assert_eq!(
            with(condition.clone()),
            [PolicyDecision::Allowed, PolicyDecision::Allowed],
            "{condition}"
        );
    }
}

#[test]
fn a_condition_that_does_not_match_refuses() {
    for condition in [
        json!({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "other"}}),
        json!({"StringEquals": {"aws:SourceAccount": "999999999999"}}),
        json!({"StringEquals": {"aws:RequestTag/team": "x"}}),
        json!({"ArnLike": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:*:*:cluster/x"}}),
        json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["kubernetes-namespace"]}}),
        json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}),
    ] {
        for decision in with(condition.clone()) {
            assert!(matches!(decision, PolicyDecision::NotAllowed(_)), "{condition}");
        }
    }
    for condition in [
        json!({"ArnEquals": {"aws:SourceArn": "arn:aws:eks:us-west-2:123456789012:cluster/x"}}),
        json!({"StringEquals": {"aws:RequestTag/kubernetes-pod-name": "x"}}),
        json!({"StringEquals": {"aws:SourceOrgID": "o-1"}}),
    ] {
        for decision in with(condition.clone()) {
            assert!(matches!(decision, PolicyDecision::Unknown(_)), "{condition}");
        }
    }
}

#[test]
fn the_wrong_service_or_a_missing_action_refuses() {
    let both = json!(["sts:AssumeRole", "sts:TagSession"]);
    let ec2 = policy(json!({"Service": "ec2.amazonaws.com"}), both, json!({}));
    assert!(matches!(decide(&pod(), &ec2)[0], PolicyDecision::NotAllowed(_)));
    let service = json!({"Service": SERVICE});
    let one = policy(service, json!("sts:AssumeRole"), json!({}));
    let decisions = decide(&pod(), &one);
    assert_eq!(decisions[0], PolicyDecision::Allowed);
    assert!(matches!(decisions[1], PolicyDecision::NotAllowed(_)));
    // Without session tags, the second action is not needed.
    let untagged = TaggedPod {
        is_tagged: false,
        ..pod()
    };
    assert_eq!(decide(&untagged, &one), [PolicyDecision::Allowed]);
}

#[test]
fn the_printed_policies_are_enough() {
    let ec2 = policy(
        json!({"Service": "ec2.amazonaws.com"}),
        json!("sts:AssumeRole"),
        json!({}),
    );
    for is_tagged in [true, false] {
        let pod = TaggedPod { is_tagged, ..pod() };
        let amended = amended(&ec2, &Member::Pod(pod.clone()));
        assert_eq!(amended["Statement"][0], ec2["Statement"]);
        for document in [pod.trust_policy(), amended] {
            assert!(
                decide(&pod, &document)
                    .iter()
                    .all(|one| *one == PolicyDecision::Allowed),
                "{document:#}"
            );
        }
        let role: RoleArn = "arn:aws:iam::123456789012:role/pod".parse().unwrap();
        let document = crate::access::trust::amended(
            &ec2,
            &Member::Session {
                pod: pod.clone(),
                role: role.clone(),
                external_id: Some("id".to_owned()),
            },
        );
        assert_eq!(document["Statement"][0], ec2["Statement"]);
        for action in pod.actions() {
            let session = ChainedSession::new(action, &pod, &role, Some("id"));
            assert_eq!(
                session.judge(&document),
                AssumeRoleDecision::Allowed(Grant::ToRole),
                "{document:#}"
            );
        }
    }
}

#[test]
fn a_target_role_can_trust_the_account() {
    let role: RoleArn = "arn:aws:iam::123456789012:role/pod".parse().unwrap();
    let judge = |principal: &str, condition: Value| {
        let principal = json!({"AWS": principal});
        let document = policy(principal, json!("sts:*"), condition);
        ChainedSession::new("sts:AssumeRole", &pod(), &role, Some("id")).judge(&document)
    };
    let root = "arn:aws:iam::123456789012:root";
    // The example of the user guide.
    let documented = json!({
        "StringEquals": {"aws:RequestTag/eks-cluster-arn": CLUSTER, "aws:RequestTag/kubernetes-namespace": "ns"},
        "ArnEquals": {"aws:PrincipalARN": "arn:aws:iam::123456789012:role/pod"},
    });
    assert_eq!(judge(root, documented), AssumeRoleDecision::Allowed(Grant::ToAccount));
    let external = |id: &str| json!({"StringEquals": {"sts:ExternalId": id}});
    assert_eq!(
        judge(root, external("id")),
        AssumeRoleDecision::Allowed(Grant::ToAccount)
    );
    assert!(matches!(judge(root, external("x")), AssumeRoleDecision::Unknown(_)));
    let other = "arn:aws:iam::123456789012:role/other";
    assert!(matches!(judge(other, json!({})), AssumeRoleDecision::NotAllowed(_)));
}
