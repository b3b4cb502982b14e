//! The StorageClasses of volumes that are created for the pod.

use serde_json::Value;

use super::Found;
use crate::access::check_error::CheckError;
use crate::access::checks::not_read;
use crate::access::fix::Fix;
use crate::access::kubernetes::object_kind::ObjectKind;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;

/// The CSI drivers that EKS installs as add-ons: the provisioner of a class, the name of its driver, and the add-on. A class of
/// the provisioner `kubernetes.io/aws-ebs`, such as `gp2`, needs the driver as well ("Amazon EBS CSI migration frequently asked
/// questions" in the EKS user guide). EKS Auto Mode includes the driver of its own provisioner, `ebs.csi.eks.amazonaws.com`.
const ADD_ONS: [(&str, &str, &str); 3] = [
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com", "aws-ebs-csi-driver"),
    ("ebs.csi.aws.com", "ebs.csi.aws.com", "aws-ebs-csi-driver"),
    ("efs.csi.aws.com", "efs.csi.aws.com", "aws-efs-csi-driver"),
];

/// Judges a StorageClass that must create a volume for the pod. `what` names what is complete if it can.
///
/// # Errors
/// A value of the runner is unknown until apply.
pub(super) async fn judge(run: &Run<'_>, what: String, class: &Value) -> Result<Found, CheckError> {
    let provisioner = class["provisioner"].as_str().unwrap_or_default();
    let add_on = ADD_ONS.iter().find(|(name, ..)| *name == provisioner);
    let Some((_, driver, add_on)) = add_on else {
        return Ok(Found::Complete(what));
    };
    let path = run.object_path(ObjectKind::CsiDriver, driver)?;
    Ok(match run.read(path).await {
        Ok(_) => Found::Complete(what),
        Err(error) if error.is_not_found() => Found::Optional(
            format!(
                "StorageClass {} needs the CSI driver {driver}, which the cluster does not have: the pod stays Pending",
                class["metadata"]["name"]
            ),
            Fix::note(format!(
                "Install the add-on {add_on}, with an IAM role for its controller:"
            ))
            .then_run(
                ShellCommand::new("aws eks create-addon")
                    .option("--region", run.region()?)
                    .option("--cluster-name", run.cluster_name()?)
                    .option("--addon-name", *add_on),
            ),
        ),
        Err(error) => {
            let object = format!("csidrivers {driver:?}, which creates the volume of {what}");
            Found::Unread(not_read(run, &object, error))
        }
    })
}
