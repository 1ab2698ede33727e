//! The parameters of an `Authorization` header, one by one.

use arrayvec::ArrayVec;

use super::{CredentialsSyntax, Times, WHITESPACE};
use crate::{
    header::is_field_name,
    limits::{MAX_PARAMETER_LEN, MAX_UNKNOWN_PARAMETERS},
    rejection::{CredentialsError, Excerpt},
};

/// What stands behind the scheme's word; none of it is looked into.
#[derive(Default)]
pub(super) struct Parameters<'h> {
    /// The key id, the algorithm, the list and the signature.
    pub(super) values: [Option<&'h str>; 4],
    pub(super) times: Times<&'h str>,
}

/// One parameter, and what comes behind it.
struct Parameter<'h> {
    /// Its place among the four, if it has one.
    place: Option<usize>,
    name: &'h str,
    value: &'h str,
    rest: &'h str,
}

impl<'h> Parameters<'h> {
    /// Reads `rest`, the end of `text`.
    pub(super) fn read(
        syntax: &CredentialsSyntax,
        text: &str,
        mut rest: &'h str,
    ) -> Result<Self, CredentialsError> {
        let mut parameters = Self::default();
        // In the order in which they are sent.
        let names = [syntax.key_id, "algorithm", "headers", "signature"];
        let mut expected = 0;
        let mut unknown = Unknown::new();
        while !rest.is_empty() {
            let not_a_parameter = || CredentialsError::NotAParameter {
                position: text.len() - rest.len(),
            };
            let Some(Parameter {
                place,
                name,
                value,
                rest: behind,
            }) = split_parameter(syntax, &names, expected, rest)
            else {
                return Err(not_a_parameter());
            };
            if value.len() > MAX_PARAMETER_LEN {
                return Err(CredentialsError::ParameterTooLong {
                    name: Excerpt::new(name),
                });
            }
            let Some(slot) = parameters.slot(syntax, place, name) else {
                if !is_field_name(name) {
                    return Err(not_a_parameter());
                }
                check_unknown(syntax, &names, name, &mut unknown)?;
                rest = behind;
                continue;
            };
            if slot.replace(value).is_some() {
                return Err(CredentialsError::RepeatedParameter {
                    name: Excerpt::new(name),
                });
            }
            if syntax.is_ordered && place != Some(expected) {
                return Err(CredentialsError::OutOfOrder {
                    name: Excerpt::new(name),
                });
            }
            expected = place.map_or(expected, |place| place + 1);
            rest = behind;
        }
        Ok(parameters)
    }

    fn slot(
        &mut self,
        syntax: &CredentialsSyntax,
        place: Option<usize>,
        name: &str,
    ) -> Option<&mut Option<&'h str>> {
        match (place, name) {
            (Some(place), _) => self.values.get_mut(place),
            (None, "created") if syntax.has_times => Some(&mut self.times.created),
            (None, "expires") if syntax.has_times => Some(&mut self.times.expires),
            _ => None,
        }
    }
}

/// The names of those that are ignored.
type Unknown<'h> = ArrayVec<&'h str, MAX_UNKNOWN_PARAMETERS>;

/// Refuses a parameter without a meaning, unless the scheme ignores such.
///
/// One that another scheme or a reader with less regard to case would take for a known one is refused in any case: the
/// request could mean two things.
#[cold]
fn check_unknown<'h>(
    syntax: &CredentialsSyntax,
    names: &[&str],
    name: &'h str,
    unknown: &mut Unknown<'h>,
) -> Result<(), CredentialsError> {
    let excerpt = || Excerpt::new(name);
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let looks_known =
        names.iter().any(|known| is(known)) || syntax.has_times && (is("created") || is("expires"));
    match syntax.ignores_unknown_but {
        Some(refused) if !looks_known && !refused.iter().any(|other| is(other)) => {}
        _ => return Err(CredentialsError::UnknownParameter { name: excerpt() }),
    }
    if unknown.iter().any(|other| is(other)) {
        return Err(CredentialsError::RepeatedParameter { name: excerpt() });
    }
    unknown
        .try_push(name)
        .map_err(|_full| CredentialsError::TooManyParameters)
}

/// Splits `name="value"` and the comma behind it off; a comma must be followed by another parameter. Times are not
/// quoted, and parameters that are ignored need not be.
fn split_parameter<'h>(
    syntax: &CredentialsSyntax,
    names: &[&'static str],
    expected: usize,
    text: &'h str,
) -> Option<Parameter<'h>> {
    // Nearly always it is the one that is expected.
    let is_expected =
        |name: &&'static str| Some((*name, text.strip_prefix(*name)?.strip_prefix('=')?));
    let (place, name, rest) = match names.get(expected).and_then(is_expected) {
        Some((name, rest)) => (Some(expected), name, rest),
        None => {
            let (name, rest) = text.split_once('=')?;
            (names.iter().position(|other| *other == name), name, rest)
        }
    };
    let is_time = place.is_none() && syntax.has_times && matches!(name, "created" | "expires");
    let (value, rest) = if is_time {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.split_at_checked(end)
            .filter(|(digits, _)| !digits.is_empty())?
    } else if place.is_none() && syntax.ignores_unknown_but.is_some() && !rest.starts_with('"') {
        let end = rest.find([',', ' ', '\t']).unwrap_or(rest.len());
        rest.split_at_checked(end)
            .filter(|(token, _)| is_field_name(token))?
    } else {
        rest.strip_prefix('"')?.split_once('"')?
    };
    let rest = match (rest, syntax.is_ordered) {
        ("", _) => rest,
        // Kong's one regular expression (`",\s*`) takes any whitespace after a comma, but none before it.
        (rest, true) => after_comma(rest)?,
        (rest, false) => after_comma(rest.trim_start_matches(WHITESPACE))?,
    };
    Some(Parameter {
        place,
        name,
        value,
        rest,
    })
}

/// The parameter that follows a comma.
fn after_comma(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(',')?.trim_start_matches(WHITESPACE);
    (!rest.is_empty()).then_some(rest)
}
