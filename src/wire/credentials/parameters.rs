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
    let is_key_id = (syntax.is_key_id)(name);
    if !syntax.ignores_unknown || looks_known || is_key_id {
        let name = excerpt();
        return Err(CredentialsError::UnknownParameter { name, is_key_id });
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
    } else if place.is_none() && syntax.ignores_unknown && !rest.starts_with('"') {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The grammar of Kong's plugin: four parameters in one order.
    const ORDERED: CredentialsSyntax = CredentialsSyntax {
        auth_scheme: "hmac",
        auth_scheme_spellings: &["hmac", "Hmac"],
        key_id: "username",
        separator: ", ",
        is_ordered: true,
        ignores_unknown: false,
        is_key_id: |name| name.eq_ignore_ascii_case("keyId"),
        has_times: false,
        implied_list: None,
    };

    /// The grammar of draft-cavage-http-signatures-12, section 2.1.
    const DRAFT: CredentialsSyntax = CredentialsSyntax {
        auth_scheme: "Signature",
        auth_scheme_spellings: &[],
        key_id: "keyId",
        separator: ",",
        is_ordered: false,
        ignores_unknown: true,
        is_key_id: |name| name.eq_ignore_ascii_case("username"),
        has_times: true,
        implied_list: None,
    };

    fn read<'h>(
        syntax: &CredentialsSyntax,
        text: &'h str,
    ) -> Result<Parameters<'h>, CredentialsError> {
        Parameters::read(syntax, text, text)
    }

    #[test]
    fn parameters_are_split_at_commas_outside_quotes() {
        let text =
            r#"username="a,b=c",algorithm="hmac-sha256", headers="date host",	signature="S=""#;
        let values = [
            Some("a,b=c"),
            Some("hmac-sha256"),
            Some("date host"),
            Some("S="),
        ];
        assert_eq!(read(&ORDERED, text).unwrap().values, values);
    }

    /// Source: the example of draft-cavage-http-signatures-12, section 2.1, without quotes around the times.
    #[test]
    fn the_draft_has_any_order_and_times_without_quotes() {
        let text =
            r#"signature="S", created=1402170695 ,expires=1402170699,note=x,keyId="rsa-key-1""#;
        let parameters = read(&DRAFT, text).unwrap();
        assert_eq!(
            parameters.values,
            [Some("rsa-key-1"), None, None, Some("S")]
        );
        assert_eq!(parameters.times.created, Some("1402170695"));
        assert_eq!(parameters.times.expires, Some("1402170699"));
        let quoted = read(&DRAFT, r#"created="1402170695""#).err();
        assert_eq!(
            quoted,
            Some(CredentialsError::NotAParameter { position: 0 })
        );
    }

    #[test]
    fn an_error_tells_where_the_text_stops_being_parameters() {
        for (text, position) in [
            (r#"username"a""#, 0),
            (r#"username="a"#, 0),
            (r#"username="a","#, 0),
            (r#"username="a" ,algorithm="b""#, 0),
            (r#"username="a", algorithm=b"#, 14),
        ] {
            let error = read(&ORDERED, text).err();
            assert_eq!(
                error,
                Some(CredentialsError::NotAParameter { position }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_parameter_that_could_mean_two_things_is_refused() {
        let name = |name| Excerpt::new(name);
        let repeated = read(&DRAFT, r#"keyId="a",keyId="b""#).err();
        let error = CredentialsError::RepeatedParameter {
            name: name("keyId"),
        };
        assert_eq!(repeated, Some(error));
        let moved = read(&ORDERED, r#"algorithm="b",username="a""#).err();
        let error = CredentialsError::OutOfOrder {
            name: name("algorithm"),
        };
        assert_eq!(moved, Some(error));
        for (other, is_key_id) in [("KEYID", false), ("Created", false), ("username", true)] {
            let text = format!("{other}=\"a\"");
            let name = name(other);
            let error = CredentialsError::UnknownParameter { name, is_key_id };
            assert_eq!(read(&DRAFT, &text).err(), Some(error), "{text}");
        }
    }
}
