//! Described schemes: the dialect of a description, which stays in memory.

use std::{
    fmt,
    hash::{Hash, Hasher},
    ptr,
    sync::{Mutex, PoisonError},
};

use super::{
    super::{Dialect, Scheme},
    SchemeBuilder,
};
use crate::{
    header::DateHeader,
    wire::{
        component::ListSyntax,
        credentials::{Carrier, CredentialsSyntax},
        signing_string::SigningStringFormat,
    },
};

/// Holds a scheme that was described with [`Scheme::builder`].
#[derive(Clone, Copy)]
pub struct CustomScheme(&'static CustomDialect);

/// The dialect of a described scheme.
struct CustomDialect {
    dialect: Dialect,
    /// The preset that the description starts from.
    nearest: Scheme,
}

impl CustomScheme {
    /// Returns the scheme of this description. Equal descriptions share one dialect: otherwise
    /// every call would leak another one, and two schemes from equal descriptions would differ.
    ///
    /// The dialect is never freed, because a [`Scheme`] is `Copy`. That is also so if the
    /// description is refused later, because the error has the scheme.
    pub(super) fn new(description: &SchemeBuilder) -> Self {
        static ALL: Mutex<Vec<(SchemeBuilder, CustomScheme)>> = Mutex::new(Vec::new());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, scheme)) = all.iter().find(|(other, _)| other == description) {
            return *scheme;
        }
        let scheme = Self(Box::leak(Box::new(CustomDialect {
            dialect: description.dialect(),
            nearest: description.nearest.nearest(),
        })));
        all.push((description.clone(), scheme));
        scheme
    }

    pub(in crate::scheme) fn dialect(self) -> &'static Dialect {
        &self.0.dialect
    }

    pub(in crate::scheme) fn nearest(self) -> Scheme {
        self.0.nearest
    }
}

// Equal descriptions share one dialect, so comparing addresses is enough.
impl PartialEq for CustomScheme {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.0, other.0)
    }
}

impl Eq for CustomScheme {}

impl Hash for CustomScheme {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ptr::hash(self.0, state);
    }
}

impl fmt::Debug for CustomScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CustomScheme")
            .field(&self.0.dialect.name)
            .finish()
    }
}

impl SchemeBuilder {
    /// Returns the dialect of this description: that of the scheme it starts from, changed by what
    /// is set.
    fn dialect(&self) -> Dialect {
        let mut dialect = self.nearest.dialect().clone();
        dialect.name = leak(&self.name);
        if let Some(algorithms) = &self.algorithms {
            dialect.algorithms = Box::leak(algorithms.clone().into());
        }
        dialect.date_headers = self.ordered_date_headers(dialect.date_headers);
        if let Some(max_skew) = self.max_skew {
            dialect.max_skew = max_skew.as_secs();
            dialect.max_created_ahead = None;
        }
        if let Some(date_policy) = self.date_policy {
            dialect.date_policy = date_policy;
        }
        self.change_syntax(&mut dialect.syntax);
        if self.auth_scheme.is_some() {
            dialect.challenge = dialect.syntax.auth_scheme;
        }
        if let Carrier::Json(implied) = &mut dialect.syntax.carrier {
            if let Some(header) = dialect.date_headers.first() {
                implied.list = header.name().as_str();
            }
            if let Some(algorithm) = dialect.algorithms.first() {
                implied.algorithm = *algorithm;
            }
        }
        self.change_format(&mut dialect.format);
        self.change_list(&mut dialect.list);
        if let Some(names) = &self.default_list {
            let names = names.iter().map(|name| default_name(name, &dialect.list));
            dialect.default_list = Box::leak(names.collect());
        }
        dialect
    }

    fn change_syntax(&self, syntax: &mut CredentialsSyntax) {
        if let Some(header) = &self.credentials_header {
            syntax.header = Box::leak(Box::new(header.clone()));
        }
        if let Some(word) = &self.auth_scheme {
            syntax.auth_scheme = leak(word);
            // The preset's spellings are those of its own word. An empty list accepts the new one
            // in any case.
            syntax.auth_scheme_spellings = &[];
            syntax.other_form = None;
        }
        if let Some(name) = &self.key_id_parameter {
            syntax.key_id = leak(name);
            syntax.other_form = None;
        }
        if let Some(name) = &self.nonce_parameter {
            syntax.nonce = Some(leak(name));
        }
        if let Some(separator) = &self.separator {
            syntax.separator = leak(separator);
        }
        if let Some(any_order) = self.any_parameter_order {
            syntax.is_ordered = !any_order;
        }
        if let Some(ignore) = self.ignore_unknown_parameters {
            syntax.ignores_unknown = ignore;
        }
    }

    fn change_format(&self, format: &mut SigningStringFormat) {
        if let Some(keep) = self.keep_name_case {
            format.lower_case_names = !keep;
        }
        if let Some(key_id_line) = self.key_id_line {
            format.begins_with_key_id = key_id_line;
        }
        if let Some(final_newline) = self.final_newline {
            format.ends_with_newline = final_newline;
        }
        if let Some(line) = self.missing_headers {
            format.missing_header = line;
        }
        if let Some(join) = self.join_repeated_headers {
            format.joins_repeated = join;
        }
        if let (Some(prefix), Some(lines)) = (&self.path_prefix, &mut format.request_lines) {
            lines.path_prefix = Some(leak(prefix));
        }
    }

    fn change_list(&self, list: &mut ListSyntax) {
        if let Some(components) = &self.derived_components {
            let components = components.iter();
            let components = components.map(|(name, derived)| (leak(name), *derived));
            list.derived_components = Box::leak(components.collect());
        }
        if let Some(keep) = self.keep_name_case {
            list.sends_date_as_spelled = keep;
            list.any_case_date |= keep;
        }
    }

    /// Returns the headers that a date is read from. That of the default list is the first, so that
    /// signers send it by default.
    fn ordered_date_headers(&self, of_nearest: &'static [DateHeader]) -> &'static [DateHeader] {
        let mut headers = self.date_headers.as_deref().unwrap_or(of_nearest).to_vec();
        let mut listed = self.default_list.iter().flatten();
        if let Some(listed) = listed.find_map(|name| name.parse::<DateHeader>().ok()) {
            headers.sort_by_key(|header| *header != listed);
        }
        Box::leak(headers.into())
    }
}

/// Returns the entry of the default list for this name. A date header is listed as `date`, which
/// stands for the date header that is sent, unless its spelling is kept.
fn default_name(name: &str, list: &ListSyntax) -> &'static str {
    match name.parse::<DateHeader>() {
        Ok(header) if !list.sends_date_as_spelled || name == header.name().as_str() => "date",
        _ => leak(name),
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.into())
}
