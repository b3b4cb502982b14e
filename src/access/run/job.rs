//! The Job that the Orchestrator will create, and the objects that it needs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Run, known};
use crate::access::cause::RunnerCause;
use crate::access::check::CheckId;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::job::{JobValues, pod_of, with_job_labels};
use crate::access::kubernetes::references::{References, references};
use crate::access::kubernetes::refusal::is_about_object;
use crate::access::kubernetes::user::User;
use crate::access::kubernetes::{Admitted, ClusterClient};
use crate::access::outcome::Outcome;
use crate::runner::job_container::MAIN;

/// What `pod_template` replaces in the container `main`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// The command or the arguments: the program that runs might use credentials and set variables of its own.
    pub(crate) program: bool,
    /// The image. It is usually a copy of the Orchestrator's, or one that adds to it, such as variables.
    image: bool,
}

impl Replaced {
    /// Returns whether the container might have variables that `pod_template` does not set, so that nothing that follows from
    /// the variables of `pod_template` is certain.
    pub(crate) fn might_set_variables(self) -> bool {
        self.program || self.image
    }
}

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

    /// Returns the container `main` of the Job, or `null`.
    pub(crate) fn main_container(&self) -> Result<Value, CheckError> {
        let job = self.job()?;
        let containers = job["spec"]["template"]["spec"]["containers"].as_array();
        let mut containers = containers.into_iter().flatten();
        let main = containers.find(|container| container["name"] == MAIN);
        Ok(main.cloned().unwrap_or_default())
    }

    /// Returns what `pod_template` replaces in the container `main`.
    pub(crate) fn replaced(&self) -> Result<Replaced, CheckError> {
        let main = self.main_container()?;
        Ok(Replaced {
            program: !main["command"].is_null() || main["args"] != json!(["standard"]),
            image: main["image"] != self.settings().runner_image.as_str(),
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

    /// Returns the template of the Job's pod, as far as it is known before a deployment: as the cluster admits the pod, or
    /// else as the Orchestrator sends it, with the labels that every Job's pod gets.
    pub(crate) async fn expected_template(&self) -> Result<Value, CheckError> {
        let mut job = self.job()?;
        let admitted = self.admitted_template().await;
        Ok(admitted.unwrap_or_else(|| with_job_labels(job["spec"]["template"].take())))
    }

    /// Returns the Job's pod as the cluster admits it, as a pod template: with the labels of its Job, the defaults of a
    /// LimitRange, the overhead of a RuntimeClass, and what webhooks change. As the runner, it is the template of the admitted
    /// Job if the caller cannot try the pod. `None` if the cluster does not admit it, or if the check `job-dry-run` cannot try it
    /// or is skipped by name.
    async fn admitted_template(&self) -> Option<Value> {
        if self.settings().skip.contains(&CheckId::JOB_DRY_RUN) {
            return None;
        }
        let user = if self.as_runner() {
            None
        } else {
            Some(self.user().await.ok()??)
        };
        let is_possible = |user: &User| !user.name.is_empty() && user.not_in_header().is_none();
        if !user.as_ref().is_none_or(is_possible) {
            return None;
        }
        let job = self.try_job(user.as_ref()).await.ok()?;
        match self.try_pod(&job).await {
            Ok(pod) => Some(pod.object.clone()),
            Err(CheckError::Kube(error)) if is_about_object(&error) => None,
            Err(_) => user.is_none().then(|| job.object["spec"]["template"].clone()),
        }
    }

    /// Returns the objects that the Job's pod needs.
    pub(crate) fn references(&self) -> Result<References, CheckError> {
        Ok(references(&self.job()?["spec"]["template"]["spec"]))
    }
}
