//! A file as `hctl get runner` prints it: an object of the API, as YAML or JSON.

use serde_json::{Value, json};

use crate::Test;
use crate::command::{Folder, RUNNER, Ran};
use crate::registered;

pub(crate) const TESTS: &[Test] = &[
    (
        "exported::id_and_organization_come_from_the_file",
        id_and_organization_come_from_the_file,
    ),
    (
        "exported::an_option_must_not_contradict_the_file",
        an_option_must_not_contradict_the_file,
    ),
    ("exported::a_file_without_an_id", a_file_without_an_id),
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
    let ran = setup(
        &folder,
        "runner.json",
        &["--id", "of-file", "--org", "org-of-file"],
    );
    assert_eq!(ran.code, 0, "{}", ran.error);
}

fn an_option_must_not_contradict_the_file() {
    let folder = Folder::new();
    folder.write("runner.json", exported().to_string());
    let ran = setup(
        &folder,
        "runner.json",
        &["--id", "other", "--org", "org-of-file"],
    );
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.error.contains(
            ": id\n  The file describes \"of-file\", but --id names \"other\". Remove --id"
        ),
        "{}",
        ran.error
    );
    let ran = setup(&folder, "runner.json", &["--org", "other"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.error
            .contains(": org_id\n  The file describes \"org-of-file\", but --org names \"other\"."),
        "{}",
        ran.error
    );
}

fn a_file_without_an_id() {
    let folder = Folder::new();
    let ran = setup(&folder, "runner-config.yaml", &["--org", "my-org"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.error.contains(
            "id\n  The file has no `id`. Add it to the file, or set --id, which is for one file."
        ),
        "{}",
        ran.error
    );
    folder.write("number.yaml", format!("id: 7\n{RUNNER}"));
    let ran = setup(&folder, "number.yaml", &["--org", "my-org"]);
    assert!(
        ran.error.contains("Expected a string and found a number"),
        "{}",
        ran.error
    );
    assert!(!ran.error.contains("--id"), "{}", ran.error);
    folder.write("bad.yaml", format!("id: -x\n{RUNNER}"));
    let ran = setup(&folder, "bad.yaml", &["--org", "my-org"]);
    assert!(ran.error.contains("bad.yaml:1:5: id\n"), "{}", ran.error);
}
