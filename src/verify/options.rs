//! What a verifier can be told.

use std::time::Duration;

use http::Uri;

use super::Verifier;
use crate::{
    Algorithm,
    config::{BuildError, check_list},
    rejection::TargetError,
    scheme::DatePolicy,
    wire::{component::DerivedComponent, target},
};

impl Verifier {
    /// Allows these of the scheme's algorithms and no others, also where [`hs2019`](Self::hs2019) means one. Default: all.
    /// With none, every request is refused.
    ///
    /// # Errors
    ///
    /// [`BuildError`] for the first that the scheme does not have.
    pub fn algorithms(
        mut self,
        allowed: impl IntoIterator<Item = Algorithm>,
    ) -> Result<Self, BuildError> {
        let checked = |algorithm| self.scheme.check_algorithm(algorithm).map(|()| algorithm);
        self.algorithms = allowed.into_iter().map(checked).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// What is meant by the algorithm's name `hs2019`, and by none, where the scheme has it. Default: nothing, such
    /// requests are refused.
    ///
    /// draft-cavage-http-signatures-12, section 2.1.3: the hash is known from the key, not told by the message.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the scheme has no `hs2019` or not this algorithm.
    pub fn hs2019(mut self, algorithm: Algorithm) -> Result<Self, BuildError> {
        self.scheme.check_hs2019()?;
        self.scheme.check_algorithm(algorithm)?;
        self.hs2019 = Some(algorithm);
        Ok(self)
    }

    /// Wants these covered, each listed **and** in the request: names of headers, in any case, and what the scheme has
    /// beside them, such as `@request-target`. Default: none but a date.
    ///
    /// # Errors
    ///
    /// [`BuildError`] for the first name that no request could cover, by the rules for
    /// [signers](crate::sign::SignerBuilder::components), or if there are more than 64 or they are longer than 8 KiB; among them `(created)` and `(expires)` before
    /// [`hs2019`](Self::hs2019) is set.
    pub fn require(
        mut self,
        names: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Self, BuildError> {
        let required = names.into_iter().map(|name| {
            let name = name.as_ref();
            let signable = self.scheme.signable(name)?;
            signable.check_times(name, self.hs2019.is_some())?;
            Ok(name.into())
        });
        self.required = required.collect::<Result<_, _>>()?;
        check_list(self.required.iter().map(|name| &**name))?;
        Ok(self)
    }

    /// Accepts lists with headers that the request lacks, where the scheme has a way to sign that (Kong, APISIX). They
    /// never count as covered. Default: `false`.
    #[must_use]
    pub fn allow_missing_headers(mut self, allow_missing_headers: bool) -> Self {
        self.allows_absent = allow_missing_headers;
        self
    }

    /// Accepts targets in other than normal form where the scheme signs a decoded one (APISIX), and hands the normalised
    /// target on to the handler. Default: `false`, targets that are not in normal form are refused.
    ///
    /// A signature for `/a?x=1` is also good for `/admin/../a?x=1`, `//a?x=1`, `/%61?x=1` and `/a%3Fx=1`, and whoever has
    /// seen it can send those; a handler that routes by what was sent would serve something else than was signed. So a
    /// target is refused with [`TargetError::NotNormal`] if its path has dot segments, empty segments, or an escaped slash,
    /// number sign, percent sign or unreserved character (RFC 3986, section 2.3). Targets that are accepted with one
    /// signature have the same segments once decoded, and the same query; `/a@b` and `/a%40b` are two of that kind.
    ///
    /// With `true` the handler gets one target for each signature: without dot segments and empty segments, unescaped what
    /// can stand in a path (`pchar`: letters, digits, `-._~!$&'()*+,;=:@`), the rest escaped with capital digits, and no
    /// question mark without a query behind it.
    ///
    /// Both ways a path with an escaped question mark is refused with [`TargetError::EscapedQuestionMark`], as what stands
    /// behind it is signed like a query, and so is whatever cannot be decoded.
    ///
    /// A key store still sees the target as it was sent, so this is not for stores that decide by the path.
    ///
    /// [`VerifyLayer`](crate::VerifyLayer) sets the request's target to [`normalised_target`](Self::normalised_target);
    /// callers of this verifier do it themselves.
    #[must_use]
    pub fn normalize_target(mut self, normalize: bool) -> Self {
        self.is_normalising = normalize;
        self
    }

    /// What a handler must see as the request's target, if that is not what was sent: see
    /// [`normalize_target`](Self::normalize_target). It has the same signature.
    ///
    /// # Errors
    ///
    /// [`TargetError`] for a target that has no normal form: the request must be refused.
    pub fn normalised_target(&self, target: &Uri) -> Result<Option<Uri>, TargetError> {
        let mut derived_components = self.scheme.dialect().derived_components.iter();
        let is_decoded =
            derived_components.any(|(_, derived)| *derived == DerivedComponent::DecodedTarget);
        if self.is_normalising && is_decoded {
            target::normalised(target)
        } else {
            Ok(None)
        }
    }

    /// How far a date may be from the clock, either way, in whole seconds. Default: the scheme's; for Tencent's
    /// [`DEFAULT_MAX_SKEW`](Self::DEFAULT_MAX_SKEW).
    #[must_use]
    pub fn max_skew(mut self, max_skew: Duration) -> Self {
        self.max_skew = max_skew.as_secs();
        self
    }

    /// What to make of requests that sign `Date` alone. Default: [`DatePolicy::AnyAge`] for Tencent's scheme,
    /// [`DatePolicy::CheckAge`] for the others.
    #[must_use]
    pub fn plain_date(mut self, plain_date: DatePolicy) -> Self {
        self.plain_date = plain_date;
        self
    }
}
