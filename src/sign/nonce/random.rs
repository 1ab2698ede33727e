//! Random nonces.

use std::cell::RefCell;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderValue;
use rand::{
    Rng as _, SeedableRng as _,
    rngs::{StdRng, SysRng},
};

use crate::sign::SignError;

/// The length of 128 bits in base64url without padding.
const LEN: usize = 22;

thread_local! {
    /// Each thread has its own generator, so that none waits for another. It is not `rand::rng()`,
    /// which panics where the operating system gives no random numbers.
    static GENERATOR: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// Returns 128 random bits as text.
pub(in crate::sign) fn random() -> Result<HeaderValue, SignError> {
    let bits = GENERATOR.try_with(|generator| {
        let mut generator = generator.try_borrow_mut().ok()?;
        if generator.is_none() {
            *generator = StdRng::try_from_rng(&mut SysRng).ok();
        }
        let mut bits = [0; 16];
        generator.as_mut()?.fill_bytes(&mut bits);
        Some(bits)
    });
    let bits = bits.ok().flatten().ok_or(SignError::NoRandomNumbers)?;
    let mut text = [0; LEN];
    let written = URL_SAFE_NO_PAD.encode_slice(bits, &mut text);
    debug_assert_eq!(written, Ok(LEN));
    HeaderValue::from_bytes(&text).map_err(|_| SignError::NoRandomNumbers)
}
