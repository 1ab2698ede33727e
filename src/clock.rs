//! The clocks of the services: [`SystemClock`] by default, [`ManualClock`] in tests. Each is read
//! once per request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::RequestHead;

/// Tells the current time. Services read it once per request.
///
/// [`Signer`](crate::Signer) and [`Verifier`](crate::Verifier) take the time as an argument; only
/// services hold a clock. Any closure `Fn() -> SystemTime` is a clock, and so is an [`Arc`] of a
/// clock.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_hmac_auth::clock::{Clock, SystemClock};
///
/// // The clock of a machine known to be two minutes slow.
/// let two_minutes_later = || SystemClock.now() + Duration::from_secs(120);
/// assert!(two_minutes_later.now() > SystemTime::now());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a clock",
    label = "not a clock",
    note = "use `SystemClock`, `ManualClock` in tests, or a closure that returns a `SystemTime`: \
            `move || time`"
)]
pub trait Clock {
    /// Returns the current time. Only whole seconds are used.
    fn now(&self) -> SystemTime;

    /// Returns the current time by the clock of the server that this request goes to. Default:
    /// [`now`](Self::now).
    fn now_for(&self, head: RequestHead<'_>) -> SystemTime {
        let _same_for_all = head;
        self.now()
    }
}

// Otherwise the compiler asks for a closure, and does not show the notes above.
#[diagnostic::do_not_recommend]
impl<F: Fn() -> SystemTime> Clock for F {
    fn now(&self) -> SystemTime {
        self()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn now_for(&self, head: RequestHead<'_>) -> SystemTime {
        (**self).now_for(head)
    }
}

/// Reads the system's clock, [`SystemTime::now`]. This is the default everywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Shows a time that changes only when it is set or advanced, for tests. Clones show the same time.
///
/// It counts whole seconds from 1970 on; earlier times are shown as 1970-01-01T00:00:00Z.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use tower_hmac_auth::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_444_348_800));
/// let same = clock.clone();
/// clock.advance(Duration::from_secs(901));
/// assert_eq!(same.now(), UNIX_EPOCH + Duration::from_secs(1_444_349_701));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    seconds: Arc<AtomicU64>,
}

impl ManualClock {
    /// Creates a clock that shows `time`, rounded down to the second.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        let clock = Self {
            seconds: Arc::default(),
        };
        clock.set(time);
        clock
    }

    /// Sets the time that is shown. It may be earlier than before.
    pub fn set(&self, time: SystemTime) {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        self.seconds.store(seconds, Ordering::SeqCst);
    }

    /// Advances the clock by the whole seconds of `by`.
    pub fn advance(&self, by: Duration) {
        let later = |seconds: u64| Some(seconds.saturating_add(by.as_secs()));
        let _previous = self
            .seconds
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        let since = Duration::from_secs(self.seconds.load(Ordering::SeqCst));
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }
}
