//! The file of `--output-file`.

use serde_json::{Value, json};

use crate::Test;
use crate::command::{CHECK, Folder};
use crate::registered;

/// The tests, which need no EKS.
pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    the_output_goes_to_a_file,
    a_file_that_cannot_be_written,
    a_wrong_argument_replaces_only_reports,
];

fn the_output_goes_to_a_file() {
    let folder = Folder::new();
    let explain = ["explain", "namespace", "--color", "always"];
    let ran = folder.run(&[&explain[..], &["-o", "out.txt"]].concat());
    assert_eq!((ran.code, ran.out.as_str(), ran.error.as_str()), (0, "", ""));
    let written = std::fs::read_to_string(folder.path().join("out.txt")).expect("the file");
    assert!(written.starts_with("namespace: "), "{written}");
    assert!(!written.contains('\x1b'), "a file has no colors");

    for format in ["json", "yaml", "sarif"] {
        let ran = folder.run(&[CHECK, &["-o", format]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.error.contains(&format!("use --output {format}")), "{}", ran.error);
        assert!(!folder.path().join(format).exists());
    }
}

/// A file that cannot be written is an error before any call.
fn a_file_that_cannot_be_written() {
    let orchestrator = registered::orchestrator();
    let environment = registered::environment(&orchestrator);
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("directory")).expect("a directory");
    let check = |file: &str, format: &str| {
        let registered = ["check", "--runner", "my-runner", "--only", "session-name"];
        let output = ["--output", format, "-o", file];
        folder.run_with(&[&registered[..], &output].concat(), &environment)
    };
    for file in ["no/out.txt", "directory"] {
        let ran = check(file, "text");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        let error = format!("error: {file} cannot be written: ");
        assert!(ran.error.starts_with(&error), "{}", ran.error);
        let document: Value = serde_json::from_str(&check(file, "json").out).expect("JSON");
        assert_eq!(document["error"]["exit_code"], 2);
    }
    assert_eq!(orchestrator.count("GET", "/runners"), 0);
    // The attempt does not change a file, and leaves none.
    let ran = folder.run(&["setup", "no.yaml", "-o", "new"]);
    assert_eq!(ran.code, 2, "{}", ran.error);
    assert!(!folder.path().join("new").exists());

    // What cannot be noticed before: the result is not lost, and nothing follows it.
    let ran = check("/dev/full", "json");
    let document: Value = serde_json::from_str(&ran.out).expect("one document");
    assert_eq!((ran.code, &document["ok"]), (2, &json!(true)));
    assert!(
        ran.error.starts_with("error: /dev/full cannot be written: "),
        "{}",
        ran.error
    );
}

/// Arguments that cannot be parsed replace an earlier report, and no other file.
fn a_wrong_argument_replaces_only_reports() {
    let folder = Folder::new();
    let written = |arguments: &[&str]| {
        folder.write("out", "before");
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 2, "{}", ran.error);
        let text = std::fs::read_to_string(folder.path().join("out")).expect("the file");
        text.lines().next().unwrap_or_default().to_owned()
    };
    let error = "error: unexpected argument '--nope' found";
    assert_eq!(written(&["check", "--nope", "-o", "out"]), error);
    assert_eq!(written(&["probe", "-o", "out", "--nope"]), error);
    assert_eq!(written(&["setup", "f.yaml", "--output", "json", "-o", "out"]), "before");
    assert_eq!(written(&["explain", "nope", "-o", "out"]), "before");
    written(&["check", "--output", "json", "-o", "--id", "x"]);
    assert!(!folder.path().join("--id").exists());
}
