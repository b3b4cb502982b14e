//! Plans of new runners whose IDs are in use.

use sandbox::orchestrator::OrchestratorOptions;
use sandbox::orchestrator::faults::{BodyKind, Fault, FaultRule, When};
use serde_json::json;

use crate::Scenario;
use crate::cli::{Cli, Output, Workspace};
use crate::configuration::{Runner, provider};
use crate::existing::{registered, registered_block};
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    id_in_use,
    other_type,
    replacing,
    renaming,
    importing,
    removed_and_created,
    token_not_valid,
    rule_conflicts,
];

pub(crate) const IN_TURN: &[Scenario] = sandbox::scenarios![one_list, not_listed, unusable_url, doubtful_org,];

const TYPE: &str = "platform-orchestrator_kubernetes_eks_runner";
const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";
const LIST: &str = "/runners?per_page=100";
const EXISTS: &str = "already exists";

fn with_id(name: &'static str, id: &str) -> String {
    Runner {
        name,
        head: format!("id = {id:?}"),
        ..Runner::basic()
    }
    .block()
}

/// The first block of `kind` in the output, without the box around diagnostics.
fn shown_block(output: &Output, kind: &str) -> String {
    let lines = output.text.lines();
    let plain = lines.map(|line| line.trim_start_matches('│').trim_end());
    let block = plain.skip_while(|line| line.trim() != format!("{kind} {{"));
    block.take(4).collect::<Vec<_>>().join("\n")
}

/// The plan warns, and both printed blocks work.
fn id_in_use(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let configuration = provider(&orchestrator) + &registered_block().block();
    let workspace = Workspace::new(cli, &configuration);
    workspace.init();
    let plan = workspace.plan(&[]).ok();
    plan.has("Warning: Runner \"my-runner\" already exists")
        .has("organization \"my-org\" already has a runner with this ID")
        .has("1 to add");
    let import = shown_block(&plan, "import").replace(&format!("{TYPE}.NAME"), ADDRESS);
    workspace.write("import.tf", &import);
    workspace
        .apply(&[])
        .ok()
        .has("1 imported, 0 added, 0 changed")
        .has_not(EXISTS);
    workspace.plans_nothing();

    // A renamed resource: the old address is another state's, or is shown too late.
    workspace.write("import.tf", "");
    let renamed = Runner {
        name: "renamed",
        ..registered_block()
    };
    let moved = shown_block(&plan, "moved")
        .replace(&format!("{TYPE}.OLD_NAME"), ADDRESS)
        .replace(&format!("{TYPE}.NAME"), &format!("{TYPE}.renamed"));
    let configuration = provider(&orchestrator) + &renamed.block() + &moved;
    workspace.write("main.tf", &configuration);
    workspace
        .apply(&[])
        .ok()
        .has("0 added, 0 changed, 0 destroyed")
        .has_not(EXISTS);
}

fn other_type(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&json!({
        "id": "my-runner",
        "runner_configuration": {"type": "kubernetes-gke", "cluster": {"name": "c"}},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    }));
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &Runner::basic().block()));
    workspace.init();
    workspace
        .plan(&[])
        .ok()
        .has("Warning: Runner \"my-runner\" already exists")
        .has("has type `kubernetes-gke`, which this provider cannot manage")
        .has_not("import {");
}

/// The state has the runner, so its ID is free for its replacement.
fn replacing(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &Runner::basic().block()));
    workspace.init();
    workspace.apply(&[]).ok().has_not("Warning");
    let replace = format!("-replace={ADDRESS}");
    for refresh in ["-refresh=true", "-refresh=false"] {
        workspace
            .plan(&[&replace, refresh])
            .ok()
            .has("1 to add, 0 to change, 1 to destroy")
            .has_not("Warning");
    }
    workspace.run(&["taint", ADDRESS]).ok();
    for refresh in ["-refresh=true", "-refresh=false"] {
        workspace
            .plan(&[refresh])
            .ok()
            .has("1 to add, 0 to change, 1 to destroy")
            .has_not("Warning");
    }
    workspace
        .apply(&["-refresh=false"])
        .ok()
        .has("1 added, 0 changed, 1 destroyed")
        .has_not("Warning");
    // Another ID is another runner, and one that exists is reported.
    orchestrator.put(&registered("other"));
    workspace.write("main.tf", &(provider(&orchestrator) + &with_id("my_runner", "other")));
    workspace
        .plan(&[])
        .ok()
        .has("Runner \"other\" already exists")
        .has("1 to add, 0 to change, 1 to destroy");
    // A runner that someone else deleted is created again.
    orchestrator.remove_runner("other");
    orchestrator.remove_runner("my-runner");
    orchestrator.put(&registered("unrelated"));
    workspace.apply(&[]).ok().has("1 added").has_not("Warning");
}

fn renaming(cli: &Cli) {
    let orchestrator = StandIn::start();
    let each = |keys: &str| {
        let runner = Runner {
            head: format!("for_each = {keys}\nid = each.value"),
            ..Runner::basic()
        };
        provider(&orchestrator) + &runner.block()
    };
    let workspace = Workspace::new(cli, &each(r#"{ old = "my-runner", same = "my-other" }"#));
    workspace.init();
    workspace.apply(&[]).ok();
    let renamed = each(r#"{ new = "my-runner", same = "my-other" }"#);
    // Terraform plans the two addresses in any order, but both soon after each other.
    workspace.write("main.tf", &renamed);
    for refresh in ["-refresh=true", "-refresh=false"] {
        workspace
            .plan(&[refresh])
            .ok()
            .has("1 to add, 0 to change, 1 to destroy")
            .has_not("Warning");
    }
    let moved = format!("moved {{\n  from = {ADDRESS}[\"old\"]\n  to   = {ADDRESS}[\"new\"]\n}}\n");
    workspace.write("main.tf", &(renamed + &moved));
    for refresh in ["-refresh=true", "-refresh=false"] {
        workspace.plan(&[refresh]).ok().has_not("Warning");
    }
    workspace
        .apply(&[])
        .ok()
        .has("0 added, 0 changed, 0 destroyed")
        .has_not("Warning");
    workspace.plans_nothing();
}

fn importing(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let import = format!("import {{\n  to = {ADDRESS}\n  id = \"my-runner\"\n}}\n");
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &import));
    workspace.init();
    workspace
        .plan(&["-generate-config-out=generated.tf"])
        .ok()
        .has("1 to import, 0 to add, 0 to change")
        .has_not(EXISTS);
    workspace.apply(&[]).ok().has_not(EXISTS);
    // Nothing is created, so nothing is listed.
    workspace.plans_nothing();
    workspace.destroy().ok();
    assert_eq!(orchestrator.count("GET", LIST), 0);
}

/// The runner stays when it leaves the state. The apply fails for its id, and the printed block solves that.
fn removed_and_created(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner::basic();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    let again = Runner {
        name: "again",
        ..runner
    };
    let removed = format!("removed {{\n  from = {ADDRESS}\n  lifecycle {{\n    destroy = false\n  }}\n}}\n");
    let configuration = provider(&orchestrator) + &again.block() + &removed;
    workspace.write("main.tf", &configuration);
    let apply = workspace.apply(&[]).fails();
    apply.has("Nothing was created: runner with id my-runner already exists.");
    assert!(orchestrator.runner("my-runner").is_some(), "it stays");
    let import = shown_block(&apply, "import").replace(".NAME", ".again");
    workspace.write("import.tf", &import);
    workspace
        .apply(&[])
        .ok()
        .has("1 imported, 0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
}

fn many(orchestrator: &StandIn, count: usize) -> String {
    let runner = Runner {
        head: format!("count = {count}\nid = \"runner-${{count.index}}\""),
        ..Runner::basic()
    };
    provider(orchestrator) + &runner.block()
}

/// The listing of 5,000 runners: 50 pages, read once.
fn one_list(cli: &Cli) {
    let orchestrator = StandIn::start();
    for number in 0..4_999 {
        orchestrator.put(&registered(&format!("other-{number}")));
    }
    orchestrator.put(&registered("runner-3"));
    let workspace = Workspace::new(cli, &many(&orchestrator, 20));
    workspace.init();
    let plan = workspace.plan(&["-out=plan"]).ok();
    plan.has("20 to add").has("Runner \"runner-3\" already exists");
    assert_eq!(plan.text.matches(EXISTS).count(), 1, "{}", plan.text);
    assert_eq!(orchestrator.count("GET", LIST), 50, "one list of 50 pages");
    assert_eq!(orchestrator.requests().len(), 50, "and nothing else");
    orchestrator.remove_runner("runner-3");
    workspace.run(&["apply", "-no-color", "plan"]).ok().has("20 added");
    // An apply plans again, in a process of its own.
    assert!(orchestrator.count("GET", LIST) <= 100);
}

fn token_not_valid(cli: &Cli) {
    let orchestrator = StandIn::start();
    let configuration = many(&orchestrator, 3).replace(orchestrator.token(), "another-token");
    let workspace = Workspace::new(cli, &configuration);
    workspace.init();
    let plan = workspace.plan(&[]).fails();
    plan.has("Error: Could not list the runners of organization \"my-org\"")
        .has("was not authenticated (401)")
        .has("The token comes from");
    assert_eq!(plan.text.matches("Error:").count(), 1, "{}", plan.text);
}

/// Temporary failures and missing permissions are one warning.
fn not_listed(cli: &Cli) {
    let with_body = |status, retry_after: Option<&str>, body| Fault::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
        body,
        message: None,
        when: When::BeforeWork,
    };
    let status = |status, retry_after| with_body(status, retry_after, BodyKind::Json);
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &many(&orchestrator, 3));
    workspace.init();
    let delay = Fault::Delay {
        ms: 60_000,
        when: When::BeforeWork,
    };
    for (fault, text) in [
        (status(403, None), "(403)"),
        (status(429, Some("3600")), "returned 429 with Retry-After 3600 s"),
        (status(500, None), "returned 500"),
        (status(503, None), "returned 503"),
        // A gateway's own pages.
        (with_body(403, None, BodyKind::Html), "returned 403"),
        (with_body(403, None, BodyKind::Empty), "returned 403"),
        (with_body(408, None, BodyKind::Empty), "returned 408"),
        (with_body(429, None, BodyKind::Html), "returned 429"),
        (with_body(502, None, BodyKind::Html), "returned 502"),
        (delay, "did not finish before the timeout"),
    ] {
        let rule = FaultRule::new(fault).method("GET").path(LIST);
        orchestrator.faults().add(rule);
        let plan = workspace.plan(&[]).ok();
        plan.has("Warning: Not checked: the IDs of the new runners")
            .has(text)
            .has("The apply fails if an ID is in use")
            .has("3 to add");
        assert_eq!(plan.text.matches("Warning:").count(), 1, "{}", plan.text);
        assert!(!plan.text.contains("more similar warning"), "{}", plan.text);
        orchestrator.faults().clear();
    }
}

fn unusable_url(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &many(&orchestrator, 3));
    workspace.init();
    let fails = |text: &str| {
        let plan = workspace.plan(&[]).fails();
        plan.has("Error: Could not list the runners of organization")
            .has(text)
            .has("api_url");
        assert_eq!(plan.text.matches("Error:").count(), 1, "{}", plan.text);
    };
    for body in [200, 404] {
        let page = Fault::Status {
            status: body,
            retry_after: None,
            body: BodyKind::Html,
            message: None,
            when: When::BeforeWork,
        };
        orchestrator.faults().add(FaultRule::new(page));
        fails("The gateway has a page for you");
        orchestrator.faults().clear();
    }
    orchestrator.faults().add(FaultRule::new(Fault::Redirect {
        status: 302,
        location: "https://elsewhere.example/login".to_owned(),
    }));
    fails("Redirects are not followed");
    orchestrator.faults().clear();
    let elsewhere = |url: &str| {
        let configuration = many(&orchestrator, 3).replace(orchestrator.url(), url);
        workspace.write("main.tf", &configuration);
    };
    elsewhere("http://127.0.0.1:9");
    fails("the connection was refused");
    elsewhere("https://orchestrator.invalid");
    fails("could not be resolved");
}

/// For a caller with permissions in every organization, a missing organization looks like one without runners. OpenTofu 1.12
/// stores the organization beside the state, so that its plan fails before any request.
fn doubtful_org(cli: &Cli) {
    let has_identity = cli.name == "tofu";
    let orchestrator = StandIn::with(OrchestratorOptions {
        every_org: true,
        ..OrchestratorOptions::default()
    });
    let two = many(&orchestrator, 2);
    let workspace = Workspace::new(cli, &two);
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.write("main.tf", &two.replace("\"my-org\"", "\"other-org\""));
    if has_identity {
        let plan = workspace.plan(&[]).fails();
        plan.has("The state belongs to another object")
            .has("has org_id = \"my-org\"");
    } else {
        let plan = workspace.plan(&[]).ok();
        plan.has("Warning: Organization \"other-org\" has no runners")
            .has("If org_id or api_url is wrong, correct it");
        assert_eq!(plan.text.matches("Warning:").count(), 1, "{}", plan.text);
        workspace
            .apply(&[])
            .fails()
            .has("Organization \"other-org\" does not exist");
    }
    // A caller with permissions in one organization gets 403 for another one, and keeps the state.
    let orchestrator = StandIn::start();
    let two = many(&orchestrator, 2);
    let workspace = Workspace::new(cli, &two);
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.write("main.tf", &two.replace("\"my-org\"", "\"other-org\""));
    let apply = workspace.apply(&[]).fails();
    if !has_identity {
        apply
            .has("(403)")
            .has("responds the same way if the organization does not exist");
    }
    assert_eq!(workspace.state().len(), 2);
}

fn rule_conflicts(cli: &Cli) {
    let orchestrator = StandIn::with(OrchestratorOptions {
        env_types: Some(vec!["production".to_owned()]),
        ..OrchestratorOptions::default()
    });
    orchestrator.put(&registered("w-0"));
    orchestrator.put(&registered("w-1"));
    let existing = orchestrator.put_rule("w-0", "p1", "").expect("a rule").id;
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    let rule = |lines: &str| {
        let block = format!("resource \"platform-orchestrator_runner_rule\" \"rule\" {{\n{lines}\n}}\n");
        workspace.write("main.tf", &(provider(&orchestrator) + &block));
    };
    // The service reports the conflict first, but the runner is what is missing.
    for project in ["p1", "p2"] {
        rule(&format!("runner_id = \"missing\"\nproject_id = {project:?}"));
        workspace
            .apply(&[])
            .fails()
            .has("Runner \"missing\" does not exist in organization \"my-org\"")
            .has("set runner_id to the ID of an existing runner")
            .has("runner_id = \"missing\"")
            .has_not("import");
    }
    rule("runner_id = \"w-1\"\nenv_type_id = \"staging\"");
    workspace
        .apply(&[])
        .fails()
        .has("environment type 'staging' not found")
        .has("set env_type_id to the ID of an existing environment type")
        .has_not("import");
    rule("runner_id = \"w-1\"\nproject_id = \"p1\"");
    workspace
        .apply(&[])
        .fails()
        .has(&format!(
            "Rule \"{existing}\" for project \"p1\" and every environment type selects runner \"w-0\""
        ))
        .has("Terraform then plans to replace it")
        .has_not("import {");
    assert_eq!(orchestrator.rules().len(), 1, "the rule in use is still there");
    // The same rule can be imported.
    rule("runner_id = \"w-0\"\nproject_id = \"p1\"");
    let apply = workspace.apply(&[]).fails();
    apply.has("import {").has(&existing);
    let import = shown_block(&apply, "import").replace(".NAME", ".rule");
    workspace.write("import.tf", &import);
    workspace.apply(&[]).ok().has("1 imported, 0 added");
    // An id that no runner can have is found at validate.
    workspace.write("import.tf", "");
    rule("runner_id = \"W 1\"");
    workspace.validate().fails().has("runner_id = \"W 1\"");
}
