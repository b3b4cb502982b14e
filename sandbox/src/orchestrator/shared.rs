//! The data that the server's tasks and the handle of the stand-in share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::faults::FaultRules;
use super::requests::RequestLog;
use super::store::Store;

/// The data that the server's tasks and the handle share.
pub(super) struct Shared {
    /// The token that callers must send. `None` for a local installation.
    pub(super) token: Option<String>,
    /// Whether the caller has permissions in every organization.
    pub(super) every_org: bool,
    pub(super) faults: FaultRules,
    pub(super) requests: RequestLog,
    store: Mutex<Store>,
    delay: Mutex<Duration>,
}

impl Shared {
    pub(super) fn new(token: Option<String>, every_org: bool, store: Store, delay: Duration) -> Self {
        Self {
            token,
            every_org,
            faults: FaultRules::default(),
            requests: RequestLog::default(),
            store: Mutex::new(store),
            delay: Mutex::new(delay),
        }
    }

    /// Locks the store. A panic in a test's closure leaves it usable, because every change is one step.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn delay(&self) -> Duration {
        *self.delay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_delay(&self, delay: Duration) {
        *self.delay.lock().unwrap_or_else(PoisonError::into_inner) = delay;
    }
}
