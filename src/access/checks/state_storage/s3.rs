//! State in an S3 bucket: the bucket exists in the region that the Job uses, and the Job's role is allowed to use it.

use super::bucket_access::{OwnPolicies, ResourceAccess, ResourceFinding, ResourceKind, ResourcePolicy};
use super::key::StateKey;
use super::refused::{Refused, RefusedRole};
use super::{bucket, container, endpoint, job_role, key, region};
use crate::access::aws::{AwsError, BucketPolicy, SimulationRequest};
use crate::access::check_error::CheckError;
use crate::access::checks::findings;
use crate::access::objects::{BUCKET_ACTIONS, KEY_ACTIONS, OBJECT_ACTIONS, StateBucket, cluster_arn};
use crate::access::outcome::Outcome;
use crate::access::policy::{KnownKey, RoleSession, Sent};
use crate::access::run::{CredentialSource, NotRead, PodAws, Run};
use crate::access::trust::TaggedPod;
use crate::runner::{BucketStorage, RoleArn};

/// Checks the bucket, the region of the Job's pod, and the permissions of its role.
pub(super) async fn check(run: &Run<'_>, storage: &BucketStorage) -> Result<Outcome, CheckError> {
    let environment = run.main_environment().await?;
    let not_evaluated = match endpoint::of_another_service(run, &environment).await? {
        Some(variable) => Some(endpoint::not_checked(&environment, variable)),
        None => bucket::not_evaluated(&storage.bucket),
    };
    if let Some(outcome) = not_evaluated {
        let pod = run.pod_aws().await.map_err(|error| unread(run, error))?;
        let refused = region::missing(run, &pod, run.region()?).or_else(|| container::judge(run, &pod, &environment));
        return Ok(refused.unwrap_or(outcome));
    }
    let (found, pod) = tokio::join!(run.aws().bucket(run.region()?, &storage.bucket), run.pod_aws());
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let region = pod.as_ref().ok().and_then(|pod| pod.region.known());
            return match (bucket::impossible(&storage.bucket, region), error) {
                (Some(outcome), _) => Ok(outcome),
                (None, AwsError::NotFound { .. }) => Ok(bucket::missing(storage, region.unwrap_or(run.region()?))),
                (None, error) => Err(error.into()),
            };
        }
    };
    let pod = pod.map_err(|error| unread(run, error))?;
    let refused =
        region::judge(run, &storage.bucket, &found.region, &pod).or_else(|| container::judge(run, &pod, &environment));
    if let Some(outcome) = refused {
        return Ok(outcome);
    }
    let role = match job_role::find(run, &pod, &environment, &storage.bucket).await {
        Ok(role) => role,
        Err(outcome) => return Ok(region::unknown(&pod, &found.region).unwrap_or(*outcome)),
    };
    let caller = run.identity().await?;
    let state = State {
        bucket: StateBucket::new(&role.partition, storage),
        region: &found.region,
        role,
        caller_account: &caller.account,
        iam_region: run.region()?,
    };
    let mut findings = state.findings(run, &pod).await?;
    findings.unknown.extend(region::unknown(&pod, &found.region));
    findings.unknown.extend(container::unknown(&environment));
    if let CredentialSource::Own { from, .. } = &pod.identity {
        findings.unknown.push(job_role::own_credentials(
            from,
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
    Ok(findings.outcome(&state, &pod))
}

/// Returns the outcome for a pod whose identity or region cannot be read.
fn unread(run: &Run<'_>, NotRead { object, error }: NotRead) -> CheckError {
    super::super::not_read(run, &object, error).into()
}

/// The place of the state, and the role that uses it.
struct State<'a> {
    bucket: StateBucket,
    /// The bucket's region.
    region: &'a str,
    role: RoleArn,
    /// The caller's account.
    caller_account: &'a str,
    /// The region of the calls of IAM.
    iam_region: &'a str,
}

/// What is known about the permissions.
#[derive(Default)]
struct BucketFindings {
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
    async fn findings(&self, run: &Run<'_>, pod: &PodAws) -> Result<BucketFindings, CheckError> {
        let Self {
            bucket,
            region,
            caller_account,
            ..
        } = self;
        let tagged = tagged_pod(run, &pod.identity)?;
        let tags = tagged.as_ref().map(TaggedPod::principal_tags);
        let tags = tags.unwrap_or_default();
        let (policy, key) = tokio::join!(
            run.aws().bucket_policy(region, bucket.name()),
            key::find(run, region, bucket.name()),
        );
        // Only callers of the bucket's account can read its policy.
        let is_callers_bucket = match policy.as_deref() {
            Ok(BucketPolicy::OfAnotherAccount) => Some(false),
            Ok(_) => Some(true),
            Err(_) => None,
        };
        let same_account = match (is_callers_bucket, self.is_callers_role()) {
            (Some(is_callers_bucket), true) => Some(is_callers_bucket),
            (Some(true), false) => Some(false),
            _ => None,
        };
        let mut known = tags.clone();
        if is_callers_bucket == Some(true) {
            let keys = ["aws:ResourceAccount", "s3:ResourceAccount"];
            known.extend(keys.map(|key| (key.to_owned(), Sent::Is(caller_account))));
        }
        let (bucket_arn, object_arn, list_prefix) = (bucket.arn(), bucket.object(), bucket.key());
        let on_bucket = RoleSession::new(&self.role, BUCKET_ACTIONS[0], Some(&bucket_arn), region)
            .with_prefix(&list_prefix)
            .with_known(&known);
        let on_object = RoleSession::new(&self.role, OBJECT_ACTIONS[0], Some(&object_arn), region).with_known(&known);
        let (own_on_bucket, own_on_objects) = tokio::join!(
            self.own_policies(run, &on_bucket, &BUCKET_ACTIONS),
            self.own_policies(run, &on_object, &OBJECT_ACTIONS),
        );
        let (Some(own_on_bucket), Some(own_on_objects)) = (own_on_bucket, own_on_objects) else {
            return Err(job_role::missing(run, pod, &self.role.to_string()).into());
        };
        let policy = ResourcePolicy::of_bucket(bucket.name(), policy);
        let mut findings = BucketFindings::default();
        for (session, actions, own) in [
            (on_bucket, &BUCKET_ACTIONS[..], own_on_bucket),
            (on_object, &OBJECT_ACTIONS, own_on_objects),
        ] {
            let access = ResourceAccess {
                kind: ResourceKind::Bucket,
                own: &own,
                policy: &policy,
                same_account,
            };
            for action in actions {
                let session = session.with_action(action);
                findings.add(access.decide(&session), ResourceKind::Bucket, &session);
            }
        }
        self.judge_key(run, key, tags, &mut findings).await;
        Ok(findings)
    }

    /// Judges the key that encrypts the bucket's objects.
    async fn judge_key(&self, run: &Run<'_>, key: StateKey, tags: Vec<KnownKey<'_>>, findings: &mut BucketFindings) {
        let key = match key {
            StateKey::NoPermission => return,
            StateKey::CustomerManaged(key) => key,
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
        let mut known = tags;
        known.push(("aws:ResourceAccount".to_owned(), Sent::Is(&key.account)));
        let session = RoleSession::new(&self.role, KEY_ACTIONS[0], Some(&key.arn), self.region);
        let session = session.with_known(&known);
        let (own, policy) = tokio::join!(
            self.own_policies(run, &session, &KEY_ACTIONS),
            run.aws().key_policy(self.region, &key.arn),
        );
        // A role that does not exist has been reported before.
        let Some(own) = own else { return };
        let policy = ResourcePolicy::of_key(policy);
        let access = ResourceAccess {
            kind: ResourceKind::Key,
            own: &own,
            policy: &policy,
            same_account: Some(self.role.account == key.account),
        };
        for action in KEY_ACTIONS {
            let session = session.with_action(action);
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

    /// Returns whether the role is in the caller's account.
    fn is_callers_role(&self) -> bool {
        self.caller_account == self.role.account
    }

    /// Returns what the role's own policies decide on actions of a session, which only callers of its account can simulate. `None`
    /// if the role does not exist.
    async fn own_policies(
        &self,
        run: &Run<'_>,
        session: &RoleSession<'_>,
        actions: &[&'static str],
    ) -> Option<OwnPolicies> {
        if !self.is_callers_role() {
            return Some(OwnPolicies::Unknown(Box::new(other_account(&self.role))));
        }
        let simulation_request = SimulationRequest::new(session, actions);
        let simulated = run.aws().simulate(self.iam_region, &simulation_request);
        match simulated.await {
            Ok(found) => Some(OwnPolicies::Simulated(found)),
            Err(AwsError::NotFound { .. }) => None,
            Err(error) => Some(OwnPolicies::Unknown(Box::new(error.outcome()))),
        }
    }
}

/// Returns the pod as EKS Pod Identity tags its session. `None` for another identity, whose sessions have no tags.
fn tagged_pod(run: &Run<'_>, identity: &CredentialSource) -> Result<Option<TaggedPod>, CheckError> {
    let CredentialSource::Association(association) = identity else {
        return Ok(None);
    };
    let cluster = run.cluster_name()?;
    Ok(Some(TaggedPod {
        account: run.role()?.account.clone(),
        cluster_arn: cluster_arn(run.role()?, run.region()?, cluster),
        cluster: cluster.to_owned(),
        namespace: run.namespace()?.to_owned(),
        service_account: run.service_account()?.to_owned(),
        is_tagged: association.has_session_tags,
    }))
}

/// Returns the outcome for a role in another account than the caller's.
fn other_account(role: &RoleArn) -> Outcome {
    Outcome::incomplete(
        "the Job's role is in another account",
        format!(
            "Could not check what the Job's role {role} is allowed to do: it is in a different account than the caller."
        ),
    )
}

impl BucketFindings {
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
    fn outcome(self, state: &State<'_>, pod: &PodAws) -> Outcome {
        let Self {
            refused,
            unusable_key,
            unknown,
            doubts,
            key_arn,
        } = self;
        if let Some(refused) = refused {
            return pod.unless_other_program(refused.outcome(&RefusedRole {
                role: &state.role,
                bucket: &state.bucket,
                region: state.region,
                key_arn,
            }));
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
