//! What adds nodes to the cluster: Fargate profiles, Karpenter and EKS Auto Mode, and managed node groups.

use serde_json::Value;

use super::nodes::Nodes;
use crate::access::aws::{FargateProfile, NodeGroup};
use crate::access::check_error::CheckError;
use crate::access::kubernetes::placement::{Lack, Pod, Taint, admits};
use crate::access::outcome::Outcome;
use crate::access::run::Run;

/// The path of Karpenter's NodePools, which EKS Auto Mode has, too.
const NODE_POOLS_PATH: &str = "/apis/karpenter.sh/v1/nodepools";

/// What adds nodes, as the Job's pod needs them.
#[derive(Default)]
pub(super) struct Growth {
    /// What can add a node for the pod, as a clause.
    pub(super) source: Option<String>,
    /// Why what there is cannot add one.
    pub(super) findings: Vec<String>,
    /// What could not be looked up.
    pub(super) unknown: Option<Outcome>,
    /// A node group that has all the nodes that it can have, and whose nodes could take the pod: its name and size.
    pub(super) full_group: Option<(String, i32)>,
}

impl Growth {
    /// Looks up everything that adds nodes, at once.
    ///
    /// # Errors
    /// A value of the runner is unknown until apply.
    pub(super) async fn find(
        run: &Run<'_>,
        pod: &Pod<'_>,
        nodes: &Nodes,
    ) -> Result<Self, CheckError> {
        let (region, cluster) = (run.region()?, run.cluster_name()?);
        let namespace = run.namespace()?;
        let signer = run.entry_signer().await?;
        let (pools, profiles, groups, eks) = tokio::join!(
            run.read(NODE_POOLS_PATH.to_owned()),
            run.aws().fargate_profiles(&signer, region, cluster),
            run.aws().node_groups(&signer, region, cluster),
            run.eks_cluster(),
        );
        let mut growth = Self::default();
        let auto_mode = eks.is_ok_and(|cluster| cluster.auto_mode);
        match pools {
            Ok(pools) => growth.add_pools(pod, &pools["items"], auto_mode),
            Err(error) if error.is_not_found() && !auto_mode => {}
            Err(_) if auto_mode => growth.found("EKS Auto Mode can add one".to_owned()),
            Err(error) => growth.missed(super::not_read(run, "nodepools.karpenter.sh", error)),
        }
        match profiles {
            Ok(profiles) => growth.add_profiles(pod, namespace, &profiles),
            Err(error) => growth.missed(error.outcome()),
        }
        match groups {
            Ok(groups) => growth.add_groups(pod, nodes, &groups),
            Err(error) => growth.missed(error.outcome()),
        }
        Ok(growth)
    }

    fn found(&mut self, source: String) {
        self.source.get_or_insert(source);
    }

    fn missed(&mut self, outcome: Outcome) {
        self.unknown.get_or_insert(outcome);
    }

    fn add_pools(&mut self, pod: &Pod<'_>, pools: &Value, auto_mode: bool) {
        let kind = if auto_mode {
            "EKS Auto Mode"
        } else {
            "Karpenter"
        };
        for pool in pools.as_array().into_iter().flatten() {
            let name = pool["metadata"]["name"].as_str().unwrap_or_default();
            let what = format!("NodePool {name:?} of {kind}");
            if is_not_ready(pool) {
                self.findings.push(format!("{what}: it is not ready"));
                continue;
            }
            let lacks = lacks_of_pool(pod, &pool["spec"]["template"]);
            if lacks.is_empty() {
                self.found(format!("{what} can add one"))
            } else {
                self.findings.push(format!("{what}: {}", joined(&lacks)))
            }
        }
    }

    /// A pod that matches a profile is started on Fargate.
    ///
    /// Source: the EKS user guide, "Define which Pods use AWS Fargate when launched".
    fn add_profiles(&mut self, pod: &Pod<'_>, namespace: &str, profiles: &[FargateProfile]) {
        let labels: Vec<(&str, &str)> = pod
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        for profile in profiles {
            let what = format!("Fargate profile {:?}", profile.name);
            match (profile.selects(namespace, &labels), profile.is_active) {
                (true, true) => self.found(format!("{what} runs the pod")),
                (true, false) => self.findings.push(format!("{what}: it is not active")),
                (false, _) => {
                    let finding =
                        format!("{what}: it does not match the pod's namespace and labels");
                    self.findings.push(finding);
                }
            }
        }
    }

    fn add_groups(&mut self, pod: &Pod<'_>, nodes: &Nodes, groups: &[NodeGroup]) {
        for group in groups {
            let what = format!("node group {:?}", group.name);
            let taints: Vec<Taint> = group.taints.iter().map(taint).collect();
            let lacks = match nodes.groups.get(&group.name) {
                Some(true) => Vec::new(),
                // What its nodes lack is among the findings of the nodes.
                Some(false) => continue,
                None => pod.lacks_of_new(&taints, |key, value| match group.labels.get(key) {
                    Some(own) => own == value,
                    None => is_set_by_others(key),
                }),
            };
            if !lacks.is_empty() {
                self.findings.push(format!("{what}: {}", joined(&lacks)));
            } else if !group.is_usable {
                self.findings.push(format!("{what}: it is not active"));
            } else if group.size < group.maximum {
                self.found(format!(
                    "{what} has {} of at most {} nodes, so that the Cluster Autoscaler can add one",
                    group.size, group.maximum
                ));
            } else {
                self.findings
                    .push(format!("{what}: it is at its maximum of {}", group.maximum));
                self.full_group
                    .get_or_insert((group.name.clone(), group.maximum));
            }
        }
    }
}

fn taint([key, value, effect]: &[String; 3]) -> Taint {
    Taint {
        key: key.clone(),
        value: value.clone(),
        effect: effect.clone(),
    }
}

fn joined(lacks: &[Lack]) -> String {
    let lacks: Vec<String> = lacks.iter().map(ToString::to_string).collect();
    lacks.join(", ")
}

/// Returns whether Karpenter says that a NodePool adds no nodes, for example because its NodeClass is missing.
fn is_not_ready(pool: &Value) -> bool {
    let conditions = pool["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "False")
}

/// Returns what keeps the pod off the nodes of a NodePool, whose template this is.
///
/// Source: "NodePools" in Karpenter's documentation (v1): the labels and requirements of the template restrict what a
/// pod can select, its startup taints are removed by others, and a label that it does not name can be selected if it
/// is well known.
fn lacks_of_pool(pod: &Pod<'_>, template: &Value) -> Vec<Lack> {
    let list = |name: &str| template["spec"][name].as_array().into_iter().flatten();
    let taints: Vec<Taint> = list("taints").map(Taint::read).collect();
    pod.lacks_of_new(&taints, |key, value| {
        let own = template["metadata"]["labels"].get(key);
        let mut requirements = list("requirements")
            .filter(|one| one["key"] == key)
            .peekable();
        match (own, requirements.peek()) {
            (Some(own), _) => own == value,
            (None, Some(_)) => requirements.all(|one| admits(one, Some(value))),
            (None, None) => is_set_by_others(key),
        }
    })
}

/// Returns whether a label is one that Kubernetes, EKS, or Karpenter gives to every node.
fn is_set_by_others(key: &str) -> bool {
    let (domain, _) = key.split_once('/').unwrap_or_default();
    [
        "kubernetes.io",
        "k8s.io",
        "k8s.aws",
        "amazonaws.com",
        "karpenter.sh",
    ]
    .iter()
    .any(|own| {
        domain == *own
            || domain
                .strip_suffix(own)
                .is_some_and(|rest| rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_pool_takes_what_its_template_admits() {
        let template = json!({
            "metadata": {"labels": {"team": "x"}},
            "spec": {
                "taints": [{"key": "dedicated", "value": "runners", "effect": "NoSchedule"}],
                "startupTaints": [{"key": "starting", "effect": "NoSchedule"}],
                "requirements": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}],
            },
        });
        let lacks = |spec: Value| {
            let pod = json!({"spec": spec});
            joined(&lacks_of_pool(&Pod::read(&pod), &template))
        };
        let tolerations = json!([{"key": "dedicated", "operator": "Exists"}]);
        assert_eq!(
            lacks(json!({})),
            "its taint dedicated=runners:NoSchedule is not tolerated"
        );
        for (selector, expected) in [
            (json!({"team": "x", "kubernetes.io/arch": "amd64"}), ""),
            (json!({"topology.kubernetes.io/zone": "a"}), ""),
            (json!({"karpenter.k8s.aws/instance-cpu": "4"}), ""),
            (json!({"team": "y"}), "it lacks the label team=y"),
            (
                json!({"kubernetes.io/arch": "arm64"}),
                "it lacks the label kubernetes.io/arch=arm64",
            ),
            (json!({"other": "x"}), "it lacks the label other=x"),
        ] {
            let spec = json!({"nodeSelector": selector, "tolerations": tolerations});
            assert_eq!(lacks(spec), expected, "{selector}");
        }
    }

    #[test]
    fn an_active_fargate_profile_takes_the_pods_that_it_selects() {
        let template = json!({"metadata": {"labels": {"app": "runner"}}});
        let pod = Pod::read(&template);
        let takes = |namespace: &str, is_active: bool| {
            let mut growth = Growth::default();
            let profile = FargateProfile {
                name: "p".to_owned(),
                is_active,
                selectors: vec![(
                    namespace.to_owned(),
                    [("app".to_owned(), "run*".to_owned())].into(),
                )],
            };
            growth.add_profiles(&pod, "humanitec-runner", &[profile]);
            growth.source.is_some()
        };
        assert!(takes("humanitec-*", true));
        assert!(!takes("humanitec-*", false));
        assert!(!takes("default", true));
    }

    #[test]
    fn a_node_group_grows_to_its_maximum() {
        let template = json!({"spec": {"nodeSelector": {"team": "x"}}});
        let pod = Pod::read(&template);
        let group = |size, label: &str| NodeGroup {
            name: "g".to_owned(),
            is_usable: true,
            size,
            maximum: 3,
            labels: [("team".to_owned(), label.to_owned())].into(),
            taints: Vec::new(),
        };
        let find = |nodes: &Nodes, group: NodeGroup| {
            let mut growth = Growth::default();
            growth.add_groups(&pod, nodes, &[group]);
            growth
        };
        let none = Nodes::default();
        assert!(find(&none, group(0, "x")).source.is_some());
        let full = find(&none, group(3, "x"));
        assert_eq!(
            (full.source, full.full_group),
            (None, Some(("g".to_owned(), 3)))
        );
        let other = find(&none, group(0, "y"));
        assert_eq!(
            other.findings,
            ["node group \"g\": it lacks the label team=x"]
        );
        // The nodes of the group are known, and a new one would be too small as well.
        let small = Nodes {
            groups: [("g".to_owned(), false)].into(),
            ..Nodes::default()
        };
        let small = find(&small, group(1, "x"));
        assert_eq!((small.source, small.findings), (None, Vec::new()));
    }
}
