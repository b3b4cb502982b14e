//! A pool of resources that are slow to start, for tests that run concurrently.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The idle resources. One test at a time uses each of them. [`Pool::take`] starts another one if none is idle, so there
/// are at most as many as concurrent tests.
pub struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    /// Creates an empty pool.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Returns an idle resource, or the one that `start` returns. It goes back to the pool when it is dropped.
    pub fn take(&'static self, start: impl FnOnce() -> T) -> Taken<T> {
        let idle = self.idle().pop();
        Taken {
            pool: self,
            thing: Some(idle.unwrap_or_else(start)),
        }
    }

    /// Drops the idle resources, because a static pool is never dropped itself.
    pub fn clear(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A resource from a [`Pool`].
pub struct Taken<T: 'static> {
    pool: &'static Pool<T>,
    thing: Option<T>,
}

impl<T> Deref for Taken<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.thing.as_ref().expect("only dropping takes it out")
    }
}

impl<T> DerefMut for Taken<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.thing.as_mut().expect("only dropping takes it out")
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        self.pool.idle().extend(self.thing.take());
    }
}
