//! A file as `hctl get runner` prints it: an object of the API, as YAML or JSON.

use serde_json::{Value, json};

use crate::Test;
use crate::command::{Folder, RUNNER, Ran};
use crate::registered;

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    id_and_organization_come_from_the_file,
    options_take_precedence_over_the_file,
    the_case_of_top_level_names_does_not_matter,
    unknown_fields_of_the_storage_are_notes,
    a_file_without_an_id,
    the_schema_accepts_what_check_accepts,
];

/// The documented runner, as the API returns it.
fn exported() -> Value {
    let (configuration, storage) = registered::documented();
    json!({
        "id": "of-file",
        "org_id": "org-of-file",
        "created_at": "2025-06-01T10:00:00Z",
        "updated_at": "2025-06-02T10:00:00.123456Z",
        "description": "",
        "runner_configuration": configuration,
        "state_storage_configuration": storage,
    })
}

fn setup(folder: &Folder, file: &str, more: &[&str]) -> Ran {
    folder.run(&[&["setup", file, "--output", "yaml"], more].concat())
}

fn id_and_organization_come_from_the_file() {
    let folder = Folder::new();
    folder.write("runner.json", exported().to_string());
    let head = "created_at: \"2025-06-01T10:00:00Z\"\nid: of-file\norg_id: org-of-file\n\
                updated_at: 2025-06-02T10:00:00Z\n";
    folder.write("runner.yaml", format!("{head}{RUNNER}"));
    for file in ["runner.json", "runner.yaml"] {
        let ran = setup(&folder, file, &[]);
        assert_eq!((ran.code, ran.error.as_str()), (0, ""), "{file}");
        assert!(ran.out.contains("/org-of-file-of-file"), "{}", ran.out);
    }
    // The file is more specific than the environment.
    let variable = [("HUMANITEC_ORG_ID".to_owned(), "of-env".to_owned())];
    let arguments = ["setup", "runner.json", "--output", "yaml"];
    let ran = folder.run_with(&arguments, &variable);
    assert!(ran.out.contains("/org-of-file-of-file"), "{}", ran.error);
    // Options can repeat what the file says.
    let ran = setup(&folder, "runner.json", &["--id", "of-file", "--org", "org-of-file"]);
    assert_eq!(ran.code, 0, "{}", ran.error);
}

fn options_take_precedence_over_the_file() {
    let folder = Folder::new();
    folder.write("runner.yaml", format!("id: of-file\norg_id: org-of-file\n{RUNNER}"));
    let ran = setup(&folder, "runner.yaml", &["--id", "other", "--org", "org-of-option"]);
    assert_eq!(ran.code, 0, "{}", ran.error);
    assert!(ran.out.contains("/org-of-option-other"), "{}", ran.out);
    assert_eq!(
        ran.error,
        "note: runner.yaml:2:9: org_id: --org sets \"org-of-option\", which is used in place of \"org-of-file\".\n\
         note: runner.yaml:1:5: id: --id sets \"other\", which is used in place of \"of-file\".\n"
    );
}

/// hctl and octl decode the top level with Go's encoding/json, which ignores the case of names.
fn the_case_of_top_level_names_does_not_matter() {
    let folder = Folder::new();
    let runner = RUNNER.replace("runner_configuration:", "Runner_Configuration:");
    folder.write("runner.yaml", format!("ID: of-file\nDescription: mine\n{runner}"));
    let ran = setup(&folder, "runner.yaml", &["--org", "my-org"]);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    assert!(ran.out.contains("/my-org-of-file"), "{}", ran.out);
}

/// The Orchestrator keeps them without using them.
fn unknown_fields_of_the_storage_are_notes() {
    let folder = Folder::new();
    let runner = format!("id: my-runner\n{RUNNER}  path_prefx: states\n");
    folder.write("runner.yaml", &runner);
    let ran = setup(&folder, "runner.yaml", &["--org", "my-org"]);
    assert_eq!(ran.code, 0, "{}", ran.error);
    let note = ": state_storage_configuration.path_prefx: Unknown field: the Orchestrator stores it, but does not use it. \
                Did you mean";
    assert!(ran.error.contains(note), "{}", ran.error);
    // A required field that is misspelled is a problem.
    folder.write("runner.yaml", runner.replace("bucket:", "buckt:"));
    let ran = setup(&folder, "runner.yaml", &["--org", "my-org"]);
    assert_eq!(ran.code, 2, "{}", ran.error);
    assert!(ran.error.contains("Did you mean `bucket`?"), "{}", ran.error);
    assert!(!ran.error.contains("missing"), "{}", ran.error);
}

fn a_file_without_an_id() {
    let folder = Folder::new();
    let ran = setup(&folder, "runner-config.yaml", &["--org", "my-org"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.error
            .contains("id\n  The file has no `id`. Add it to the file, or set --id (with one FILE only)."),
        "{}",
        ran.error
    );
    folder.write("number.yaml", format!("id: 7\n{RUNNER}"));
    let ran = setup(&folder, "number.yaml", &["--org", "my-org"]);
    assert!(ran.error.contains("Expected a string, found a number"), "{}", ran.error);
    assert!(!ran.error.contains("--id"), "{}", ran.error);
    folder.write("bad.yaml", format!("id: -x\n{RUNNER}"));
    let ran = setup(&folder, "bad.yaml", &["--org", "my-org"]);
    assert!(ran.error.contains("bad.yaml:1:5: id\n"), "{}", ran.error);
}

fn the_schema_accepts_what_check_accepts() {
    let folder = Folder::new();
    // The path `-` is standard output.
    let ran = folder.run(&["schema", "-o", "-"]);
    assert!(!folder.path().join("-").exists());
    let schema: Value = serde_json::from_str(&ran.out).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let (configuration, storage) = registered::documented();
    let with_id = json!({
        "id": "my-runner",
        "runner_configuration": configuration,
        "state_storage_configuration": storage,
    });
    for runner in [exported(), with_id.clone()] {
        let errors: Vec<String> = schema.iter_errors(&runner).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{runner}");
    }
    let mut unknown = with_id;
    unknown["nope"] = json!(1);
    assert!(!schema.is_valid(&unknown));
}
