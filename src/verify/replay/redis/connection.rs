//! The connection to Redis, which is replaced when it has failed.

use std::{
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use ::redis::{RedisError, RedisResult};
use arc_swap::ArcSwap;

pub(super) type Attempt<C> = Pin<Box<dyn Future<Output = RedisResult<C>> + Send>>;

pub(super) type Connect<C> = dyn Fn() -> Attempt<C> + Send + Sync;

pub(super) struct Connection<C> {
    current: ArcSwap<Current<C>>,
    /// Makes the next one. A connection of the user's is never replaced.
    connect: Option<Box<Connect<C>>>,
    /// How long an attempt to connect may take.
    deadline: Duration,
    is_replacing: AtomicBool,
}

pub(super) struct Current<C> {
    pub(super) connection: C,
    /// Claims without an answer since the last answer.
    unanswered: AtomicU32,
}

impl<C> Current<C> {
    fn new(connection: C) -> Self {
        Self {
            connection,
            unanswered: AtomicU32::new(0),
        }
    }

    /// Notes that a claim was answered.
    pub(super) fn note_answer(&self) {
        if self.unanswered.load(Ordering::Relaxed) != 0 {
            self.unanswered.store(0, Ordering::Relaxed);
        }
    }
}

impl<C> Connection<C> {
    /// So many claims in a row without an answer, and the connection is replaced: the other side
    /// may hang, or this one.
    const MAX_UNANSWERED: u32 = 16;

    pub(super) fn new(first: C, connect: Option<Box<Connect<C>>>, deadline: Duration) -> Self {
        Self {
            current: ArcSwap::from_pointee(Current::new(first)),
            connect,
            deadline,
            is_replacing: AtomicBool::new(false),
        }
    }

    pub(super) fn current(&self) -> Arc<Current<C>> {
        self.current.load_full()
    }
}

impl<C: Send + Sync + 'static> Connection<C> {
    /// Notes that a claim had no answer within its deadline.
    pub(super) fn note_no_answer(self: &Arc<Self>, used: &Arc<Current<C>>) {
        let before = used.unanswered.fetch_add(1, Ordering::Relaxed);
        if before.saturating_add(1) >= Self::MAX_UNANSWERED {
            self.replace(used);
        }
    }

    /// Notes that a claim had an error.
    pub(super) fn note_error(self: &Arc<Self>, used: &Arc<Current<C>>, error: &RedisError) {
        // What was a primary may be a replica now, and the address that of another server.
        let is_replica = error.code() == Some("READONLY");
        if is_replica || error.is_unrecoverable_error() {
            self.replace(used);
        } else {
            self.note_no_answer(used);
        }
    }

    /// Connects in a task of its own, if none does already. The claims on the old connection go on.
    fn replace(self: &Arc<Self>, used: &Arc<Current<C>>) {
        let is_current = Arc::ptr_eq(&self.current.load(), used);
        if self.connect.is_none() || !is_current || self.is_replacing.swap(true, Ordering::AcqRel) {
            return;
        }
        tokio::spawn(Replacement(Arc::downgrade(self)).run());
    }
}

/// The task that replaces a connection. It ends with the guard.
struct Replacement<C>(Weak<Connection<C>>);

impl<C> Replacement<C> {
    const MIN_PAUSE: Duration = Duration::from_millis(50);
    const MAX_PAUSE: Duration = Duration::from_secs(1);

    async fn run(self) {
        let mut pause = Self::MIN_PAUSE;
        while let Some((attempt, deadline)) = self.attempt() {
            if let Ok(Ok(next)) = tokio::time::timeout(deadline, attempt).await {
                if let Some(connection) = self.0.upgrade() {
                    connection.current.store(Arc::new(Current::new(next)));
                }
                // Not more than one connection a second, should all of them fail.
                return tokio::time::sleep(Self::MAX_PAUSE).await;
            }
            tokio::time::sleep(pause).await;
            pause = Self::MAX_PAUSE.min(pause * 2);
        }
    }

    fn attempt(&self) -> Option<(Attempt<C>, Duration)> {
        let connection = self.0.upgrade()?;
        let connect = connection.connect.as_ref()?;
        Some((connect(), connection.deadline))
    }
}

/// Lets a later failure start another task. In `drop`, so that it happens too if the task is
/// dropped with its runtime.
impl<C> Drop for Replacement<C> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.upgrade() {
            connection.is_replacing.store(false, Ordering::Release);
        }
    }
}
