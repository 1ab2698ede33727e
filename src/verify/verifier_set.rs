//! Several verifiers side by side, of which the request's credentials choose one.

use super::Verifier;
use crate::{RequestHead, scheme::BuildError, wire::credentials::Fit};

/// Holds one or several verifiers. Each request is verified by the one whose scheme it is written
/// in.
///
/// [`VerifyLayer::verifier`](crate::VerifyLayer::verifier) takes one. It is for a migration, while
/// clients of two gateways call one server:
///
/// ```
/// use tower_hmac_auth::{
///     Scheme, StaticKeys, Verifier, VerifyLayer,
///     scheme::DatePolicy,
///     verify::VerifierSet,
/// };
///
/// let old = Verifier::builder().date_policy(DatePolicy::CheckAge).build()?;
/// let new = Verifier::builder()
///     .scheme(Scheme::Kong)
///     .require(["@request-target"])
///     .build()?;
/// let layer = VerifyLayer::new(StaticKeys::new()).verifier(VerifierSet::new([old, new])?);
/// # Ok::<(), tower_hmac_auth::error::BuildError>(())
/// ```
///
/// The choice is made by the form of the credentials, before any key is looked up: the header that
/// has them, the word that it begins with and the name of the key id's parameter, or that it is a
/// JSON object. If a request has credentials in the headers of two verifiers, the first of these is
/// chosen. If several verifiers have the word but none the parameter, the first of them is chosen;
/// if none has the word, the first of all. The refusal has the words and the status of the chosen
/// verifier's scheme.
///
/// # The weakest verifier rules
///
/// **A key that all verifiers accept is protected as the least strict of them protects it.**
/// Whoever has the key can choose what to sign and how. Whoever only has a recorded request can
/// write its signature in another scheme's words, and it is accepted if the signing string is the
/// same there and covers what that verifier requires: a signature over nothing but `x-date` is
/// equal in Tencent's scheme and Kong's. Rewriting gains nothing beyond that: a line of the signing
/// string that stands for the request target in one scheme is no header in another.
///
/// So require in all of them what one of them requires, or give new clients new keys, which the old
/// scheme refuses: [`VerifiedKey::scheme`](crate::VerifiedKey::scheme) says which one was spoken.
///
/// # Replays
///
/// A [`ReplayLayer`](crate::verify::ReplayLayer) refuses a copy in another scheme's words, too. A
/// claim is made for the key id and the nonce, whatever the scheme, and is kept for the greatest
/// [`max_skew`](crate::verify::VerifierBuilder::max_skew) of the set's verifiers that require a
/// nonce. After a start, requests are refused for as long. All these verifiers have to take the
/// same nonce from a request, or the set is not built. Verifiers without a nonce are allowed beside
/// them: the layer answers [`Rejection::NoClaim`](crate::Rejection::NoClaim) to their requests.
#[derive(Debug, Clone)]
pub struct VerifierSet {
    first: Verifier,
    others: Box<[Verifier]>,
}

impl VerifierSet {
    /// Creates a set. The order matters for requests that are written in no verifier's scheme.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError::NoVerifier`] if there is none, and [`BuildError::AmbiguousVerifiers`]
    /// if the form of the credentials does not tell two of them apart, such as those of APISIX,
    /// draft-cavage and Tyk. Give each of those a host or a path of its own. Returns
    /// [`BuildError::DifferentNonces`] if two verifiers take nonces from headers or parameters of
    /// different names, or only one of them takes the signature: a copy in the words of the other
    /// would be another claim.
    pub fn new(verifiers: impl IntoIterator<Item = Verifier>) -> Result<Self, BuildError> {
        let mut verifiers = verifiers.into_iter();
        let first = verifiers.next().ok_or(BuildError::NoVerifier)?;
        let others: Box<[_]> = verifiers.collect();
        let mut set = Self { first, others };
        for (position, second) in set.verifiers().enumerate() {
            let syntax = |verifier: &Verifier| &verifier.scheme.dialect().syntax;
            let is_same = |first: &&Verifier| syntax(first).is_same_form(syntax(second));
            if let Some(first) = set.verifiers().take(position).find(is_same) {
                let (first, second) = (first.scheme, second.scheme);
                return Err(BuildError::AmbiguousVerifiers { first, second });
            }
        }
        set.share_claims()?;
        Ok(set)
    }

    /// Gives the verifiers the same claims: one of them can accept a request, and another one its
    /// copy.
    fn share_claims(&mut self) -> Result<(), BuildError> {
        let mut claiming = self.verifiers().filter(|verifier| verifier.nonce.is_some());
        let Some(first) = claiming.next() else {
            return Ok(());
        };
        let mut claim_skew = first.max_skew;
        for second in claiming {
            if !first.nonce.is_same(&second.nonce) {
                let (first, second) = (first.scheme, second.scheme);
                return Err(BuildError::DifferentNonces { first, second });
            }
            claim_skew = claim_skew.max(second.max_skew);
        }
        for verifier in std::iter::once(&mut self.first).chain(&mut self.others) {
            verifier.claim_skew = claim_skew;
        }
        Ok(())
    }

    /// Returns the verifiers.
    pub fn verifiers(&self) -> impl Iterator<Item = &Verifier> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Returns the verifier for a request.
    #[must_use]
    pub fn choose<'h>(&self, head: impl Into<RequestHead<'h>>) -> &Verifier {
        match &*self.others {
            [] => &self.first,
            others => self.best_fit(others, &head.into()),
        }
    }

    fn best_fit<'s>(&'s self, others: &'s [Verifier], head: &RequestHead<'_>) -> &'s Verifier {
        let fit = |verifier: &Verifier| verifier.scheme.dialect().syntax.fit(head);
        let mut chosen = (fit(&self.first), &self.first);
        for verifier in others {
            if chosen.0 == Fit::Full {
                break;
            }
            let fit = fit(verifier);
            if fit > chosen.0 {
                chosen = (fit, verifier);
            }
        }
        chosen.1
    }
}

impl From<Verifier> for VerifierSet {
    fn from(verifier: Verifier) -> Self {
        Self {
            first: verifier,
            others: Box::default(),
        }
    }
}
