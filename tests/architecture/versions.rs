//! The version of the provider in examples and pages, which users copy.

use std::fs;
use std::path::PathBuf;

use super::links::files;
use super::root;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns each line of a text that names a version of the provider, and the version in it.
fn versions(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut previous = "";
    for line in text.lines() {
        // The version follows the source, in `required_providers`.
        let required = previous.contains(r#"= "platform-orchestrator/platform-orchestrator""#);
        let before = if required && line.trim_start().starts_with("version") {
            "\""
        } else if line.contains("uses: platform-orchestrator/") {
            "@v"
        } else if line.trim_start().starts_with("rev: v") {
            ": v"
        } else if line.trim_start().starts_with(r#""version": "#) {
            ": \""
        } else {
            ""
        };
        if let Some((_, version)) = line.split_once(before).filter(|_| !before.is_empty()) {
            found.push((line.trim(), version.trim_end_matches([',', '"'])));
        }
        previous = line;
    }
    found
}

#[test]
fn examples_and_pages_name_this_version() {
    let (minor, _) = VERSION.rsplit_once('.').unwrap();
    let mut paths: Vec<PathBuf> = vec![root().join("README.md")];
    files(&root().join("examples"), "tf", &mut paths);
    files(&root().join("templates"), "md", &mut paths);
    files(&root().join("templates"), "tmpl", &mut paths);
    let (mut count, mut stale) = (0, Vec::new());
    for path in paths {
        for (line, version) in versions(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            if version != VERSION && version != format!("~> {minor}.0") {
                stale.push(format!("{}: {line}", path.display()));
            }
        }
    }
    assert!(stale.is_empty(), "not version {VERSION}: {stale:#?}");
    assert!(count >= 7, "only {count} versions were found");
}

#[test]
fn versions_of_this_provider_are_found() {
    let text = r#"
      source  = "platform-orchestrator/platform-orchestrator"
      version = "~> 1.2.0"
      source  = "hashicorp/aws"
      version = "~> 5.0"
      - uses: platform-orchestrator/terraform-provider-platform-orchestrator@v1.2.3
      - uses: actions/checkout@v5
    rev: v1.2.4
  "version": "1.2.5",
"#;
    let found: Vec<_> = versions(text).into_iter().map(|(_, version)| version).collect();
    assert_eq!(found, ["~> 1.2.0", "1.2.3", "1.2.4", "1.2.5"]);
}
