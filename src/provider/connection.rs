//! The connection to the Orchestrator that the resources share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::configuration;
use super::eks_access::{self, EksAccess};
use crate::orchestrator::{Client, Environment, Installation, lookup, user_agent};
use terraform_plugin_server::{ConfigureRequest, Diagnostic};

/// How far the provider is configured. The client itself connects when it is first used.
#[derive(Default)]
pub(super) struct Connection {
    state: RwLock<State>,
    eks_access: RwLock<Option<Arc<EksAccess>>>,
    applying: AtomicBool,
    org_doubted: AtomicBool,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    NotConfigured,
    /// These attributes of the provider block depend on something that is not applied yet.
    NotKnownYet(Vec<&'static str>),
    Ready(Arc<Client>),
}

impl Connection {
    /// Takes the provider block. Returns what is missing or cannot be used.
    pub(super) fn configure(&self, request: &ConfigureRequest) -> Vec<Diagnostic> {
        let unknown = configuration::unknown(&request.config);
        // While the URL is unknown nothing is checked.
        let mut installation = Installation::default();
        let state = if unknown.is_empty() {
            let given = configuration::given(&request.config);
            let environment = Environment::of_process();
            match lookup(&given, &environment) {
                Ok(settings) => {
                    installation = Installation::at(&settings.api_url);
                    let user_agent = user_agent(&request.terraform_version, &environment);
                    State::Ready(Arc::new(Client::new(settings, user_agent)))
                }
                Err(errors) => {
                    let failed = |error| configuration::lookup_failed(error, &given);
                    return errors.iter().map(failed).collect();
                }
            }
        } else {
            State::NotKnownYet(unknown)
        };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        let eks_access = eks_access::settings(&request.config, &installation)
            .map(|settings| Arc::new(EksAccess::new(settings)));
        *self
            .eks_access
            .write()
            .unwrap_or_else(PoisonError::into_inner) = eks_access;
        Vec::new()
    }

    /// Returns the client. `Ok(None)` where the provider block is not known yet: the caller has to wait.
    ///
    /// # Errors
    /// Where Terraform uses the provider before it has configured it.
    pub(super) fn client(&self) -> Result<Option<Arc<Client>>, Diagnostic> {
        match self.state() {
            State::Ready(client) => Ok(Some(client)),
            State::NotKnownYet(_) => Ok(None),
            State::NotConfigured => Err(Diagnostic::bug(
                "The provider was used before it was configured.",
            )),
        }
    }

    /// Returns the client, for a caller that cannot wait.
    ///
    /// # Errors
    /// Where there is none: which attributes are not known yet, and what to do about it.
    pub(super) fn client_now(&self) -> Result<Arc<Client>, Diagnostic> {
        self.client()?.ok_or_else(|| {
            let State::NotKnownYet(unknown) = self.state() else { return Diagnostic::bug("The client vanished.") };
            Diagnostic::error(
                "The provider's configuration is not known yet",
                format!(
                    "This needs the Orchestrator's API, but {} of the provider block {} on something that is not \
                     applied yet. Apply what the value comes from first (`-target`), or set it from something that \
                     is known while planning, such as a variable.",
                    unknown.join(", "),
                    if unknown.len() == 1 { "depends" } else { "depend" },
                ),
            )
        })
    }

    /// Returns the EKS access checks. `None` where their settings are not known yet.
    pub(super) fn eks_access(&self) -> Option<Arc<EksAccess>> {
        self.eks_access
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the EKS access checks and the organization of the runners. `None` where either is not known yet.
    pub(super) fn checks(&self) -> Option<(Arc<EksAccess>, String)> {
        let client = self.client().ok().flatten()?;
        Some((self.eks_access()?, client.org().to_owned()))
    }

    /// Returns the EKS access checks, for a caller that cannot wait.
    ///
    /// # Errors
    /// Where their settings are not known yet.
    pub(super) fn eks_access_now(&self) -> Result<Arc<EksAccess>, Diagnostic> {
        self.eks_access().ok_or_else(|| {
            Diagnostic::error(
                "The provider's eks_access is not known yet",
                "It depends on something that is not applied yet, and the data source is read while planning. Give the \
                 data source depends_on with what eks_access comes from: Terraform then reads it during apply. Or set \
                 eks_access from something that is known while planning, such as a variable.",
            )
        })
    }

    /// This process applies from now on: Terraform plans and applies in a process each.
    pub(super) fn set_applying(&self) {
        self.applying.store(true, Ordering::Relaxed);
    }

    /// Whether this process is applying. Terraform plans once more while it applies, and nothing in that call
    /// says so: it is known after the first change alone.
    pub(super) fn is_applying(&self) -> bool {
        self.applying.load(Ordering::Relaxed)
    }

    /// Returns a warning where the Orchestrator's 404 might also mean that the organization does not exist.
    /// One warning for the whole process.
    pub(super) fn doubtful_org(&self, client: &Client) -> Option<Diagnostic> {
        if client.has_seen_org() || self.org_doubted.swap(true, Ordering::Relaxed) {
            return None;
        }
        let org = client.org();
        Some(Diagnostic::warning(
            format!("Organization {org:?} has no runners"),
            format!(
                "The Orchestrator responded that objects in the state do not exist, and it lists no runners for \
                 organization {org:?}. It responds like this for an organization that does not exist, too, if the \
                 caller has permissions in every organization. If org_id or api_url is wrong, correct it before you \
                 apply."
            ),
        ))
    }

    fn state(&self) -> State {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
