//! Configurations, written as users write them.

use crate::cli::SOURCE;
use crate::stand_in::StandIn;

/// Returns the `terraform` block and the provider block that uses `orchestrator`, without the EKS access checks:
/// they have their own scenarios.
pub(crate) fn provider(orchestrator: &StandIn) -> String {
    provider_with(&format!(
        "  api_url    = {:?}\n  org_id     = {:?}\n  auth_token = {:?}\n  \
         eks_access = {{ plan = \"off\", apply = \"off\" }}\n",
        orchestrator.url(),
        orchestrator.org(),
        orchestrator.token()
    ))
}

/// Returns the `terraform` block and a provider block with these lines.
pub(crate) fn provider_with(lines: &str) -> String {
    format!(
        r#"terraform {{
  required_providers {{
    platform-orchestrator = {{
      source = "{SOURCE}"
    }}
  }}
}}

provider "platform-orchestrator" {{
{lines}}}
"#
    )
}

/// The resource block of an EKS runner. Each part can be replaced.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    /// The resource's name.
    pub(crate) name: &'static str,
    /// The lines before `runner_configuration`.
    pub(crate) head: String,
    /// The lines of `cluster` before `auth`.
    pub(crate) cluster: String,
    /// The lines of `auth`.
    pub(crate) auth: String,
    /// The lines of `job`.
    pub(crate) job: String,
    /// The lines of `state_storage_configuration`.
    pub(crate) storage: String,
    /// The lines after it.
    pub(crate) tail: String,
}

impl Runner {
    /// Returns the documentation's basic example, with a state storage.
    pub(crate) fn basic() -> Self {
        Self {
            name: "my_runner",
            head: r#"id = "my-runner""#.into(),
            cluster: "name = \"my-eks-cluster\"\nregion = \"us-west-2\"".into(),
            auth: r#"role_arn = "arn:aws:iam::123456789012:role/humanitec-runner-eks-role""#.into(),
            job: "namespace = \"default\"\nservice_account = \"canyon-runner\"".into(),
            storage: "type = \"kubernetes\"\nkubernetes_configuration = {\nnamespace = \"humanitec\"\n}".into(),
            tail: String::new(),
        }
    }

    /// Returns the runner of the small EKS's documented set-up.
    pub(crate) fn on_the_small_eks() -> Self {
        Self {
            cluster: "name   = \"my-eks-cluster\"\nregion = \"us-west-2\"".into(),
            job: "namespace       = \"humanitec-runner\"\nservice_account = \"humanitec-runner\"".into(),
            storage: "type = \"s3\"\ns3_configuration = {\n  bucket = \"my-bucket\"\n}".into(),
            ..Self::basic()
        }
    }

    /// Returns the documentation's extended example.
    pub(crate) fn extended() -> Self {
        Self {
            head: "id = \"my-runner\"\ndescription = \"runner for all the envs\"".into(),
            auth: "role_arn = \"arn:aws:iam::123456789012:role/EksRunnerRole\"\n\
                   session_name = \"humanitec-runner-session\"\nsts_region = \"us-west-2\""
                .into(),
            job: "namespace = \"default\"\nservice_account = \"humanitec-runner\"\n\
                  pod_template = jsonencode({\nmetadata = {\nlabels = {\n\
                  \"app.kubernetes.io/name\" = \"humanitec-runner\"\n}\n}\n})"
                .into(),
            ..Self::basic()
        }
    }

    /// Returns the resource block.
    pub(crate) fn block(&self) -> String {
        let [head, tail, storage] =
            [(&self.head, 2), (&self.tail, 2), (&self.storage, 4)].map(|(part, spaces)| indent(part, spaces));
        let [cluster, job] = [&self.cluster, &self.job].map(|part| indent(part, 6));
        let auth = indent(&self.auth, 8);
        format!(
            r#"
resource "platform-orchestrator_kubernetes_eks_runner" "{name}" {{
{head}
  runner_configuration = {{
    cluster = {{
{cluster}
      auth = {{
{auth}
      }}
    }}
    job = {{
{job}
    }}
  }}
  state_storage_configuration = {{
{storage}
  }}
{tail}
}}
"#,
            name = self.name
        )
    }
}

/// Indents lines. Those of a heredoc keep their place.
fn indent(lines: &str, spaces: usize) -> String {
    if lines.contains("<<") {
        return lines.to_owned();
    }
    let indented = lines.lines().map(|line| format!("{:spaces$}{line}", ""));
    indented.collect::<Vec<_>>().join("\n")
}
