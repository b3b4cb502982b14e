//! The backends for states outside of AWS, and the ways in which they authenticate.
//!
//! The public image of the runner has OpenTofu 1.10.0 (`Dockerfile` of stellwerk-labs/platform-orchestrator-runner), and other images
//! might have a later version. A way counts if both 1.10.0 and 1.12.6 accept it.

/// A backend and the ways in which it authenticates.
pub(in super::super) struct Backend {
    /// The service, as its users call it.
    pub(super) service: &'static str,
    /// The ways, in the backend's order: the first one that the container selects counts, even if it is not complete.
    pub(super) methods: &'static [Method],
    /// The ways that only later versions of OpenTofu than 1.10 accept, which use the first one that is complete.
    pub(super) later: &'static [Method],
    /// The variable that the fix sets.
    pub(super) usual: &'static str,
    /// The end of the path of a file with credentials that the backend reads without a variable.
    pub(super) file: Option<&'static str>,
}

/// One way to authenticate.
#[derive(Debug)]
pub(super) struct Method {
    /// What selects it: one of each list, whatever its value is.
    pub(super) selected_by: &'static [Choice],
    /// What it also needs: one of each list.
    pub(super) needs: &'static [Choice],
}

/// Settings of which one is enough. The messages name the first one.
pub(super) type Choice = &'static [BackendSetting];

/// A setting, and what its value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BackendSetting {
    /// A variable with any value.
    Text(&'static str),
    /// A variable with the path of a file, which a volume of the container must hold: the runner's image has no credentials.
    File(&'static str),
    /// A variable with the path of such a file or the content of one, which is a JSON object.
    FileOrJson(&'static str),
    /// A variable that is true in the sense of Go's `strconv.ParseBool`.
    Flag(&'static str),
    /// How the azurerm backend reads the state with Microsoft Entra ID: itself, with `ARM_USE_AZUREAD`, or with the key of the
    /// storage account, which it finds by `ARM_SUBSCRIPTION_ID` and `resource_group_name`. The latter has no variable.
    Account,
}

use BackendSetting::{Account, File, FileOrJson, Flag, Text};

pub(super) const USE_AZUREAD: &str = "ARM_USE_AZUREAD";
pub(super) const SUBSCRIPTION_ID: &str = "ARM_SUBSCRIPTION_ID";

/// The gcs backend. Source: `configure` in `internal/backend/remote-state/gcs/backend.go` of OpenTofu 1.10 and 1.12, and
/// `google.FindDefaultCredentials` of golang.org/x/oauth2, which it calls without a variable of its own. That function also reads
/// `~/.config/gcloud/application_default_credentials.json`.
pub(in super::super) const GCS: Backend = Backend {
    service: "Google Cloud Storage",
    methods: &[
        selected_by(&[&[Text("GOOGLE_OAUTH_ACCESS_TOKEN")]]),
        selected_by(&[&[FileOrJson("GOOGLE_BACKEND_CREDENTIALS")]]),
        selected_by(&[&[FileOrJson("GOOGLE_CREDENTIALS")]]),
        selected_by(&[&[File("GOOGLE_APPLICATION_CREDENTIALS")]]),
    ],
    later: &[],
    usual: "GOOGLE_CREDENTIALS",
    file: Some("/.config/gcloud/application_default_credentials.json"),
};

/// The azurerm backend.
///
/// Sources for OpenTofu 1.10: `configure` in `internal/backend/remote-state/azure/backend.go`, `buildArmClient` in `arm_client.go`
/// beside it, and `Build`, `isApplicable`, and `validate` in `authentication` of hashicorp/go-azure-helpers 0.43, which demands a
/// subscription of service principals. Sources for 1.12: `configure` in `backend.go`, `Validate` of each method in its folder
/// `auth`, and `checkNamesForAccessKeyCredentials` in `auth/clients.go`. The Azure CLI, which both try as well, is not in the
/// runner's image.
pub(in super::super) const AZURERM: Backend = Backend {
    service: "Azure Storage",
    methods: &[
        selected_by(&[&[Text("ARM_ACCESS_KEY")]]),
        selected_by(&[&[Text("ARM_SAS_TOKEN")]]),
        Method {
            selected_by: &[&[File("ARM_CLIENT_CERTIFICATE_PATH")]],
            needs: PRINCIPAL,
        },
        Method {
            selected_by: &[&[Text("ARM_CLIENT_SECRET")]],
            needs: PRINCIPAL,
        },
        Method {
            selected_by: &[
                &[Flag("ARM_USE_OIDC")],
                &[
                    Text("ARM_OIDC_TOKEN"),
                    File("ARM_OIDC_TOKEN_FILE_PATH"),
                    Text("ARM_OIDC_REQUEST_TOKEN"),
                    Text("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
                ],
                &[
                    Text("ARM_OIDC_TOKEN"),
                    File("ARM_OIDC_TOKEN_FILE_PATH"),
                    Text("ARM_OIDC_REQUEST_URL"),
                    Text("ACTIONS_ID_TOKEN_REQUEST_URL"),
                ],
            ],
            needs: &[&[Text("ARM_TENANT_ID")], &[Text("ARM_CLIENT_ID")], &[Account]],
        },
        Method {
            selected_by: &[&[Flag("ARM_USE_MSI")]],
            // Without it, the backend calls the address at which a node of EKS has the metadata service of EC2.
            needs: &[&[Text("ARM_MSI_ENDPOINT")], &[Account]],
        },
    ],
    later: &[
        selected_by(&[
            &[Text("ARM_CLIENT_CERTIFICATE"), File("ARM_CLIENT_CERTIFICATE_PATH")],
            &[Text("ARM_TENANT_ID")],
            LATER_CLIENT_ID,
            &[Account],
        ]),
        selected_by(&[
            &[Text("ARM_CLIENT_SECRET"), File("ARM_CLIENT_SECRET_FILE_PATH")],
            &[Text("ARM_TENANT_ID")],
            LATER_CLIENT_ID,
            &[Account],
        ]),
        selected_by(&[
            &[Flag("ARM_USE_OIDC")],
            &[
                Text("ARM_OIDC_TOKEN"),
                File("ARM_OIDC_TOKEN_FILE_PATH"),
                File("AZURE_FEDERATED_TOKEN_FILE"),
                Text("ARM_OIDC_REQUEST_TOKEN"),
                Text("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
                Text("SYSTEM_ACCESSTOKEN"),
            ],
            &[
                Text("ARM_OIDC_TOKEN"),
                File("ARM_OIDC_TOKEN_FILE_PATH"),
                File("AZURE_FEDERATED_TOKEN_FILE"),
                Text("ARM_OIDC_REQUEST_URL"),
                Text("ACTIONS_ID_TOKEN_REQUEST_URL"),
                Text("SYSTEM_OIDCREQUESTURI"),
            ],
            &[Text("ARM_TENANT_ID")],
            LATER_CLIENT_ID,
            &[Account],
        ]),
        selected_by(&[
            &[Flag("ARM_USE_MSI")],
            &[
                Text("MSI_ENDPOINT"),
                Text("ARM_MSI_ENDPOINT"),
                Text("IDENTITY_ENDPOINT"),
            ],
            &[Account],
        ]),
        selected_by(&[
            &[Flag("ARM_USE_AKS_WORKLOAD_IDENTITY")],
            &[Text("AZURE_TENANT_ID")],
            &[Text("AZURE_CLIENT_ID")],
            &[File("AZURE_FEDERATED_TOKEN_FILE")],
            &[Account],
        ]),
    ],
    usual: "ARM_ACCESS_KEY",
    file: None,
};

/// What a service principal needs beside its secret or certificate.
const PRINCIPAL: &[Choice] = &[
    &[Text("ARM_TENANT_ID")],
    &[Text("ARM_CLIENT_ID")],
    &[Text(SUBSCRIPTION_ID)],
    &[Account],
];

const LATER_CLIENT_ID: Choice = &[Text("ARM_CLIENT_ID"), File("ARM_CLIENT_ID_FILE_PATH")];

/// Returns a method that needs nothing but what selects it.
const fn selected_by(selected_by: &'static [Choice]) -> Method {
    Method {
        selected_by,
        needs: &[],
    }
}

impl BackendSetting {
    /// Returns the variable's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::File(name) | Self::FileOrJson(name) | Self::Flag(name) => name,
            Self::Account => USE_AZUREAD,
        }
    }

    /// Returns what the container needs, as a part of a sentence.
    pub(super) fn in_words(self) -> String {
        match self {
            Self::Flag(name) => format!("{name} set to true"),
            Self::Account => {
                format!("{USE_AZUREAD} set to true (or {SUBSCRIPTION_ID} and resource_group_name of the state storage)")
            }
            _ => self.name().to_owned(),
        }
    }
}

impl Method {
    /// Returns everything that it needs.
    pub(super) fn choices(&self) -> impl Iterator<Item = Choice> {
        self.selected_by.iter().chain(self.needs).copied()
    }

    /// Returns its variables in words.
    pub(super) fn in_words(&self) -> String {
        let first = |choice: Choice| choice.first().map_or("", |setting| setting.name());
        let mut names: Vec<&str> = self.choices().map(first).collect();
        names.dedup();
        names.join(" with ")
    }
}
