//! The rules of ARCHITECTURE.md that cargo cannot enforce, compared with the sources.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod links;
mod modules;
mod versions;
mod workflows;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use modules::{Crate, exported, functions, sibling_cycles, sources, types};

/// The limits for a source file and a function, in lines.
const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 80;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The crates of the workspace: the `lib.rs` of each.
fn crates() -> Vec<PathBuf> {
    ["src", "plugin/src", "sandbox/src"]
        .map(|folder| root().join(folder).join("lib.rs"))
        .to_vec()
}

/// All Rust sources of the workspace, tests included.
fn all_sources() -> Vec<PathBuf> {
    ["src", "tests", "plugin", "sandbox"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .collect()
}

/// Returns each room of `src/` and the rooms that it may use: the first and the last column of the table in ARCHITECTURE.md.
fn arrows() -> BTreeMap<String, Vec<String>> {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = map.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", room, _, uses, ""] = cells.as_slice() else {
            return None;
        };
        let room = room.strip_prefix("`src/")?.strip_suffix('`')?;
        let room = room.trim_end_matches('/').trim_end_matches(".rs");
        let uses = match *uses {
            "nothing else here" => Vec::new(),
            uses => uses.split(", ").map(str::to_owned).collect(),
        };
        Some((room.to_owned(), uses))
    });
    rows.collect()
}

#[test]
fn rooms_use_only_those_that_the_table_allows() {
    let found = Crate::read(&root().join("src/lib.rs"));
    let uses = found.uses();
    assert!(uses.len() > 100, "the modules were not found");
    let arrows = arrows();
    let mut wrong = Vec::new();
    for (from, used) in uses {
        let Some(room) = from.first() else { continue };
        let allowed = arrows.get(room);
        let allowed = allowed.unwrap_or_else(|| panic!("{room} is not in the table"));
        let rooms = used.iter().filter_map(|to| to.first());
        let unexpected = rooms.filter(|to| *to != room && !allowed.contains(to));
        wrong.extend(unexpected.map(|to| format!("{} uses {to}", from.join("::"))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn siblings_use_each_other_in_no_circle() {
    let cycles: Vec<_> = crates()
        .iter()
        .flat_map(|file| sibling_cycles(&Crate::read(file)))
        .collect();
    assert!(cycles.is_empty(), "{cycles:#?}");
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for file in all_sources() {
        let name = file.strip_prefix(root()).unwrap().display();
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{name} has {lines} lines"));
        }
        for function in functions(&text) {
            if function.lines > LONGEST_FUNCTION {
                let (function, lines) = (function.name, function.lines);
                long.push(format!("{function} in {name} has {lines} lines"));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// Whether a source is of tests. The folder of the clone itself can have any name.
fn is_of_tests(file: &Path) -> bool {
    let relative = file.strip_prefix(root()).unwrap();
    relative.to_string_lossy().contains("tests")
}

#[test]
fn functions_and_types_are_found_wherever_they_are() {
    let text = "trait A { fn f() {\n}\nfn g(); }\nimpl B { fn h() {} }\nmod inline { pub struct C; }\n#[cfg(test)]\nmod tests { struct D; }";
    let found: Vec<(String, usize)> = functions(text)
        .into_iter()
        .map(|function| (function.name, function.lines))
        .collect();
    assert_eq!(found, [("f".to_owned(), 2), ("h".to_owned(), 1)]);
    let expected = [("A".to_owned(), false), ("C".to_owned(), true)];
    assert_eq!(types(text), expected.into());
}

/// The provider uses what the plugin crate exports, so a reader of the provider meets these names as well.
#[test]
fn no_type_of_the_provider_has_the_name_of_an_export_of_the_plugin_crate() {
    let exported = exported(&root().join("plugin/src/lib.rs"));
    assert!(exported.contains("Diagnostic"), "the exports were not found");
    let files = sources(&root().join("src")).into_iter();
    for file in files.filter(|file| !is_of_tests(file)) {
        for name in types(&fs::read_to_string(&file).unwrap()).keys() {
            assert!(!exported.contains(name), "{name} in {}", file.display());
        }
    }
}

/// A reader who meets the name of a type that other files use finds one type of that name in the crate.
#[test]
fn types_that_other_files_use_have_different_names() {
    let mut same = Vec::new();
    for folder in ["src", "plugin/src", "sandbox/src"] {
        let mut files: BTreeMap<String, Vec<(PathBuf, bool)>> = BTreeMap::new();
        for file in sources(&root().join(folder)) {
            if !is_of_tests(&file) {
                for (name, is_shared) in types(&fs::read_to_string(&file).unwrap()) {
                    let found = (file.clone(), is_shared);
                    files.entry(name).or_default().push(found);
                }
            }
        }
        assert!(files.len() > 20, "the types were not found");
        let is_ambiguous =
            |files: &Vec<(PathBuf, bool)>| files.len() > 1 && files.iter().any(|(_, is_shared)| *is_shared);
        same.extend(files.into_iter().filter(|(_, files)| is_ambiguous(files)));
    }
    assert!(same.is_empty(), "{same:#?}");
}

/// A runner can be in any partition of AWS, so no printed ARN has a fixed one. ARNs in documentation are examples.
#[test]
fn no_printed_arn_has_a_fixed_partition() {
    for room in ["access", "cli"] {
        for path in sources(&root().join("src").join(room)) {
            let text = fs::read_to_string(&path).unwrap();
            let mut code = text
                .lines()
                .take_while(|line| line.trim() != "#[cfg(test)]")
                .filter(|line| !line.trim_start().starts_with("//"));
            let fixed = code.any(|line| line.contains("arn:aws:") || line.contains("arn:aws-"));
            assert!(is_of_tests(&path) || !fixed, "{} fixes a partition", path.display());
        }
    }
}

#[test]
fn generated_code_is_named_only_in_the_grpc_module() {
    let plugin = root().join("plugin/src");
    let outside = |path: &PathBuf| !path.starts_with(plugin.join("grpc"));
    let files = sources(&plugin).into_iter().chain(sources(&root().join("src")));
    for path in files.filter(outside) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        for name in ["grpc::proto", "grpc::go_plugin", "include_proto!"] {
            assert!(!code.contains(name), "{} names {name}", path.display());
        }
    }
}

#[test]
fn entries_are_short() {
    for entry in ["src/main.rs", "src/bin/eks-runner.rs"] {
        let text = fs::read_to_string(root().join(entry)).unwrap();
        assert!(text.lines().count() <= 40, "{entry} has more than 40 lines");
    }
}

#[test]
fn each_target_of_a_release_is_built_described_and_checked_for_its_licenses() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let targets = read("tools/targets");
    let targets: Vec<&str> = targets
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(targets.len(), 10);
    for name in [".github/workflows/release.yml", "RELEASING.md", "deny.toml"] {
        let text = read(name);
        for target in &targets {
            assert!(text.contains(target), "{name} does not name {target}");
        }
    }
}

#[test]
fn the_other_crates_share_no_code_with_the_provider() {
    for name in ["plugin", "sandbox"] {
        let manifest = root().join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        assert!(!manifest.contains("terraform-provider-platform-orchestrator"));
    }
}

/// A crate of four files, with a cycle between two siblings that goes through a re-export of their parent.
#[test]
fn uses_are_followed_through_reexports() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("lib.rs", "mod a;\nmod b;\n");
    write("a/mod.rs", "mod one;\nmod two;\npub(crate) use two::Two;\n");
    write(
        "a/one.rs",
        "use super::Two;\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n",
    );
    write("a/two.rs", "fn f() { super::one::go() }\npub(crate) struct Two;\n");
    write("b.rs", "use crate::a::Two as Other;\npub(crate) struct B(Other);\n");
    let found = Crate::read(&folder.path().join("lib.rs"));
    let names = |path: &[&str]| path.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let uses = found.uses();
    assert_eq!(uses[&names(&["b"])], [names(&["a", "two"])].into());
    assert_eq!(uses[&names(&["a", "one"])], [names(&["a", "two"])].into());
    assert_eq!(sibling_cycles(&found), ["a: one -> two, two -> one"]);
}
