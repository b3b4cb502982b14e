//! Which module may use which: the table of ARCHITECTURE.md, compared with the sources.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("secrets", &[]),
    ("network", &[]),
    ("runner", &[]),
    ("orchestrator", &["runner", "network", "secrets"]),
    ("access", &["runner", "network", "secrets"]),
    ("plugin", &["secrets"]),
    ("provider", &["plugin", "runner", "orchestrator", "access"]),
    ("cli", &["runner", "orchestrator", "access", "secrets"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms that a source names: what follows `crate::`, also in a `use crate::{…}` list, up to the
/// unit tests at its end.
fn rooms_used(source: &str) -> BTreeSet<String> {
    let source: String = source
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = BTreeSet::new();
    for (position, marker) in source.match_indices("crate::") {
        let after = &source[position + marker.len()..];
        let names: Vec<&str> = match after.strip_prefix('{') {
            Some(list) => list
                .split('}')
                .next()
                .unwrap_or_default()
                .split(',')
                .collect(),
            None => vec![after],
        };
        for name in names {
            let name: String = name
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.insert(name);
        }
    }
    found
}

#[test]
fn arrows_never_turn_back() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (room, may_use) in ARROWS {
        let folder = source_folder().join(room);
        if !folder.is_dir() {
            continue;
        }
        for path in sources(&folder) {
            seen += 1;
            for used in rooms_used(&fs::read_to_string(&path).unwrap()) {
                let is_room = ARROWS.iter().any(|(name, _)| *name == used);
                if is_room && used != *room && !may_use.contains(&used.as_str()) {
                    wrong.push(format!("{} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(seen > 20, "the sources were not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_is_in_the_table() {
    for entry in fs::read_dir(source_folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let known = ARROWS.iter().any(|(room, _)| *room == name) || name == "bin";
        assert!(!path.is_dir() || known, "{name} is no room of the table");
    }
}

/// What a check prints is made of the partition of the role or the caller.
#[test]
fn no_check_fixes_a_partition() {
    for room in ["access", "cli"] {
        for path in sources(&source_folder().join(room)) {
            let text = fs::read_to_string(&path).unwrap();
            let fixed = text
                .lines()
                .take_while(|line| line.trim() != "#[cfg(test)]")
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| {
                    ["arn:aws:", "arn:aws-"]
                        .iter()
                        .any(|start| line.contains(start))
                });
            let is_test = path.to_string_lossy().contains("tests");
            assert!(is_test || !fixed, "{} fixes a partition", path.display());
        }
    }
}

#[test]
fn generated_code_is_named_only_in_the_wire() {
    for path in sources(&source_folder()) {
        let text = fs::read_to_string(&path).unwrap();
        let in_wire = path.starts_with(source_folder().join("plugin/wire"));
        let names_it = ["wire::proto", "go_plugin::", "include_proto!"]
            .iter()
            .any(|name| text.contains(name));
        assert!(
            in_wire || !names_it,
            "{} names generated code",
            path.display()
        );
    }
}

#[test]
fn entries_are_short() {
    for entry in ["main.rs", "bin/eks-runner.rs"] {
        let Ok(text) = fs::read_to_string(source_folder().join(entry)) else {
            continue;
        };
        assert!(text.lines().count() <= 40, "{entry} has more than 40 lines");
    }
}

#[test]
fn the_sandbox_shares_no_code_with_the_provider() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    assert!(!manifest.contains("terraform-provider-platform-orchestrator"));
}

#[test]
fn what_a_source_uses_is_read() {
    let source =
        "use crate::{plugin, runner::Runner};\nfn f() { crate::access::go() }\n// crate::cli\n";
    let expected = ["access", "plugin", "runner"].map(str::to_owned);
    assert_eq!(rooms_used(source), BTreeSet::from(expected));
}

/// A runner can be in any partition of AWS, so no printed ARN has a fixed one. ARNs in documentation are examples.
#[test]
fn the_checks_print_no_arn_of_a_fixed_partition() {
    let mut wrong = Vec::new();
    for path in sources(&source_folder().join("access")) {
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let code = source
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code.filter(|line| line.contains("arn:aws:")) {
            wrong.push(format!("{}: {}", path.display(), line.trim()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
