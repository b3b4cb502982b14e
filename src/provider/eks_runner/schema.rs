//! The attributes of an EKS runner in Terraform.
//!
//! The names, the nesting and the types are those of the Go providers, whose
//! configurations and states must continue to work.

use crate::provider::timeouts;
use crate::runner::StorageType;
use terraform_plugin_server::{Attribute, Schema};

/// The type name of the resource and of the data source.
pub(super) const TYPE_NAME: &str = "platform-orchestrator_kubernetes_eks_runner";

/// Returns the schema of the resource.
pub(super) fn resource() -> Schema {
    Schema {
        version: 0,
        description: "A runner of type `kubernetes-eks`: the Platform Orchestrator runs deployments as Kubernetes \
                      Jobs in an Amazon EKS cluster, which it reaches through an IAM role. An environment gets its runner \
                      from the rules at its first deployment and keeps it until it is refreshed, so a runner can be in use \
                      without a rule. The data source `platform-orchestrator_runner_environments` lists the environments \
                      that keep a runner from being deleted.",
        attributes: {
            let with_default = |what: &str, default: &str| format!("{what} Default: {default}.");
            let mut attributes = attributes(with_default);
            attributes.push(timeouts::attribute());
            attributes
        },
    }
}

/// Returns the description of an attribute from what it is and what applies if it is not set.
type WithDefault = fn(&str, &str) -> String;

/// Returns the attributes of a runner.
fn attributes(with_default: WithDefault) -> Vec<Attribute> {
    vec![
        Attribute::string(
            "id",
            "The ID of the runner, unique in the organization: at least 2 lowercase letters, digits, hyphens, and \
             underscores, beginning with a letter. Changing it replaces the runner. Because it is unique, \
             `create_before_destroy` works only if the new runner has another ID.",
        )
        .required(),
        Attribute::string("description", "What the runner is for.").optional(),
        Attribute::object(
            "runner_configuration",
            "How the Orchestrator reaches the cluster, and the Jobs that it creates there.",
            vec![cluster(with_default), job()],
        )
        .required(),
        Attribute::object(
            "state_storage_configuration",
            "Where the runner stores the Terraform state of the deployments: `type`, and the block for that type.",
            storage(),
        )
        .required(),
    ]
}

/// Returns the schema of the data source: the attributes of the resource, computed.
pub(super) fn data_source() -> Schema {
    // An attribute that only shows a value has no default, because nobody sets it.
    let mut attributes = attributes(|what, _| format!("{what} Null if not set."));
    for attribute in &mut attributes {
        if attribute.name == "id" {
            attribute.description = "The ID of the runner.".into();
        } else {
            make_computed(attribute);
        }
    }
    Schema {
        version: 0,
        description: "An existing runner of type `kubernetes-eks`, looked up by its ID.",
        attributes,
    }
}

/// Returns the attributes of a runner's configuration, all optional, for a data source that also accepts a runner that
/// is not registered.
pub(in crate::provider) fn configuration_attributes() -> Vec<Attribute> {
    let mut attributes = resource().attributes;
    attributes.retain(|attribute| attribute.name.ends_with("_configuration"));
    for attribute in &mut attributes {
        attribute.required = false;
        attribute.optional = true;
    }
    attributes
}

fn make_computed(attribute: &mut Attribute) {
    // In the Go provider's data source, the storage blocks are optional and computed.
    attribute.optional = attribute.name.ends_with("_configuration")
        && !matches!(attribute.name, "runner_configuration" | "state_storage_configuration");
    attribute.required = false;
    attribute.computed = true;
    if let terraform_plugin_server::AttributeKind::Nested(_, nested) = &mut attribute.kind {
        nested.iter_mut().for_each(make_computed);
    }
}

fn cluster(with_default: WithDefault) -> Attribute {
    Attribute::object(
        "cluster",
        "The EKS cluster.",
        vec![
            Attribute::string("name", "The name of the cluster.").required(),
            Attribute::string("region", "The AWS region of the cluster, such as `eu-central-1`.").required(),
            Attribute::object(
                "auth",
                "How the Orchestrator gets credentials for the cluster.",
                vec![
                    Attribute::string(
                        "role_arn",
                        "The ARN of the IAM role that the Orchestrator assumes to describe the cluster and to use its \
                         API. The role can be in any AWS partition, and its name can have a path.",
                    )
                    .required(),
                    Attribute::string(
                        "session_name",
                        with_default(
                            "The name of the assumed role's session: 3 to 64 letters, digits, and `_+=,.@-`. It is part \
                             of the Kubernetes user name.",
                            "`{org}-{runner id}`, cut to 64 characters",
                        ),
                    )
                    .optional(),
                    Attribute::string(
                        "sts_region",
                        with_default(
                            "The AWS region of the STS endpoint that assumes the role.",
                            "the cluster's region",
                        ),
                    )
                    .optional(),
                ],
            )
            .required(),
        ],
    )
    .required()
}

fn job() -> Attribute {
    Attribute::object(
        "job",
        "The Kubernetes Jobs that the Orchestrator creates.",
        vec![
            Attribute::string("namespace", "The Kubernetes namespace of the Jobs.").required(),
            Attribute::string(
                "service_account",
                "The Kubernetes service account that the Jobs run as.",
            )
            .required(),
            Attribute::string(
                "pod_template",
                "A fragment of a Kubernetes PodTemplateSpec as JSON (`jsonencode({...})`), merged into the Job's pod \
                 template as a strategic merge patch. The container of the runner is named `main`. Formatting \
                 and key order do not matter.",
            )
            .optional(),
        ],
    )
    .required()
}

fn storage() -> Vec<Attribute> {
    let path_prefix = || {
        Attribute::string(
            "path_prefix",
            "The prefix of each state's path: parts of letters, digits, and `._-`, separated by single slashes.",
        )
        .optional()
    };
    vec![
        Attribute::string(
            "type",
            format!("The type of the storage: {}.", StorageType::any(|ty| format!("`{ty}`"))),
        )
        .required(),
        Attribute::object(
            "kubernetes_configuration",
            "For the type `kubernetes`: states are Secrets in the runner's cluster.",
            vec![Attribute::string("namespace", "The Kubernetes namespace of the Secrets.").required()],
        )
        .optional(),
        Attribute::object(
            "s3_configuration",
            "For the type `s3`: states are objects in an Amazon S3 bucket.",
            vec![
                Attribute::string("bucket", "The name of the bucket.").required(),
                path_prefix(),
            ],
        )
        .optional(),
        Attribute::object(
            "gcs_configuration",
            "For the type `gcs`: states are objects in a Google Cloud Storage bucket.",
            vec![
                Attribute::string("bucket", "The name of the bucket.").required(),
                path_prefix(),
            ],
        )
        .optional(),
        Attribute::object(
            "azurerm_configuration",
            "For the type `azurerm`: states are blobs in an Azure storage container.",
            vec![
                Attribute::string("storage_account_name", "The name of the storage account.").required(),
                Attribute::string("container_name", "The name of the container.").required(),
                Attribute::string("resource_group_name", "The resource group of the storage account.").optional(),
                path_prefix(),
            ],
        )
        .optional(),
    ]
}
