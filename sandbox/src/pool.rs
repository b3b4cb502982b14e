//! Things that are slow to start and that tests running at once take turns with.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Idle things. Each is used by one test at a time; [`Pool::take`] starts another one when none is idle, so there are
/// at most as many as tests that run at once.
pub struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    /// An empty pool.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// An idle thing, or the one that `start` returns. It returns to the pool when it is dropped.
    pub fn take(&'static self, start: impl FnOnce() -> T) -> Taken<T> {
        let idle = self.idle().pop();
        Taken {
            pool: self,
            thing: Some(idle.unwrap_or_else(start)),
        }
    }

    /// Drops the idle things. A static pool is never dropped itself.
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

/// Something taken from a [`Pool`].
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
