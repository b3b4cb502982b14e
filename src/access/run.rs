//! One run of the checks for one runner, and what its checks ask for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::answers::Answers;
use super::aws::{AccessEntry, Aws, AwsError, CallerIdentity, EksCluster, Role, Session, Who};
use super::check::{CheckId, CheckResult, Outcome, Skip};
use super::kubernetes::aws_auth::{AwsAuth, Mapping};
use super::kubernetes::job::JobValues;
use super::kubernetes::kind::Kind;
use super::kubernetes::references::{References, references};
use super::kubernetes::user::User;
use super::kubernetes::{Answer, Asked, Cluster, ConnectError, Connection, KubeError};
use super::report::Report;
use super::settings::{Identity, Settings, issuer_host};
use super::setup::provider_arn;
use super::subject::{Known, Subject};
use super::{checks, engine};
use crate::runner::RoleArn;

/// The first pause between two looks at what AWS is still propagating, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// How many runners are checked at a time. The budget of another begins when its turn comes: it is for what AWS and
/// the cluster take to respond, and not for a queue behind hundreds of other runners.
const AT_A_TIME: usize = 32;

/// How much longer than the wait its last look may take.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// Checks runners, and shares the answers of AWS and of the clusters among them.
///
/// Nothing is set up, and no credentials are looked for, before the first check needs it.
pub struct Preflight {
    settings: Arc<Settings>,
    aws: Arc<Aws>,
    clusters: Answers<Key, Result<Reached, Unreached>>,
    /// The turns of the runners.
    turns: Semaphore,
    /// The causes that were waited for in vain.
    given_up: Mutex<HashSet<String>>,
}

/// The cluster, whose credentials are used, and the region of STS.
type Key = (Who, String, String, String);

/// A cluster's API that can be asked.
#[derive(Clone)]
pub(crate) struct Reached {
    /// The cluster.
    pub(crate) cluster: Arc<Cluster>,
    /// The URL of its API, where a kubeconfig says it.
    pub(crate) kubeconfig_url: Option<String>,
}

/// Why a cluster's API cannot be asked.
#[derive(Debug, Clone)]
pub(crate) enum Unreached {
    /// AWS does not say where it is, or gives no credentials for its token.
    Aws(AwsError),
    /// The client cannot be made.
    Client(ConnectError),
}

impl Unreached {
    /// What a check comes to that needs the API.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Aws(error) => error.outcome(),
            // It is the caller's own way to the cluster, and says nothing about the runner.
            Self::Client(error) => {
                let outcome = Outcome::incomplete(error.reason, format!("Not checked: {error}."));
                match &error.fix {
                    Some(fix) => outcome.fix(format!("client:{error}"), fix.clone()),
                    None => outcome,
                }
            }
        }
    }
}

impl Preflight {
    /// Checks as the settings say.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        Self {
            aws: Aws::new(Arc::clone(&settings)),
            settings,
            clusters: Answers::default(),
            turns: Semaphore::new(AT_A_TIME),
            given_up: Mutex::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs every check of a runner once, within a budget that begins when the runner's turn comes.
    pub async fn check(
        &self,
        subject: &Subject,
        budget: &engine::Budget,
        observer: &dyn engine::Observer,
    ) -> Report {
        let asked = Instant::now();
        let _turn = self.turn(budget).await;
        let budget = engine::Budget {
            deadline: budget.deadline + asked.elapsed(),
            cancelled: budget.cancelled.clone(),
        };
        // The futures of all checks are large: on the heap they do not weigh on the caller's stack.
        Box::pin(self.look(subject, &budget, observer)).await
    }

    /// The results, in which a time limit that ended while AWS throttled a call is reported as throttling.
    fn with_throttling(&self, mut checks: Vec<CheckResult>) -> Vec<CheckResult> {
        let Some(error) = self.aws.throttled() else {
            return checks;
        };
        let throttled = error.outcome();
        for CheckResult { outcome, .. } in &mut checks {
            if outcome.skip == Some(Skip::Incomplete(engine::TIMED_OUT.into())) {
                outcome.skip.clone_from(&throttled.skip);
                if outcome.message == engine::not_checked(engine::TIMED_OUT) {
                    outcome.message.clone_from(&throttled.message);
                }
            }
        }
        checks
    }

    /// Waits for a runner's turn. `None` when it is canceled first.
    async fn turn(&self, budget: &engine::Budget) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = budget.cancelled.cancelled() => None,
            turn = self.turns.acquire() => turn.ok(),
        }
    }

    /// Runs every check of a runner once, now.
    async fn look(
        &self,
        subject: &Subject,
        budget: &engine::Budget,
        observer: &dyn engine::Observer,
    ) -> Report {
        let run = Run {
            preflight: self,
            subject,
            user: OnceCell::new(),
        };
        let steps = engine::Steps {
            needs: |id| self.needs(id),
            without: |id| {
                self.requested(id)
                    .or_else(|| checks::without_calls(&run, id))
            },
            run: |id| checks::check(&run, id),
        };
        let checks = engine::run(steps, budget, observer);
        // The look ahead ends with the checks, whether it is through or not.
        let ahead = run.look_ahead().then(|()| std::future::pending());
        let checks = tokio::select! {
            checks = checks => checks,
            () = ahead => Vec::new(),
        };
        Report {
            checks: self.with_throttling(checks),
            session_name: subject.session().map(|(name, _)| name),
            oidc_subject: subject.oidc_subject(),
            kubernetes_user: run.kubernetes_user(budget).await,
        }
    }

    /// Runs the checks again and again while all that fails can be for want of propagation, until
    /// nothing does or the budget is over. Gives the last report that is whole.
    ///
    /// The budget is for waiting: a look that has begun within it may take a while longer, so that a slow
    /// AWS does not turn a failure into a check that was not made. What was waited for in vain
    /// for one runner is not waited for again for another: fifty that share a broken role fail together.
    pub async fn wait(
        &self,
        subject: &Subject,
        budget: &engine::Budget,
        observer: &dyn engine::Observer,
    ) -> Report {
        let (mut pause, longest) = PAUSES;
        let mut before = None;
        loop {
            let turn = self.turn(budget).await;
            let look = engine::Budget {
                deadline: budget.deadline.max(Instant::now()) + LAST_LOOK,
                cancelled: budget.cancelled.clone(),
            };
            let report = Box::pin(self.look(subject, &look, observer)).await;
            drop(turn);
            if Instant::now() >= look.deadline {
                return before.unwrap_or(report);
            }
            if !report.is_retryable() || self.has_given_up(&report) {
                return report;
            }
            if Instant::now() + pause >= budget.deadline {
                self.give_up(&report);
                return report;
            }
            if budget.limit(tokio::time::sleep(pause)).await.is_err() {
                return report;
            }
            before = Some(report);
            pause = (pause * 3 / 2).min(longest);
        }
    }

    /// The checks that a check needs. A check that is skipped by name is replaced by those that it
    /// needs itself.
    fn needs(&self, id: CheckId) -> Vec<CheckId> {
        let needed = id.prerequisites(self.settings.identity).iter();
        needed
            .flat_map(|&needed| match self.settings.skip.contains(&needed) {
                true => self.needs(needed),
                false => vec![needed],
            })
            .collect()
    }

    /// The outcome of a check that the user skips by name.
    fn requested(&self, id: CheckId) -> Option<Outcome> {
        let by = self.settings.face.words("skip_checks", "--skip");
        let skipped = || Outcome::skipped(Skip::Requested, format!("Skipped by name ({by})."));
        self.settings.skip.contains(&id).then(skipped)
    }

    /// Remembers what was waited for.
    fn give_up(&self, report: &Report) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.extend(report.awaited().map(str::to_owned));
    }

    /// Whether all that there is to wait for was waited for in vain before.
    fn has_given_up(&self, report: &Report) -> bool {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        report.awaited().all(|cause| given_up.contains(cause))
    }
}

/// One run for one runner. What is asked here is asked once, by whichever checks need it.
pub(crate) struct Run<'a> {
    preflight: &'a Preflight,
    /// The runner.
    pub(crate) subject: &'a Subject,
    /// The runner's user in the cluster.
    user: OnceCell<Result<User, Outcome>>,
}

/// A value, or the outcome of a check for which it is not known yet.
pub(crate) fn known<'a, T>(value: &'a Known<T>, what: &str) -> Result<&'a T, Outcome> {
    value.get().ok_or_else(|| unknown(what))
}

/// The outcome of a check that must wait for the apply.
pub(crate) fn unknown(what: &str) -> Outcome {
    Outcome::skipped(Skip::Unknown, format!("The {what} is unknown until apply."))
}

impl<'a> Run<'a> {
    /// How to ask.
    pub(crate) fn settings(&self) -> &'a Settings {
        &self.preflight.settings
    }

    /// The AWS calls.
    pub(crate) fn aws(&self) -> &'a Arc<Aws> {
        &self.preflight.aws
    }

    /// A setting, or what is to be done with one, as the user knows it: in the provider block, and of the command.
    pub(crate) fn words(&self, terraform: &'static str, command: &'static str) -> &'static str {
        self.settings().face.words(terraform, command)
    }

    /// Whether the checks are made as the runner.
    pub(crate) fn as_runner(&self) -> bool {
        self.settings().identity == Identity::Runner
    }

    /// The cluster's region.
    pub(crate) fn region(&self) -> Result<&'a str, Outcome> {
        known(&self.subject.region, "cluster's region").map(String::as_str)
    }

    /// The role.
    pub(crate) fn role(&self) -> Result<&'a RoleArn, Outcome> {
        known(&self.subject.role, "role's ARN")
    }

    /// The name of the cluster.
    pub(crate) fn cluster_name(&self) -> Result<&'a str, Outcome> {
        known(&self.subject.cluster, "cluster's name").map(String::as_str)
    }

    /// The namespace of the Jobs.
    pub(crate) fn namespace(&self) -> Result<&'a str, Outcome> {
        known(&self.subject.namespace, "job's namespace").map(String::as_str)
    }

    /// The service account of the Jobs.
    pub(crate) fn service_account(&self) -> Result<&'a str, Outcome> {
        known(&self.subject.service_account, "job's service account").map(String::as_str)
    }

    /// The session of the runner's role.
    pub(crate) fn session(&self) -> Result<Session, Outcome> {
        let (name, _) = self
            .subject
            .session()
            .ok_or_else(|| unknown("session name"))?;
        let sts_region = self
            .subject
            .sts_region()
            .ok_or_else(|| unknown("region of STS"))?;
        Ok(Session {
            role_arn: self.role()?.to_string(),
            name,
            sts_region: sts_region.to_owned(),
        })
    }

    /// Whose credentials the cluster is asked with.
    pub(crate) fn who(&self) -> Result<Who, Outcome> {
        if self.as_runner() {
            Ok(Who::Runner(self.session()?))
        } else {
            Ok(Who::Caller)
        }
    }

    /// Who the caller is.
    pub(crate) async fn identity(&self) -> Result<Arc<CallerIdentity>, Outcome> {
        let asked = self.aws().identity(self.region()?);
        asked.await.map_err(|error| error.outcome())
    }

    /// Whether STS has given credentials of the runner's role for the web identity token. This proves that the role
    /// exists and trusts the token's issuer, whatever the caller can see of it.
    pub(crate) async fn is_exchanged(&self) -> bool {
        if !self.as_runner() || self.settings().web_identity_token_file.is_none() {
            return false;
        }
        match self.session() {
            Ok(session) => self.aws().session(&session).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Who the caller is, when it is in the role's account: in another one it would look at
    /// another role and another cluster of the same names.
    pub(crate) async fn same_account(&self) -> Result<Arc<CallerIdentity>, Outcome> {
        let identity = self.identity().await?;
        let role = self.role()?;
        if identity.partition() != role.partition {
            return Err(Outcome::incomplete(
                "the caller is in another partition",
                format!(
                    "The role is in partition {}, the caller ({}) in {}.",
                    role.partition,
                    identity.arn,
                    identity.partition()
                ),
            ));
        }
        if identity.account == role.account {
            return Ok(identity);
        }
        if self.is_exchanged().await {
            return Err(Outcome::not_applicable(format!(
                "The runner's role is assumed with the web identity token, and the caller ({}) is in another account: \
                 STS has verified the role and its trust.",
                identity.arn
            )));
        }
        Err(Outcome::incomplete(
            "the caller is in another account",
            format!(
                "The role is in account {}, the caller ({}) in account {}. Use {} of the role's account.",
                role.account,
                identity.arn,
                identity.account,
                self.words("a profile or assume_role", "--profile or --assume-role-arn")
            ),
        ))
    }

    /// The role as IAM knows it.
    pub(crate) async fn iam_role(&self) -> Result<Result<Arc<Role>, AwsError>, Outcome> {
        Ok(self.aws().role(self.region()?, self.role()?).await)
    }

    /// The issuer of the Orchestrator's OIDC tokens.
    pub(crate) fn issuer(&self) -> Result<&'a str, Outcome> {
        self.settings().oidc_issuer.as_deref().ok_or_else(|| {
            Outcome::incomplete(
                "the OIDC issuer is not set",
                format!(
                    "Not checked: the issuer of the Orchestrator's OIDC tokens is unknown, because the API is not \
                     Humanitec's. Set {} to the OIDC_ISSUER_URL of the installation's data plane.",
                    self.words("oidc_issuer in eks_access", "--oidc-issuer")
                ),
            )
            .fix(
                "oidc-issuer",
                self.words(
                    "oidc_issuer = \"https://<issuer of the installation>\"\n",
                    "--oidc-issuer https://<issuer of the installation>\n",
                ),
            )
        })
    }

    /// The ARN of the OIDC provider that the role's account must have.
    pub(crate) fn provider_arn(&self) -> Result<String, Outcome> {
        Ok(provider_arn(self.role()?, issuer_host(self.issuer()?)))
    }

    /// The cluster as EKS knows it.
    pub(crate) async fn eks_cluster(&self) -> Result<Result<Arc<EksCluster>, AwsError>, Outcome> {
        let (who, region, name) = (self.who()?, self.region()?, self.cluster_name()?);
        Ok(self.aws().cluster(&who, region, name).await)
    }

    /// Who asks about the role's access entry: the caller, if there is one, because the role itself
    /// need not be allowed to.
    pub(crate) async fn entry_asker(&self) -> Result<Who, Outcome> {
        let who = self.who()?;
        if self.as_runner() && self.same_account().await.is_ok() {
            return Ok(Who::Caller);
        }
        Ok(who)
    }

    /// The role's access entry.
    pub(crate) async fn access_entry(&self) -> Result<Result<Arc<AccessEntry>, AwsError>, Outcome> {
        let who = self.entry_asker().await?;
        let (region, cluster, role) = (self.region()?, self.cluster_name()?, self.role()?);
        let asked = self
            .aws()
            .access_entry(&who, region, cluster, &role.to_string());
        Ok(asked.await)
    }

    /// The user as which the cluster has accepted the runner. `None` when the checks are made as the caller, or when
    /// the cluster gives the runner no such answer.
    pub(crate) async fn accepted_as(&self) -> Option<User> {
        if !self.as_runner() {
            return None;
        }
        let reached = self.kubernetes().await.ok()?.ok()?;
        reached.cluster.who_am_i().await.ok()
    }

    /// The user and groups that the cluster gives to the runner's session. The runner itself asks the cluster, and
    /// the caller works it out.
    pub(crate) async fn user(&self) -> Result<User, Outcome> {
        self.user.get_or_init(|| self.find_user()).await.clone()
    }

    /// The name of the runner's user for the report. While the cluster maps the role to no user, or is unknown itself,
    /// it is the name that a new access entry gives. `None` for a user without a fixed name, and where the cluster is
    /// known and its mapping is not.
    async fn kubernetes_user(&self, budget: &engine::Budget) -> Option<String> {
        let is_incomplete = |outcome: &Outcome| matches!(outcome.skip, Some(Skip::Incomplete(_)));
        match budget.limit(self.user()).await {
            Ok(Ok(user)) => (!user.name.is_empty()).then_some(user.name),
            Ok(Err(outcome)) if is_incomplete(&outcome) => {
                let cluster = budget.limit(self.eks_cluster()).await;
                let is_described = matches!(cluster, Ok(Ok(Ok(_))));
                (!is_described).then(|| self.subject.kubernetes_user())?
            }
            Ok(Err(_)) => self.subject.kubernetes_user(),
            Err(_) => None,
        }
    }

    /// The outcome of a check that needs the runner's user, where the cluster maps the role to none.
    fn without_user(&self) -> Outcome {
        if !self.settings().skip.contains(&CheckId::AccessEntry) {
            return Outcome::skipped(
                Skip::Blocked,
                "Needs access-entry, which failed: the cluster does not know the role.",
            );
        }
        let role = self.subject.role.get();
        Outcome::failed("The cluster maps the runner's role to no user.")
            .compare("an access entry or a line of aws-auth", "none that works")
            .fix(
                format!("no-user:{}", role.map(ToString::to_string).unwrap_or_default()),
                self.words(
                    "# Remove \"access-entry\" from skip_checks: this check shows what maps the role to a user.\n",
                    "# Remove --skip access-entry: this check shows what maps the role to a user.\n",
                ),
            )
            .not_yet()
    }

    /// Asks for the user.
    async fn find_user(&self) -> Result<User, Outcome> {
        if let Some(user) = self.accepted_as().await {
            return Ok(user);
        }
        let blocked = || self.without_user();
        let (role, session) = (self.role()?, self.session()?);
        let cluster = self.eks_cluster().await?.map_err(|error| error.outcome())?;
        if cluster.authentication_mode != "CONFIG_MAP" {
            match self.access_entry().await? {
                Ok(entry) if self.belongs_to_role(&entry).await => {
                    let of_instance = User::instance_template(&entry.username, &entry.groups);
                    if entry.kind != "STANDARD" || of_instance.is_some() {
                        return Err(blocked());
                    }
                    let user = User::of_entry(&entry.username, &entry.groups, role, &session.name);
                    return Ok(user);
                }
                // Both modes: aws-auth is asked as well.
                Ok(_) | Err(AwsError::NotFound { .. }) if cluster.authentication_mode != "API" => {}
                Ok(_) | Err(AwsError::NotFound { .. }) => return Err(blocked()),
                Err(error) => return Err(error.outcome()),
            }
        }
        let auth = self.aws_auth().await?;
        match auth.map(|auth| auth.map(role, &session.name)) {
            Ok(Mapping::Admitted { user, .. }) => Ok(user),
            Ok(Mapping::ByChance { mut users, .. }) => users.pop().ok_or_else(blocked),
            _ => Err(blocked()),
        }
    }

    /// Whether an entry was created after the role: EKS binds an entry to the role's unique id, so that one which is
    /// older than the role belongs to a deleted role of the same name.
    pub(crate) async fn belongs_to_role(&self, entry: &AccessEntry) -> bool {
        let (Some(made), Ok(Ok(role)), Ok(wanted)) =
            (entry.created, self.iam_role().await, self.role())
        else {
            return true;
        };
        role.arn != wanted.to_string() || role.created <= made
    }

    /// What `aws-auth` says; nothing where it does not exist.
    pub(crate) async fn aws_auth(&self) -> Result<Result<AwsAuth, KubeError>, Outcome> {
        const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";
        let reached = self
            .kubernetes()
            .await?
            .map_err(|unreached| unreached.outcome())?;
        Ok(match reached.cluster.get(PATH).await {
            Ok(map) => Ok(AwsAuth::read(&map)),
            Err(error) if error.is_not_found() => Ok(AwsAuth::default()),
            Err(error) => Err(error),
        })
    }

    /// The object at a path of the cluster's API. See [`Run::ask`] for who asks.
    pub(crate) async fn read(&self, path: String) -> Result<Answer<Arc<Value>>, Outcome> {
        self.ask(|cluster| cluster.get(path.clone())).await
    }

    /// Asks the cluster about what the Orchestrator itself does not look at. As the runner, which need not be allowed
    /// to, the caller asks what is forbidden to the runner, if there is a caller in the role's account.
    pub(crate) async fn ask<T: Clone>(
        &self,
        ask: impl Fn(&Arc<Cluster>) -> Asked<T>,
    ) -> Result<Answer<T>, Outcome> {
        let reached = self.kubernetes().await?;
        let reached = reached.map_err(|unreached| unreached.outcome())?;
        let answer = ask(&reached.cluster).await;
        let is_forbidden = answer.as_ref().is_err_and(KubeError::is_forbidden);
        if !is_forbidden || !self.as_runner() || self.same_account().await.is_err() {
            return Ok(answer);
        }
        let Ok(caller) = self.kubernetes_as(Who::Caller).await? else {
            return Ok(answer);
        };
        let of_caller = ask(&caller.cluster).await;
        Ok(match &of_caller {
            Ok(_) => of_caller,
            Err(error) if error.is_not_found() => of_caller,
            // What keeps the caller from it is not what the check is about.
            Err(_) => answer,
        })
    }

    /// A cause that one fix solves for this runner alone: the fix changes the runner's own attribute.
    pub(crate) fn own(&self, cause: &str) -> String {
        let name = self.subject.own_name().unwrap_or_default();
        format!("{name}/{cause}")
    }

    /// The cluster's API.
    pub(crate) async fn kubernetes(&self) -> Result<Result<Reached, Unreached>, Outcome> {
        self.kubernetes_as(self.who()?).await
    }

    /// The cluster's API, asked with these credentials.
    async fn kubernetes_as(&self, who: Who) -> Result<Result<Reached, Unreached>, Outcome> {
        let (region, name) = (self.region()?, self.cluster_name()?);
        let sts_region = match &who {
            Who::Caller => region.to_owned(),
            Who::Runner(session) => session.sts_region.clone(),
        };
        let key = (who, region.to_owned(), name.to_owned(), sts_region);
        let (aws, settings) = (Arc::clone(self.aws()), Arc::clone(&self.preflight.settings));
        let reach = || reach(aws, settings, key.clone());
        Ok(self
            .preflight
            .clusters
            .get(key.clone(), Result::is_ok, reach)
            .await)
    }

    /// A path below the job's namespace in the cluster's API.
    pub(crate) fn namespaced(&self, rest: &str) -> Result<String, Outcome> {
        Ok(format!("/api/v1/namespaces/{}{rest}", self.namespace()?))
    }

    /// The path of an object that the Job's pod needs. Nobody has validated its name.
    pub(crate) fn object(&self, kind: Kind, name: &str) -> Result<String, Outcome> {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
        Ok(kind.path(self.namespace()?, &name))
    }

    /// The Job that the Orchestrator will create.
    pub(crate) fn job(&self) -> Result<Value, Outcome> {
        let template = known(&self.subject.pod_template, "pod template")?;
        let (org, runner_id) = (self.subject.org.get(), self.subject.runner_id.get());
        let values = JobValues {
            org: org.map_or("my-org", String::as_str),
            runner_id: runner_id.map_or("my-runner", String::as_str),
            namespace: self.namespace()?,
            service_account: self.service_account()?,
            image: self.settings().runner_image(),
            pod_template: template.as_ref(),
        };
        values.job().map_err(|error| {
            Outcome::failed(format!(
                "The Orchestrator cannot merge pod_template into its Job: {error}."
            ))
            .compare("entries that can be matched", error.to_string())
            .fix(
                self.own(&format!("pod-template-merge:{error}")),
                format!("# Fix the list in job.pod_template: {error}.\n"),
            )
        })
    }

    /// The objects that the Job's pod needs.
    pub(crate) fn references(&self) -> Result<References, Outcome> {
        Ok(references(&self.job()?["spec"]["template"]["spec"]))
    }

    /// Asks early what checks will ask for once their prerequisites are through, so that a run
    /// is not a chain of calls. The answers are shared, so that nothing is asked twice.
    async fn look_ahead(&self) {
        let aws_side = async {
            let provider = async {
                if let (Ok(region), Ok(arn)) = (self.region(), self.provider_arn()) {
                    let _ = self.aws().client_ids(region, &arn).await;
                }
            };
            let _ = tokio::join!(self.iam_role(), provider, self.access_entry());
        };
        let kubernetes_side = async {
            let Ok(Ok(reached)) = self.kubernetes().await else {
                return;
            };
            let mut paths = vec![Ok(checks::VERSION.to_owned()), self.namespaced("")];
            if let Ok(service_account) = self.service_account() {
                paths.push(self.namespaced(&format!("/serviceaccounts/{service_account}")));
            }
            for (kind, name) in self.references().unwrap_or_default().keys() {
                paths.push(self.object(*kind, name));
            }
            let paths = paths.into_iter().flatten();
            join_all(paths.map(|path| reached.cluster.get(path))).await;
        };
        tokio::join!(aws_side, kubernetes_side);
    }
}

/// Makes the client for a cluster's API.
async fn reach(
    aws: Arc<Aws>,
    settings: Arc<Settings>,
    (who, region, name, sts_region): Key,
) -> Result<Reached, Unreached> {
    if let (Who::Caller, Some(kubeconfig)) = (&who, &settings.kubeconfig) {
        let (cluster, url) = Cluster::of_kubeconfig(kubeconfig)
            .await
            .map_err(Unreached::Client)?;
        return Ok(Reached {
            cluster,
            kubeconfig_url: Some(url),
        });
    }
    let described = aws
        .cluster(&who, &region, &name)
        .await
        .map_err(Unreached::Aws)?;
    let (Some(endpoint), Some(ca)) = (&described.endpoint, &described.ca) else {
        return Err(Unreached::Client(ConnectError::unusable(
            "EKS returned no endpoint or no certificate authority for the cluster",
        )));
    };
    let token = aws
        .token(&who, &sts_region, &name)
        .await
        .map_err(Unreached::Aws)?;
    let ca_bundle = aws.ca_bundle().await.map_err(Unreached::Aws)?;
    let connection = Connection {
        endpoint,
        ca,
        ca_bundle,
        token,
    };
    let cluster = Cluster::connect(connection).map_err(Unreached::Client)?;
    Ok(Reached {
        cluster,
        kubeconfig_url: None,
    })
}

#[cfg(test)]
mod tests;
