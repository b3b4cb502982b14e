//! What a person sees who starts the provider's binary by hand. The tests of `plugin/` cover the rest with their own
//! provider, and the acceptance tests with Terraform and OpenTofu.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot continue")]

use std::process::Command;

fn stdout(argument: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_terraform-provider-platform-orchestrator");
    let output = Command::new(binary).arg(argument).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(stdout("-version").trim_end(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_help_has_the_source_the_version_and_the_page_for_defects() {
    let help = stdout("-help");
    let source = r#"source  = "platform-orchestrator/platform-orchestrator""#;
    let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(help.contains(source) && help.contains(&version), "{help}");
    let report = concat!("Report bugs at ", env!("CARGO_PKG_REPOSITORY"), "/issues.");
    assert!(help.contains(report), "{help}");
}
