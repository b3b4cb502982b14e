//! The volumes of the Job's pod, as far as they decide where it can run.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::access::checks::not_read;
use crate::access::kubernetes::object_kind::ObjectKind;
use crate::access::kubernetes::placement::BoundVolume;
use crate::access::outcome::Outcome;
use crate::access::run::Run;

/// The CSI drivers of Amazon EBS: the add-on, and that of EKS Auto Mode.
const EBS: [&str; 2] = ["ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"];

/// The volumes that the claims of the pod are bound to.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    /// The volumes that only some nodes can attach.
    pub(super) bound: Vec<BoundVolume>,
    /// What Fargate does not mount, as clauses.
    pub(super) not_on_fargate: Vec<String>,
    /// The StorageClasses that create a volume for the pod only in some places, by their `allowedTopologies`.
    pub(super) restricted_classes: Vec<String>,
    /// Why the volume of a claim is unknown.
    pub(super) unread: Option<Outcome>,
}

impl Volumes {
    /// Looks up the claims of a pod spec, and the volumes that they are bound to. `pod-template-refs` checks whether the claims
    /// exist.
    pub(super) async fn find(run: &Run<'_>, spec: &Value) -> Self {
        let mut found = Self::default();
        let looked_up = claims(spec).map(async |claim| (claim, volume(run, claim).await));
        let mut classes: BTreeSet<String> = classes(spec).map(str::to_owned).collect();
        for (claim, volume) in join_all(looked_up).await {
            match volume {
                Ok(ClaimVolume::Bound(volume)) => found.add(claim, Some(&volume)),
                Ok(ClaimVolume::Unbound { class }) => {
                    found.add(claim, None);
                    classes.extend(class);
                }
                Err(outcome) => {
                    let message = format!(
                        "Could not check which nodes can attach the volume of PersistentVolumeClaim {claim:?}: {}",
                        outcome.message
                    );
                    found.unread.get_or_insert(Outcome { message, ..outcome });
                }
            }
        }
        let looked_up = classes.into_iter().map(async |class| {
            // `pod-template-refs` reads the classes as well, and says why one cannot be read.
            let read = read(run, ObjectKind::StorageClass, &class).await;
            let object = read.ok().flatten()?;
            let topologies = object["allowedTopologies"].as_array();
            topologies.is_some_and(|list| !list.is_empty()).then_some(class)
        });
        let restricted = join_all(looked_up).await.into_iter().flatten();
        found.restricted_classes = restricted.collect();
        found
    }

    /// Adds the volume of a claim, or a claim without one.
    ///
    /// Source for Fargate: "AWS Fargate considerations" in the EKS user guide, and the events of its scheduler ("PVC … not
    /// bound", "bound to invalid PV … with CSI Driver: ebs.csi.aws.com").
    fn add(&mut self, claim: &str, volume: Option<&Value>) {
        let Some(volume) = volume else {
            let clause = format!("PersistentVolumeClaim {claim:?} is not bound");
            return self.not_on_fargate.push(clause);
        };
        let spec = &volume["spec"];
        let driver = spec["csi"]["driver"].as_str().unwrap_or_default();
        if EBS.contains(&driver) || !spec["awsElasticBlockStore"].is_null() {
            let clause = format!("PersistentVolumeClaim {claim:?} has an Amazon EBS volume");
            self.not_on_fargate.push(clause);
        }
        let nodes = nodes(volume);
        if !nodes.is_null() {
            self.bound.push(BoundVolume {
                claim: claim.to_owned(),
                name: volume["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                nodes,
            });
        }
    }
}

/// The labels of a volume that name the zones and the region of the nodes that can attach it.
const PLACES: [(&str, &str); 4] = [
    ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/region",
    ),
];

/// Returns the selector of the nodes that can attach a volume: its required node affinity, each of whose terms also has to
/// agree with the volume's labels. `null` if every node can.
///
/// Source: the scheduler's plugin VolumeZone (pkg/scheduler/framework/plugins/volumezone), which takes the label of a node
/// for the older one of a volume, and reads `a__b` as two zones (`LabelZonesToSet` in k8s.io/cloud-provider).
fn nodes(volume: &Value) -> Value {
    let labels = &volume["metadata"]["labels"];
    let places = PLACES.iter().filter_map(|(of_volume, of_node)| {
        let values: Vec<&str> = labels[of_volume].as_str()?.split("__").collect();
        Some(json!({"key": of_node, "operator": "In", "values": values}))
    });
    let places: Vec<Value> = places.collect();
    let mut nodes = volume["spec"]["nodeAffinity"]["required"].clone();
    if nodes.is_null() && !places.is_empty() {
        return json!({"nodeSelectorTerms": [{"matchExpressions": places}]});
    }
    let terms = nodes.get_mut("nodeSelectorTerms").and_then(Value::as_array_mut);
    for term in terms.into_iter().flatten() {
        let own = term["matchExpressions"].as_array().cloned();
        let all: Vec<Value> = own
            .unwrap_or_default()
            .into_iter()
            .chain(places.iter().cloned())
            .collect();
        term["matchExpressions"] = all.into();
    }
    nodes
}

fn claims(spec: &Value) -> impl Iterator<Item = &str> {
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}

/// Returns the StorageClasses that the ephemeral volumes of a pod spec name.
fn classes(spec: &Value) -> impl Iterator<Item = &str> {
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let classes =
        volumes.filter_map(|volume| volume["ephemeral"]["volumeClaimTemplate"]["spec"]["storageClassName"].as_str());
    classes.filter(|class| !class.is_empty())
}

/// The volume of a claim.
enum ClaimVolume {
    /// The claim is bound to this volume.
    Bound(Arc<Value>),
    /// The claim has no volume yet, or does not exist.
    Unbound {
        /// The StorageClass that creates one.
        class: Option<String>,
    },
}

/// Returns the volume that a claim is bound to.
///
/// # Errors
/// The outcome of a check that could not read the claim or the volume.
async fn volume(run: &Run<'_>, claim: &str) -> Result<ClaimVolume, Outcome> {
    let claim = read(run, ObjectKind::Claim, claim).await?;
    let claim = claim.as_deref().unwrap_or(&Value::Null);
    if let Some(name) = claim["spec"]["volumeName"].as_str()
        && claim["status"]["phase"] == "Bound"
        && let Some(volume) = read(run, ObjectKind::PersistentVolume, name).await?
    {
        return Ok(ClaimVolume::Bound(volume));
    }
    let class = claim["spec"]["storageClassName"].as_str();
    let class = class.filter(|class| !class.is_empty());
    Ok(ClaimVolume::Unbound {
        class: class.map(str::to_owned),
    })
}

async fn read(run: &Run<'_>, kind: ObjectKind, name: &str) -> Result<Option<Arc<Value>>, Outcome> {
    let path = run.object_path(kind, name).map_err(Outcome::from)?;
    match run.read(path).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(not_read(run, &format!("{} {name:?}", kind.plural()), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_of_a_volume_restrict_its_nodes() {
        const ZONE: &str = "topology.kubernetes.io/zone";
        let is = |key: &str, values: &[&str]| json!({"key": key, "operator": "In", "values": values});
        let terms = |terms: Value| json!({"nodeSelectorTerms": terms});
        for (labels, affinity, expected) in [
            (json!({}), json!(null), json!(null)),
            (json!({"team": "x"}), json!(null), json!(null)),
            (
                json!({ZONE: "a__b"}),
                json!(null),
                terms(json!([{"matchExpressions": [is(ZONE, &["a", "b"])]}])),
            ),
            (
                json!({"failure-domain.beta.kubernetes.io/zone": "a"}),
                terms(json!([{"matchExpressions": [is("rack", &["1"])]}, {"matchFields": []}])),
                terms(json!([
                    {"matchExpressions": [is("rack", &["1"]), is(ZONE, &["a"])]},
                    {"matchFields": [], "matchExpressions": [is(ZONE, &["a"])]},
                ])),
            ),
        ] {
            let volume = json!({
                "metadata": {"labels": labels},
                "spec": {"nodeAffinity": {"required": affinity}},
            });
            assert_eq!(nodes(&volume), expected, "{labels}");
        }
    }

    #[test]
    fn a_volume_says_where_it_can_be_attached_and_what_fargate_does_not_mount() {
        let mut found = Volumes::default();
        let nodes = json!({"nodeSelectorTerms": []});
        let ebs = json!({"csi": {"driver": "ebs.csi.aws.com"}, "nodeAffinity": {"required": nodes}});
        found.add("ebs", Some(&json!({"metadata": {"name": "pv-1"}, "spec": ebs})));
        let efs = json!({"spec": {"csi": {"driver": "efs.csi.aws.com"}}});
        found.add("efs", Some(&efs));
        found.add("none", None);
        assert_eq!(
            found.bound,
            [BoundVolume {
                claim: "ebs".to_owned(),
                name: "pv-1".to_owned(),
                nodes,
            }]
        );
        assert_eq!(
            found.not_on_fargate,
            [
                "PersistentVolumeClaim \"ebs\" has an Amazon EBS volume",
                "PersistentVolumeClaim \"none\" is not bound"
            ]
        );
    }
}
