//! The runner's user in the cluster.

use super::Run;
use crate::access::aws::AwsError;
use crate::access::check_error::CheckError;
use crate::access::kubernetes::aws_auth::Mapping;
use crate::access::kubernetes::user::User;

impl Run<'_> {
    /// Returns the user as which the cluster has accepted the runner. `None` if the checks use the caller's
    /// credentials, or if the cluster does not return it.
    pub(crate) async fn accepted_as(&self) -> Option<User> {
        if !self.as_runner() {
            return None;
        }
        self.cluster().await.ok()?.who_am_i().await.ok()
    }

    /// Returns the user and groups that the cluster gives to the runner's session, or `None` if it maps the role to no
    /// user. In a run as the runner, the cluster returns them. In a run as the caller, they follow from the access entry or
    /// `aws-auth`.
    pub(crate) async fn user(&self) -> Result<Option<User>, CheckError> {
        self.user.get_or_init(|| self.find_user()).await.clone()
    }

    async fn find_user(&self) -> Result<Option<User>, CheckError> {
        if let Some(user) = self.accepted_as().await {
            return Ok(Some(user));
        }
        let (role, session) = (self.role()?, self.session()?);
        let cluster = self.eks_cluster().await?;
        if cluster.has_access_entries() {
            match self.access_entry().await {
                Ok(entry) if self.belongs_to_role(&entry).await => {
                    let of_instance = User::instance_template(&entry.username, &entry.groups);
                    let is_usable = entry.kind == "STANDARD" && of_instance.is_none();
                    return Ok(is_usable.then(|| User::from_entry(&entry.username, &entry.groups, role, &session.name)));
                }
                // In mode API_AND_CONFIG_MAP, aws-auth counts as well.
                Ok(_) | Err(CheckError::Aws(AwsError::NotFound { .. })) if cluster.reads_aws_auth() => {}
                Ok(_) | Err(CheckError::Aws(AwsError::NotFound { .. })) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(match self.aws_auth().await?.map(role, &session.name) {
            Mapping::Admitted { user, .. } => Some(user),
            Mapping::ByChance { mut users, .. } => users.pop(),
            Mapping::Refused { .. } | Mapping::Absent { .. } => None,
        })
    }
}
