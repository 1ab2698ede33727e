//! Reads `--scheme`: the name of a preset, or a TOML file that describes another gateway.
//!
//! A file has the keys that [`HELP`] shows. Each is the setter of [`SchemeBuilder`] of that name.

use std::{
    collections::BTreeMap, fmt::Display, fs, ops::Range, path::Path, str::FromStr, time::Duration,
};

use http::HeaderName;
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;
use tower_hmac_auth::{
    Algorithm, Scheme,
    error::BuildError,
    scheme::{DateHeader, DatePolicy, DerivedComponent, MissingHeaderLine, SchemeBuilder},
};

use super::{Result, line_at};

/// The part of `--help` on the file.
pub(crate) const HELP: &str = "\
The form of --scheme FILE.toml, for a gateway that has no preset. Only the first two keys are
required: whatever is left out is as in the preset that is named as the nearest.
  name = \"partner\"                   # lower-case letters, digits and -, and not a preset's name
  nearest = \"kong\"                   # a preset
  credentials_header = \"authorization\"  # the header that carries the signature
  auth_scheme = \"hmac\"               # the word that the credentials begin with
  key_id_parameter = \"username\"      # the parameter that carries the key id
  # nonce_parameter = \"nonce\"        # a parameter that carries a nonce; there is none in presets
  separator = \", \"                   # between two parameters: a comma, and spaces if any
  any_parameter_order = false        # whether the gateway accepts parameters in any order
  ignore_unknown_parameters = false  # whether it ignores parameters that it does not know
  algorithms = [\"hmac-sha256\"]       # the first is the default
  date_headers = [\"x-date\", \"date\"]  # which headers can carry the date
  default_list = [\"x-date\", \"@request-target\", \"source\", \"digest\"]  # signed by default
  keep_name_case = false             # whether names are signed as they are spelled
  key_id_line = false                # whether the signing string begins with the key id
  final_newline = false              # whether it ends with a newline
  missing_headers = \"empty\"          # a listed header that is absent: empty (`name:`),
                                     # empty-value (`name: `), omitted (no line) or refused
  join_repeated_headers = false      # whether values of a repeated header are joined with `, `
  # path_prefix = \"/release\"         # what every path begins with and is not signed, if the nearest
                                     # preset is tencent-app
  max_skew = 300                     # how far a date may be from the clock, in seconds
  date_policy = \"check-age\"          # a signed Date: any-age, check-age or refuse
  [derived_components]               # what can be signed besides headers; this table comes last
  \"@request-target\" = \"request-target\"
  # request-target  is the line `name: get /a?x=1`
  # request-line    is the line `GET /a?x=1 HTTP/1.1`
  # path-line       is the line `GET /a HTTP/1.1`
  # decoded-target  is the line `GET /a?x=1`, with the path decoded
  # decoded-path    is the line `name: get /a`, with the path decoded
  # created         is the time of signing, and expires its end, if the nearest preset is cavage or
  #                 traefik-hub";

/// Returns the preset of this name, or the scheme that the file describes if the name ends in
/// `.toml`.
pub(crate) fn scheme(text: &str) -> Result<Scheme> {
    let is_toml = |path: &&Path| {
        let ending = path.extension().unwrap_or_default();
        ending.eq_ignore_ascii_case("toml")
    };
    match Some(Path::new(text)).filter(is_toml) {
        Some(path) => from_file(path),
        None => {
            let parsed = text.parse::<Scheme>();
            parsed.map_err(|error| format!("{error}, or a file that ends in .toml").into())
        }
    }
}

fn from_file(path: &Path) -> Result<Scheme> {
    let file = path.display();
    let text = fs::read(path).map_err(|error| format!("{file} cannot be read: {error}"))?;
    from_toml(&text).map_err(|Fault { at, what }| {
        let line = line_at(&text, at);
        format!("{file}, line {line}: {what}").into()
    })
}

/// What is wrong with a file, and where it is, as an offset. The text has the form "problem: what
/// to do".
struct Fault {
    at: usize,
    what: String,
}

fn from_toml(text: &[u8]) -> std::result::Result<Scheme, Fault> {
    let description: Description = toml::from_slice(text).map_err(|error| Fault {
        at: error.span().map_or(0, |span| span.start),
        what: what(error.message()),
    })?;
    description.builder().build().map_err(|error| Fault {
        at: description.span(&error).start,
        what: description.what(&error),
    })
}

/// Returns a parser's message in the form "problem: what to do".
fn what(message: &str) -> String {
    if message.starts_with("missing field") {
        return format!("{message}: add it");
    }
    let Some((problem, expected)) = message.split_once(", expected ") else {
        return match message.contains(": ") {
            true => message.to_owned(),
            false => format!("{message}: correct it"),
        };
    };
    let expected = match expected {
        "a sequence" => "a list, such as [\"date\", \"host\"]",
        "a map" => "a table, such as { \"@request-target\" = \"request-target\" }",
        "a boolean" => "true or false",
        "u64" => "a number of seconds",
        other => other,
    };
    format!("{problem}: write {expected}")
}

type Field<T> = Option<Spanned<T>>;

/// The keys of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: Spanned<String>,
    nearest: Spanned<Word<Scheme>>,
    credentials_header: Field<Word<HeaderName>>,
    auth_scheme: Field<String>,
    key_id_parameter: Field<String>,
    nonce_parameter: Field<String>,
    separator: Field<String>,
    any_parameter_order: Option<bool>,
    ignore_unknown_parameters: Option<bool>,
    default_list: Field<Vec<String>>,
    derived_components: Field<BTreeMap<String, Word<Derived>>>,
    algorithms: Field<Vec<Word<Algorithm>>>,
    date_headers: Field<Vec<Word<DateHeader>>>,
    keep_name_case: Option<bool>,
    key_id_line: Option<bool>,
    final_newline: Option<bool>,
    missing_headers: Option<Word<Missing>>,
    join_repeated_headers: Option<bool>,
    path_prefix: Field<String>,
    max_skew: Option<u64>,
    date_policy: Field<Word<DatePolicy>>,
}

impl Description {
    fn builder(&self) -> SchemeBuilder {
        let builder = Scheme::builder(self.name.get_ref(), self.nearest());
        let header = self.credentials_header.as_ref();
        let header = header.map(|header| header.get_ref().0.clone());
        let builder = set(builder, header, SchemeBuilder::credentials_header);
        let builder = set(builder, text(&self.auth_scheme), SchemeBuilder::auth_scheme);
        let parameter = text(&self.key_id_parameter);
        let builder = set(builder, parameter, SchemeBuilder::key_id_parameter);
        let parameter = text(&self.nonce_parameter);
        let builder = set(builder, parameter, SchemeBuilder::nonce_parameter);
        let builder = set(builder, text(&self.separator), SchemeBuilder::separator);
        let any_order = self.any_parameter_order;
        let builder = set(builder, any_order, SchemeBuilder::any_parameter_order);
        let ignore = self.ignore_unknown_parameters;
        let builder = set(builder, ignore, SchemeBuilder::ignore_unknown_parameters);
        let default_list = self.default_list.as_ref().map(Spanned::get_ref);
        let builder = set(builder, default_list, SchemeBuilder::default_list);
        let derived = self.derived_components.as_ref().map(|table| {
            let table = table.get_ref().iter();
            table.map(|(name, derived)| (name, derived.0.0))
        });
        let builder = set(builder, derived, SchemeBuilder::derived_components);
        let algorithms = self.algorithms.as_ref().map(words);
        let builder = set(builder, algorithms, SchemeBuilder::algorithms);
        let date_headers = self.date_headers.as_ref().map(words);
        let builder = set(builder, date_headers, SchemeBuilder::date_headers);
        let builder = set(builder, self.keep_name_case, SchemeBuilder::keep_name_case);
        let builder = set(builder, self.key_id_line, SchemeBuilder::key_id_line);
        let builder = set(builder, self.final_newline, SchemeBuilder::final_newline);
        let missing = self.missing_headers.as_ref().map(|line| line.0.0);
        let builder = set(builder, missing, SchemeBuilder::missing_headers);
        let join = self.join_repeated_headers;
        let builder = set(builder, join, SchemeBuilder::join_repeated_headers);
        let builder = set(builder, text(&self.path_prefix), SchemeBuilder::path_prefix);
        let max_skew = self.max_skew.map(Duration::from_secs);
        let builder = set(builder, max_skew, SchemeBuilder::max_skew);
        let date_policy = self.date_policy.as_ref().map(|policy| policy.get_ref().0);
        set(builder, date_policy, SchemeBuilder::date_policy)
    }

    fn nearest(&self) -> Scheme {
        self.nearest.get_ref().0
    }

    /// Returns where the key is that the error is about.
    fn span(&self, error: &BuildError) -> Range<usize> {
        let derived = span(&self.derived_components);
        let dates = span(&self.date_headers);
        let is_derived = |name: &str| {
            let derived = self.derived_components.as_ref();
            let mut names = derived.into_iter().flat_map(|table| table.get_ref().keys());
            names.any(|other| other.eq_ignore_ascii_case(name))
        };
        let key = match error {
            BuildError::SchemeName { .. } => Some(self.name.span()),
            BuildError::CredentialsHeader { .. } => span(&self.credentials_header),
            BuildError::AuthScheme { .. } => span(&self.auth_scheme),
            BuildError::KeyIdParameter { .. } => span(&self.key_id_parameter),
            BuildError::NonceParameter { .. } => span(&self.nonce_parameter),
            BuildError::Separator => span(&self.separator),
            BuildError::PathPrefix { .. } | BuildError::PathPrefixNotCarried => {
                span(&self.path_prefix)
            }
            BuildError::NoAlgorithm => span(&self.algorithms),
            BuildError::NoDateHeader => dates,
            BuildError::NamelessComponents
            | BuildError::TwoDecodedComponents
            | BuildError::TimeNotCarried { .. }
            | BuildError::DerivedName { .. }
            | BuildError::DerivedNameTaken { .. } => derived,
            BuildError::NoParameters => None,
            BuildError::NamedTwice { name } if is_derived(name.as_str()) => derived,
            BuildError::NamedTwice { name } if name.as_str().parse::<Algorithm>().is_ok() => {
                span(&self.algorithms)
            }
            BuildError::NoDateAccepted { .. } => span(&self.date_policy).or(dates),
            // If the preset's list does not fit, that is because of what else is described.
            _ => span(&self.default_list).or(derived).or(dates),
        };
        key.unwrap_or_else(|| self.nearest.span())
    }

    /// Returns the error's text. Where it names a setter's argument, the key's value is named
    /// instead.
    fn what(&self, error: &BuildError) -> String {
        let nearest = self.nearest();
        match error {
            BuildError::NotAName { name, .. } if self.default_list.is_none() => format!(
                "{nearest} signs {name} by default, which is not among the derived components: \
                 add it, or set default_list"
            ),
            BuildError::NeedsHs2019 { name } => format!(
                "{name} needs the algorithm's name hs2019, which is not the default: remove it \
                 from default_list, and let clients list it"
            ),
            BuildError::TimeNotCarried { name } => format!(
                "{name} is a time, which {nearest} has no parameter for: write nearest = \
                 \"cavage\" or \"traefik-hub\", or remove it"
            ),
            BuildError::NoDateAccepted { .. } => "no date would be accepted, because date is the \
                                                  only date header: write check-age"
                .to_owned(),
            error => error.to_string(),
        }
    }
}

/// Calls the setter if there is a value.
fn set<T>(
    builder: SchemeBuilder,
    value: Option<T>,
    setter: impl FnOnce(SchemeBuilder, T) -> SchemeBuilder,
) -> SchemeBuilder {
    match value {
        Some(value) => setter(builder, value),
        None => builder,
    }
}

fn text(field: &Field<String>) -> Option<&str> {
    field.as_ref().map(|text| text.get_ref().as_str())
}

fn words<T: Copy>(list: &Spanned<Vec<Word<T>>>) -> impl Iterator<Item = T> {
    list.get_ref().iter().map(|word| word.0)
}

fn span<T>(field: &Field<T>) -> Option<Range<usize>> {
    field.as_ref().map(Spanned::span)
}

/// A value that is written as a string.
struct Word<T>(T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

struct Derived(DerivedComponent);

impl FromStr for Derived {
    type Err = &'static str;

    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        match name {
            "request-target" => Ok(Self(DerivedComponent::RequestTarget)),
            "request-line" => Ok(Self(DerivedComponent::RequestLine)),
            "path-line" => Ok(Self(DerivedComponent::PathLine)),
            "decoded-target" => Ok(Self(DerivedComponent::DecodedTarget)),
            "decoded-path" => Ok(Self(DerivedComponent::DecodedPath)),
            "created" => Ok(Self(DerivedComponent::Created)),
            "expires" => Ok(Self(DerivedComponent::Expires)),
            _ => Err(
                "unknown derived component: use request-target, request-line, path-line, \
                 decoded-target, decoded-path, created or expires",
            ),
        }
    }
}

struct Missing(Option<MissingHeaderLine>);

impl FromStr for Missing {
    type Err = &'static str;

    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        match name {
            "empty" => Ok(Self(Some(MissingHeaderLine::Empty))),
            "empty-value" => Ok(Self(Some(MissingHeaderLine::EmptyValue))),
            "omitted" => Ok(Self(Some(MissingHeaderLine::Omitted))),
            "refused" => Ok(Self(None)),
            _ => {
                Err("unknown form of a missing header: use empty, empty-value, omitted or refused")
            }
        }
    }
}
