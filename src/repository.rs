//! The pages of this project that texts link to. All of them are in its repository, so that a link also works before a
//! registry shows the documentation, and for a build that no registry has.

/// The page where users report defects.
pub const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// The folder of the guides, as of the latest change. A version's own tag exists only after its release.
const GUIDES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/guides");

/// Returns the URL of a guide, or of a heading in it: `guide("eks-access-checks#role-trust")`.
pub(crate) fn guide(name: &str) -> String {
    match name.split_once('#') {
        Some((page, anchor)) => format!("{GUIDES}/{page}.md#{anchor}"),
        None => format!("{GUIDES}/{name}.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_those_of_the_repository() {
        let repository = "https://github.com/platform-orchestrator/terraform-provider-platform-orchestrator";
        assert_eq!(ISSUES, format!("{repository}/issues"));
        let page = format!("{repository}/blob/main/docs/guides/a.md");
        assert_eq!(guide("a"), page);
        assert_eq!(guide("a#b"), format!("{page}#b"));
    }
}
