//! The rate of the calls of one AWS service: a few at a time, and again after each throttling.
//!
//! The SDK's own adaptive mode does not wait throttling out. It gives up after its attempts or when its retry quota is
//! used up (500 for a service and region, 5 for each throttled attempt), and its client-side limit charges a retry
//! five times, at a rate that starts at 0.5 calls a second (`StandardRetryStrategy` and `ClientRateLimiter` in
//! aws-smithy-runtime 1.16). With a few calls at a time, each of which backs off when it is throttled, the calls of
//! this process settle at the rate that AWS allows.

use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::AwsError;
use crate::access::pending::{PendingCalls, Throttling};

/// How many calls of one service run at a time.
const AT_A_TIME: usize = 8;
/// The pauses after a throttled call: the first, and the longest. Each is twice the one before, and half of it is
/// random, so that the waiting calls do not return at the same time.
const PAUSES: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(5));
/// How long a call is repeated. It is longer than the time limit of most runs, which end before it does.
const PATIENCE: Duration = Duration::from_secs(300);

/// A service, each of which throttles independently.
#[derive(Debug, Clone, Copy)]
pub(super) enum Service {
    Iam,
    Eks,
    Sts,
    S3,
    Kms,
}

/// The calls of all services.
#[derive(Default)]
pub(super) struct RateLimits {
    iam: RateLimit,
    eks: RateLimit,
    sts: RateLimit,
    s3: RateLimit,
    kms: RateLimit,
}

impl RateLimits {
    /// Returns the calls of a service.
    pub(super) fn for_service(&self, service: Service) -> &RateLimit {
        match service {
            Service::Iam => &self.iam,
            Service::Eks => &self.eks,
            Service::Sts => &self.sts,
            Service::S3 => &self.s3,
            Service::Kms => &self.kms,
        }
    }
}

/// The calls of one service.
#[derive(Clone)]
pub(super) struct RateLimit {
    permits: Arc<Semaphore>,
    /// The last throttling, until a call succeeds.
    throttled: Throttling,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
            throttled: Arc::default(),
        }
    }
}

impl RateLimit {
    /// Makes a call when its turn comes, and again while AWS throttles it.
    ///
    /// The call runs in a task of its own, which keeps its permit even if no one waits for the call any more.
    ///
    /// # Errors
    /// The call's own error, or the throttling that did not end.
    pub(super) async fn run<T, F>(&self, call: impl Fn() -> F + Send + 'static) -> Result<T, AwsError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AwsError>> + Send,
    {
        let (permits, throttled) = (Arc::clone(&self.permits), Arc::clone(&self.throttled));
        let note = move |error: Option<&AwsError>| {
            *throttled.lock().unwrap_or_else(PoisonError::into_inner) = error.map(AwsError::outcome);
        };
        let pending = PendingCalls::begin(&self.throttled);
        let task = tokio::spawn(async move {
            let _pending = pending;
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            let (mut pause, longest) = PAUSES;
            let end = Instant::now() + PATIENCE;
            loop {
                let response = call().await;
                match &response {
                    Err(error @ AwsError::Throttled { .. }) => note(Some(error)),
                    _ => note(None),
                }
                if !matches!(response, Err(AwsError::Throttled { .. })) || Instant::now() >= end {
                    return response;
                }
                tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                pause = (pause * 2).min(longest);
            }
        });
        match task.await {
            Ok(response) => response,
            // A panic of this program is not an error of AWS.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(AwsError::Unreachable {
                action: "the call",
                message: error.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    fn throttled<T>() -> Result<T, AwsError> {
        Err(AwsError::Throttled {
            action: "iam:GetRole",
            message: "Rate exceeded".to_owned(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn six_hundred_calls_succeed_at_fifteen_a_second() {
        let limit = RateLimit::default();
        let start = Instant::now();
        let (served, most, now) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
        );
        let calls = (0..600).map(|_| {
            let (served, most, now) = (served.clone(), most.clone(), now.clone());
            limit.run(move || {
                let (served, most, now) = (served.clone(), most.clone(), now.clone());
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    now.fetch_sub(1, Ordering::Relaxed);
                    // A bucket of fifteen that is filled at fifteen a second.
                    let allowed = 15.0 + start.elapsed().as_secs_f64() * 15.0;
                    if (served.load(Ordering::Relaxed) as f64) < allowed.floor() {
                        served.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    } else {
                        throttled()
                    }
                }
            })
        });
        let responses = join_all(calls).await;
        assert!(responses.iter().all(Result::is_ok));
        assert!(most.load(Ordering::Relaxed) <= AT_A_TIME);
        let took = start.elapsed().as_secs();
        assert!((38..=50).contains(&took), "{took} s");
    }

    #[tokio::test]
    #[should_panic(expected = "a fault")]
    async fn a_panic_of_a_call_is_passed_on() {
        let call = || async { panic!("a fault") };
        let _: Result<(), _> = RateLimit::default().run(call).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_call_does_not_block_others() {
        let limit = RateLimit::default();
        let abandoned = (0..AT_A_TIME).map(|_| {
            let start = Instant::now();
            limit.run(move || async move {
                if start.elapsed() > Duration::from_secs(20) {
                    Ok(())
                } else {
                    throttled()
                }
            })
        });
        let waited = tokio::time::timeout(Duration::from_secs(1), join_all(abandoned)).await;
        assert!(waited.is_err());
        assert_eq!(limit.run(|| async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn other_errors_and_endless_throttling_are_returned() {
        let limit = RateLimit::default();
        let denied = || AwsError::Denied {
            action: "iam:GetRole",
            message: "no".to_owned(),
        };
        let start = Instant::now();
        let response = limit.run(move || async move { Err::<(), _>(denied()) }).await;
        assert_eq!(response, Err(denied()));
        assert_eq!(start.elapsed(), Duration::ZERO);
        let response = limit.run(|| async { throttled::<()>() }).await;
        assert_eq!(response, throttled());
        assert!(start.elapsed() < PATIENCE + PAUSES.1);
    }
}
