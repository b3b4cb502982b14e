//! The rules for the workflows that actionlint does not know.

use std::fs;

use super::root;

fn workflow(name: &str) -> String {
    fs::read_to_string(root().join(".github/workflows").join(name)).unwrap()
}

#[test]
fn actions_are_pinned_by_commit() {
    let text = workflow("ci.yml") + &workflow("release.yml");
    let actions = text
        .lines()
        .filter_map(|line| line.split_once("uses: "))
        .map(|(_, action)| action)
        .filter(|action| !action.starts_with("./"));
    let mut count = 0;
    for action in actions {
        count += 1;
        let (_, commit) = action.split_once('@').unwrap();
        let (commit, version) = commit.split_once(" # v").unwrap();
        assert!(commit.len() == 40 && !version.is_empty(), "{action}");
    }
    assert!(count > 10, "only {count} actions were found");
}

/// The code of a dependency could read the key: its build script runs with the environment of the job.
#[test]
fn the_job_with_the_signing_key_builds_nothing() {
    let text = workflow("release.yml");
    let (before, publish) = text.split_once("\n  publish:\n").unwrap();
    assert!(!before.contains("secrets."));
    assert_eq!(publish.matches("secrets.GPG_").count(), 2);
    for builder in ["rustup", "cargo", "tools/build", "release sbom", "make "] {
        assert!(!publish.contains(builder), "the job publish runs {builder:?}");
    }
}

/// aws-lc has the assembled code for x86_64 only (`builder/main.rs` of aws-lc-sys).
#[test]
fn windows_386_is_built_with_a_pinned_nasm() {
    let text = workflow("release.yml");
    let line = text.lines().find(|line| line.contains("targets: i686-pc-windows-msvc"));
    let (_, version) = line.unwrap().split_once("nasm: ").unwrap();
    assert!(version.starts_with(|c: char| c.is_ascii_digit()));
}
