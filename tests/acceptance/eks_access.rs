//! The EKS access checks in plan and apply and as a data source, against the small EKS: real AWS host
//! names, the authenticator that EKS runs, a real API server.
//!
//! There is one small EKS, so these scenarios take turns, each from a clean account.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sandbox::eks::{Eks, Faults, Options, ROLE_NAME};

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::provider_with;
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("EKS access: a healthy runner says nothing", healthy),
    ("EKS access: warn tells and registers", warn_tells),
    ("EKS access: error in the plan", error_in_the_plan),
    (
        "EKS access: error in the apply registers nothing",
        error_in_the_apply,
    ),
    (
        "EKS access: an apply waits for what propagates",
        apply_waits,
    ),
    ("EKS access: Ctrl-C ends a wait", interrupted),
    ("EKS access: no credentials is one warning", no_credentials),
    ("EKS access: off makes no call", off),
    ("EKS access: values that are not known yet", unknown_values),
    (
        "EKS access: fifty runners with one broken role",
        fifty_broken,
    ),
    ("EKS access: the data source in a check block", data_source),
];

const SUBJECT: &str = "EKS access:";

static EKS: Mutex<Option<Eks>> = Mutex::new(None);

/// The small EKS, started by the first scenario that needs it and clean for each.
pub(crate) fn eks() -> MutexGuard<'static, Option<Eks>> {
    let mut eks = EKS.lock().unwrap_or_else(PoisonError::into_inner);
    match &*eks {
        Some(eks) => eks.reset().expect("a clean account"),
        None => *eks = Some(Eks::start(Options::default()).expect("the small EKS starts")),
    }
    eks
}

pub(crate) struct Scene<'a> {
    pub(crate) eks: &'a Eks,
    pub(crate) orchestrator: StandIn,
    pub(crate) workspace: Workspace,
}

impl<'a> Scene<'a> {
    /// A workspace whose commands meet the small EKS as its administrator.
    pub(crate) fn new(cli: &Cli, eks: &'a Eks) -> Self {
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

    /// Writes the provider block with this `eks_access`, the documented runner, and `more`.
    fn write(&self, eks_access: &str, more: &str) {
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

    fn mend_trust(&self) {
        let policy = self
            .eks
            .documented_trust_policy(self.orchestrator.org(), "my-runner");
        self.eks.set_trust_policy(&policy).expect("a trust policy");
    }
}

fn runner(head: &str) -> String {
    format!(
        r#"
resource "platform-orchestrator_kubernetes_eks_runner" "my_runner" {{
  {head}
  runner_configuration = {{
    cluster = {{
      name   = "my-eks-cluster"
      region = "us-west-2"
      auth = {{
        role_arn = "arn:aws:iam::123456789012:role/{ROLE_NAME}"
      }}
    }}
    job = {{
      namespace       = "humanitec-runner"
      service_account = "humanitec-runner"
    }}
  }}
  state_storage_configuration = {{
    type = "s3"
    s3_configuration = {{
      bucket = "my-bucket"
    }}
  }}
}}
"#
    )
}

fn my_runner() -> String {
    runner("id = \"my-runner\"")
}

fn modes(plan: &str, apply: &str, more: &str) -> String {
    format!("eks_access = {{\n  plan = {plan:?}\n  apply = {apply:?}\n{more}\n}}")
}

const CIDRS: &str = "orchestrator_cidrs = [\"203.0.113.0/24\"]";

fn healthy(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    scene.write(&modes("error", "error", CIDRS), &my_runner());
    scene.init();
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
    scene.workspace.apply(&[]).ok().has_not(SUBJECT);
    assert!(scene.orchestrator.runner("my-runner").is_some());
    scene.workspace.plans_nothing();
}

fn warn_tells(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    scene.break_trust();
    scene.write("", &my_runner());
    scene.init();
    let plan = scene.workspace.plan(&[]).ok();
    plan.has("Warning: EKS access: role-trust")
        .has("my-org+another-runner")
        .has("my-org+my-runner")
        .has("eks-access-checks#role-trust");
    assert_eq!(
        plan.text.matches("EKS access: ").count(),
        1,
        "one failed check:\n{}",
        plan.text
    );
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("Warning: EKS access: role-trust")
        .has("1 added");
    assert!(scene.orchestrator.runner("my-runner").is_some());
    // What is registered and unchanged is not checked again.
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
}

fn error_in_the_plan(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.write(&modes("error", "off", CIDRS), &my_runner());
    scene.init();
    // Nothing exists yet, and may be made by the same apply.
    scene
        .workspace
        .plan(&[])
        .ok()
        .has("Warning: EKS access: role-exists")
        .has_not("Error:");
    scene.set_up();
    scene.break_trust();
    scene
        .workspace
        .plan(&[])
        .fails()
        .has("Error: EKS access: role-trust");
    scene.mend_trust();
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
}

fn error_in_the_apply(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    scene.break_trust();
    scene.write(
        &modes("off", "error", &format!("timeout = \"3s\"\n{CIDRS}")),
        &my_runner(),
    );
    scene.init();
    let start = Instant::now();
    scene
        .workspace
        .apply(&[])
        .fails()
        .has("Error: EKS access: role-trust")
        .has("To mend it");
    assert!(
        start.elapsed() < Duration::from_secs(3 + 10),
        "it took {:?}",
        start.elapsed()
    );
    assert!(
        scene.orchestrator.runners().is_empty(),
        "nothing is registered"
    );
    assert!(scene.workspace.state().is_empty());
    scene.mend_trust();
    scene.workspace.apply(&[]).ok().has("1 added");
    // A change that would break it is refused, and the runner stays as it was.
    scene.write(
        &modes("off", "error", &format!("timeout = \"3s\"\n{CIDRS}")),
        &my_runner().replace(
            "service_account = \"humanitec-runner\"",
            "service_account = \"missing\"",
        ),
    );
    scene
        .workspace
        .apply(&[])
        .fails()
        .has("Error: EKS access: service-account")
        .has("missing");
    let stored = scene.orchestrator.runner("my-runner").expect("registered");
    assert_eq!(
        stored["runner_configuration"]["job"]["service_account"],
        "humanitec-runner"
    );
    let state = scene.workspace.state();
    let state = &state["platform-orchestrator_kubernetes_eks_runner.my_runner"];
    assert_eq!(
        state["runner_configuration"]["job"]["service_account"],
        "humanitec-runner"
    );
}

fn apply_waits(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    let propagation = |seconds| Faults {
        propagation_s: BTreeMap::from([("access-entry".to_owned(), seconds)]),
        ..Faults::default()
    };
    scene.eks.set_faults(&propagation(20.0)).expect("faults");
    scene.set_up();
    scene.write(
        &modes("warn", "error", &format!("timeout = \"90s\"\n{CIDRS}")),
        &my_runner(),
    );
    scene.init();
    scene
        .workspace
        .plan(&[])
        .ok()
        .has("Warning: EKS access: access-entry");
    scene.workspace.apply(&[]).ok().has("1 added");
    assert!(scene.orchestrator.runner("my-runner").is_some());
}

fn interrupted(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.write(&modes("off", "error", "timeout = \"10m\""), &my_runner());
    scene.init();
    let mut terraform = scene
        .workspace
        .spawn(&["apply", "-auto-approve", "-no-color"]);
    let start = Instant::now();
    while !scene.workspace.read("out").contains("Creating...") {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it did not begin to create"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(1));
    let interrupted = Instant::now();
    crate::signals::ctrl_c(&terraform);
    assert!(!terraform.wait().expect("terraform ends").success());
    assert!(
        interrupted.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        interrupted.elapsed()
    );
    let text = scene.workspace.read("out") + &scene.workspace.read("err");
    assert!(text.contains("Nothing was registered"), "{text}");
    assert!(scene.orchestrator.runners().is_empty());
}

fn no_credentials(cli: &Cli) {
    let eks = eks();
    let mut scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.workspace.unset_env("AWS_ACCESS_KEY_ID");
    scene.workspace.unset_env("AWS_SECRET_ACCESS_KEY");
    let three =
        runner("for_each = toset([\"one\", \"two\", \"three\"])\n  id = \"${each.key}-runner\"");
    scene.write(&modes("error", "error", ""), &three);
    scene.init();
    let plan = scene.workspace.plan(&[]).ok();
    plan.has("Warning: EKS access was not checked")
        .has("plan = \"off\"");
    assert_eq!(
        plan.text.matches("EKS access").count(),
        1,
        "one warning:\n{}",
        plan.text
    );
    scene.workspace.apply(&[]).ok().has("3 added");
    assert_eq!(scene.orchestrator.runners().len(), 3);
}

fn off(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.eks.reset_calls().expect("counters");
    scene.write(&modes("off", "off", ""), &my_runner());
    scene.init();
    scene.workspace.apply(&[]).ok().has_not("EKS access");
    scene.workspace.plans_nothing();
    let calls = scene.eks.calls().expect("counters");
    assert!(calls.values().all(|count| *count == 0), "{calls:?}");
}

/// The role's ARN, and what the provider's `eks_access` says, come from the same apply.
fn unknown_values(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    let role = format!("arn:aws:iam::123456789012:role/{ROLE_NAME}");
    let data = format!("resource \"terraform_data\" \"role\" {{\n  input = {role:?}\n}}\n");
    let block = my_runner().replace(&format!("{role:?}"), "terraform_data.role.output") + &data;
    scene.write(&modes("error", "error", CIDRS), &block);
    scene.init();
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
    scene
        .workspace
        .apply(&[])
        .ok()
        .has_not(SUBJECT)
        .has("2 added");
    scene.workspace.destroy().ok();
    let access =
        "eks_access = {\n  apply = \"error\"\n  oidc_issuer = terraform_data.issuer.output\n}";
    let issuer =
        "resource \"terraform_data\" \"issuer\" {\n  input = \"https://oidc.humanitec.dev\"\n}\n";
    scene.write(access, &(my_runner() + issuer));
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
    scene.workspace.apply(&[]).ok().has("2 added");
}

fn fifty_broken(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    let fifty = runner("for_each = toset([for n in range(50) : \"runner-${n}\"])\n  id = each.key")
        .replace(ROLE_NAME, "no-such-role");
    scene.write(&modes("warn", "off", CIDRS), &fifty);
    scene.init();
    scene.eks.reset_calls().expect("counters");
    let start = Instant::now();
    let plan = scene.workspace.plan(&[]).ok();
    let took = start.elapsed();
    plan.has("EKS access: role-exists").has("50 to add");
    plan.has("49 more similar warnings elsewhere");
    let fixes = plan.text.matches("To mend it").count();
    assert!(
        (1..=3).contains(&fixes),
        "each fix once, not {fixes} times:
{}",
        plan.text
    );
    assert!(took < Duration::from_secs(30), "it took {took:?}");
    let calls = scene.eks.calls().expect("counters");
    assert_eq!(calls.get("iam:GetRole"), Some(&1), "{calls:?}");
    // Errors are all shown: one has the fix, the others say which.
    scene.write(
        &modes("off", "error", &format!("timeout = \"2s\"\n{CIDRS}")),
        &fifty,
    );
    let apply = scene.workspace.apply(&[]).fails();
    assert_eq!(
        apply.text.matches("Error: EKS access: role-exists").count(),
        50
    );
    let short = apply.text.matches("whose diagnostic has the fix").count();
    let errors = apply.text.matches("Error: EKS access: ").count();
    let whole = apply.text.matches("To mend it").count();
    assert_eq!(
        short + whole,
        errors,
        "each error has the fix or says where it stands:\n{}",
        apply.text
    );
    assert!(
        whole <= 3,
        "each fix once, not {whole} times:\n{}",
        apply.text
    );
    assert!(scene.orchestrator.runners().is_empty());
}

fn data_source(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    scene.break_trust();
    let check = r#"
data "platform-orchestrator_kubernetes_eks_access" "registered" {
  id         = "my-runner"
  depends_on = [platform-orchestrator_kubernetes_eks_runner.my_runner]
}
check "eks_access" {
  assert {
    condition     = data.platform-orchestrator_kubernetes_eks_access.registered.ok
    error_message = join("; ", [for check in data.platform-orchestrator_kubernetes_eks_access.registered.checks : "${check.id}: ${check.message}" if check.status == "failed"])
  }
}
output "user" {
  value = data.platform-orchestrator_kubernetes_eks_access.registered.kubernetes_user
}
output "statuses" {
  value = join(" ", [for check in data.platform-orchestrator_kubernetes_eks_access.registered.checks : "${check.id}=${check.status}"])
}
"#;
    scene.write(&modes("off", "off", CIDRS), &(my_runner() + check));
    scene.init();
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("Warning: Check block assertion failed")
        .has("role-trust:")
        .has("1 added")
        .has("role-trust=failed")
        .has("access-entry=passed")
        .has("user = \"arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner\"");
    scene.mend_trust();
    // A runner that is not registered, by its configuration.
    let unregistered = my_runner()
        .replace(
            "resource \"platform-orchestrator_kubernetes_eks_runner\"",
            "data \"platform-orchestrator_kubernetes_eks_access\"",
        )
        .replace("\"my_runner\" {", "\"planned\" {")
        + "output \"ok\" {\n  value = data.platform-orchestrator_kubernetes_eks_access.planned.ok\n}\n";
    scene.write(
        &modes("off", "off", CIDRS),
        &(my_runner() + check + &unregistered),
    );
    scene
        .workspace
        .apply(&[])
        .ok()
        .has_not("Check block assertion failed")
        .has("ok = true");
}
