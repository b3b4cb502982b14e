//! The AWS identity and the region of the container `main` in the Job's pod.
//!
//! EKS's webhook adds variables to containers, and AWS's SDK in the container reads them. Sources: `pkg/handler/handler.go`
//! and `pkg/cache/cache.go` of aws/amazon-eks-pod-identity-webhook, and `resolveCredentialChain` in
//! `config/resolve_credentials.go` of aws/aws-sdk-go-v2 (1.32 of its module `config`), which OpenTofu and Terraform use
//! through `getCredentialsProvider` of hashicorp/aws-sdk-go-base: the backend's profile would come first, and the
//! Orchestrator sets none.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use super::{Replaced, Run};
use crate::access::aws::PodIdentityAssociation;
use crate::access::check_error::CheckError;
use crate::access::issuer::AUDIENCE;
use crate::access::kubernetes::environment::{ContainerEnvironment, Variable, VariableSource, sources};
use crate::access::objects::ROLE_ANNOTATION;
use crate::access::outcome::{Outcome, Status};
use crate::runner::job_container::MAIN;

/// The AWS identity and the region of the container `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodAws {
    /// Where the container's AWS credentials come from.
    pub(crate) identity: CredentialSource,
    /// The region that AWS's SDK uses in the container.
    pub(crate) region: PodRegion,
    /// What `pod_template` replaces in the container.
    pub(crate) replaced: Replaced,
}

impl PodAws {
    /// Returns the outcome of a check of the container's credentials: a failure is only a warning if another program runs in the
    /// container, which might use other credentials.
    pub(crate) fn unless_other_program(&self, outcome: Outcome) -> Outcome {
        if !self.replaced.program || outcome.status != Status::Failed {
            return outcome;
        }
        Outcome {
            status: Status::Warned,
            message: format!(
                "{} The program of the container might use other credentials, because pod_template replaces its command or \
                 arguments.",
                outcome.message
            ),
            ..outcome
        }
    }
}

/// Where the AWS credentials of the container `main` come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    /// EKS Pod Identity.
    Association(Arc<PodIdentityAssociation>),
    /// A role for the service account (IRSA).
    ServiceAccountRole {
        /// The value of the annotation `eks.amazonaws.com/role-arn`, which nothing has validated.
        role_arn: String,
        /// The audience of the token.
        audience: String,
    },
    /// Variables or a volume of `pod_template`.
    Own {
        /// What decides, such as `AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY` or `a volume at /root/.aws`.
        from: String,
        /// The role that the container assumes with them, if they name one and its value is known.
        role_arn: Option<String>,
    },
    /// None of its own: the pod has the role of its node, if it reaches the instance's metadata service.
    Node {
        /// What keeps an association or an annotation from working for the container, as a whole sentence.
        because: Option<String>,
    },
}

impl CredentialSource {
    /// Returns the ARN of the role whose permissions count. `None` if it is not known.
    pub(crate) fn role_arn(&self) -> Option<&str> {
        match self {
            Self::Association(association) => Some(association.effective_role()),
            Self::ServiceAccountRole { role_arn, .. } => Some(role_arn),
            Self::Own { role_arn, .. } => role_arn.as_deref(),
            Self::Node { .. } => None,
        }
    }
}

/// The region that AWS's SDK uses in the container `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PodRegion {
    /// The region of a variable that `pod_template` sets.
    Own {
        /// The variable's name: `AWS_REGION` or `AWS_DEFAULT_REGION`.
        variable: &'static str,
        /// The region.
        region: String,
    },
    /// The cluster's region: EKS's webhook sets the variables.
    Injected(String),
    /// A variable of `pod_template` has a value that is not known.
    Hidden {
        /// The variable's name.
        variable: &'static str,
        /// Where its value comes from, such as `Secret "x"`.
        source: String,
    },
    /// None: neither variable is set.
    None,
}

impl PodRegion {
    /// Returns the region, if it is known.
    pub(crate) fn known(&self) -> Option<&str> {
        match self {
            Self::Own { region, .. } | Self::Injected(region) => Some(region),
            Self::Hidden { .. } | Self::None => None,
        }
    }
}

/// An object that could not be read, which decides what the identity or the region is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotRead {
    /// The object, such as `service account "x"`.
    pub(crate) object: String,
    /// The error.
    pub(crate) error: CheckError,
}

impl From<CheckError> for NotRead {
    fn from(error: CheckError) -> Self {
        Self {
            object: "the Job's AWS identity".to_owned(),
            error,
        }
    }
}

/// The annotation of a service account with the audience of its token for AWS.
pub(crate) const AUDIENCE_ANNOTATION: &str = "eks.amazonaws.com/audience";
/// The annotation of a pod with the containers that the webhook leaves alone, as a line of CSV.
const SKIP_ANNOTATION: &str = "eks.amazonaws.com/skip-containers";

/// The label of a pod that the webhook does not see, whatever the label's value is: the `objectSelector` of EKS's configuration
/// `pod-identity-webhook` requires that the label does not exist.
const SKIP_LABEL: &str = "eks.amazonaws.com/skip-pod-identity-webhook";

/// The files with credentials that the SDK reads without a variable, below the home directory of the container's user
/// (`config/shared_config.go`).
const FILES: [&str; 2] = ["/.aws/credentials", "/.aws/config"];

/// The variables for AWS's SDK that decide which credentials it uses, in the order of its chain (`config/env_config.go` has the
/// second name of each key).
const CREDENTIALS: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    TOKEN_FILE,
    ROLE_ARN,
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    PROFILE_FILES[0],
    PROFILE_FILES[1],
    PROFILE_FILES[2],
    RELATIVE_URI,
    FULL_URI,
];
/// The variables with the paths of the files with profiles. The backend reads `AWS_SHARED_CONFIG_FILE` itself, and prefers it to
/// `AWS_CONFIG_FILE` (`configure` in `internal/backend/remote-state/s3/backend.go` of OpenTofu 1.10 and 1.12).
pub(crate) const PROFILE_FILES: [&str; 3] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
];
/// The variables of a web identity, of which the webhook sets both or neither.
const WEB_IDENTITY: [&str; 2] = [ROLE_ARN, TOKEN_FILE];
/// The variables of container credentials, of which the webhook sets both or neither.
const CONTAINER_CREDENTIALS: [&str; 2] = [FULL_URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
/// The variables of the region, of which the webhook sets both or neither. The SDK reads the first one first.
pub(crate) const REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

pub(crate) const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
pub(crate) const ROLE_ARN: &str = "AWS_ROLE_ARN";
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// The identity that EKS's webhook has for the pods of a service account. An association wins over an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Offer {
    /// EKS Pod Identity.
    Association(Arc<PodIdentityAssociation>),
    /// The annotation of the service account.
    Annotation { role_arn: String, audience: String },
    /// None.
    Nothing,
}

impl Run<'_> {
    /// Returns the environment variables of the container `main`, as `pod_template` sets them.
    pub(crate) async fn main_environment(&self) -> Result<Arc<ContainerEnvironment>, CheckError> {
        let find = || async {
            let container = self.main_container()?;
            let read = sources(&container).into_iter().map(async |object| {
                let path = self.object_path(object.0, &object.1)?;
                let source = match self.read(path).await {
                    Ok(found) => VariableSource::Found(found),
                    Err(error) if error.is_not_found() => VariableSource::Missing,
                    Err(_) => VariableSource::Unread,
                };
                Ok::<_, CheckError>((object, source))
            });
            let objects: Result<BTreeMap<_, _>, _> = join_all(read).await.into_iter().collect();
            Ok(Arc::new(ContainerEnvironment::new(container, objects?)))
        };
        self.environment.get_or_init(find).await.clone()
    }

    /// Returns the same variables if no object has to be read for them.
    pub(crate) fn own_environment(&self) -> Option<ContainerEnvironment> {
        let main = self.main_container().ok()?;
        let needs_no_object = sources(&main).is_empty();
        needs_no_object.then(|| ContainerEnvironment::new(main, BTreeMap::new()))
    }

    /// Returns the AWS identity and the region of the container `main`.
    pub(crate) async fn pod_aws(&self) -> Result<Arc<PodAws>, NotRead> {
        let find = || async { self.find_pod_aws().await.map(Arc::new) };
        self.pod_aws.get_or_init(find).await.clone()
    }

    async fn find_pod_aws(&self) -> Result<PodAws, NotRead> {
        let environment = self.main_environment().await?;
        for name in CREDENTIALS.into_iter().chain(REGION) {
            if let Variable::Unread((kind, object)) = environment.get(name) {
                let path = self.object_path(kind, &object)?;
                if let Err(error) = self.read(path).await {
                    let object = format!("{} {object:?}", kind.name());
                    return Err(NotRead { object, error });
                }
            }
        }
        let job = self.job()?;
        let decided = strongest(&environment).is_some() && has_region(&environment);
        let pod = PodTemplate {
            environment: &environment,
            offer: if decided { Offer::Nothing } else { self.offer().await? },
            skipped: skipped(&job["spec"]["template"]["metadata"]),
            cluster_region: self.region()?,
        };
        Ok(PodAws {
            identity: pod.identity(),
            region: pod.region(),
            replaced: self.replaced()?,
        })
    }

    /// Returns the association of the Job's service account. `None` if it has none.
    pub(crate) async fn pod_identity_association(&self) -> Result<Option<Arc<PodIdentityAssociation>>, CheckError> {
        let cluster = self.entry_cluster().await?;
        let (namespace, account) = (self.namespace()?, self.service_account()?);
        let association = self.aws().pod_identity_association(&cluster, namespace, account);
        Ok((*association.await?).clone())
    }

    /// Looks up what EKS's webhook has for the Job's service account.
    async fn offer(&self) -> Result<Offer, NotRead> {
        if let Some(association) = self.pod_identity_association().await? {
            return Ok(Offer::Association(association));
        }
        let name = self.service_account()?;
        let account = match self.read(self.namespaced(&format!("/serviceaccounts/{name}"))?).await {
            Ok(account) => account,
            // Another check reports it.
            Err(error) if error.is_not_found() => return Ok(Offer::Nothing),
            Err(error) => {
                let object = format!("service account {name:?}");
                return Err(NotRead { object, error });
            }
        };
        let annotation = |name: &str| account["metadata"]["annotations"][name].as_str();
        Ok(match annotation(ROLE_ANNOTATION) {
            None | Some("") => Offer::Nothing,
            Some(role_arn) => Offer::Annotation {
                role_arn: role_arn.to_owned(),
                audience: annotation(AUDIENCE_ANNOTATION).unwrap_or(AUDIENCE).to_owned(),
            },
        })
    }
}

/// Returns the pod template's own variables that win over everything that the webhook adds.
fn strongest(environment: &ContainerEnvironment) -> Option<CredentialSource> {
    let is_set = |name: &str| environment.get(name).is_set();
    let has_key = is_set("AWS_ACCESS_KEY_ID") || is_set("AWS_ACCESS_KEY");
    (has_key && (is_set("AWS_SECRET_ACCESS_KEY") || is_set("AWS_SECRET_KEY"))).then_some(CredentialSource::Own {
        from: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
        role_arn: None,
    })
}

/// Returns whether the container's own `env` has a region, so that the webhook adds none.
fn has_region(environment: &ContainerEnvironment) -> bool {
    REGION.into_iter().any(|name| environment.is_listed(name))
}

/// Returns the path of a volume that might hold the SDK's files with credentials and profiles.
pub(crate) fn aws_files(environment: &ContainerEnvironment) -> Option<&str> {
    FILES.into_iter().find_map(|file| environment.mount_of(file))
}

/// Returns what in the metadata of a pod excludes the container `main` from the webhook, as the end of a sentence.
fn skipped(metadata: &Value) -> Option<String> {
    if metadata["labels"].get(SKIP_LABEL).is_some() {
        return Some(format!("sets the label {SKIP_LABEL}"));
    }
    skips_main(&metadata["annotations"]).then(|| format!("names the container in the annotation {SKIP_ANNOTATION}"))
}

/// Returns whether the annotation of a pod excludes the container `main` from the webhook. Its value is one line of CSV, as
/// Go's `encoding/csv` reads it: spaces belong to the names, and a line that cannot be parsed excludes no container.
fn skips_main(annotations: &Value) -> bool {
    let value = annotations[SKIP_ANNOTATION].as_str().unwrap_or_default();
    let line = value.lines().find(|line| !line.is_empty());
    let fields = line.into_iter().flat_map(|line| line.split(','));
    let names: Vec<&str> = fields
        .map(|field| {
            let quoted = field.strip_prefix('"');
            quoted.and_then(|rest| rest.strip_suffix('"')).unwrap_or(field)
        })
        .collect();
    !names.iter().any(|name| name.contains('"')) && names.contains(&MAIN)
}

/// What decides about the container `main`.
struct PodTemplate<'a> {
    /// The variables of `pod_template`.
    environment: &'a ContainerEnvironment,
    /// What the webhook has for its service account.
    offer: Offer,
    /// What in `pod_template` excludes the container from the webhook, as the end of a sentence.
    skipped: Option<String>,
    /// The cluster's region.
    cluster_region: &'a str,
}

impl PodTemplate<'_> {
    /// Returns where the SDK gets its credentials: the first of its chain that the container has.
    fn identity(&self) -> CredentialSource {
        let environment = self.environment;
        let is_set = |name: &str| environment.get(name).is_set();
        let own = |from: &str, role_arn| CredentialSource::Own {
            from: from.to_owned(),
            role_arn,
        };
        if let Some(strongest) = strongest(environment) {
            return strongest;
        }
        let obstacle = self.obstacle();
        if let (Offer::Annotation { role_arn, audience }, None) = (&self.offer, &obstacle) {
            return CredentialSource::ServiceAccountRole {
                role_arn: role_arn.clone(),
                audience: audience.clone(),
            };
        }
        if is_set(TOKEN_FILE) {
            let role = environment.get(ROLE_ARN).value().map(ToOwned::to_owned);
            return own(TOKEN_FILE, role);
        }
        let profiles = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
        let mut files = profiles.into_iter().chain(PROFILE_FILES);
        if let Some(variable) = files.find(|name| is_set(name)) {
            return own(variable, None);
        }
        if let Some(path) = aws_files(environment) {
            return own(&format!("a volume at {path}"), None);
        }
        if is_set(RELATIVE_URI) {
            return own(RELATIVE_URI, None);
        }
        match (&self.offer, obstacle) {
            (Offer::Association(association), None) => CredentialSource::Association(Arc::clone(association)),
            _ if is_set(FULL_URI) => own(FULL_URI, None),
            (_, because) => CredentialSource::Node { because },
        }
    }

    /// Returns why the webhook does not give the container what it has for the service account.
    fn obstacle(&self) -> Option<String> {
        let (what, variables) = match &self.offer {
            Offer::Association(association) => (
                format!("the Pod Identity association {}", association.id),
                CONTAINER_CREDENTIALS,
            ),
            Offer::Annotation { .. } => (
                format!("the service account's annotation {ROLE_ANNOTATION}"),
                WEB_IDENTITY,
            ),
            Offer::Nothing => return None,
        };
        if let Some(skipped) = &self.skipped {
            return Some(format!(
                "EKS ignores {what} for container {MAIN:?}: pod_template {skipped}."
            ));
        }
        let listed = variables.into_iter().find(|name| self.environment.is_listed(name))?;
        Some(format!(
            "EKS ignores {what} for container {MAIN:?}: pod_template sets {listed} itself."
        ))
    }

    /// Returns the region. Variables that the webhook adds to `env` win over those of `envFrom`.
    fn region(&self) -> PodRegion {
        let is_injected = self.offer != Offer::Nothing && self.skipped.is_none();
        if is_injected && !has_region(self.environment) {
            return PodRegion::Injected(self.cluster_region.to_owned());
        }
        for variable in REGION {
            match self.environment.get(variable) {
                Variable::Value(region) if !region.is_empty() => {
                    return PodRegion::Own { variable, region };
                }
                Variable::Hidden(source) => return PodRegion::Hidden { variable, source },
                Variable::Value(_) | Variable::Absent | Variable::Unread(_) => {}
            }
        }
        PodRegion::None
    }
}

#[cfg(test)]
mod tests;
