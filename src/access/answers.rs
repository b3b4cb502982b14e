//! Answers shared by all who ask the same question.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

/// How long an answer that should stay as it is serves further questions.
const SETTLED: Duration = Duration::from_secs(60);
/// How long another one does: long enough for the runners that are checked together, and short
/// enough for one who asks again because it may have changed.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The answers to one kind of question, by what was asked.
///
/// Who asks while the same question is under way waits for that answer. A question goes on as
/// long as anyone waits for it.
pub(super) struct Answers<Q, A> {
    asked: Mutex<HashMap<Q, Asked<A>>>,
}

struct Asked<A> {
    at: Instant,
    answer: Shared<BoxFuture<'static, A>>,
    settled: fn(&A) -> bool,
}

impl<Q, A> Default for Answers<Q, A> {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
        }
    }
}

impl<A: Clone> Asked<A> {
    /// Whether the answer, or the one that is under way, is still good.
    fn serves(&self) -> bool {
        let Some(answer) = self.answer.peek() else {
            // One that nobody waits for any more stands still.
            return self.answer.strong_count() > Some(1);
        };
        let lasts = if (self.settled)(answer) {
            SETTLED
        } else {
            UNSETTLED
        };
        self.at.elapsed() < lasts
    }
}

impl<Q: Eq + Hash, A: Clone + Send + Sync + 'static> Answers<Q, A> {
    /// The answer to a question; `ask` is run when nobody has asked it lately.
    ///
    /// `settled` tells the answers that should stay as they are from those that may be others
    /// soon, such as "does not exist".
    pub(super) fn get<F>(
        &self,
        question: Q,
        settled: fn(&A) -> bool,
        ask: impl FnOnce() -> F,
    ) -> Shared<BoxFuture<'static, A>>
    where
        F: Future<Output = A> + Send + 'static,
    {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = asked.get(&question)
            && known.serves()
        {
            return known.answer.clone();
        }
        let answer = ask().boxed().shared();
        asked.insert(
            question,
            Asked {
                at: Instant::now(),
                answer: answer.clone(),
                settled,
            },
        );
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_hundred_at_once_ask_once() {
        let answers = Answers::<&str, usize>::default();
        let calls = Arc::new(AtomicUsize::new(0));
        let all = (0..100).map(|_| {
            let calls = Arc::clone(&calls);
            answers.get(
                "q",
                |_| true,
                move || async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    calls.fetch_add(1, Ordering::Relaxed)
                },
            )
        });
        let got = futures_util::future::join_all(all.collect::<Vec<_>>()).await;
        assert_eq!(got, vec![0; 100]);
        assert_eq!(answers.get("other", |_| true, || async { 7 }).await, 7);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_unsettled_answer_is_asked_for_again() {
        let answers = Answers::<(), bool>::default();
        assert!(!answers.get((), |found| *found, || async { false }).await);
        assert!(!answers.get((), |found| *found, || async { true }).await);
        answers.asked.lock().unwrap().get_mut(&()).unwrap().at -= UNSETTLED;
        assert!(answers.get((), |found| *found, || async { true }).await);
        answers.asked.lock().unwrap().get_mut(&()).unwrap().at -= UNSETTLED;
        assert!(answers.get((), |found| *found, || async { false }).await);
    }

    #[tokio::test]
    async fn one_who_gives_up_does_not_take_the_answer_from_the_others() {
        let answers = Answers::<(), u8>::default();
        let ask = || async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            1
        };
        let first = answers.get((), |_| true, ask);
        let second = answers.get((), |_| true, || async { 2 });
        let gave_up = tokio::time::timeout(Duration::from_millis(5), first).await;
        assert!(gave_up.is_err());
        assert_eq!(second.await, 1);
    }
}
