//! EKS Pod Identity: the association's role, its target role, and where the pod runs.

use super::role::{self, not_evaluated};
use super::{agent, proxy};
use crate::access::aws::{PodIdentityAssociation, SimulationRequest};
use crate::access::check_error::CheckError;
use crate::access::checks::findings::{CheckProblem, Finding, Findings};
use crate::access::checks::role::role_refusal::{RoleDecision, RoleRefusal, undecided};
use crate::access::checks::role::role_trust::TrustRefusal;
use crate::access::fix::Fix;
use crate::access::objects::{Permission, cluster_arn};
use crate::access::policy::{DenialReason, Grant, PolicyDecision, RoleSession, Sent, evaluate};
use crate::access::run::Run;
use crate::access::trust::{AssumeRoleDecision, ChainedSession, Member, PodIdentitySession, TaggedPod};
use crate::runner::RoleArn;

/// Checks everything between the association and the pod.
pub(super) async fn check(run: &Run<'_>, association: &PodIdentityAssociation) -> Result<Findings, CheckError> {
    let cluster = run.eks_cluster().await?;
    let (region, name) = (run.region()?, run.cluster_name()?);
    let arn = match &cluster.arn {
        Some(arn) => arn.clone(),
        None => cluster_arn(run.role()?, region, name),
    };
    let pod = TaggedPod {
        account: run.role()?.account.clone(),
        cluster_arn: arn,
        cluster: name.to_owned(),
        namespace: run.namespace()?.to_owned(),
        service_account: run.service_account()?.to_owned(),
        is_tagged: association.has_session_tags,
    };
    let either = |found: Result<Finding, Finding>| found.unwrap_or_else(|finding| finding);
    let (role, target, agent, fargate) = tokio::join!(
        association_role(run, association, &pod),
        target_role(run, association, &pod),
        agent::agent(run, &cluster),
        agent::not_on_fargate(run, association),
    );
    let mut findings = vec![either(role)];
    findings.extend(target);
    findings.push(either(agent));
    findings.extend(fargate.err());
    findings.extend(proxy::judge(&*run.main_environment().await?, cluster.is_ipv6));
    Ok(findings.into_iter().collect())
}

/// Checks that the association's role exists and trusts EKS Pod Identity for the pod.
async fn association_role(
    run: &Run<'_>,
    association: &PodIdentityAssociation,
    pod: &TaggedPod,
) -> Result<Finding, Finding> {
    let role = role::look_up(run, &association.role_arn).await?;
    let member = Member::Pod(pod.clone());
    let Some(document) = &role.trust_policy else {
        return Err(role.missing(run, member));
    };
    for &action in pod.actions() {
        let what = format!("let EKS Pod Identity call {action} for the Job's pod");
        match evaluate(document, &PodIdentitySession { action, pod }) {
            PolicyDecision::Allowed => {}
            PolicyDecision::Unknown(what) => return Err(not_evaluated(&role.arn, &what)),
            PolicyDecision::Denied { reason, .. } => {
                let fix = role.without_deny(&reason.element);
                return Err(refused(&role.arn, &what, &[reason], fix));
            }
            PolicyDecision::NotAllowed(reasons) => {
                let fix = role.trust(run, member);
                return Err(refused(&role.arn, &what, &reasons, fix));
            }
        }
    }
    Ok(Finding::Good(format!(
        "Pod Identity association {} gives service account {:?} the role {}, which trusts EKS Pod Identity.",
        association.id, pod.service_account, role.arn
    )))
}

/// Returns the finding about a trust policy that refuses.
fn refused(role: &RoleArn, what: &str, reasons: &[DenialReason], fix: Fix) -> Finding {
    let TrustRefusal {
        sentences,
        expected,
        found,
    } = TrustRefusal::new(reasons);
    Finding::Broken(CheckProblem {
        message: format!("The trust policy of {role} does not {what}. {sentences}"),
        expected,
        found,
        fix,
    })
}

/// Checks that EKS can go on from the association's role to its target role, if it has one.
async fn target_role(run: &Run<'_>, association: &PodIdentityAssociation, pod: &TaggedPod) -> Vec<Finding> {
    let Some(target) = &association.target_role_arn else {
        return Vec::new();
    };
    let target_arn = match role::parse(target) {
        Ok(arn) => arn,
        Err(finding) => return vec![finding],
    };
    let source = match role::parse(&association.role_arn) {
        Ok(arn) => arn,
        // The finding about the association's role says so.
        Err(_) => return Vec::new(),
    };
    let external_id = association.external_id.as_deref();
    let (trust, is_granted) = match target_trust(run, target, pod, &source, external_id).await {
        Ok(is_granted) => (None, is_granted),
        // The fix names the role itself.
        Err(finding) => (Some(finding), true),
    };
    let is_granted = is_granted && source.account == target_arn.account;
    let permission = may_assume(run, &source, &target_arn, pod, external_id, is_granted).await;
    let mut findings = Vec::from_iter(trust);
    findings.push(permission.unwrap_or_else(|finding| finding));
    findings
}

/// Checks the trust policy of the target role. Returns whether it names the association's role itself, so that the role
/// needs no policy of its own in the same account.
///
/// # Errors
/// The finding about a trust policy that refuses or is not known.
async fn target_trust(
    run: &Run<'_>,
    target: &str,
    pod: &TaggedPod,
    source: &RoleArn,
    external_id: Option<&str>,
) -> Result<bool, Finding> {
    let role = role::look_up(run, target).await?;
    let member = Member::Session {
        pod: pod.clone(),
        role: source.clone(),
        external_id: external_id.map(str::to_owned),
    };
    let Some(document) = &role.trust_policy else {
        return Err(role.missing(run, member));
    };
    let mut is_granted = true;
    for &action in pod.actions() {
        let what = format!("let a session of {source} call {action}");
        match ChainedSession::new(action, pod, source, external_id).judge(document) {
            AssumeRoleDecision::Allowed(grant) => is_granted &= grant == Grant::ToRole,
            AssumeRoleDecision::Unknown(what) => return Err(not_evaluated(&role.arn, &what)),
            AssumeRoleDecision::Denied(reason) => {
                let fix = role.without_deny(&reason.element);
                return Err(refused(&role.arn, &what, &[reason], fix));
            }
            AssumeRoleDecision::NotAllowed(reasons) => {
                let fix = role.trust(run, member);
                return Err(refused(&role.arn, &what, &reasons, fix));
            }
        }
    }
    Ok(is_granted)
}

/// Checks that the policies of the association's role allow it to assume the target role. `is_granted` says whether the
/// target role's trust policy is enough without them.
async fn may_assume(
    run: &Run<'_>,
    source: &RoleArn,
    target: &RoleArn,
    pod: &TaggedPod,
    external_id: Option<&str>,
    is_granted: bool,
) -> Result<Finding, Finding> {
    role::in_own_account(run, source).await?;
    let region = run.region()?;
    let resource = target.to_string();
    let mut known = [pod.principal_tags(), pod.request_tags()].concat();
    known.push(("aws:ResourceAccount".to_owned(), Sent::Is(&target.account)));
    // EKS sends it if session tags are disabled. Whether it does so with tags is not documented.
    let external_id = external_id.filter(|_| !pod.is_tagged);
    known.extend(external_id.map(|id| ("sts:ExternalId".to_owned(), Sent::Is(id))));
    let session = RoleSession::new(source, "sts:AssumeRole", Some(&resource), region).with_known(&known);
    let simulation_request = SimulationRequest::new(&session, pod.actions());
    let simulations = run.aws().simulate(region, &simulation_request).await?;
    for (&action, simulation) in pod.actions().iter().zip(simulations.iter()) {
        match RoleDecision::new(simulation, &session.with_action(action)) {
            RoleDecision::Allowed => {}
            RoleDecision::Refused(RoleRefusal::NoAllow) if is_granted => {}
            RoleDecision::Refused(refusal) => {
                let permission = Permission::AssumeRole {
                    target: target.clone(),
                    actions: pod.actions(),
                };
                return Err(Finding::Broken(CheckProblem {
                    message: format!(
                        "The policies of {source} do not allow {action} on its target role {target}.{}",
                        refusal.sentence()
                    ),
                    expected: format!("{action} is allowed"),
                    found: simulation.decision.clone(),
                    fix: refusal.fix(source, [permission]),
                }));
            }
            RoleDecision::Unknown(why) => {
                let what = format!("whether {source} is allowed {action} on {target}");
                return Err(Finding::Unknown(undecided(&what, &why)));
            }
        }
    }
    Ok(Finding::Good(format!(
        "{source} is allowed to assume the target role {target}."
    )))
}
