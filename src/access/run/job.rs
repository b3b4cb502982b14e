//! The Job that the Orchestrator will create, and the objects that it needs.

use serde_json::Value;

use super::{Run, known};
use crate::access::cause::RunnerCause;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::job::JobValues;
use crate::access::kubernetes::references::{References, references};
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

    /// Returns the objects that the Job's pod needs.
    pub(crate) fn references(&self) -> Result<References, CheckError> {
        Ok(references(&self.job()?["spec"]["template"]["spec"]))
    }
}
