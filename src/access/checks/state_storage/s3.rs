//! State in a bucket of S3: the bucket exists in the region that the Job uses, and the Job's role is allowed to use it.

use super::bucket_access::{Access, OwnPolicies, ResourceFinding, ResourceKind, ResourcePolicy};
use super::key::StateKey;
use super::refused::{Refused, RefusedRole};
use super::{key, region};
use crate::access::aws::{AwsError, AwsResult, BucketPolicy, Simulation, SimulationRequest};
use crate::access::cause::{Cause, RunnerCause};
use crate::access::check_error::CheckError;
use crate::access::checks::{findings, pod_identity};
use crate::access::fix::Fix;
use crate::access::objects::{
    BUCKET_ACTIONS, KEY_ACTIONS, OBJECT_ACTIONS, StateBucket, cluster_arn,
};
use crate::access::outcome::Outcome;
use crate::access::policy::{RoleSession, via_s3};
use crate::access::render::shell::ShellCommand;
use crate::access::run::{CredentialSource, NotRead, PodAws, PodRegion, Run};
use crate::access::trust::TaggedPod;
use crate::runner::{BucketStorage, RoleArn};

/// The variables that lead the backend to another service than AWS's S3 (`customEndpoints` in
/// `internal/backend/remote-state/s3/backend.go` of OpenTofu 1.12 and Terraform 1.11, and the SDK).
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"];

/// Checks the bucket, the region of the Job's pod, and the permissions of its role.
pub(super) async fn check(run: &Run<'_>, storage: &BucketStorage) -> Result<Outcome, CheckError> {
    let environment = run.main_environment().await?;
    let is_set = |name: &&str| environment.get(name).is_set();
    if let Some(variable) = ENDPOINTS.into_iter().find(is_set) {
        return Ok(Outcome::not_applicable(format!(
            "The Job keeps its state at another endpoint than AWS's: pod_template sets {variable}."
        )));
    }
    // "Using a bucket-style alias for your access point" in the S3 user guide.
    if storage.bucket.ends_with("-s3alias") {
        return Ok(Outcome::incomplete(
            "the bucket is an access point of S3",
            format!(
                "Not checked: {:?} is the alias of an access point, whose policy and bucket this check does not evaluate.",
                storage.bucket
            ),
        ));
    }
    let (found, pod) = tokio::join!(
        run.aws().bucket(run.region()?, &storage.bucket),
        run.pod_aws()
    );
    let found = match found {
        Ok(found) => found,
        Err(AwsError::NotFound { .. }) => {
            let region = pod.as_ref().ok().and_then(|pod| known_region(&pod.region));
            return Ok(missing(storage, region.unwrap_or(run.region()?)));
        }
        Err(error) => return Err(error.into()),
    };
    let pod = pod.map_err(|NotRead { object, error }| {
        CheckError::from(super::super::not_read(run, &object, error))
    })?;
    if let Some(outcome) = region::judge(run, &storage.bucket, &found.region, &pod) {
        return Ok(outcome);
    }
    let role = match identity(run, &pod, storage) {
        Ok(role) => role,
        Err(outcome) => return Ok(region::unknown(&pod, &found.region).unwrap_or(*outcome)),
    };
    let state = State {
        bucket: StateBucket::new(&role.partition, storage),
        region: &found.region,
        role,
        iam_region: run.region()?,
        // The backend then sends a key of its own with each object ("S3 backend" in the documentation of OpenTofu).
        has_own_key: environment.get("AWS_SSE_CUSTOMER_KEY").is_set(),
    };
    let mut findings = state.findings(run, &pod.identity).await?;
    findings
        .unknown
        .extend(region::unknown(&pod, &found.region));
    if let CredentialSource::Own { variables, .. } = &pod.identity {
        findings.unknown.push(own_credentials(
            variables,
            &format!("whether {} can be assumed with them", state.role),
        ));
    }
    if let CredentialSource::Association(association) = &pod.identity
        && association.session_policy.is_some()
    {
        findings.doubts.push(format!(
            "The session policy of the Pod Identity association {} might refuse it.",
            association.id
        ));
    }
    Ok(findings.outcome(&state))
}

/// Returns the region of the Job's pod, if it is known.
fn known_region(region: &PodRegion) -> Option<&str> {
    match region {
        PodRegion::Own { region, .. } | PodRegion::Injected(region) => Some(region),
        PodRegion::Hidden { .. } | PodRegion::None => None,
    }
}

/// Returns the outcome for a bucket that does not exist.
fn missing(storage: &BucketStorage, region: &str) -> Outcome {
    let bucket = &storage.bucket;
    let create = ShellCommand::new("aws s3api create-bucket")
        .option("--bucket", bucket)
        .option("--region", region);
    // us-east-1 is the one region that is not a location constraint ("CreateBucket" in the API reference).
    let create = match region {
        "us-east-1" => create,
        _ => create.next_line().option(
            "--create-bucket-configuration",
            format!("LocationConstraint={region}"),
        ),
    };
    Outcome::failed(format!("Bucket {bucket:?} does not exist."))
        .compare(bucket.as_str(), "not found")
        .fix(
            Cause::MissingBucket {
                bucket: bucket.clone(),
            },
            create,
        )
        .not_yet()
}

/// Returns the role that uses the bucket.
///
/// # Errors
/// The outcome of the check if the pod has no role, or none that is known.
fn identity(run: &Run<'_>, pod: &PodAws, storage: &BucketStorage) -> Result<RoleArn, Box<Outcome>> {
    let bucket = &storage.bucket;
    let arn = match (&pod.identity, pod.identity.role_arn()) {
        (_, Some(arn)) => arn,
        (CredentialSource::Node { because }, _) => {
            let because = because.as_ref().map(|why| format!(" {why}"));
            return Err(Box::new(Outcome::warned(format!(
                "The Job's pod has no AWS identity of its own.{} It can use bucket {bucket:?} only if it reaches the \
                 metadata service of its node, and only with the permissions of the node's role.",
                because.unwrap_or_default()
            ))));
        }
        (CredentialSource::Own { variables, .. }, _) => {
            let what = format!("whether the Job is allowed to use bucket {bucket:?}, which exists");
            return Err(Box::new(own_credentials(variables, &what)));
        }
        _ => {
            return Err(Box::new(Outcome::incomplete(
                "the Job's AWS identity is unknown",
                "Not checked: the Job's role is unknown.",
            )));
        }
    };
    arn.parse()
        .map_err(|_| Box::new(no_role(run, &pod.identity, arn)))
}

/// Returns the outcome for credentials that variables of `pod_template` name. `what` says what could not be checked.
fn own_credentials(variables: &str, what: &str) -> Outcome {
    Outcome::incomplete(
        "AWS credentials in pod_template",
        format!(
            "Could not check {what}: the Job's AWS credentials come from {variables} in pod_template."
        ),
    )
}

/// Returns the outcome for a role that does not exist. `arn` is not always an ARN.
fn no_role(run: &Run<'_>, identity: &CredentialSource, arn: &str) -> Outcome {
    let (cause, fix) = match identity {
        CredentialSource::Own { variables, .. } => (
            run.runner_cause(RunnerCause::StateCredentials),
            format!(
                "In job.pod_template, {variables} needs the ARN of a role that exists in AWS_ROLE_ARN."
            ),
        ),
        _ => (
            match pod_identity::cause(run) {
                Ok(cause) => cause,
                Err(error) => return error.into(),
            },
            format!(
                "Create the role {arn}, or use another one. The check pod-identity shows the trust policy that it needs."
            ),
        ),
    };
    Outcome::failed(format!("The Job's role {arn} does not exist."))
        .compare(arn, "not found")
        .fix(cause, Fix::note(fix))
        .not_yet()
}

/// The place of the state, and the role that uses it.
struct State<'a> {
    bucket: StateBucket,
    /// The bucket's region.
    region: &'a str,
    role: RoleArn,
    /// The region of the calls of IAM.
    iam_region: &'a str,
    /// Whether the Job encrypts the objects with a key of its own, so that it does not use the bucket's.
    has_own_key: bool,
}

/// What is known about the permissions.
#[derive(Default)]
struct Findings {
    /// The first refusal, and the actions with a refusal of its kind.
    refused: Option<Refused>,
    /// The outcome for a key that nobody can use.
    unusable_key: Option<Outcome>,
    /// The outcomes of what could not be checked.
    unknown: Vec<Outcome>,
    /// Sentences about what might be refused.
    doubts: Vec<String>,
    /// The key that encrypts the objects, if the role needs permissions for it.
    key_arn: Option<String>,
}

impl State<'_> {
    /// Looks up everything that decides about the role's permissions.
    ///
    /// # Errors
    /// The outcome of the check for a role that does not exist.
    async fn findings(
        &self,
        run: &Run<'_>,
        identity: &CredentialSource,
    ) -> Result<Findings, CheckError> {
        let Self { bucket, region, .. } = self;
        let tags = session_tags(run, identity)?;
        let prefix = ("s3:prefix", bucket.key());
        let listing = [vec![prefix], tags.clone()].concat();
        let (on_bucket, on_objects, policy, key, caller) = tokio::join!(
            self.simulate(run, &BUCKET_ACTIONS, bucket.arn(), listing),
            self.simulate(run, &OBJECT_ACTIONS, bucket.object(), tags.clone()),
            run.aws().bucket_policy(region, bucket.name()),
            key::find(run, region, bucket.name()),
            run.identity(),
        );
        let caller = caller?;
        if let Err(AwsError::NotFound { .. }) = &on_bucket {
            // Roles of other accounts are not found either.
            return if caller.account == self.role.account {
                Err(no_role(run, identity, &self.role.to_string()).into())
            } else {
                Err(other_account(&self.role).into())
            };
        }
        let same_account = match policy.as_deref() {
            // Only callers of the bucket's account can read its policy.
            Ok(BucketPolicy::OfAnotherAccount) => {
                (self.role.account == caller.account).then_some(false)
            }
            Ok(_) => Some(self.role.account == caller.account),
            Err(_) => None,
        };
        let policy = ResourcePolicy::of_bucket(bucket.name(), policy);
        let mut findings = Findings::default();
        let (own_on_bucket, own_on_objects) =
            (OwnPolicies::new(on_bucket), OwnPolicies::new(on_objects));
        let with_own = |own| Access {
            kind: ResourceKind::Bucket,
            own,
            policy: &policy,
            same_account,
        };
        let list_prefix = bucket.key();
        for action in BUCKET_ACTIONS {
            let arn = bucket.arn();
            let session = RoleSession::new(&self.role, action, Some(&arn), region);
            let session = session.with_prefix(&list_prefix).with_known(&tags);
            findings.add(
                with_own(&own_on_bucket).decide(&session),
                ResourceKind::Bucket,
                &session,
            );
        }
        for action in OBJECT_ACTIONS {
            let arn = bucket.object();
            let session = RoleSession::new(&self.role, action, Some(&arn), region);
            let session = session.with_known(&tags);
            findings.add(
                with_own(&own_on_objects).decide(&session),
                ResourceKind::Bucket,
                &session,
            );
        }
        if !self.has_own_key {
            self.judge_key(run, key, tags, &mut findings).await;
        }
        Ok(findings)
    }

    /// Judges the key that encrypts the bucket's objects.
    async fn judge_key(
        &self,
        run: &Run<'_>,
        key: StateKey,
        tags: Vec<(&'static str, String)>,
        findings: &mut Findings,
    ) {
        let key = match key {
            StateKey::NoPermission => return,
            StateKey::OfCustomer(key) => key,
            StateKey::Unusable(outcome) => {
                findings.unusable_key.get_or_insert(*outcome);
                return;
            }
            StateKey::Unknown(outcome) => {
                findings.unknown.push(*outcome);
                return;
            }
        };
        findings.key_arn = Some(key.arn.clone());
        let mut context = tags;
        context.push(("kms:CallerAccount", self.role.account.clone()));
        context.extend(via_s3(&self.role, self.region).map(|service| ("kms:ViaService", service)));
        let (own, policy) = tokio::join!(
            self.simulate(run, &KEY_ACTIONS, key.arn.clone(), context.clone()),
            run.aws().key_policy(self.region, &key.arn),
        );
        let (own, policy) = (OwnPolicies::new(own), ResourcePolicy::of_key(policy));
        let access = Access {
            kind: ResourceKind::Key,
            own: &own,
            policy: &policy,
            same_account: Some(self.role.account == key.account),
        };
        for action in KEY_ACTIONS {
            let session = RoleSession::new(&self.role, action, Some(&key.arn), self.region);
            let session = session.with_known(&context);
            let mut finding = access.decide(&session);
            if let ResourceFinding::Refused(by) = &finding
                && by.is_implicit()
                && let Some(granted) = key::grant(run, self.region, &key.arn, &session).await
            {
                finding = granted;
            }
            findings.add(finding, ResourceKind::Key, &session);
        }
    }

    /// Simulates actions of the role on a resource.
    async fn simulate(
        &self,
        run: &Run<'_>,
        actions: &[&'static str],
        resource: String,
        context: Vec<(&'static str, String)>,
    ) -> AwsResult<Vec<Simulation>> {
        let simulation_request = SimulationRequest {
            role_arn: self.role.to_string(),
            actions: actions.to_vec(),
            resource,
            requested_region: self.region.to_owned(),
            context,
        };
        run.aws()
            .simulate(self.iam_region, &simulation_request)
            .await
    }
}

/// Returns the condition keys for the tags of the Job's session.
fn session_tags(
    run: &Run<'_>,
    identity: &CredentialSource,
) -> Result<Vec<(&'static str, String)>, CheckError> {
    let CredentialSource::Association(association) = identity else {
        return Ok(Vec::new());
    };
    let cluster = run.cluster_name()?;
    let pod = TaggedPod {
        account: &run.role()?.account,
        cluster_arn: &cluster_arn(run.role()?, run.region()?, cluster),
        cluster,
        namespace: run.namespace()?,
        service_account: run.service_account()?,
        is_tagged: association.has_session_tags,
    };
    Ok(pod.principal_tags())
}

/// Returns the outcome for a role in another account than the caller's.
fn other_account(role: &RoleArn) -> Outcome {
    Outcome::incomplete(
        "the Job's role is in another account",
        format!(
            "Could not check what the Job's role {role} is allowed to do: it is in another account than the caller."
        ),
    )
}

impl Findings {
    /// Adds the finding about one action.
    fn add(&mut self, finding: ResourceFinding, kind: ResourceKind, session: &RoleSession<'_>) {
        let resource = session.resource.unwrap_or_default();
        match finding {
            ResourceFinding::Allowed => {}
            ResourceFinding::Doubtful(why) => self.doubts.push(match kind {
                ResourceKind::Bucket => format!("The policy of the bucket might refuse it: {why}."),
                ResourceKind::Key => {
                    format!("The policy of the key {resource} might refuse it: {why}.")
                }
            }),
            ResourceFinding::Unknown(outcome) => {
                if !self.unknown.contains(&outcome) {
                    self.unknown.push(*outcome);
                }
            }
            ResourceFinding::Refused(by) => {
                let action = (session.action, resource.to_owned());
                match &mut self.refused {
                    None => {
                        self.refused = Some(Refused {
                            by,
                            kind,
                            actions: vec![action],
                        });
                    }
                    Some(first) if first.by == by && first.kind == kind => {
                        first.actions.push(action);
                    }
                    // One fix at a time.
                    Some(_) => {}
                }
            }
        }
    }

    /// Returns the outcome of the check.
    fn outcome(self, state: &State<'_>) -> Outcome {
        let Self {
            refused,
            unusable_key,
            unknown,
            doubts,
            key_arn,
        } = self;
        if let Some(refused) = refused {
            return refused.outcome(&RefusedRole {
                role: &state.role,
                bucket: &state.bucket,
                region: state.region,
                key_arn,
            });
        }
        if let Some(outcome) = unusable_key {
            return outcome;
        }
        if let Some(outcome) = findings::unknown(&unknown, doubts.clone()) {
            return outcome;
        }
        let State { bucket, role, .. } = state;
        let allowed = format!(
            "The Job's role {role} is allowed to keep the state in bucket {:?}.",
            bucket.name()
        );
        match doubts.as_slice() {
            [] => Outcome::passed(allowed),
            doubts => Outcome::warned(format!(
                "The policies of the Job's role {role} allow it to keep the state in bucket {:?}. {}",
                bucket.name(),
                doubts.join(" ")
            )),
        }
    }
}
