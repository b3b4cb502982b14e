//! The connection to the Orchestrator that the resources share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::configuration;
use super::eks_access::{self, EksAccess};
use super::runner_user::RunnerUser;
use crate::orchestrator::{Client, Environment, Installation, lookup, user_agent};
use terraform_plugin_server::{ConfigureRequest, Diagnostic};

/// The configuration of the provider, as far as it is known. The client connects when it is first used.
#[derive(Default)]
pub(super) struct Connection {
    state: RwLock<ConnectionState>,
    eks_access: RwLock<Option<Arc<EksAccess>>>,
    applying: AtomicBool,
    org_warned: AtomicBool,
}

#[derive(Debug, Clone, Default)]
enum ConnectionState {
    #[default]
    NotConfigured,
    /// These attributes of the provider block are unknown, because they depend on something that is not applied yet.
    Unknown(Vec<&'static str>),
    Ready(Arc<Client>),
}

impl Connection {
    /// Stores the provider block. Returns what is missing or cannot be used.
    pub(super) fn configure(&self, request: &ConfigureRequest) -> Vec<Diagnostic> {
        let unknown = configuration::unknown(&request.config);
        // While the URL is unknown, nothing is known about the installation.
        let mut installation = Installation::default();
        let environment = Environment::from_process();
        let mut warnings = Vec::new();
        let state = if unknown.is_empty() {
            let explicit = configuration::explicit_settings(&request.config);
            match lookup(&explicit, &environment) {
                Ok(settings) => {
                    installation = Installation::from_api_url(&settings.api_url);
                    let ignored = settings.ignored().into_iter();
                    warnings
                        .extend(ignored.map(|note| Diagnostic::warning("Environment variables are not used", note)));
                    let user_agent = user_agent(&request.terraform_version, &environment);
                    ConnectionState::Ready(Arc::new(Client::new(settings, user_agent)))
                }
                Err(errors) => {
                    let failed = |error| configuration::lookup_failed(error, &explicit);
                    return errors.iter().map(failed).collect();
                }
            }
        } else {
            ConnectionState::Unknown(unknown)
        };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        let eks_access = eks_access::settings(&request.config, &installation, &environment)
            .map(|settings| Arc::new(EksAccess::new(settings)));
        *self.eks_access.write().unwrap_or_else(PoisonError::into_inner) = eks_access;
        warnings
    }

    /// Returns the client. `None` if the provider block has unknown values: the caller has to wait.
    ///
    /// # Errors
    /// Terraform used the provider before it configured the provider.
    pub(super) fn client(&self) -> Result<Option<Arc<Client>>, Diagnostic> {
        match self.state() {
            ConnectionState::Ready(client) => Ok(Some(client)),
            ConnectionState::Unknown(_) => Ok(None),
            ConnectionState::NotConfigured => Err(Diagnostic::bug("The provider was used before it was configured.")),
        }
    }

    /// Returns the client, for a caller that cannot wait.
    ///
    /// # Errors
    /// The provider block has unknown values. The error names them, and says what to do.
    pub(super) fn client_now(&self) -> Result<Arc<Client>, Diagnostic> {
        self.client()?.ok_or_else(|| {
            let ConnectionState::Unknown(unknown) = self.state() else {
                return Diagnostic::bug("The client is missing.");
            };
            Diagnostic::error(
                "The provider's configuration is unknown until apply",
                format!(
                    "The provider cannot call the Orchestrator's API yet: {} in the provider block {} on a resource \
                     that is not applied yet. Apply that resource first (`-target`), or use a value that is known \
                     during plan, such as a variable.",
                    unknown.join(", "),
                    if unknown.len() == 1 { "depends" } else { "depend" },
                ),
            )
        })
    }

    /// Returns the EKS access checks. `None` if their settings have unknown values.
    pub(super) fn eks_access(&self) -> Option<Arc<EksAccess>> {
        self.eks_access.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the EKS access checks and the organization of the runners. `None` if either has unknown values.
    pub(super) fn checks(&self) -> Option<(Arc<EksAccess>, String)> {
        let client = self.client().ok().flatten()?;
        Some((self.eks_access()?, client.org().to_owned()))
    }

    /// Returns the EKS access checks, for a caller that cannot wait.
    ///
    /// # Errors
    /// Their settings have unknown values.
    pub(super) fn eks_access_now(&self, user: RunnerUser) -> Result<Arc<EksAccess>, Diagnostic> {
        self.eks_access().ok_or_else(|| {
            let advice = user.unknown_advice();
            Diagnostic::error(
                "The provider's eks_access is unknown until apply",
                format!("eks_access depends on a resource that is not applied yet. {advice}"),
            )
        })
    }

    /// Notes that this process applies: Terraform uses one process to plan and another one to apply.
    pub(super) fn set_applying(&self) {
        self.applying.store(true, Ordering::Relaxed);
    }

    /// Returns whether this process is applying. Terraform plans once more while it applies, and nothing in that call
    /// says so: it is known only after the first change.
    pub(super) fn is_applying(&self) -> bool {
        self.applying.load(Ordering::Relaxed)
    }

    /// Returns a warning if the Orchestrator's 404 might also mean that the organization does not exist. Each process
    /// shows it once.
    pub(super) fn missing_org_warning(&self, client: &Client) -> Option<Diagnostic> {
        if client.has_seen_org() || self.org_warned.swap(true, Ordering::Relaxed) {
            return None;
        }
        let org = client.org();
        Some(Diagnostic::warning(
            format!("Organization {org:?} has no runners"),
            format!(
                "The Orchestrator responded that objects in the state do not exist, and it lists no runners for \
                 organization {org:?}. It responds the same way if the organization does not exist and the caller has \
                 permissions in every organization. If org_id or api_url is wrong, correct it before you apply."
            ),
        ))
    }

    fn state(&self) -> ConnectionState {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
