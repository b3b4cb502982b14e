//! The calls of AWS that a check is waiting for: a check whose time ends names the throttling of its own calls only.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::outcome::Outcome;

/// The throttling that the calls of a service are waiting out now, if there is one: the outcome of a check that it stops.
pub(super) type Throttling = Arc<Mutex<Option<Outcome>>>;

tokio::task_local! {
    /// The calls of what is polled now: a check, or a call that checks share.
    static CURRENT: PendingCalls;
}

/// The calls that a check, or a call that checks share, has begun.
#[derive(Clone, Default)]
pub(super) struct PendingCalls(Arc<Mutex<Vec<PendingCall>>>);

enum PendingCall {
    /// A call of AWS, until it has ended, and the throttling of its service.
    Aws(Weak<Throttling>),
    /// A call that checks share.
    Shared(PendingCalls),
}

impl PendingCalls {
    /// Runs a future, whose calls become these.
    pub(super) async fn of<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Notes that what is polled now waits for a call of AWS, which has ended when the value is dropped.
    pub(super) fn begin(service: &Throttling) -> Arc<Throttling> {
        let call = Arc::new(Arc::clone(service));
        Self::note(PendingCall::Aws(Arc::downgrade(&call)));
        call
    }

    /// Notes that what is polled now waits for the call that has these calls.
    pub(super) fn join(&self) {
        Self::note(PendingCall::Shared(self.clone()));
    }

    /// Notes a call of what is polled now. Outside of a check, it is not noted.
    fn note(call: PendingCall) {
        let _ = CURRENT.try_with(|Self(calls)| {
            let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(call);
        });
    }

    /// Returns the throttling that one of the calls is waiting out now.
    pub(super) fn throttled(&self) -> Option<Outcome> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().find_map(|call| match call {
            PendingCall::Aws(call) => {
                let service = call.upgrade()?;
                let throttling = service.lock().unwrap_or_else(PoisonError::into_inner);
                throttling.clone()
            }
            PendingCall::Shared(calls) => calls.throttled(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_throttling_of_a_call_counts_until_it_ends_and_for_who_waits_for_it() {
        let error = Outcome::incomplete("iam:GetRole was throttled", "Rate exceeded");
        let service: Throttling = Arc::new(Mutex::new(Some(error.clone())));
        let [check, other, shared] = [(); 3].map(|()| PendingCalls::default());
        check.clone().of(async { shared.join() }).await;
        other.clone().of(async {}).await;
        let call = shared.clone().of(async { PendingCalls::begin(&service) });
        let call = call.await;
        assert_eq!(check.throttled(), Some(error));
        assert_eq!(other.throttled(), None);
        drop(call);
        assert_eq!(check.throttled(), None);
        // Nobody needs a call that no check makes.
        drop(PendingCalls::begin(&service));
    }
}
