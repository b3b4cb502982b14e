//! How long it takes, how much it asks, and what it waits for.

use sandbox::eks::Faults;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("cost::end_to_end", end_to_end),
    ("cost::hundred_runners", hundred_runners),
    ("cost::propagation", propagation),
];

fn end_to_end(cloud: &Cloud) {
    let faults = Faults {
        delay_ms: 50,
        kubernetes_delay_ms: 50,
        ..Faults::default()
    };
    cloud.eks.set_faults(&faults).unwrap();
    let asked = json!({"runners": [cloud.configuration()]});
    let answer = cloud.run(cloud.eks.env(), &asked);
    eprintln!(
        "one runner, 50 ms a call: {} ms, {} KiB",
        answer["took_ms"], answer["peak_kib"]
    );
    // 8 calls of 50 ms, and what this machine adds to each.
    assert!(answer["took_ms"].as_u64().unwrap() <= 1500, "{answer}");
}

fn hundred_runners(cloud: &Cloud) {
    let runners: Vec<Value> = (0..100)
        .map(|number| {
            let mut runner = cloud.configuration();
            runner["id"] = json!(format!("runner-{number}"));
            runner
        })
        .collect();
    let answer = cloud.run(cloud.eks.env(), &json!({"runners": runners}));
    eprintln!(
        "100 runners: {} ms, {} KiB",
        answer["took_ms"], answer["peak_kib"]
    );
    let calls = cloud.eks.calls().unwrap();
    assert_eq!(calls["eks:DescribeCluster"], 1, "{calls:?}");
    assert_eq!(calls["iam:GetRole"], 1, "{calls:?}");
    assert!(calls.values().sum::<u64>() <= 8, "{calls:?}");
}

fn propagation(cloud: &Cloud) {
    let entry = json!({"clusterName": cloud.eks.options().cluster_name, "principalArn": cloud.runner().role_arn});
    cloud.aws("eks", "DeleteAccessEntry", &entry);
    let mut faults = Faults::default();
    faults.propagation_s.insert("access-entry".to_owned(), 6.0);
    cloud.eks.set_faults(&faults).unwrap();
    cloud.aws("eks", "CreateAccessEntry", &entry);
    let checked = cloud.check_documented();
    assert_eq!(
        checked.ids("failed"),
        ["access-entry"],
        "\n{}",
        checked.text()
    );
    let checked = cloud.check(&cloud.configuration(), &json!({"wait": true}));
    checked.only(&[], &[]);
}
