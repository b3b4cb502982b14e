//! The Job that the Orchestrator will create, and the objects that it needs.

use std::sync::Arc;

use serde_json::Value;

use super::{Run, known};
use crate::access::cause::RunnerCause;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::job::{JobValues, pod_of};
use crate::access::kubernetes::references::{References, references};
use crate::access::kubernetes::user::User;
use crate::access::kubernetes::{Admitted, ClusterClient};
use crate::access::outcome::Outcome;

impl Run<'_> {
    /// Returns the Job that the Orchestrator will create.
    pub(crate) fn job(&self) -> Result<Value, CheckError> {
        let template = known(&self.subject.pod_template, "pod template")?;
        let (org, runner_id) = (self.subject.org.get(), self.subject.runner_id.get());
        let values = JobValues {
            org: org.map_or("my-org", String::as_str),
            runner_id: runner_id.map_or("my-runner", String::as_str),
            namespace: self.namespace()?,
            service_account: self.service_account()?,
            image: &self.settings().runner_image,
            pod_template: template.as_ref(),
        };
        values.job().map_err(|error| {
            let problem = error.to_string();
            Outcome::failed(format!(
                "The Orchestrator cannot merge pod_template into its Job: {error}."
            ))
            .compare("entries that can be matched", error.to_string())
            .fix(
                self.runner_cause(RunnerCause::PodTemplateMerge { problem }),
                Fix::note(format!("Fix the list in job.pod_template: {error}.")),
            )
            .into()
        })
    }

    /// Tries to create the Job as the runner's user, or without one as the runner itself. Nothing is kept.
    ///
    /// # Errors
    /// The API's refusal, for example.
    pub(crate) async fn try_job(&self, user: Option<&User>) -> Result<Arc<Admitted>, CheckError> {
        let tried = self.tried_job.get_or_init(|| async {
            let path = format!("/apis/batch/v1/namespaces/{}/jobs", self.namespace()?);
            let cluster = self.cluster().await?;
            let admitted = cluster.try_create(&path, &self.job()?, user).await?;
            Ok(Arc::new(admitted))
        });
        tried.await.clone()
    }

    /// Tries to create the pod that the cluster's Job controller creates for an admitted Job, as that controller. The runner
    /// is not allowed to impersonate it: in a run as the runner, the caller does, if there is one in the role's account.
    ///
    /// # Errors
    /// The API's refusal, for example.
    pub(crate) async fn try_pod(&self, job: &Admitted) -> Result<Arc<Admitted>, CheckError> {
        let tried = self.tried_pod.get_or_init(|| async {
            let (path, pod) = (self.namespaced("/pods")?, pod_of(&job.object));
            let controller = ClusterClient::job_controller();
            if self.as_runner() {
                self.same_account().await?;
            }
            let cluster = self.cluster_of_caller().await?;
            let admitted = cluster.try_create(&path, &pod, Some(&controller)).await?;
            Ok(Arc::new(admitted))
        });
        tried.await.clone()
    }

    /// Returns the objects that the Job's pod needs.
    pub(crate) fn references(&self) -> Result<References, CheckError> {
        Ok(references(&self.job()?["spec"]["template"]["spec"]))
    }
}
