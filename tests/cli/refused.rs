//! Options that have no effect together.

use crate::Test;
use crate::command::{CHECK, Folder};

/// The tests, which need no EKS.
pub(crate) const TESTS: &[Test] = sandbox::scenarios![options_without_an_effect, several_addresses_in_a_list,];

/// The arguments of `check` that are refused, and the reasons.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["--all", "runner-config.yaml"],
        "FILE and --all cannot be used together: each of them selects the runners",
    ),
    (
        &["--all", "--runner", "x"],
        "--runner and --all cannot be used together",
    ),
    (&["--all", "--id", "x"], "--id has no effect: it is the ID of"),
    (&["--runner", "x", "--id", "x"], "--id has no effect"),
    (
        &["--runner", "x", "runner-config.yaml"],
        "FILE and --runner cannot be used together",
    ),
    (
        &["--runner", "x", "--filter", "x"],
        "--filter has no effect: it selects from the runners of --all",
    ),
    (
        &["--filter", "x"],
        "--filter has no effect: it selects from the runners of --all",
    ),
    (&["--all", "--filter", ""], "it matches no ID"),
    (&[], "set --runner to the ID of a registered runner, or set --all"),
    (
        &["runner-config.yaml", "-q", "-v"],
        "one hides what the other one shows",
    ),
    (&["-", "-"], "it can be read only once"),
    (&["a.yaml", "a.yaml"], "a.yaml is passed twice"),
    (
        &["runner-config.yaml", "-o", "runner-config.yaml"],
        "would replace runner-config.yaml, which the command reads",
    ),
    (
        &["--all", "--hctl-config-file", "token", "-o", "./token"],
        "would replace ./token",
    ),
    (
        &["a.yaml", "b.yaml", "--id", "x"],
        "--id names one runner, but 2 files were passed",
    ),
    (
        &["runner-config.yaml", "--context", "x"],
        "--context has no effect: it selects a context of the file that --kubeconfig names",
    ),
    (
        &["runner-config.yaml", "--external-id", "xx"],
        "--external-id has no effect: it is for the role of --assume-role-arn",
    ),
    (
        &["runner-config.yaml", "--assume-role-session-name", "xx"],
        "it is for the role of --assume-role-arn",
    ),
    (
        &["--all", "--octl-config-file", "x", "--hctl-config-file", "x"],
        "only one product's settings can be used",
    ),
    (&["--all", "--web-identity-token-file", "token"], "add --as runner"),
    (
        &["--all", "--as", "runner", "--kubeconfig", "token"],
        "only the caller uses a kubeconfig. The runner uses a token of its own role",
    ),
    (
        &["--all", "--only", "namespace", "--skip", "namespace"],
        "--skip names the same check",
    ),
    (
        &[
            "--all",
            "--orchestrator-cidr",
            "203.0.113.7",
            "--skip",
            "cluster-endpoint,role-trust",
        ],
        "it is for role-trust and cluster-endpoint, which --only or --skip excludes",
    ),
    (
        &["--all", "--only", "namespace", "--orchestrator-cidr", "::1"],
        "--orchestrator-cidr has no effect",
    ),
    (
        &["--all", "--only", "namespace", "--runner-image", "x:1"],
        "--runner-image has no effect: it is for job-dry-run, scheduling, and state-storage, which",
    ),
    (
        &[
            "--all",
            "--only",
            "api-server",
            "--oidc-issuer",
            "https://x.example.com",
        ],
        "--oidc-issuer has no effect",
    ),
    (
        &["--all", "--only", "role-trust", "--skip", "role-exists,namespace"],
        "--skip namespace has no effect: no check that --only names needs it",
    ),
    (
        &["--all", "--only", "session-name", "--profile", "x"],
        "--profile has no effect: no check that runs calls AWS",
    ),
    (
        &["--all", "--only", "session-name", "--as", "runner"],
        "--as runner has no effect: no check that runs calls AWS",
    ),
    (
        &[
            "--all",
            "--only",
            "oidc-issuer",
            "--assume-role-arn",
            "arn:aws:iam::123456789012:role/x",
        ],
        "--assume-role-arn has no effect: no check that runs calls AWS",
    ),
    (
        &["--all", "--only", "role-trust", "--kubeconfig", "token"],
        "--kubeconfig has no effect: no check that runs calls the cluster",
    ),
];

/// Each pair of options that have no effect together is refused, with the reason.
fn options_without_an_effect() {
    let folder = Folder::new();
    folder.write("token", "t");
    for (arguments, reason) in REFUSED {
        let ran = folder.run(&[&["check"], *arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.error.contains(reason), "{arguments:?}: {}", ran.error);
    }
    // An option of a check that runs is not refused. Without credentials, the checks are incomplete.
    let only = ["--only", "scheduling", "--runner-image", "x:1"];
    let ran = folder.run(&[CHECK, &only].concat());
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.error);
    for (arguments, reason) in [
        (&["man", "pages", "-o", "x"][..], "`man` writes its pages to DIRECTORY"),
        (&["setup"], "set --runner to the ID of a registered runner"),
        (&["probe", "--runner", "x", "--id", "x"], "--id has no effect"),
        (
            &[
                "setup",
                "runner-config.yaml",
                "--output",
                "yaml",
                "--oidc-issuer",
                "https://x.example.com",
            ],
            "--oidc-issuer has no effect: the issuer is part of the objects in AWS",
        ),
    ] {
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.error.contains(reason), "{arguments:?}: {}", ran.error);
    }
    let kept = ["pages", "x", "runner-config.yaml", "token"].map(|name| folder.path().join(name));
    assert_eq!(kept.map(|path| path.exists()), [false, false, true, true]);
}

/// The addresses are a list, as the checks of --skip and --only are.
fn several_addresses_in_a_list() {
    let check = |addresses: &str| {
        let only = ["--only", "cluster-endpoint", "--orchestrator-cidr", addresses];
        Folder::new().run(&[CHECK, &only].concat())
    };
    // The checks are incomplete without credentials.
    let ran = check("203.0.113.7,198.51.100.0/24");
    assert_eq!(ran.code, 4, "{}", ran.error);
    let ran = check("203.0.113.7,here");
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.error.contains("'here'"), "{}", ran.error);
}
