//! The EKS access checks in plan and apply and as a data source, against the small EKS: real AWS host
//! names, the authenticator that EKS runs, a real API server.
//!
//! Each scenario has a small EKS of its own while it runs, and begins with a clean account.

pub(crate) mod action;
mod callers;
mod data_source;
pub(crate) mod many;
mod modes;
mod outcomes;
mod settings;
mod storage;
mod texts;
mod waiting;

use sandbox::eks::{Eks, EksOptions, Faults};
use sandbox::{Pool, Taken};
use serde_json::json;

use crate::Scenario;
use crate::cli::{Cli, Output, Workspace};
use crate::configuration::{Runner, provider_with};
use crate::stand_in::StandIn;

/// The scenarios of what a user sees: each effect of a check, and each reason why checks are incomplete.
pub(crate) fn on_both() -> Vec<Scenario> {
    [
        outcomes::SCENARIOS,
        many::SCENARIOS,
        callers::SCENARIOS,
        data_source::SCENARIOS,
    ]
    .concat()
}

/// The scenarios of what only the provider decides.
pub(crate) fn in_turn() -> Vec<Scenario> {
    [
        modes::SCENARIOS,
        waiting::SCENARIOS,
        settings::SCENARIOS,
        texts::SCENARIOS,
        storage::SCENARIOS,
        many::SLOW,
        callers::IN_TURN,
    ]
    .concat()
}

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

const SUBJECT: &str = "EKS access:";

pub(crate) static EKS: Pool<Eks> = Pool::new();

pub(crate) struct Scene {
    pub(crate) eks: Taken<Eks>,
    pub(crate) orchestrator: StandIn,
    pub(crate) workspace: Workspace,
}

impl Scene {
    /// Returns a workspace whose commands use the small EKS as its administrator.
    pub(crate) fn new(cli: &Cli) -> Self {
        let eks = EKS.take(|| Eks::start(EksOptions::default()).expect("the small EKS starts"));
        eks.reset().expect("a clean account");
        let mut workspace = Workspace::new(cli, "");
        for (name, value) in eks.env() {
            workspace.set_env(&name, &value);
        }
        Self {
            eks,
            orchestrator: StandIn::start(),
            workspace,
        }
    }

    /// Writes the provider block with this `eks_access`, the documented runner, and `more`. The stand-in's issuer is
    /// the documented one if `eks_access` sets none: the provider knows only that of Humanitec's API.
    fn write(&self, eks_access: &str, more: &str) {
        let issuer = format!("oidc_issuer = {:?}\n", sandbox::eks::ISSUER);
        let eks_access = match eks_access {
            "" => format!("eks_access = {{\n{issuer}}}"),
            set if set.contains("oidc_issuer") => set.to_owned(),
            set => set.replacen("eks_access = {\n", &format!("eks_access = {{\n{issuer}"), 1),
        };
        // The bucket in the configuration of most scenarios does not exist.
        let has_bucket = !more.contains("kubernetes_configuration") && !more.contains("my-states");
        let eks_access = if !has_bucket {
            eks_access
        } else if eks_access.contains("skip_checks = [") {
            eks_access.replacen("skip_checks = [", "skip_checks = [\"state-storage\", ", 1)
        } else {
            let skip = "eks_access = {\nskip_checks = [\"state-storage\"]\n";
            eks_access.replacen("eks_access = {\n", skip, 1)
        };
        let provider = provider_with(&format!(
            "api_url = {:?}\norg_id = {:?}\nauth_token = {:?}\n{eks_access}\n",
            self.orchestrator.url(),
            self.orchestrator.org(),
            self.orchestrator.token()
        ));
        self.workspace.write("main.tf", &(provider + more));
    }

    fn init(&self) {
        self.workspace.init();
    }

    fn set_up(&self) {
        self.eks
            .set_up_as_documented(self.orchestrator.org(), "my-runner")
            .expect("the documented set-up");
    }

    /// Makes the role trust another runner.
    fn break_trust(&self) {
        let policy = self
            .eks
            .documented_trust_policy(self.orchestrator.org(), "another-runner");
        self.eks.set_trust_policy(&policy).expect("a trust policy");
    }

    /// Lets the documented role trust `my-runner` again.
    fn fix_trust(&self) {
        let policy = self.eks.documented_trust_policy(self.orchestrator.org(), "my-runner");
        self.eks.set_trust_policy(&policy).expect("a trust policy");
    }

    /// Returns the number of AWS calls that `run` makes, and its output.
    fn counted(&self, run: impl FnOnce(&Workspace) -> Output) -> (u64, Output) {
        self.eks.reset_calls().expect("counters");
        let output = run(&self.workspace);
        let calls = self.eks.calls().expect("counters");
        (calls.values().sum(), output)
    }

    /// Returns `my-runner` as the Orchestrator has it.
    #[track_caller]
    fn registered(&self) -> serde_json::Value {
        self.orchestrator.runner("my-runner").expect("it is registered")
    }

    /// Asserts that nothing is registered and that the state has no runner.
    #[track_caller]
    fn nothing_is_registered(&self) {
        let registered = self.orchestrator.runners();
        assert!(registered.is_empty(), "registered: {registered:?}");
        let state = self.workspace.state();
        let runners = state.keys().filter(|address| address.contains("eks_runner"));
        assert_eq!(runners.count(), 0, "{state:?}");
    }

    /// Creates a role with this trust policy, its permissions, its binding, and its entry, which becomes
    /// visible after so many seconds.
    fn role_with_late_entry(&self, name: &str, trust: &serde_json::Value, seconds: f64) {
        let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.eks.aws("iam", "CreateRole", &role).expect("a role");
        let policy =
            json!({"RoleName": name, "PolicyArn": "arn:aws:iam::123456789012:policy/humanitec-runner-eks-policy"});
        self.eks.aws("iam", "AttachRolePolicy", &policy).expect("a policy");
        let faults = Faults {
            propagation_s: [("access-entry".to_owned(), seconds)].into(),
            ..Faults::default()
        };
        self.eks.set_faults(&faults).expect("faults");
        let arn = format!("arn:aws:iam::123456789012:role/{name}");
        let entry = json!({"clusterName": "my-eks-cluster", "principalArn": arn});
        self.eks.aws("eks", "CreateAccessEntry", &entry).expect("an entry");
        let user = format!(
            "arn:aws:sts::123456789012:assumed-role/{name}/{}-my-runner",
            self.orchestrator.org()
        );
        let create = [
            "create",
            "rolebinding",
            name,
            "--namespace=humanitec-runner",
            "--role=humanitec-runner-orchestrator-access",
            &format!("--user={user}"),
        ];
        self.eks.kubectl(&create).expect("a binding");
    }

    /// Creates an IAM role that any principal of the account can assume and that has every permission.
    fn role_for_callers(&self, name: &str) -> String {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "sts:AssumeRole",
        }]});
        let everything = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "*", "Resource": "*",
        }]});
        let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.eks.aws("iam", "CreateRole", &role).expect("a role");
        let policy = json!({"RoleName": name, "PolicyName": "all", "PolicyDocument": everything.to_string()});
        self.eks.aws("iam", "PutRolePolicy", &policy).expect("a policy");
        format!("arn:aws:iam::123456789012:role/{name}")
    }
}

fn runner(head: &str) -> String {
    Runner {
        head: head.into(),
        ..Runner::on_the_small_eks()
    }
    .block()
}

fn my_runner() -> String {
    runner("id = \"my-runner\"")
}

fn modes(plan: &str, apply: &str, more: &str) -> String {
    format!("eks_access = {{\n  plan = {plan:?}\n  apply = {apply:?}\n{more}\n}}")
}

const CIDRS: &str = "orchestrator_cidrs = [\"203.0.113.0/24\"]";

/// Returns `apply = "error"` with this timeout, and `plan = "off"`.
fn refusing(timeout: &str) -> String {
    modes("off", "error", &format!("timeout = {timeout:?}\n{CIDRS}"))
}

/// Returns how often the output contains `text`.
fn count(output: &Output, text: &str) -> usize {
    output.text.matches(text).count()
}
