//! The values that attributes can have, one after the other: each is applied, plans empty after that,
//! and is in the state and in the Orchestrator what was written.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::Cli;
use crate::configuration::{Runner, provider};
use crate::scene::Scene;

pub(crate) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![descriptions, pod_templates, large_pod_template, together, empty_texts,];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

impl Scene {
    /// Applies a runner and plans again, with an empty plan: the runner in the state and in the Orchestrator.
    #[track_caller]
    fn kept(&self, runner: &Runner) -> (Value, Value) {
        self.apply(&runner.block());
        self.workspace.plans_nothing();
        let stored = self.orchestrator.runner("my-runner").expect("registered");
        (self.workspace.state()[ADDRESS].clone(), stored)
    }
}

fn descriptions(cli: &Cli) {
    let scene = Scene::new(cli);
    let (longest, many_bytes) = ("d".repeat(10_000), "é🦀".repeat(100));
    for (expression, expected) in [
        (r#""""#, Some("")),
        ("null", None),
        (r#""a""#, Some("a")),
        (r#""""#, Some("")),
        (
            r#""one\ntwo \"three\" $${x} %%{y} \\ <&> 日本語 🦀""#,
            Some("one\ntwo \"three\" ${x} %{y} \\ <&> 日本語 🦀"),
        ),
        (&format!("{longest:?}"), Some(longest.as_str())),
        (&format!("{many_bytes:?}"), Some(many_bytes.as_str())),
        // Terraform composes what is written with combining characters.
        (r#""e\u0301""#, Some("é")),
        // Unicode 17 defines another order for these marks. Terraform's tables are older, and its spelling stays.
        (r#""a\u0358\u1ae0""#, Some("a\u{358}\u{1ae0}")),
        (r#"" ""#, Some(" ")),
        ("<<EOT\na\n\nb\nEOT", Some("a\n\nb\n")),
        ("null", None),
    ] {
        let (state, stored) = scene.kept(&Runner {
            head: format!("id = \"my-runner\"\ndescription = {expression}"),
            ..Runner::basic()
        });
        assert_eq!(state["description"].as_str(), expected);
        let stored = stored["description"].as_str().unwrap_or_default();
        assert_eq!(stored, expected.unwrap_or_default());
    }
}

fn with_template(expression: &str) -> Runner {
    Runner {
        job: format!("namespace = \"n\"\nservice_account = \"s\"\npod_template = {expression}"),
        ..Runner::basic()
    }
}

fn pod_templates(cli: &Cli) {
    let scene = Scene::new(cli);
    let limits = |cpu: Value| json!({"spec": {"priority": 1, "containers": [{"name": "main", "resources": {"limits": {"cpu": cpu}}}]}});
    for (expression, expected) in [
        (r#""{}""#, json!({})),
        (
            "jsonencode({ spec = { containers = [{ name = \"main\", securityContext = null }] } })",
            json!({"spec": {"containers": [{"name": "main", "securityContext": null}]}}),
        ),
        // A null takes something away from the Job's own template, so it is not as good as nothing.
        (
            "jsonencode({ spec = { containers = [{ name = \"main\" }] } })",
            json!({"spec": {"containers": [{"name": "main"}]}}),
        ),
        (
            r#"jsonencode({ metadata = { annotations = { "a/b" = "<&> \" \\ \n é 🦀 $${x}" } } })"#,
            json!({"metadata": {"annotations": {"a/b": "<&> \" \\ \n é 🦀 ${x}"}}}),
        ),
        (
            "<<EOT\n{\"spec\": {\"priority\": 1.0, \"containers\": [{\"name\": \"main\", \"resources\": \
             {\"limits\": {\"cpu\": 5e-1}}}]}}\nEOT",
            limits(json!(0.5)),
        ),
        (
            "jsonencode({ spec = { priority = 1.0, containers = [{ name = \"main\", resources = { limits = { cpu = \
             0.50 } } }] } })",
            limits(json!(0.5)),
        ),
        (
            "jsonencode({ spec = { priority = 1, containers = [{ name = \"main\", resources = { limits = { cpu = \
             \"0.5\" } } }] } })",
            limits(json!("0.5")),
        ),
        // The documentation's YAML.
        (
            "jsonencode(yamldecode(<<EOT\nmetadata:\n  labels:\n    app.kubernetes.io/name: humanitec-runner\nEOT\n))",
            json!({"metadata": {"labels": {"app.kubernetes.io/name": "humanitec-runner"}}}),
        ),
    ] {
        let (_, stored) = scene.kept(&with_template(expression));
        assert_eq!(stored["runner_configuration"]["job"]["pod_template"], expected);
    }
    // An unknown part makes the whole text unknown, and nothing else.
    let mut later =
        with_template("jsonencode({ metadata = { labels = { a = terraform_data.later.output } } })").block();
    later.push_str("resource \"terraform_data\" \"later\" {\n  input = \"b\"\n}\n");
    scene
        .workspace
        .write("main.tf", &(provider(&scene.orchestrator) + &later));
    let plan = scene.workspace.plan(&[]).ok();
    plan.has("1 to add, 1 to change");
    let unknown: Vec<&str> = plan
        .text
        .lines()
        .filter(|line| line.contains("(known after apply)"))
        .map(|line| line.trim().split(' ').nth(1).unwrap_or_default())
        .collect();
    // The first is the last line of what `pod_template` is now: `) -> (known after apply)`.
    assert_eq!(unknown, ["->", "id", "output"]);
    scene.workspace.apply(&[]).ok();
    scene.workspace.plans_nothing();
    let stored = scene.orchestrator.runner("my-runner").expect("registered");
    assert_eq!(
        stored["runner_configuration"]["job"]["pod_template"],
        json!({"metadata": {"labels": {"a": "b"}}})
    );
}

fn large_pod_template(cli: &Cli) {
    let scene = Scene::new(cli);
    let large = |text: &str| {
        with_template(&format!(
            "jsonencode({{ metadata = {{ annotations = {{ for n in range(1000) : \"large-${{n}}\" => \
             \"{text}${{format(\"%01100d\", n)}}\" }} }} }})"
        ))
    };
    for text in ["a", "b"] {
        let (_, stored) = scene.kept(&large(text));
        let template = stored["runner_configuration"]["job"]["pod_template"].to_string();
        assert!(template.len() > 1 << 20, "{}", template.len());
    }
}

fn together(cli: &Cli) {
    let scene = Scene::new(cli);
    let azurerm = |more: &str| {
        format!(
            "type = \"azurerm\"\nazurerm_configuration = {{\nstorage_account_name = \"account\"\n\
             container_name = \"container\"\n{more}}}"
        )
    };
    let without = Runner {
        storage: azurerm(""),
        auth: Runner::extended().auth.lines().next().unwrap_or_default().into(),
        ..Runner::basic()
    };
    let with = Runner {
        storage: azurerm("resource_group_name = \"group\"\npath_prefix = \"a/b\"\n"),
        tail: "timeouts = {\nread = \"30s\"\n}".into(),
        ..Runner::extended()
    };
    let mut states = Vec::new();
    for runner in [&without, &with, &without, &with] {
        scene.write(&runner.block());
        let plan = scene.workspace.plan(&[]).ok();
        plan.has_not("(known after apply)");
        let (state, mut stored) = scene.kept(runner);
        for changing in ["updated_at", "description"] {
            stored.as_object_mut().expect("an object").remove(changing);
        }
        states.push((state, stored));
    }
    assert_eq!(states[0], states[2]);
    assert_eq!(states[1], states[3]);
    assert_ne!(states[0], states[1]);
}

fn empty_texts(cli: &Cli) {
    let scene = Scene::new(cli);
    for (more, expected) in [
        ("resource_group_name = \"\"\n", json!("")),
        ("resource_group_name = \"a\"\n", json!("a")),
        ("resource_group_name = \"\"\n", json!("")),
        ("", json!(null)),
    ] {
        let (state, _) = scene.kept(&Runner {
            storage: format!(
                "type = \"azurerm\"\nazurerm_configuration = {{\nstorage_account_name = \"account\"\n\
                 container_name = \"container\"\n{more}}}"
            ),
            ..Runner::basic()
        });
        let block = &state["state_storage_configuration"]["azurerm_configuration"];
        assert_eq!(block["resource_group_name"], expected);
    }
}
