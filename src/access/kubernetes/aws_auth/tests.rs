use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::*;

/// What the real authenticator answers, made by `tools/aws-auth-oracle`.
#[derive(Deserialize)]
struct Verdict {
    name: String,
    session: String,
    data: BTreeMap<String, String>,
    answers: Vec<Answer>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Answer {
    admitted: bool,
    username: String,
    groups: Vec<String>,
}

const ORACLE: &str = include_str!("../../../../tests/oracles/aws-auth.json");

fn role() -> RoleArn {
    "arn:aws:iam::123456789012:role/Runner".parse().unwrap()
}

fn answer(user: User) -> Answer {
    Answer {
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
        let refused = || Answer {
            admitted: false,
            username: String::new(),
            groups: Vec::new(),
        };
        let auth = AwsAuth::read(&json!({"data": verdict.data}));
        let ours = match auth.map(&role(), &verdict.session) {
            Mapping::Admitted { user, .. } => vec![answer(user)],
            Mapping::ByChance { users, .. } => users.into_iter().map(answer).collect(),
            Mapping::Refused { .. } | Mapping::Absent { .. } => vec![refused()],
        };
        // The access key is another one in each session: no name and no group has it.
        let stable = |theirs: &Answer| Answer {
            admitted: theirs.admitted,
            username: match theirs.username.contains("ASIAORACLE") {
                true => String::new(),
                false => theirs.username.clone(),
            },
            groups: theirs
                .groups
                .iter()
                .filter(|group| !group.contains("ASIAORACLE"))
                .cloned()
                .collect(),
        };
        let theirs: Vec<Answer> = verdict.answers.iter().map(stable).collect();
        let by_chance = theirs.len() > 1;
        let equal = match by_chance {
            // Some of its answers may be refusals.
            true => theirs.iter().all(|one| !one.admitted || ours.contains(one)),
            false => ours == theirs,
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
