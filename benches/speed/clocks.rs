//! The clocks that requests are signed by.

use std::{
    cell::Cell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// 2015-10-09T00:00:00Z.
const FRIDAY: u64 = 1_444_348_800;

/// Returns a fixed time, for requests whose time makes no difference.
pub(crate) fn friday() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(FRIDAY)
}

/// Returns a clock that is a second later at each call, so that no cached signature applies.
pub(crate) fn a_second_each() -> impl Fn() -> SystemTime + Clone {
    let seconds = Cell::new(FRIDAY);
    move || {
        seconds.set(seconds.get() + 1);
        UNIX_EPOCH + Duration::from_secs(seconds.get())
    }
}
