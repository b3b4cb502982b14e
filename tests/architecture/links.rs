//! Links to the project's own pages: in what the provider and the command print (the snapshots), and in the pages.

use std::fs;
use std::path::{Path, PathBuf};

use super::root;

const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Returns the files below a folder that have this extension.
pub(super) fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

/// Returns the pages: those of the repository, and the generated documentation.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files(&root().join("docs"), "md", &mut pages);
    pages
}

/// Returns GitHub's anchor of a heading: lowercase, without punctuation, and with hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

/// Returns what is wrong with a link to a file below `folder`, such as `guide.md#heading`.
fn problem(folder: &Path, link: &str) -> Option<String> {
    let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
    let file = folder.join(path);
    if file.is_dir() {
        return None;
    }
    let Ok(text) = fs::read_to_string(&file) else {
        return Some(format!("{} does not exist", file.display()));
    };
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    let exists = headings.any(|line| anchor(line.trim_start_matches('#')) == wanted);
    // tfplugindocs writes anchors of its own.
    let exists = exists || text.contains(&format!("id=\"{wanted}\""));
    let missing = !wanted.is_empty() && !exists;
    missing.then(|| format!("{} has no heading {wanted}", file.display()))
}

/// Returns the links to files of the repository in a text: what follows `/blob/main/`.
fn links_to_repository(text: &str) -> Vec<&str> {
    let base = format!("{REPOSITORY}/blob/main/");
    let ends = |c: char| c.is_whitespace() || "\"')>`,".contains(c);
    text.split(&base)
        .skip(1)
        .filter_map(|rest| rest.split(ends).next())
        .map(|link| link.trim_end_matches('.'))
        .collect()
}

#[test]
fn links_to_the_repository_exist() {
    let mut texts = pages();
    files(&root().join("tests"), "snap", &mut texts);
    let (mut count, mut wrong) = (0, Vec::new());
    for path in texts {
        let text = fs::read_to_string(&path).unwrap();
        let found = links_to_repository(&text);
        count += found.len();
        wrong.extend(found.into_iter().filter_map(|link| problem(root(), link)));
        // A registry has a page for the provider only after its first release there.
        if text.contains("registry.terraform.io/providers/platform-orchestrator") {
            wrong.push(format!("{} links to a registry", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 40, "only {count} links were found");
}

#[test]
fn links_between_pages_exist() {
    let mut wrong = Vec::new();
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap();
        let found = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in found.filter(|link| !link.contains("://") && !link.contains(char::is_whitespace)) {
            // A link within a page begins with `#`.
            let own = path.file_name().unwrap().to_string_lossy();
            let link = if link.starts_with('#') {
                format!("{own}{link}")
            } else {
                link.to_owned()
            };
            let found = problem(folder, &link);
            wrong.extend(found.map(|problem| format!("{}: {problem}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
