//! The differences between gateways, as data.

use std::{borrow::Cow, time::Duration};

use http::{HeaderName, Request, StatusCode};

use super::{DatePolicy, Scheme};
use crate::{
    Algorithm, Rejection,
    header::DateHeader,
    rejection::RejectionKind,
    wire::{
        component::{Component, DerivedComponent, ListSyntax, NotSignable},
        credentials::{Carrier, CredentialsSyntax, query},
        signing_string::SigningStringFormat,
    },
};

/// A gateway's dialect: everything that differs between gateways, as data.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    /// The name, in lower case, for settings and command lines.
    pub(crate) name: &'static str,
    /// How `Authorization` is written.
    pub(crate) syntax: CredentialsSyntax,
    /// How the signing string is written.
    pub(crate) format: SigningStringFormat,
    /// What lists can name.
    pub(crate) list: ListSyntax,
    /// What is signed by default, in order. `date` stands for either date header. What a request
    /// does not have is left out.
    pub(crate) default_list: &'static [&'static str],
    /// The algorithms, the default first.
    pub(crate) algorithms: &'static [Algorithm],
    /// Whether a body's digest can be a SHA-512 too.
    #[cfg(feature = "digest")]
    pub(crate) has_sha512_digest: bool,
    /// The headers that a date is read from, the default first.
    pub(crate) date_headers: &'static [DateHeader],
    /// The header that gets a random UUID on signed requests that lack it, for the gateway's log.
    /// It is not signed.
    pub(crate) request_id: Option<&'static HeaderName>,
    /// Characters that key ids must not contain.
    pub(crate) not_in_key_id: &'static [char],
    /// How far a date or `created` may be from the server's clock by default, in seconds.
    pub(crate) max_skew: u64,
    /// How far `created` may be after the server's clock by default, in seconds; `None` if as
    /// far as before it.
    pub(crate) max_created_ahead: Option<u64>,
    /// How long signatures are valid by default, where `expires` is sent.
    pub(crate) lifetime: Option<Duration>,
    /// How requests that sign only `Date` are treated by default.
    pub(crate) date_policy: DatePolicy,
    /// Returns the status of a refusal.
    pub(crate) status: fn(&Rejection) -> StatusCode,
    /// Returns the text that a refused client gets.
    pub(crate) text: fn(&Rejection) -> Cow<'static, str>,
    /// Texts that the gateway, or a service that runs it, sends besides those of `text`. `*` stands
    /// for any text, and the first match counts.
    pub(crate) known_texts: &'static [(&'static str, RejectionKind)],
    /// The member of the JSON object that has the text.
    pub(crate) message_member: &'static str,
    /// The `WWW-Authenticate` of a refusal with status 401 or 403.
    pub(crate) challenge: &'static str,
}

/// Returns `true` if a gateway has this name for its key id's parameter, in any case.
pub(super) fn is_key_id(name: &str) -> bool {
    let mut all = Scheme::ALL.into_iter();
    all.any(|scheme| name.eq_ignore_ascii_case(scheme.dialect().syntax.key_id))
}

/// Returns the usual status, and 403 for a key that has no access to the API, whose credentials are
/// valid but not enough (RFC 9110, section 15.5.4). Kong's plugin `acl`, APISIX's plugin
/// `consumer-restriction` and Tyk do so. draft-cavage and Traefik Hub have no rule for it.
pub(super) fn status_forbidding_unbound(why: &Rejection) -> StatusCode {
    match why {
        Rejection::KeyNotBound => StatusCode::FORBIDDEN,
        _ => why.status(),
    }
}

/// The name of the request target at gateways without a preset that write it without a mark.
///
/// It is the name of a header too, which no request has. Lists of verifiers' clients can name it,
/// because clients forget the `@`: such a header is missing like any other. But one that a request
/// has is refused. A signature over such a gateway's target would be valid for it.
pub(crate) const PLAIN_TARGET: &str = "request-target";

/// Returns the derived components of all presets.
fn derived_of_presets() -> impl Iterator<Item = (&'static str, DerivedComponent)> {
    let presets = Scheme::ALL.into_iter();
    presets.flat_map(|scheme| scheme.dialect().list.derived_components.iter().copied())
}

/// Returns the derived components that are known from gateways, with and without presets.
pub(super) fn known_derived() -> impl Iterator<Item = (&'static str, DerivedComponent)> {
    derived_of_presets().chain([(PLAIN_TARGET, DerivedComponent::RequestTarget)])
}

/// Returns `true` if a preset's lists name a derived component so, in any case.
pub(super) fn is_derived(name: &str) -> bool {
    derived_of_presets().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

impl Dialect {
    /// Resolves a name in the list of signed components. `is_hs2019` says whether the algorithm's
    /// name is `hs2019`.
    pub(crate) fn component<'n>(
        &self,
        name: &'n str,
        is_hs2019: bool,
    ) -> Result<Component<&'n str>, NotSignable> {
        let allows_times = self.syntax.allows_times(is_hs2019);
        match self.list.component(name, allows_times)? {
            // It holds the signature. `Authorization` is refused in every scheme: see
            // `ListSyntax::component`.
            Component::Header(name) if *self.syntax.header == *name => {
                Err(NotSignable::Authorization)
            }
            component => Ok(component),
        }
    }

    /// Returns `true` if credentials can carry this key id.
    pub(crate) fn carries_key_id(&self, key_id: &str) -> bool {
        self.not_in_key_id.is_empty() || !key_id.contains(self.not_in_key_id)
    }

    /// Removes the credentials of this scheme from a request's target.
    pub(crate) fn remove_from_target<B>(&self, request: &mut Request<B>) {
        if self.syntax.carrier == Carrier::ParametersOrQuery
            && let Some(target) = query::without_credentials(&self.syntax, request.uri())
        {
            *request.uri_mut() = target;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;
    use crate::wire::signing_string::MissingHeaderLine;

    /// Returns the row of this preset in the guide's table, as the setters of descriptions call its
    /// values.
    fn row(scheme: Scheme) -> String {
        let dialect = scheme.dialect();
        let (syntax, format) = (&dialect.syntax, &dialect.format);
        let code = |value: &dyn fmt::Display| format!("`{value}`");
        let listed = |names: Vec<&str>| format!("`{}`", names.join("`, `"));
        // A JSON object has none of these.
        let parameters = |value| match syntax.carrier {
            Carrier::Json(_) => "–".to_owned(),
            Carrier::Parameters | Carrier::ParametersOrQuery => value,
        };
        let keeps_case = !format.lower_case_names;
        let is_date_lowered = keeps_case && !dialect.list.sends_date_as_spelled;
        let missing = match format.missing_header {
            Some(MissingHeaderLine::Empty) => "Some(Empty)",
            Some(MissingHeaderLine::EmptyValue) => "Some(EmptyValue)",
            Some(MissingHeaderLine::Omitted) => "Some(Omitted)",
            None => "None",
        };
        let algorithms = dialect.algorithms.iter().map(|algorithm| algorithm.name());
        let date_headers = dialect.date_headers.iter();
        let date_headers = date_headers.map(|header| header.name().as_str());
        let cells = [
            format!("`{scheme:?}`"),
            parameters(format!("`\"{}\"`", syntax.separator)),
            parameters(code(&!syntax.is_ordered)),
            parameters(code(&syntax.ignores_unknown)),
            listed(algorithms.collect()),
            listed(date_headers.collect()),
            match is_date_lowered {
                true => "`true`, but the date's is in lower case".to_owned(),
                false => code(&keeps_case),
            },
            code(&format.begins_with_key_id),
            code(&format.ends_with_newline),
            code(&missing),
            code(&format.joins_repeated),
            match dialect.max_created_ahead {
                Some(ahead) => format!(
                    "{} s, `created` {ahead} s after the clock",
                    dialect.max_skew
                ),
                None => format!("{} s", dialect.max_skew),
            },
            format!("`{:?}`", dialect.date_policy),
        ];
        format!("| {} |", cells.join(" | "))
    }

    #[test]
    fn the_guide_lists_the_settings_of_every_preset() {
        let page = include_str!("../guide/own_gateway.md");
        let section = page.split("\n## The presets' settings\n").nth(1);
        let table = section.and_then(|section| section.split("\n# ").next());
        let lines = table.unwrap_or_default().lines();
        let rows: Vec<_> = lines.filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows, Scheme::ALL.map(row));
    }
}
