use serde_json::json;

use super::*;

fn association() -> Arc<PodIdentityAssociation> {
    Arc::new(PodIdentityAssociation {
        id: "a-1".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/pod".to_owned(),
        target_role_arn: None,
        external_id: None,
        has_session_tags: true,
        session_policy: None,
    })
}

fn by_association() -> Offer {
    Offer::Association(association())
}

fn by_annotation() -> Offer {
    Offer::Annotation {
        role_arn: "arn:aws:iam::123456789012:role/irsa".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
    }
}

/// The identity and the region with variables in `env` and in a ConfigMap of `envFrom`.
fn decide(offer: Offer, env: &[(&str, &str)], from: Value) -> (CredentialSource, PodRegion) {
    decide_for(offer, env, from, &[], &json!({}))
}

/// The same with volumes at these paths, and in a pod with these metadata.
fn decide_for(
    offer: Offer,
    env: &[(&str, &str)],
    from: Value,
    mounts: &[&str],
    metadata: &Value,
) -> (CredentialSource, PodRegion) {
    let mounts: Vec<_> = mounts.iter().map(|path| json!({"mountPath": path})).collect();
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let container = json!({
        "env": env, "envFrom": [{"configMapRef": {"name": "c"}}], "volumeMounts": mounts,
    });
    let map = VariableSource::Found(Arc::new(json!({"data": from})));
    let objects = sources(&container).into_iter().map(|name| (name, map.clone()));
    let environment = ContainerEnvironment::new(container.clone(), objects.collect());
    let pod = PodTemplate {
        environment: &environment,
        offer,
        skipped: skipped(metadata),
        cluster_region: "us-west-2",
    };
    (pod.identity(), pod.region())
}

fn injected() -> PodRegion {
    PodRegion::Injected("us-west-2".to_owned())
}

#[test]
fn the_webhook_gives_credentials_and_the_region() {
    let (identity, region) = decide(by_association(), &[], json!({}));
    assert_eq!(identity, CredentialSource::Association(association()));
    assert_eq!(region, injected());
    let (identity, region) = decide(by_annotation(), &[], json!({}));
    let role = "arn:aws:iam::123456789012:role/irsa";
    assert_eq!(identity.role_arn(), Some(role));
    assert_eq!(region, injected());
    let (identity, region) = decide(Offer::Nothing, &[], json!({}));
    assert_eq!(identity, CredentialSource::Node { because: None });
    assert_eq!(region, PodRegion::None);
}

#[test]
fn the_container_s_own_variables_stay() {
    let own = |from: &str, role: Option<&str>| CredentialSource::Own {
        from: from.to_owned(),
        role_arn: role.map(ToOwned::to_owned),
    };
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")];
    for offer in [by_association(), by_annotation(), Offer::Nothing] {
        let (identity, _) = decide(offer, &keys, json!({}));
        assert_eq!(identity, own("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", None));
    }
    let web = [(TOKEN_FILE, "/token"), (ROLE_ARN, "arn:r")];
    for offer in [by_association(), by_annotation(), Offer::Nothing] {
        let (identity, _) = decide(offer, &web, json!({}));
        assert_eq!(identity, own(TOKEN_FILE, Some("arn:r")));
    }
    // A profile comes after a web identity in the SDK's chain, and before container credentials.
    for name in ["AWS_PROFILE"].into_iter().chain(PROFILE_FILES) {
        let profile = [(name, "p")];
        let (identity, _) = decide(by_association(), &profile, json!({}));
        assert_eq!(identity, own(name, None));
        let (identity, _) = decide(by_annotation(), &profile, json!({}));
        assert!(matches!(identity, CredentialSource::ServiceAccountRole { .. }));
    }
    let uri = [(FULL_URI, "http://127.0.0.1/")];
    let (identity, region) = decide(by_association(), &uri, json!({}));
    assert_eq!((identity, region), (own(FULL_URI, None), injected()));
}

#[test]
fn a_volume_with_the_sdk_s_files_comes_before_container_credentials() {
    let with = |offer, env: &[(&str, &str)], mounts: &[&str]| decide_for(offer, env, json!({}), mounts, &json!({})).0;
    for path in ["/root/.aws", "/home/x/.aws/credentials", "/root/.aws/config"] {
        for offer in [by_association(), Offer::Nothing] {
            let env = [(FULL_URI, "http://127.0.0.1/")];
            for env in [&env[..], &[]] {
                let CredentialSource::Own { from, .. } = with(offer.clone(), env, &[path]) else {
                    panic!("{path}");
                };
                assert_eq!(from, format!("a volume at {path}"));
            }
        }
        let by_token = with(by_annotation(), &[], &[path]);
        assert!(matches!(by_token, CredentialSource::ServiceAccountRole { .. }));
    }
    let other = with(by_association(), &[], &["/root/.azure", "/x.aws"]);
    assert!(matches!(other, CredentialSource::Association(_)));
}

#[test]
fn a_label_hides_the_pod_from_the_webhook() {
    for value in ["", "true", "false"] {
        let metadata = json!({"labels": {SKIP_LABEL: value}});
        for offer in [by_association(), by_annotation()] {
            let (identity, region) = decide_for(offer, &[], json!({}), &[], &metadata);
            let CredentialSource::Node { because: Some(because) } = identity else {
                panic!("{identity:?}");
            };
            assert!(because.contains(SKIP_LABEL), "{because}");
            assert_eq!(region, PodRegion::None);
        }
    }
}

#[test]
fn half_of_a_pair_keeps_the_webhook_from_setting_the_other_half() {
    for (offer, name) in [
        (by_annotation(), ROLE_ARN),
        (by_association(), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ] {
        let (identity, region) = decide(offer, &[(name, "x")], json!({}));
        let CredentialSource::Node { because: Some(because) } = identity else {
            panic!("{identity:?}");
        };
        assert!(because.contains(name), "{because}");
        assert_eq!(region, injected());
    }
}

#[test]
fn the_webhook_does_not_see_env_from() {
    let region = json!({"AWS_REGION": "eu-west-1"});
    let own = PodRegion::Own {
        variable: "AWS_REGION",
        region: "eu-west-1".to_owned(),
    };
    assert_eq!(decide(by_association(), &[], region.clone()).1, injected());
    assert_eq!(decide(Offer::Nothing, &[], region.clone()).1, own);
    let env = [("AWS_DEFAULT_REGION", "eu-central-1")];
    assert_eq!(decide(by_association(), &env, region).1, own);
    let (_, by_env) = decide(by_association(), &env, json!({}));
    assert!(matches!(
        by_env,
        PodRegion::Own {
            variable: "AWS_DEFAULT_REGION",
            ..
        }
    ));
    // The SDK takes an empty variable for none, and the webhook does not replace it.
    let (_, empty) = decide(by_association(), &[("AWS_REGION", "")], json!({}));
    assert_eq!(empty, PodRegion::None);
}

#[test]
fn the_annotation_is_a_line_of_csv() {
    let skips = |value: &str| skips_main(&json!({ SKIP_ANNOTATION: value }));
    for value in ["main", "a,main", "\"main\"", "a,\"main\",b", "\nmain"] {
        assert!(skips(value), "{value:?}");
    }
    for value in ["", "a, main", "mainly", "a\nmain", "main,\"b"] {
        assert!(!skips(value), "{value:?}");
    }
    assert!(!skips_main(&Value::Null));
}
