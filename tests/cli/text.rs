//! What the command prints without any call: help, schema, set-up; and that the documentation agrees with it.

use std::path::Path;
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::Value;
use terraform_provider_platform_orchestrator::access::{Category, CheckId, GuidePage};

use crate::Test;
use crate::command::{CHECK, Folder, RUNNER, Ran, redact};

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    help,
    schema,
    errors_begin_and_end_alike,
    explain,
    completions,
    manual,
    setup,
    setup_for_another_installation,
    a_closed_pipe_is_no_error,
    every_check_has_its_heading,
];

fn help() {
    let folder = Folder::new();
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_check", &["check", "--help"]),
        ("help_probe", &["probe", "--help"]),
        ("help_setup", &["setup", "--help"]),
        ("help_explain", &["explain", "--help"]),
        ("help_completions", &["completions", "--help"]),
        ("help_man", &["man", "--help"]),
        ("help_schema", &["schema", "--help"]),
        ("version", &["--version"]),
    ] {
        assert_snapshot!(name, folder.run(arguments).all());
    }
    assert_eq!(folder.run(&[]).code, 2);
    assert_eq!(
        headings(&folder, "check"),
        "Options: --color --output-file --help; Arguments: FILE; \
         Runner: --id --runner --all --filter --org --api-url --hctl-config-file --octl-config-file; \
         Checks: --oidc-issuer --runner-image --orchestrator-cidr --skip --only --timeout --wait; \
         Access: --as --profile --assume-role-arn --assume-role-session-name --external-id \
         --web-identity-token-file --kubeconfig --context; \
         Output: --output --fail-on --allow-incomplete --quiet --verbose"
    );
    assert_eq!(
        headings(&folder, "probe"),
        "Options: --color --output-file --help; Arguments: FILE; \
         Runner: --id --runner --org --api-url --hctl-config-file --octl-config-file; \
         Access: --as --profile --assume-role-arn --assume-role-session-name --external-id \
         --web-identity-token-file --kubeconfig --context; \
         Job: --runner-image --timeout --yes --keep; Output: --output --verbose"
    );
    assert_eq!(
        headings(&folder, "setup"),
        "Options: --color --output-file --help; Arguments: FILE; \
         Runner: --id --runner --org --api-url --hctl-config-file --octl-config-file; \
         Setup: --oidc-issuer --pod-identity; Output: --output"
    );
}

/// Returns the options of a subcommand, below the headings of its help.
fn headings(folder: &Folder, subcommand: &str) -> String {
    let help = folder.run(&[subcommand, "--help"]).out;
    let option = regex_lite::Regex::new(r"^ +(?:-\w, )?(?:(--[\w-]+)|\[(\w+)\])").expect("a pattern");
    let mut sections: Vec<String> = Vec::new();
    for line in help.lines().take_while(|line| *line != "Examples:") {
        let name = option.captures(line).and_then(|found| found.get(1).or(found.get(2)));
        match (line.strip_suffix(':'), name) {
            (Some(heading), _) if !line.starts_with(' ') => sections.push(format!("{heading}:")),
            (_, Some(name)) => {
                let section = sections.last_mut().expect("a heading");
                section.push_str(&format!(" {}", name.as_str()));
            }
            _ => {}
        }
    }
    sections.join("; ")
}

fn schema() {
    let ran = Folder::new().run(&["schema"]);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    let mut schema: Value = serde_json::from_str(&ran.out).expect("JSON");
    let definitions = schema["$defs"].take();
    assert_snapshot!("schema", serde_json::to_string_pretty(&schema).expect("JSON"));

    let container = &definitions["io.k8s.api.core.v1.Container"];
    assert_eq!(container["additionalProperties"], false);
    assert!(container.get("required").is_none(), "the pod template is a fragment");
    assert!(container["properties"]["env"].is_object());
}

/// The first line of each error is a clause: no capital letter, but for names and acronyms, and no period, but after
/// several sentences.
fn errors_begin_and_end_alike() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots");
    let mut count = 0;
    for snapshot in std::fs::read_dir(folder).expect("the snapshots") {
        let path = snapshot.expect("a snapshot").path();
        let text = std::fs::read_to_string(&path).expect("a snapshot");
        for error in text.lines().filter_map(|line| line.strip_prefix("error: ")) {
            count += 1;
            let word = error.split(' ').next().unwrap_or_default();
            let is_acronym = word.len() > 1 && word == word.to_uppercase();
            let is_lower = !word.starts_with(char::is_uppercase);
            assert!(is_lower || is_acronym, "{}: {error}", path.display());
            let is_clause = !error.ends_with('.') || error.contains(". ");
            assert!(is_clause, "{}: {error}", path.display());
        }
    }
    assert!(count > 20, "{count}");
}

fn completions() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = folder.run(&["completions", shell]);
        assert_eq!((ran.code, ran.error.as_str()), (0, ""));
        for word in ["allow-incomplete", "explain"] {
            assert!(ran.out.contains(word), "{shell} does not complete {word}");
        }
    }

    // What Bash itself completes.
    folder.write("completions", folder.run(&["completions", "bash"]).out);
    let complete = |words: &[&str]| {
        let (last, before) = (words.len() - 1, words[words.len() - 2]);
        let script = format!(
            "source completions; COMP_WORDS=({}); COMP_CWORD={last}; \
             $(complete -p eks-runner | sed 's/.*-F \\([^ ]*\\).*/\\1/') eks-runner '{}' '{before}'; \
             echo \"${{COMPREPLY[@]}}\"",
            words
                .iter()
                .map(|word| format!("'{word}'"))
                .collect::<Vec<_>>()
                .join(" "),
            words[last],
        );
        let mut bash = std::process::Command::new("bash");
        let output = bash.args(["-c", &script]).current_dir(folder.path()).output();
        let output = output.expect("Bash starts");
        // `compopt` works only while a person completes.
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    for (words, expected) in [
        (&["eks-runner", "ex"][..], "explain"),
        (&["eks-runner", "check", "--on"], "--only"),
        (&["eks-runner", "check", "x.yaml", "--allow"], "--allow-incomplete"),
        (&["eks-runner", "check", "--output", "ma"], "markdown"),
        (&["eks-runner", "setup", "--output", ""], "terraform aws-cli yaml"),
        (&["eks-runner", "probe", "--ke"], "--keep"),
        (&["eks-runner", "check", "--only", "role-t"], "role-trust"),
        (&["eks-runner", "explain", "role-t"], "role-trust"),
        (&["eks-runner", "completions", "b"], "bash"),
        (&["eks-runner", "help", "sch"], "schema"),
    ] {
        assert_eq!(complete(words), expected, "{words:?}");
    }
}

fn manual() {
    let folder = Folder::new();
    let ran = folder.run(&["man", "share/man1"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.error.as_str()), (0, "", ""));
    let page = |name: &str| {
        let path = folder.path().join("share/man1").join(name);
        std::fs::read_to_string(path).expect("a page")
    };
    for (name, texts) in [
        (
            "eks-runner.1",
            &["eks\\-runner\\-check(1)", ".SH \"EXIT STATUS\"\n.nf\n  0  no check"][..],
        ),
        (
            "eks-runner-check.1",
            &[
                "\\-\\-fail\\-on",
                ".SH EXAMPLES\n.nf\n  # The file",
                ".SH \"EXIT STATUS\"\n.nf\n  0  no check",
                ".ad l\n",
            ],
        ),
        ("eks-runner-explain.1", &["role\\-trust"]),
    ] {
        let page = page(name);
        let source = format!("\"eks-runner {}\"", env!("CARGO_PKG_VERSION"));
        assert!(page.contains(&source) && !page.contains("EXTRA"), "{page}");
        for text in texts {
            assert!(page.contains(text), "{text}: {page}");
        }
    }
    assert!(!folder.path().join("share/man1/eks-runner-help.1").exists());
    let ran = folder.run(&["man", "runner-config.yaml"]);
    assert_eq!(ran.code, 2, "{}", ran.error);
    assert!(
        ran.error.contains("runner-config.yaml cannot be written"),
        "{}",
        ran.error
    );
}

/// Without a call and without a file.
fn explain() {
    let folder = Folder::new();
    assert_snapshot!("explain", folder.run(&["explain"]).all());
    assert_snapshot!("explain_state-storage", folder.run(&["explain", "state-storage"]).all());
    for id in CheckId::ALL {
        let ran = folder.run(&["explain", id.as_str()]);
        assert_eq!((ran.code, ran.error.as_str()), (0, ""));
        let first = format!("{id}: {}\n\n", id.title());
        assert!(ran.out.starts_with(&first), "{}", ran.out);
        for part in ["Verifies", "\nWhy: ", "\nCaller needs", "To fix it: "] {
            assert!(ran.out.contains(part), "{id} has no {part}: {}", ran.out);
        }
        assert!(!ran.out.contains("**") && !ran.out.contains("]("));
    }
    let styled = folder.run(&["explain", "namespace", "--color", "always"]);
    assert!(styled.out.contains("\x1b[1mWhy\x1b[0m: "), "{}", styled.out);
    let refused = folder.run(&["explain", "role-trus"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.error.contains("'role-trust'"), "{}", refused.error);
}

fn setup() {
    let folder = Folder::new();
    let setup = |format: &str| {
        folder.run(&[
            "setup",
            "runner-config.yaml",
            "--org",
            "my-org",
            "--id",
            "my-runner",
            "--output",
            format,
        ])
    };
    for format in ["terraform", "aws-cli", "yaml"] {
        assert_snapshot!(format!("setup_{format}"), setup(format).all());
    }
    for format in ["terraform", "aws-cli", "yaml"] {
        let ran = irsa(&folder, format);
        assert_snapshot!(format!("setup_{format}_with_irsa"), jobs_part(&ran.all()));
    }
    folder.write(
        "runner-config.yaml",
        RUNNER
            .replace("type: s3\n  bucket: my-state", "type: kubernetes\n  namespace: state")
            .replace("role/", "role/team/x/"),
    );
    assert_snapshot!("setup_terraform_with_state", setup("terraform").all());
    // Without S3, the option has no effect.
    let refused = irsa(&folder, "yaml");
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert_snapshot!("setup_irsa_without_s3", refused.all());
}

fn irsa(folder: &Folder, format: &str) -> Ran {
    let runner = ["setup", "runner-config.yaml", "--org", "my-org"];
    let options = ["--id", "my-runner", "--output", format, "--pod-identity", "irsa"];
    folder.run(&[&runner[..], &options].concat())
}

/// The set-up without the parts of the Orchestrator: its AWS part ends at the access entry, and its Roles follow the
/// service account.
fn jobs_part(setup: &str) -> String {
    let (_, after_entry) = setup.split_once("STANDARD").unwrap_or(("", setup));
    let ends = ["resource \"kubernetes_role", "kind: Role"];
    let end = ends.iter().filter_map(|end| after_entry.find(end)).min();
    after_entry[..end.expect("the Roles")].to_owned()
}

/// Only Humanitec's API has a known issuer. For another API, none is assumed.
fn setup_for_another_installation() {
    const SETUP: &[&str] = &["setup", "runner-config.yaml", "--org", "my-org", "--id", "my-runner"];
    let folder = Folder::new();
    let url = "https://po.example.com";
    let by_option = [SETUP, &["--api-url", url]].concat();
    let by_variable = [("HUMANITEC_API_URL".to_owned(), url.to_owned())];
    let with = |format: &str, more: &[&str]| folder.run(&[&by_option[..], &["--output", format], more].concat());
    for ran in [
        with("terraform", &[]),
        with("aws-cli", &[]),
        folder.run_with(SETUP, &by_variable),
    ] {
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.error.contains("--oidc-issuer"), "{}", ran.error);
    }
    let ran = with("yaml", &[]);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    let ran = with("terraform", &["--oidc-issuer", "https://oidc.example.com"]);
    assert_eq!(ran.code, 0, "{}", ran.error);
    assert!(ran.out.contains("https://oidc.example.com") && !ran.out.contains("humanitec.dev"));
    let saas = folder.run(&[SETUP, &["--api-url", "https://api.humanitec.dev/"]].concat());
    assert!(saas.out.contains("https://oidc.humanitec.dev"), "{}", saas.error);

    // The API's URL can also come from hctl's file.
    let config = "api_url: https://po.example.com\ndefault_org_id: my-org\n";
    std::fs::create_dir_all(folder.path().join(".config/hctl")).expect("a folder");
    folder.write(".config/hctl/config.yaml", config);
    let ran = folder.run(&["setup", "runner-config.yaml", "--id", "my-runner"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.error.contains("--oidc-issuer"), "{}", ran.error);
}

fn a_closed_pipe_is_no_error() {
    let folder = Folder::new();
    for arguments in [&["schema"][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = folder.command(arguments);
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(redact(&String::from_utf8_lossy(&output.stderr)), "");
    }
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = folder.command(CHECK).stdout(writer).output().expect("it starts");
    assert_eq!(output.status.code(), Some(4), "the exit code is that of the checks");
}

fn every_check_has_its_heading() {
    // Two categories can share a page.
    let mut pages: Vec<GuidePage> = Category::ALL.map(Category::guide).to_vec();
    pages.dedup();
    let headings: Vec<&str> = pages
        .iter()
        .flat_map(|page| page.text.lines())
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let ids: Vec<&str> = CheckId::ALL.iter().map(|id| id.as_str()).collect();
    assert_eq!(headings, ids);
    for id in CheckId::ALL {
        let docs = id.docs();
        let page = id.category().guide();
        let end = format!("/docs/guides/{}.md#{id}", page.name);
        assert!(docs.ends_with(&end), "{docs}");
        let section = page.text.split(&format!("\n## {id}\n")).nth(1).expect("a section");
        let section = section.split("\n## ").next().unwrap_or_default();
        for part in ["**Verifies**", "**Why**", "**Caller needs**", "**To fix it**"] {
            assert!(section.contains(part), "{id} has no {part}");
        }
    }
}
