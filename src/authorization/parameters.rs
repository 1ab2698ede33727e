//! The parameters of an `Authorization` header, one by one.

use super::{MAX_PARAMETER_LEN, Malformed, Times, names::split_at_byte};
use crate::{Excerpt, component, scheme::Grammar};

/// What stands behind the scheme's word; none of it is looked into.
#[derive(Default)]
pub(super) struct Parameters<'h> {
    pub(super) key_id: Option<&'h str>,
    pub(super) algorithm: Option<&'h str>,
    pub(super) times: Times<&'h str>,
    pub(super) headers: Option<&'h str>,
    pub(super) signature: Option<&'h str>,
}

impl<'h> Parameters<'h> {
    /// Reads `rest`, the end of `text`.
    pub(super) fn read(
        grammar: &Grammar,
        text: &str,
        mut rest: &'h str,
    ) -> Result<Self, Malformed> {
        let mut parameters = Self::default();
        let in_order = [grammar.key_id, "algorithm", "headers", "signature"];
        let mut expected = in_order.into_iter();
        while !rest.is_empty() {
            let Some((name, value, after)) = split_parameter(grammar, rest) else {
                let position = text.len() - rest.len();
                return Err(Malformed::NotAParameter { position });
            };
            let Some(slot) = parameters.slot(grammar, name) else {
                if !component::is_field_name(name) {
                    let position = text.len() - rest.len();
                    return Err(Malformed::NotAParameter { position });
                }
                let name = Excerpt::new(name);
                return Err(Malformed::UnknownParameter { name });
            };
            if value.len() > MAX_PARAMETER_LEN {
                return Err(Malformed::ParameterTooLong {
                    name: Excerpt::new(name),
                });
            }
            if slot.replace(value).is_some() {
                return Err(Malformed::RepeatedParameter {
                    name: Excerpt::new(name),
                });
            }
            if grammar.is_ordered && expected.next() != Some(name) {
                return Err(Malformed::OutOfOrder {
                    name: Excerpt::new(name),
                });
            }
            rest = after;
        }
        Ok(parameters)
    }

    fn slot(&mut self, grammar: &Grammar, name: &str) -> Option<&mut Option<&'h str>> {
        match name {
            name if name == grammar.key_id => Some(&mut self.key_id),
            "algorithm" => Some(&mut self.algorithm),
            "headers" => Some(&mut self.headers),
            "signature" => Some(&mut self.signature),
            "created" if grammar.has_times => Some(&mut self.times.created),
            "expires" if grammar.has_times => Some(&mut self.times.expires),
            _ => None,
        }
    }
}

/// Splits `name="value"` and the comma behind it off; a comma must be followed by another parameter. Times are not
/// quoted.
fn split_parameter<'h>(grammar: &Grammar, text: &'h str) -> Option<(&'h str, &'h str, &'h str)> {
    let (name, rest) = split_at_byte(text, b'=')?;
    let is_time = grammar.has_times && matches!(name, "created" | "expires");
    let (value, rest) = if is_time {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.split_at_checked(end)
            .filter(|(digits, _)| !digits.is_empty())?
    } else {
        split_at_byte(rest.strip_prefix('"')?, b'"')?
    };
    if rest.is_empty() {
        return Some((name, value, rest));
    }
    let rest = if grammar.is_ordered {
        // Kong's one regular expression takes a comma and at most one space.
        let rest = rest.strip_prefix(',')?;
        rest.strip_prefix(' ').unwrap_or(rest)
    } else {
        let rest = rest.trim_start_matches([' ', '\t']).strip_prefix(',')?;
        rest.trim_start_matches([' ', '\t'])
    };
    (!rest.is_empty()).then_some((name, value, rest))
}
