//! Calls that everything that needs the same response shares.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared, ready};

use super::pending::PendingCalls;

/// How long a settled response is reused.
const SETTLED: Duration = Duration::from_secs(60);
/// How long another response is reused: long enough for the runners that are checked together, and short enough for
/// a run that checks again because the response might have changed.
const UNSETTLED: Duration = Duration::from_secs(2);

/// A call that might be under way, and its response.
pub(super) type SharedCall<R> = Shared<BoxFuture<'static, R>>;

/// The calls of one kind, by their parameters.
///
/// Whoever needs a response while the same call is under way waits for that call. A call goes on as long as anyone
/// waits for it. It is dropped when no one does: an abandoned call would otherwise keep what it has locked, such as the
/// set-up of the credentials, for which every later call would wait forever.
pub(super) struct SingleFlight<K, R> {
    calls: Mutex<HashMap<K, Flight<R>>>,
}

struct Flight<R> {
    started: Instant,
    /// The calls that it consists of.
    calls: PendingCalls,
    /// The call, while anyone waits for it.
    under_way: Option<WeakShared<BoxFuture<'static, R>>>,
    /// The response, once there is one.
    response: Arc<OnceLock<R>>,
}

impl<K, R> Default for SingleFlight<K, R> {
    fn default() -> Self {
        Self {
            calls: Mutex::default(),
        }
    }
}

impl<R: Clone + Send + Sync + 'static> Flight<R> {
    /// Starts a call.
    fn start(call: impl Future<Output = R> + Send + 'static) -> (Self, SharedCall<R>) {
        let response = Arc::new(OnceLock::new());
        let kept = Arc::clone(&response);
        let calls = PendingCalls::default();
        let shared = call.inspect(move |response| drop(kept.set(response.clone())));
        let shared = calls.clone().of(shared).boxed().shared();
        let call = Self {
            started: Instant::now(),
            calls,
            under_way: shared.downgrade(),
            response,
        };
        (call, shared)
    }

    /// Returns the response, or the call that is under way, if it can be reused.
    fn reusable(&self, is_settled: fn(&R) -> bool) -> Option<SharedCall<R>> {
        let Some(response) = self.response.get() else {
            return self.under_way.as_ref()?.upgrade();
        };
        let lifetime = if is_settled(response) { SETTLED } else { UNSETTLED };
        let is_recent = self.started.elapsed() < lifetime;
        is_recent.then(|| ready(response.clone()).boxed().shared())
    }
}

impl<K: Eq + Hash, R: Clone + Send + Sync + 'static> SingleFlight<K, R> {
    /// Returns the call with these parameters. `start` runs if there is no recent one.
    ///
    /// `is_settled` distinguishes responses that should stay as they are from those that might soon change, such as "does
    /// not exist". It judges the response of an earlier call as well, whatever that call was made for.
    pub(super) fn call<F>(&self, key: K, is_settled: fn(&R) -> bool, start: impl FnOnce() -> F) -> SharedCall<R>
    where
        F: Future<Output = R> + Send + 'static,
    {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let known = calls.get(&key).and_then(|call| {
            let shared = call.reusable(is_settled)?;
            call.calls.join();
            Some(shared)
        });
        known.unwrap_or_else(|| {
            let (call, shared) = Flight::start(start());
            call.calls.join();
            calls.insert(key, call);
            shared
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_hundred_waiters_share_one_call() {
        let flight = SingleFlight::<&str, usize>::default();
        let count = Arc::new(AtomicUsize::new(0));
        let all = (0..100).map(|_| {
            let count = Arc::clone(&count);
            flight.call(
                "key",
                |_| true,
                move || async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    count.fetch_add(1, Ordering::Relaxed)
                },
            )
        });
        let responses = futures_util::future::join_all(all.collect::<Vec<_>>()).await;
        assert_eq!(responses, vec![0; 100]);
        assert_eq!(flight.call("other", |_| true, || async { 7 }).await, 7);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_unsettled_response_is_fetched_again() {
        let flight = SingleFlight::<(), bool>::default();
        let age = || flight.calls.lock().unwrap().get_mut(&()).unwrap().started -= UNSETTLED;
        assert!(!flight.call((), |found| *found, || async { false }).await);
        assert!(!flight.call((), |found| *found, || async { true }).await);
        age();
        assert!(flight.call((), |found| *found, || async { true }).await);
        age();
        assert!(flight.call((), |found| *found, || async { false }).await);
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_does_not_end_the_call_for_the_others() {
        let flight = SingleFlight::<(), u8>::default();
        let start = || async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            1
        };
        let first = flight.call((), |_| true, start);
        let second = flight.call((), |_| true, || async { 2 });
        let gave_up = tokio::time::timeout(Duration::from_millis(5), first).await;
        assert!(gave_up.is_err());
        assert_eq!(second.await, 1);
    }

    #[tokio::test]
    async fn an_abandoned_call_releases_what_it_has_locked() {
        let flight = SingleFlight::<u8, u8>::default();
        let set_up = Arc::new(tokio::sync::OnceCell::new());
        let call = |key: u8, pause: u64| {
            let set_up = Arc::clone(&set_up);
            flight.call(
                key,
                |_| true,
                move || async move {
                    let slow = async || tokio::time::sleep(Duration::from_millis(pause)).await;
                    set_up.get_or_init(slow).await;
                    key
                },
            )
        };
        let abandoned = tokio::time::timeout(Duration::from_millis(5), call(1, 60_000)).await;
        assert!(abandoned.is_err());
        for key in [2, 1] {
            let other = tokio::time::timeout(Duration::from_secs(5), call(key, 0)).await;
            assert_eq!(other, Ok(key));
        }
    }
}
