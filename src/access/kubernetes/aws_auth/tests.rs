use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::*;

/// An entry of the table: the real authenticator's results, which `tests/oracles/aws-auth` generates.
#[derive(Deserialize)]
struct Verdict {
    name: String,
    session: String,
    data: BTreeMap<String, String>,
    #[serde(rename = "answers")]
    results: Vec<AuthenticatorResult>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct AuthenticatorResult {
    admitted: bool,
    username: String,
    groups: Vec<String>,
}

const ORACLE: &str = include_str!("../../../../tests/oracles/aws-auth/table.json");

fn role() -> RoleArn {
    "arn:aws:iam::123456789012:role/Runner".parse().unwrap()
}

fn admitted(user: User) -> AuthenticatorResult {
    AuthenticatorResult {
        admitted: true,
        username: user.name,
        groups: user.groups,
    }
}

#[test]
fn aws_auth_is_read_as_the_authenticator_reads_it() {
    let verdicts: Vec<Verdict> = serde_json::from_str(ORACLE).unwrap();
    assert!(verdicts.len() > 60);
    let mut different = Vec::new();
    for verdict in &verdicts {
        let refused = || AuthenticatorResult {
            admitted: false,
            username: String::new(),
            groups: Vec::new(),
        };
        let auth = AwsAuth::read(&json!({"data": verdict.data}));
        let ours = match auth.map(&role(), &verdict.session) {
            Mapping::Admitted { user, .. } => vec![admitted(user)],
            Mapping::ByChance { users, .. } => users.into_iter().map(admitted).collect(),
            Mapping::Refused { .. } | Mapping::Absent { .. } => vec![refused()],
        };
        // The access key differs in each session, so that no name and no group contains it.
        let stable = |theirs: &AuthenticatorResult| AuthenticatorResult {
            admitted: theirs.admitted,
            username: if theirs.username.contains("ASIAORACLE") {
                String::new()
            } else {
                theirs.username.clone()
            },
            groups: theirs
                .groups
                .iter()
                .filter(|group| !group.contains("ASIAORACLE"))
                .cloned()
                .collect(),
        };
        let theirs: Vec<AuthenticatorResult> = verdict.results.iter().map(stable).collect();
        let by_chance = theirs.len() > 1;
        let equal = if by_chance {
            // Some of its results might be refusals.
            theirs.iter().all(|one| !one.admitted || ours.contains(one))
        } else {
            ours == theirs
        };
        if !equal {
            different.push(format!(
                "{}: {:?}\n  theirs {theirs:?}\n  ours   {ours:?}\n  broken {:?}",
                verdict.name,
                verdict.data,
                auth.broken()
            ));
        }
    }
    assert!(
        different.is_empty(),
        "{} of {}:\n{}",
        different.len(),
        verdicts.len(),
        different.join("\n")
    );
}

fn read(key: &str, text: &str) -> AwsAuth {
    AwsAuth::read(&json!({"data": {key: text}}))
}

#[test]
fn what_cannot_be_read_says_where_and_quotes_nothing() {
    for (text, at) in [
        ("- rolearn: my-secret\nusername: x\n", (2, 1)),
        ("- rolearn: my-secret\n\tusername: x\n", (2, 1)),
        ("- rolearn: x\n  username: {{my-secret}}\n", (2, 14)),
        ("- rolearn: x\n  username: \"my-secret\n", (2, 13)),
        ("- rolearn: x\n  username: .inf\n", (2, 13)),
    ] {
        let auth = read("mapRoles", text);
        let [(AwsAuthKey::Roles, error)] = auth.broken() else {
            panic!("{text}: {auth:?}");
        };
        assert_eq!((error.at.line, error.at.column), at, "{text}: {error}");
        let message = error.to_string();
        assert!(!message.contains("my-secret") && !message.contains('\n'), "{message}");
        assert_eq!(auth.room, Room::ByHand);
    }
}

#[test]
fn a_line_finds_room_below_the_others() {
    let room = |text: &str| read("mapRoles", text).room;
    assert_eq!(room("- rolearn: x\n"), Room::Below(0));
    assert_eq!(room("# note\n  - rolearn: x\n"), Room::Below(2));
    assert_eq!(room(""), Room::Below(0));
    assert_eq!(AwsAuth::default().room, Room::NoConfigMap);
    for by_hand in [
        "[]",
        "[{rolearn: x}]",
        "''",
        "null",
        "x: y",
        "- x\n...\n",
        "- x\n---\n- y\n",
    ] {
        assert_eq!(room(by_hand), Room::ByHand, "{by_hand}");
    }
}

#[test]
fn a_refusal_names_its_line() {
    let text = "- rolearn: x\n- rolearn: arn:aws:iam::123456789012:role/Runner\n  groups: ['{{EC2PrivateDNSName}}']\n";
    let refused = Mapping::Refused {
        by: AwsAuthKey::Roles,
        line: 2,
        template: "{{EC2PrivateDNSName}}".to_owned(),
    };
    assert_eq!(read("mapRoles", text).map(&role(), "me"), refused);
    let pathed: RoleArn = "arn:aws:iam::123456789012:role/x/Runner".parse().unwrap();
    let text = "- rolearn: y\n- rolearn: arn:aws:iam::123456789012:role/x/Runner\n";
    let absent = Mapping::Absent { with_path: Some(2) };
    assert_eq!(read("mapRoles", text).map(&pathed, "me"), absent);
}

#[test]
fn nested_text_is_refused_before_it_fills_the_stack() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        assert!(read("mapRoles", &text).map(&role(), "me") == Mapping::Absent { with_path: None });
    }
    let mut bomb = "- &a0 [x]\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        bomb += &format!("- &a{level} [*a{before}, *a{before}]\n");
    }
    assert_eq!(read("mapRoles", &bomb).broken().len(), 1);
}
