//! What a person reads when something fails: each text whole, as a snapshot. They are the same in
//! Terraform and OpenTofu.

use std::fmt::Write as _;
use std::time::Duration;

use sandbox::orchestrator::faults::{BodyKind, Fault, When};
use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, Output};
use crate::configuration::{Runner, provider, provider_with};
use crate::scene::Scene;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    settings,
    wrong_values,
    create,
    read,
    update,
    delete,
    rules,
    import_block,
];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

/// The diagnostics of a command with `-json`: title, the line it is about, and the text.
pub(crate) fn texts(output: &Output, hidden: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let whole = serde_json::from_str::<Value>(&output.text);
    let found: Vec<Value> = match &whole {
        Ok(validated) => validated["diagnostics"].as_array().cloned().unwrap_or_default(),
        Err(_) => {
            let lines = output.text.lines();
            let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let diagnostics = events.map(|event| event["diagnostic"].clone());
            diagnostics.filter(Value::is_object).collect()
        }
    };
    for diagnostic in found {
        let part = |name: &str| diagnostic[name].as_str().unwrap_or_default().to_owned();
        let line = diagnostic["snippet"]["code"].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "{}: {}\n{}\n\n{}\n--",
            part("severity"),
            part("summary"),
            line.trim(),
            part("detail"),
        );
    }
    for (secret, name) in hidden {
        text = text.replace(secret, name);
    }
    text
}

impl Scene {
    /// The command fails, with this text.
    #[track_caller]
    fn fails(&self, name: &str, command: &[&str]) {
        let output = self.workspace.run(&[command, &["-json"]].concat()).fails();
        let folder = self.workspace.path().display().to_string();
        let hidden = [
            (self.orchestrator.url(), "http://orchestrator"),
            (folder.as_str(), "FOLDER"),
        ];
        insta::assert_snapshot!(name.replace(' ', "-"), texts(&output, &hidden));
        self.orchestrator.faults().clear();
    }

    fn fault(&self, method: &str, fault: Fault) {
        self.orchestrator.fault(method, fault, None);
    }
}

const APPLY: &[&str] = &["apply", "-auto-approve"];
const PLAN: &[&str] = &["plan"];

fn refused(status: u16, message: &str) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
        body: BodyKind::Json,
        message: Some(message.to_owned()),
        when: When::BeforeWork,
    }
}

fn described(text: &str) -> String {
    Runner {
        head: format!("id = \"my-runner\"\ndescription = \"{text}\""),
        ..Runner::basic()
    }
    .block()
}

fn settings(cli: &Cli) {
    let scene = Scene::new(cli);
    let block = Runner::basic().block();
    let with = |lines: &str| {
        scene.workspace.write("main.tf", &(provider_with(lines) + &block));
    };
    with("");
    scene.fails("nothing is set", PLAN);
    // Mistakes in the block itself are reported without a token, too.
    with("api_url = \"api.example.com\"\nhctl_config_file = \"./missing.yaml\"\n");
    scene.fails("a wrong block", &["validate"]);
    scene.workspace.write("broken.yaml", "token: [\n");
    with(
        "api_url = \"ftp://example.com\"\norg_id = \"\"\nauth_token = \"a b\"\nhctl_config_file = \"./broken.yaml\"\n",
    );
    scene.fails("another wrong block", &["validate"]);
    // A file that no setting names.
    let default_file = "home/.config/hctl/config.yaml";
    scene.workspace.write(default_file, "token: [\n");
    with("api_url = \"https://api.example.com\"\n");
    scene.fails("a broken default file", PLAN);
    // One that was named, and has not everything.
    scene.workspace.write("partial.yaml", "default_org_id: my-org\n");
    with("hctl_config_file = \"./partial.yaml\"\n");
    scene.fails("a file without the token", PLAN);
}

fn wrong_values(cli: &Cli) {
    let scene = Scene::new(cli);
    let runner = Runner {
        head: "id = \"My-Runner\"".into(),
        auth: "role_arn = \"arn:aws:iam::123456789012:user/me\"\nsession_name = \"a/b\"".into(),
        job: "namespace = \"n\"\nservice_account = \"s\"\npod_template = jsonencode({ spec = { containers = [{ \
              name = \"main\", imag = \"i\", env = [{ name = \"TOKEN\", value = \"v\" }] }] } })"
            .into(),
        storage: "type = \"s3\"\nkubernetes_configuration = {\nnamespace = \"n\"\n}".into(),
        tail: "timeouts = {\nread = \"1 minute\"\n}".into(),
        ..Runner::basic()
    };
    scene.write(&runner.block());
    scene.fails("wrong values", &["validate"]);
}

fn create(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.write(&Runner::basic().block());
    scene.fault(
        "POST",
        refused(400, "runner_configuration.cluster.region: unknown region"),
    );
    scene.fails("create refused", APPLY);
    scene.fault("POST", refused(403, "may not create runners"));
    scene.fails("create forbidden", APPLY);
    let org = scene.orchestrator.org();
    let other_org = provider(&scene.orchestrator).replace(org, "other-org");
    scene
        .workspace
        .write("main.tf", &(other_org + &Runner::basic().block()));
    scene.fails("create in no organization", APPLY);

    let patient = Runner {
        tail: "timeouts = {\ncreate = \"1s\"\n}".into(),
        ..Runner::basic()
    };
    scene.write(&patient.block());
    let busy = Fault::Status {
        status: 429,
        retry_after: Some("3600".to_owned()),
        body: BodyKind::Json,
        message: None,
        when: When::BeforeWork,
    };
    scene.fault("POST", busy);
    scene.fails("create out of time", APPLY);
    assert!(scene.workspace.state().is_empty());
    scene.fault(
        "POST",
        Fault::Delay {
            ms: 60_000,
            when: When::BeforeWork,
        },
    );
    scene.fails("create without a response", APPLY);
    assert_eq!(scene.workspace.tainted(), [ADDRESS]);
    scene.workspace.run(&["state", "rm", ADDRESS]).ok();

    scene.write(&Runner::basic().block());
    scene.orchestrator.put(&json!({
        "id": "my-runner",
        "runner_configuration": {"type": "kubernetes-gke", "cluster": {"name": "c"}},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    }));
    scene.fails("create meets another type", APPLY);
    let import = format!("import {{\n  to = {ADDRESS}\n  id = \"my-runner\"\n}}\n");
    scene.write(&(Runner::basic().block() + &import));
    scene.fails("import of another type", PLAN);
    scene.orchestrator.remove_runner("my-runner");
    scene.apply(&Runner::basic().block());
    scene.workspace.run(&["state", "rm", ADDRESS]).ok();
    scene.fails("create meets an existing id", APPLY);
    // A fault hides that it was there from the beginning.
    scene.write(&described("mine"));
    scene.orchestrator.fault("POST", refused(503, "busy"), Some(1));
    scene.fails("create meets an existing id behind a fault", APPLY);
}

fn read(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.apply(&Runner::basic().block());
    scene.fault("GET", refused(401, "token has expired"));
    scene.fails("read with a wrong token", PLAN);
    scene.fault("GET", refused(500, "database is gone"));
    scene.fails("read from a broken service", PLAN);
    scene.fault("GET", crate::faults::login_page());
    scene.fails("read from a proxy", PLAN);
    let location = "https://user:pass@elsewhere.example/login?token=1".to_owned();
    scene.fault("GET", Fault::Redirect { status: 301, location });
    scene.fails("read from somewhere else", PLAN);
    let org = scene.orchestrator.org();
    let other_org = provider(&scene.orchestrator).replace(org, "other-org");
    scene
        .workspace
        .write("main.tf", &(other_org + &Runner::basic().block()));
    // OpenTofu 1.12 stores the organization beside the state.
    let text = match cli.name {
        "tofu" => "read of another organization",
        _ => "read in no organization",
    };
    scene.fails(text, PLAN);
    let missing = "data \"platform-orchestrator_kubernetes_eks_runner\" \"d\" {\nid = \"not_there\"\n}\n";
    scene.write(missing);
    scene.fails("read of what is not there", &["plan", "-refresh=false"]);
    let impatient = Runner {
        tail: "timeouts = {\nread = \"1s\"\n}".into(),
        ..Runner::basic()
    };
    scene.apply(&impatient.block());
    let ms = u64::try_from(Duration::from_secs(60).as_millis()).expect("it fits");
    scene.fault(
        "GET",
        Fault::Delay {
            ms,
            when: When::BeforeWork,
        },
    );
    scene.fails("read out of time", PLAN);
}

fn update(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.apply(&described("first"));
    scene.write(&described("second"));
    scene.fault("PATCH", refused(404, "runner not found"));
    scene.fails("update of what is gone", APPLY);
    scene.fault(
        "PATCH",
        Fault::Disconnect {
            reset: false,
            when: When::BeforeWork,
        },
    );
    scene.fails("update without a response", APPLY);
}

fn delete(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.apply(&Runner::basic().block());
    scene
        .orchestrator
        .set_environments("my-runner", &["shop/production", "shop/staging"]);
    scene.fails("delete of what is in use", &["destroy", "-auto-approve"]);
}

fn rules(cli: &Cli) {
    let scene = Scene::new(cli);
    let runners = Runner::basic().block();
    let other = Runner {
        name: "other",
        head: "id = \"other\"".into(),
        ..Runner::basic()
    };
    scene.apply(&(runners.clone() + &other.block()));
    let existing = scene.orchestrator.put_rule("other", "shop", "").expect("a rule").id;
    let rule = "resource \"platform-orchestrator_runner_rule\" \"rule\" {\n\
                runner_id = \"my-runner\"\nproject_id = \"shop\"\n}\n";
    scene.write(&(runners + &other.block() + rule));
    let output = scene.workspace.run(&[APPLY, &["-json"]].concat()).fails();
    let text = texts(&output, &[(&existing, "THE-RULES-UUID")]);
    insta::assert_snapshot!("create-meets-an-existing-rule", text);
    let import = format!("import {{\n  to = platform-orchestrator_runner_rule.rule\n  id = \"{existing}\"\n}}\n");
    scene.workspace.write("import.tf", &import);
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("1 imported, 1 added, 0 changed, 1 destroyed");
    scene.workspace.plans_nothing();
}

/// Terraform wraps what it shows; the block stays in one piece.
fn import_block(cli: &Cli) {
    let scene = Scene::new(cli);
    let id = "a-runner-with-an-id-that-is-as-long-as-an-id-may-be-and-so-longer-than-a-line-of-a-terminal-is-wide";
    let runner = Runner {
        head: format!("id = \"{id}\""),
        ..Runner::basic()
    };
    scene.apply(&runner.block());
    scene.workspace.run(&["state", "rm", ADDRESS]).ok();
    let output = scene.workspace.apply(&[]).fails();
    let shown: Vec<&str> = output
        .text
        .lines()
        .map(|line| line.trim_start_matches('│').trim_end())
        .skip_while(|line| line.trim() != "import {")
        .take(4)
        .collect();
    let pasted = shown
        .join("\n")
        .replace("platform-orchestrator_kubernetes_eks_runner.NAME", ADDRESS);
    scene.workspace.write("import.tf", &pasted);
    scene.workspace.apply(&[]).ok().has("1 imported");
}
