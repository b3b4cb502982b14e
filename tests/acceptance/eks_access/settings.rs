//! The provider block's `eks_access`: unknown values and wrong values.

use sandbox::eks::ROLE_NAME;
use serde_json::json;

use super::callers::STATUSES;
use super::{CIDRS, SUBJECT, Scene, modes, my_runner};
use crate::Scenario;
use crate::cli::Cli;

pub(super) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    unknown_role,
    unknown_settings,
    wrong_settings,
    missing_files,
    another_installation,
];

/// A value that is not known before it is applied.
fn data(name: &str, value: &str) -> String {
    format!("resource \"terraform_data\" \"{name}\" {{\n  input = {value}\n}}\n")
}

fn unknown_role(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let role = format!("{:?}", format!("arn:aws:iam::123456789012:role/{ROLE_NAME}"));
    let block = my_runner().replace(&role, "terraform_data.role.output") + &data("role", &role);
    scene.write(&modes("error", "error", CIDRS), &block);
    scene.init();
    let (calls, plan) = scene.counted(|workspace| workspace.plan(&[]));
    plan.ok().has_not(SUBJECT);
    assert!(calls > 0, "what does not need the role is checked");
    let apply = scene.workspace.apply(&[]).ok();
    apply.has_not(SUBJECT).has("2 added");
    scene.workspace.destroy().ok();
    scene.break_trust();
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
    let apply = scene.workspace.apply(&[]).fails();
    apply.has("Error: EKS access: role-trust");
    assert!(scene.orchestrator.runners().is_empty());
}

/// The checks run during apply, as the settings say.
fn unknown_settings(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    let role = format!("{:?}", scene.role_for_callers("checker"));
    scene.write("", "");
    scene.init();
    let run = |scene: &Scene, eks_access: &str, value: &str| {
        scene.write(eks_access, &(my_runner() + &data("given", value)));
        let (calls, plan) = scene.counted(|workspace| workspace.plan(&[]));
        plan.ok().has("2 to add").has_not("EKS access");
        assert_eq!(calls, 0, "{eks_access}");
        let apply = scene.workspace.apply(&[]).ok();
        apply.has("2 added").has_not("EKS access");
        let calls = scene.eks.calls().expect("counters");
        // All values are known: the next plan is as usual, and no runner changes.
        scene.workspace.plans_nothing();
        scene.workspace.destroy().ok();
        calls
    };
    let part = |name: &str| {
        format!(
            "eks_access = {{\n  plan = \"error\"\n  apply = \"error\"\n  {CIDRS}\n  {name} = terraform_data.given.output\n}}"
        )
    };
    let calls = run(&scene, &part("oidc_issuer"), "\"https://oidc.humanitec.dev\"");
    assert!(calls["iam:GetRole"] > 0, "{calls:?}");
    let assume = part("assume_role").replace(
        "terraform_data.given.output",
        // The cluster does not know this caller.
        "{ role_arn = terraform_data.given.output }\n  incomplete = \"ignore\"",
    );
    let calls = run(&scene, &assume, &role);
    assert!(calls["sts:AssumeRole"] > 0, "{calls:?}");
    let off = part("apply")
        .replacen("apply = \"error\"\n", "", 1)
        .replacen("plan = \"error\"", "plan = \"off\"", 1);
    let calls = run(&scene, &off, "\"off\"");
    assert_eq!(calls.values().sum::<u64>(), 0, "{calls:?}");
    let whole = "eks_access = terraform_data.given.output";
    let value = format!(
        "{{ plan = \"error\", apply = \"error\", oidc_issuer = \"https://oidc.humanitec.dev\", {CIDRS}, \
         skip_checks = [\"state-storage\"] }}"
    );
    let calls = run(&scene, whole, &value);
    assert!(calls["iam:GetRole"] > 0, "{calls:?}");
    // A profile of the AWS configuration, and no other credentials.
    let administrator = scene.eks.administrator();
    let config = format!(
        "[profile checker]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        administrator.access_key_id, administrator.secret_access_key
    );
    scene.workspace.write("aws-config", &config);
    let file = scene.workspace.path().join("aws-config").display().to_string();
    scene.workspace.set_env("AWS_CONFIG_FILE", &file);
    scene.workspace.unset_env("AWS_ACCESS_KEY_ID");
    scene.workspace.unset_env("AWS_SECRET_ACCESS_KEY");
    let calls = run(&scene, &part("profile"), "\"checker\"");
    assert!(calls["iam:GetRole"] > 0, "{calls:?}");
}

fn wrong_settings(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.write("", &my_runner());
    scene.init();
    let wrong = |name: &str, lines: &str| {
        let runner = my_runner().replace("my-bucket", "my-states");
        scene.write(&format!("eks_access = {{\n{lines}\n}}"), &runner);
        let output = scene.workspace.run(&["validate", "-json"]).fails();
        let text = crate::texts::texts(&output, &[]);
        insta::assert_snapshot!(format!("eks-access-{}", name.replace(' ', "-")), text);
    };
    wrong(
        "wrong values",
        "plan = \"on\"\napply = \"fail\"\nas = \"Runner\"\ntimeout = \"2 minutes\"\n\
         oidc_issuer = \"oidc.humanitec.dev\"\nprofile = \"\"\n\
         orchestrator_cidrs = [\"203.0.113.0/24\", \"203.0.113.0/33\", \"203.0.113.7\"]\n\
         assume_role = { role_arn = \"arn:aws:iam::123456789012:user/me\" }\n\
         skip_checks = [\"job-dry-run\", \"role-exist\", \"\"]\nincomplete = \"fail\"\n\
         kubeconfig = { path = \"\" }",
    );
    wrong(
        "what only the caller uses",
        "as = \"runner\"\nkubeconfig = { path = \"~/.kube/config\" }",
    );
    wrong(
        "what only the runner uses",
        "web_identity_token_file = \"/var/run/token\"",
    );
    wrong(
        "an issuer that is more than a host",
        "oidc_issuer = \"https://user:password@oidc.humanitec.dev?a=b\"",
    );
    // These are Terraform's own words.
    for (lines, text) in [
        ("assume_role = { session_name = \"me\" }", "role_arn"),
        ("kubeconfig = { context = \"me\" }", "path"),
    ] {
        scene.write(&format!("eks_access = {{\n{lines}\n}}"), &my_runner());
        scene.workspace.validate().fails().has(text);
    }
}

/// Only the checks read the files, which can be written before. Without a file, a check cannot be
/// made, which says nothing about the runner.
fn missing_files(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let lacking = |more: &str, id: &str, file: &str| {
        let settings = modes("off", "off", &format!("{CIDRS}\n{more}"));
        scene.write(&settings, &(my_runner() + STATUSES));
        scene.init();
        scene.workspace.validate().ok();
        scene.workspace.apply(&[]).ok();
        let found = scene.check(id);
        assert!(found.starts_with("skipped"), "{found}");
        assert!(
            found.contains(file) && found.contains("No such file or directory"),
            "{found}"
        );
    };
    lacking(
        "kubeconfig = { path = \"/no/such/kubeconfig\" }",
        "api-server",
        "/no/such/kubeconfig",
    );
    lacking(
        "as = \"runner\"\nweb_identity_token_file = \"/no/such/token\"",
        "assume-role",
        "/no/such/token",
    );
}

/// The stand-in is not Humanitec's API, so that its issuer and its addresses are unknown until they are set.
fn another_installation(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let restricted = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}});
    scene.eks.set_cluster(&restricted).expect("restricted addresses");
    let apply = |issuer: &str| {
        let settings = modes("off", "off", &format!("oidc_issuer = {issuer}"));
        scene.write(&settings, &(my_runner() + STATUSES));
        scene.init();
        scene.workspace.apply(&[]).ok();
    };
    apply("null");
    for id in ["oidc-provider", "role-trust"] {
        let found = scene.check(id);
        assert!(found.starts_with("skipped"), "{found}");
        assert!(found.contains("Set eks_access.oidc_issuer"), "{found}");
    }
    let endpoint = scene.check("cluster-endpoint");
    assert!(
        endpoint.starts_with("warned") && endpoint.contains("orchestrator_cidrs is not set"),
        "{endpoint}"
    );
    apply(&format!("{:?}", sandbox::eks::ISSUER));
    for id in ["oidc-provider", "role-trust"] {
        let found = scene.check(id);
        assert!(found.starts_with("passed"), "{found}");
    }
}
