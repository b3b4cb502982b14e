//! The set-up: everything that a runner needs in AWS and in its cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use super::issuer::{AUDIENCE, issuer_host};
use super::kubernetes::environment::{ContainerEnvironment, Variable};
use super::objects::{
    AwsObject, KubernetesObject, Permission, StateBucket, cluster_arn, job_role_name, provider_arn, rbac_grant,
    state_grant, trust_policy,
};
use super::render::{aws_cli, hcl, shell, yaml};
use super::run::REGION;
use super::subject::Subject;
use super::trust::TaggedPod;
use crate::runner::RoleArn;
use crate::runner::job_container::MAIN;

/// The head of a set-up: some of its objects might exist already.
const SHARED: &str = "\
# Leave out what already exists: an account has one OIDC provider for an issuer, and runners can share a role, its access
# entry, a namespace, and a service account with its role.
# `eks-runner check` shows what a shared role lacks for this runner, with a fix that keeps what the other runners need.
";
/// The line of the head about the add-on.
const ADD_ON: &str = "# EKS Auto Mode needs no add-on for Pod Identity.\n";

/// How the Jobs get the role with which they keep their state in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobIdentity {
    /// By a Pod Identity association of their service account.
    Association,
    /// By an annotation of their service account (IRSA).
    Annotation,
}

/// Everything that a runner needs, as objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// `None` if the issuer is not known, on which the trust policy and the IAM OIDC provider depend.
    aws: Option<Vec<AwsObject>>,
    kubernetes: Vec<KubernetesObject>,
    /// What the bucket of the state needs, as a comment. Empty if the state is not kept in S3.
    bucket: String,
}

impl Setup {
    /// Returns what a runner needs for an Orchestrator with this issuer. `None` while a value of the runner is unknown.
    #[must_use]
    pub fn new(subject: &Subject, issuer: Option<&str>, job_identity: JobIdentity) -> Option<Self> {
        Some(Self {
            aws: match issuer {
                Some(issuer) => {
                    let own = aws_objects(subject, issuer)?;
                    Some([own, job_objects(subject, job_identity)?].concat())
                }
                None => None,
            },
            kubernetes: kubernetes_objects(subject, job_identity)?,
            bucket: bucket_comment(subject)?,
        })
    }

    /// Returns the set-up as Terraform for hashicorp/aws and hashicorp/kubernetes. `None` without an issuer.
    #[must_use]
    pub fn terraform(&self) -> Option<String> {
        let aws = hcl::aws(self.aws.as_deref()?) + &self.bucket;
        Some([self.head(), aws, hcl::kubernetes(&self.kubernetes)].join("\n"))
    }

    /// Returns the set-up as commands of the AWS CLI and kubectl. `None` without an issuer.
    #[must_use]
    pub fn commands(&self) -> Option<String> {
        let aws = self.aws.as_ref()?.iter().map(aws_cli::create);
        let aws: Vec<String> = aws.map(|command| command.to_string()).collect();
        let kubectl = format!(
            "# kubectl's current context must be the cluster.\n{}",
            shell::kubectl_apply_here_document(&self.objects())
        );
        let aws = aws.join("\n") + &self.bucket;
        Some([self.head(), aws, kubectl].join("\n"))
    }

    /// Returns the objects in the cluster as manifests for `kubectl apply`.
    #[must_use]
    pub fn manifests(&self) -> String {
        yaml::documents(&self.objects())
    }

    fn head(&self) -> String {
        let is_agent = |object: &AwsObject| matches!(object, AwsObject::PodIdentityAgent { .. });
        if self.aws.iter().flatten().any(is_agent) {
            [SHARED, ADD_ON].concat()
        } else {
            SHARED.to_owned()
        }
    }

    fn objects(&self) -> Vec<Value> {
        let objects = self.kubernetes.iter();
        objects.map(KubernetesObject::manifest).collect()
    }
}

fn aws_objects(subject: &Subject, issuer: &str) -> Option<Vec<AwsObject>> {
    let role = subject.role.get()?;
    let (region, cluster) = (subject.region.get()?, subject.cluster.get()?);
    let host = issuer_host(issuer);
    let oidc_subject = subject.oidc_subject()?;
    Some(vec![
        AwsObject::OidcProvider {
            partition: role.partition.clone(),
            issuer: issuer.to_owned(),
        },
        AwsObject::Role {
            arn: role.clone(),
            trust_policy: trust_policy(&provider_arn(role, host), host, AUDIENCE, &[&oidc_subject]),
        },
        AwsObject::RolePolicy {
            role: role.clone(),
            permission: Permission::DescribeCluster {
                region: region.clone(),
                cluster: cluster.clone(),
            },
        },
        AwsObject::AccessEntry {
            role: role.clone(),
            region: region.clone(),
            cluster: cluster.clone(),
        },
    ])
}

/// Returns the role of the Jobs.
fn job_role(subject: &Subject) -> Option<RoleArn> {
    let role = subject.role.get()?;
    let (namespace, account) = (subject.namespace.get()?, subject.pod_service_account()?);
    Some(RoleArn {
        path: "/".to_owned(),
        name: job_role_name(subject.region.get()?, subject.cluster.get()?, namespace, account),
        ..role.clone()
    })
}

/// Returns what the Jobs need in AWS to keep their state in S3: a role with its own policy, and what gives it to the pods
/// of the service account.
fn job_objects(subject: &Subject, identity: JobIdentity) -> Option<Vec<AwsObject>> {
    let Some(storage) = subject.storage.get()?.bucket_in_s3() else {
        return Some(Vec::new());
    };
    let role = job_role(subject)?;
    let permission = AwsObject::RolePolicy {
        permission: Permission::KeepState(StateBucket::new(&role.partition, storage)),
        role: role.clone(),
    };
    match identity {
        JobIdentity::Association => associated(subject, role, permission),
        JobIdentity::Annotation => federated(subject, role, permission),
    }
}

/// Returns the role of a Pod Identity association, and the association.
fn associated(subject: &Subject, role: RoleArn, permission: AwsObject) -> Option<Vec<AwsObject>> {
    let (region, cluster) = (subject.region.get()?, subject.cluster.get()?);
    let (namespace, account) = (subject.namespace.get()?, subject.pod_service_account()?);
    let pod = TaggedPod {
        account: role.account.clone(),
        cluster_arn: cluster_arn(&role, region, cluster),
        cluster: cluster.clone(),
        namespace: namespace.clone(),
        service_account: account.to_owned(),
        is_tagged: true,
    };
    Some(vec![
        AwsObject::Role {
            arn: role.clone(),
            trust_policy: pod.trust_policy(),
        },
        permission,
        AwsObject::PodIdentityAgent {
            region: region.clone(),
            cluster: cluster.clone(),
        },
        AwsObject::PodIdentityAssociation {
            role,
            region: region.clone(),
            cluster: cluster.clone(),
            namespace: namespace.clone(),
            service_account: account.to_owned(),
        },
    ])
}

/// Returns the role of an annotation, and the OIDC provider of the cluster, whose tokens it trusts. The annotation is in the
/// cluster.
fn federated(subject: &Subject, role: RoleArn, permission: AwsObject) -> Option<Vec<AwsObject>> {
    let (region, cluster) = (subject.region.get()?, subject.cluster.get()?);
    Some(vec![
        AwsObject::ClusterIssuer {
            region: region.clone(),
            cluster: cluster.clone(),
        },
        AwsObject::ClusterOidcProvider {
            partition: role.partition.clone(),
            cluster: cluster.clone(),
        },
        AwsObject::ServiceAccountRole {
            arn: role,
            cluster: cluster.clone(),
            namespace: subject.namespace.get()?.clone(),
            service_account: subject.pod_service_account()?.to_owned(),
        },
        permission,
    ])
}

/// Returns the comment about the bucket of the state. Only its owner can change its policy, and a policy that replaces the
/// current one would take away what others need.
fn bucket_comment(subject: &Subject) -> Option<String> {
    let Some(storage) = subject.storage.get()?.bucket_in_s3() else {
        return Some(String::new());
    };
    let role = job_role(subject)?;
    let bucket = StateBucket::new(&role.partition, storage);
    let statements = format!("{:#}", Value::from(bucket.statements(&role)));
    let lines: String = statements.lines().map(|line| format!("# {line}\n")).collect();
    let region = match job_region(subject)? {
        Some(region) => format!("{region}, the region of the Jobs"),
        None => "the region that pod_template sets for the Jobs".to_owned(),
    };
    Some(format!(
        "\n# Bucket {:?} must be in {region}. If it belongs to another account, merge these statements into\n\
         # its policy. If a KMS key encrypts it, the role also needs kms:Decrypt and kms:GenerateDataKey on the key.\n\
         {lines}",
        bucket.name()
    ))
}

/// Returns the region in which the Jobs look for their bucket: the one of `pod_template`, or else the cluster's, which EKS's
/// webhook sets together with the identity that the set-up creates (`run/pod_identity.rs`). `Some(None)` if the value comes from
/// an object of the cluster. `None` while a value of the runner is unknown.
fn job_region(subject: &Subject) -> Option<Option<String>> {
    let template = subject.pod_template.get()?.as_ref();
    let containers = template.and_then(|template| template.get("spec")?["containers"].as_array());
    let mut containers = containers.into_iter().flatten();
    let main = containers.find(|container| container["name"] == MAIN);
    let environment = ContainerEnvironment::new(main.cloned().unwrap_or_default(), BTreeMap::new());
    if !REGION.into_iter().any(|name| environment.is_listed(name)) {
        return subject.region.get().cloned().map(Some);
    }
    let variables = REGION.into_iter().map(|name| environment.get(name));
    let first = variables.filter(|variable| match variable {
        Variable::Absent => false,
        Variable::Value(region) => !region.is_empty(),
        Variable::Hidden(_) | Variable::Unread(_) => true,
    });
    Some(first.take(1).find_map(|variable| variable.value().map(str::to_owned)))
}

fn kubernetes_objects(subject: &Subject, job_identity: JobIdentity) -> Option<Vec<KubernetesObject>> {
    let (namespace, service_account) = (subject.namespace.get()?, subject.pod_service_account()?);
    let state_namespace = subject.storage.get()?.namespace_in_cluster();
    let mut objects = vec![KubernetesObject::Namespace {
        name: namespace.clone(),
    }];
    if let Some(other) = state_namespace.filter(|other| *other != namespace) {
        objects.push(KubernetesObject::Namespace { name: other.clone() });
    }
    let is_annotated = subject.storage.get()?.bucket_in_s3().is_some() && job_identity == JobIdentity::Annotation;
    objects.push(KubernetesObject::ServiceAccount {
        namespace: namespace.clone(),
        name: service_account.to_owned(),
        role: if is_annotated { Some(job_role(subject)?) } else { None },
    });
    let (user, own_name) = (subject.kubernetes_user()?, subject.own_name()?);
    objects.extend(rbac_grant(namespace, &user, &own_name).objects());
    if let Some(state) = state_namespace {
        objects.extend(state_grant(state, namespace, service_account).objects());
    }
    Some(objects)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::runner::fixture::documented;

    fn setup() -> Setup {
        setup_with(&json!(null))
    }

    fn setup_with(pod_template: &Value) -> Setup {
        let mut runner = documented(&json!({"type": "kubernetes", "namespace": "state-ns"}));
        let configuration = &mut runner["runner_configuration"];
        configuration["cluster"]["auth"]["role_arn"] = json!("arn:aws:iam::123456789012:role/team/runner");
        configuration["job"] = json!({
            "namespace": "runner-ns",
            "service_account": "runner-sa",
            "pod_template": pod_template,
        });
        let runner = serde_json::from_value(runner).unwrap();
        let subject = Subject::new("my-org", &runner).unwrap();
        let issuer = Some("https://oidc.humanitec.dev");
        Setup::new(&subject, issuer, JobIdentity::Association).unwrap()
    }

    #[test]
    fn the_manifests_bind_the_runner_and_its_service_account() {
        let documents: Vec<Value> = serde_saphyr::from_multiple(&setup().manifests()).unwrap();
        let kinds: Vec<_> = documents
            .iter()
            .map(|document| document["kind"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            [
                "Namespace",
                "Namespace",
                "ServiceAccount",
                "Role",
                "RoleBinding",
                "Role",
                "RoleBinding"
            ]
        );
        let name = |document: &Value| document["metadata"]["name"].as_str().unwrap().to_owned();
        for (role, binding, expected) in [
            (3, 4, "humanitec-runner-orchestrator-access:my-org:my-runner"),
            (5, 6, "humanitec-runner-state:runner-ns:runner-sa"),
        ] {
            let (role, binding) = (&documents[role], &documents[binding]);
            assert_eq!(name(binding), expected);
            assert_eq!(binding["roleRef"]["name"], name(role));
        }
        assert_eq!(
            documents[4]["subjects"][0]["name"],
            "arn:aws:sts::123456789012:assumed-role/runner/my-org-my-runner"
        );
        assert_eq!(documents[3]["rules"][0]["verbs"], json!(["create", "get"]));
        assert_eq!(documents[6]["metadata"]["namespace"], "state-ns");
        assert_eq!(documents[6]["subjects"][0]["namespace"], "runner-ns");
    }

    #[test]
    fn the_state_is_granted_to_the_service_account_of_the_pod() {
        let template = json!({"spec": {"serviceAccountName": null}});
        let manifests = setup_with(&template).manifests();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&manifests).unwrap();
        assert_eq!(documents[2]["metadata"]["name"], "default");
        assert_eq!(documents[6]["subjects"][0]["name"], "default");
        assert!(!manifests.contains("runner-sa"), "{manifests}");
    }

    #[test]
    fn the_bucket_is_in_the_region_that_the_jobs_use() {
        let region = |main: &Value| {
            let mut runner = documented(&json!({"type": "s3", "bucket": "my-states"}));
            runner["runner_configuration"]["job"]["pod_template"] =
                json!({"spec": {"containers": [{"name": "other"}, main]}});
            let runner = serde_json::from_value(runner).unwrap();
            let subject = Subject::new("my-org", &runner).unwrap();
            let comment = bucket_comment(&subject).unwrap();
            let (_, region) = comment.split_once("must be in ").unwrap();
            region.split_once('.').unwrap().0.to_owned()
        };
        let own = |name: &str, value: &str| json!({"name": name, "value": value});
        let hidden = json!({"secretKeyRef": {"name": "s", "key": "region"}});
        let from = json!([{"configMapRef": {"name": "c"}}]);
        for (main, expected) in [
            (json!({"name": MAIN}), "us-west-2, the region of the Jobs"),
            // EKS's webhook does not see what comes from `envFrom`, and its own variables win.
            (
                json!({"name": MAIN, "envFrom": from}),
                "us-west-2, the region of the Jobs",
            ),
            (
                json!({"name": MAIN, "env": [own("AWS_REGION", "eu-central-1")]}),
                "eu-central-1, the region of the Jobs",
            ),
            (
                json!({"name": MAIN, "env": [
                    own("AWS_DEFAULT_REGION", "eu-west-1"), own("AWS_REGION", "eu-central-1"),
                ]}),
                "eu-central-1, the region of the Jobs",
            ),
            (
                json!({"name": MAIN, "env": [own("AWS_DEFAULT_REGION", "eu-west-1")]}),
                "eu-west-1, the region of the Jobs",
            ),
            (
                json!({"name": MAIN, "env": [own("AWS_DEFAULT_REGION", "eu-west-1")], "envFrom": from}),
                "the region that pod_template sets for the Jobs",
            ),
            (
                json!({"name": MAIN, "env": [{"name": "AWS_REGION", "valueFrom": hidden}]}),
                "the region that pod_template sets for the Jobs",
            ),
        ] {
            assert_eq!(region(&main), expected, "{main}");
        }
    }

    #[test]
    fn terraform_and_the_aws_cli_create_the_same_objects() {
        let terraform = setup().terraform().unwrap();
        for part in [
            "aws_iam_openid_connect_provider",
            "path               = \"/team/\"",
            "eks:DescribeCluster",
            "arn:aws:eks:us-west-2:123456789012:cluster/my-eks-cluster",
            "principal_arn = aws_iam_role.runner.arn",
            "\"eks-runner-us-west-2-my-eks-cluster\"",
        ] {
            assert!(terraform.contains(part), "{part}: {terraform}");
        }
        let commands = setup().commands().unwrap();
        for part in [
            "create-open-id-connect-provider",
            "create-role --path /team/ --role-name runner",
            "put-role-policy",
            "create-access-entry --region us-west-2",
        ] {
            assert!(commands.contains(part), "{part}: {commands}");
        }
    }
}
