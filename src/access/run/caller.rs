//! The caller, and the objects of IAM.

use std::sync::Arc;

use super::Run;
use crate::access::aws::{CallerIdentity, Role, SignedCluster, Signer};
use crate::access::check_error::CheckError;
use crate::access::outcome::Outcome;

impl Run<'_> {
    /// Returns the identity of the caller.
    pub(crate) async fn identity(&self) -> Result<Arc<CallerIdentity>, CheckError> {
        Ok(self.aws().identity(self.region()?).await?)
    }

    /// Returns the role as IAM knows it.
    pub(crate) async fn iam_role(&self) -> Result<Arc<Role>, CheckError> {
        Ok(self.aws().role(self.region()?, self.role()?).await?)
    }

    /// Returns whether STS has returned credentials of the runner's role for the web identity token. This proves that
    /// the role exists and trusts the token's issuer, whatever the caller can see of it.
    pub(crate) async fn is_exchanged(&self) -> bool {
        if !self.as_runner() || self.settings().web_identity_token_file.is_none() {
            return false;
        }
        match self.session() {
            Ok(session) => self.aws().session(&session).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Returns the identity of the caller if it is in the role's account. In another account, the caller would look up
    /// another role and another cluster of the same names.
    pub(crate) async fn same_account(&self) -> Result<Arc<CallerIdentity>, CheckError> {
        let identity = self.identity().await?;
        let role = self.role()?;
        if identity.partition() != role.partition {
            return Err(Outcome::incomplete(
                "the caller is in another partition",
                format!(
                    "The role is in partition {}, the caller ({}) in {}.",
                    role.partition,
                    identity.arn,
                    identity.partition()
                ),
            )
            .into());
        }
        if identity.account == role.account {
            return Ok(identity);
        }
        if self.is_exchanged().await {
            return Err(Outcome::not_applicable(format!(
                "The runner's role is assumed with the web identity token, and the caller ({}) is in another account: \
                 STS accepted the token, so the role exists and trusts it.",
                identity.arn
            ))
            .into());
        }
        Err(Outcome::incomplete(
            "the caller is in another account",
            format!(
                "The role is in account {}, the caller ({}) in account {}. Use credentials of the role's account: set {}.",
                role.account,
                identity.arn,
                identity.account,
                self.words("profile or assume_role", "--profile or --assume-role-arn")
            ),
        )
        .into())
    }

    /// Returns the cluster, signed by who looks up the role's access entry and what else the runner needs no permission for.
    pub(crate) async fn entry_cluster(&self) -> Result<SignedCluster, CheckError> {
        self.signed_cluster(self.entry_signer().await?)
    }

    /// Returns the cluster, signed by these credentials.
    pub(crate) fn signed_cluster(&self, signer: Signer) -> Result<SignedCluster, CheckError> {
        Ok(SignedCluster {
            signer,
            region: self.region()?.to_owned(),
            name: self.cluster_name()?.to_owned(),
        })
    }

    /// Returns who looks up the role's access entry: the caller, if there is one in the role's account, because the
    /// role itself needs no permission for that.
    pub(crate) async fn entry_signer(&self) -> Result<Signer, CheckError> {
        let signer = self.signer()?;
        if self.as_runner() && self.same_account().await.is_ok() {
            return Ok(Signer::Caller);
        }
        Ok(signer)
    }
}
