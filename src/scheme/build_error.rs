//! Why a signer, a verifier or a scheme cannot be built.

use std::fmt;

use crate::{
    Algorithm, Scheme,
    header::DateHeader,
    limits::{MAX_COMPONENTS, MAX_PARAMETER_LEN, MAX_SKEW_WITH_NONCE},
    rejection::Excerpt,
    wire::component::DerivedComponent,
};

/// Describes why a signer, a verifier or a scheme cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The list contains a header with credentials: `authorization`, or the header in which a
    /// described scheme sends the signature instead.
    SignsAuthorization {
        /// The header's name, in lower case.
        name: Excerpt,
    },
    /// The header is hop-by-hop (RFC 9110, section 7.6.1; for `Expect` section 10.1.1). Connections
    /// below all layers, and proxies on the way, write or remove it, so it does not arrive as it
    /// was signed.
    HopByHop {
        /// The name.
        name: Excerpt,
    },
    /// The header is signed anyway, at a fixed position, if the request has it.
    SignedAnyway {
        /// The name.
        name: Excerpt,
    },
    /// The name has another meaning than a header's at other gateways, so verifiers refuse it.
    Ambiguous {
        /// The name.
        name: Excerpt,
    },
    /// The name is neither a header name nor one of the scheme's derived components.
    NotAName {
        /// The scheme.
        scheme: Scheme,
        /// The name.
        name: Excerpt,
    },
    /// The name is that of a header. A derived component of the scheme has the same name with an
    /// `@`, in parentheses or in another case. As no request has such a header, it would not be
    /// signed, and neither would the component.
    MarksMissing {
        /// The name.
        name: Excerpt,
        /// The derived component's name.
        derived: &'static str,
    },
    /// The list of names is longer than 8 KiB, which verifiers refuse.
    ListTooLong,
    /// The list has more than 64 names, which verifiers refuse. `digest` and `content-digest` count
    /// even if they are not listed, because `DigestLayer` adds them.
    TooManyHeaders,
    /// A list contains this name twice: of what is signed, or of a description's derived
    /// components, algorithms or date headers.
    NamedTwice {
        /// The name.
        name: Excerpt,
    },
    /// The list contains both date headers.
    TwoDates,
    /// The list contains no date header and no derived component that is the time of signing.
    NoDate {
        /// The scheme.
        scheme: Scheme,
    },
    /// The scheme does not have this algorithm.
    AlgorithmNotCarried {
        /// The scheme.
        scheme: Scheme,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The scheme does not read a date from this header.
    DateHeaderNotCarried {
        /// The scheme.
        scheme: Scheme,
        /// The date header.
        header: DateHeader,
    },
    /// The key id contains a character that the scheme cannot carry.
    KeyIdNotCarried {
        /// The scheme.
        scheme: Scheme,
        /// The characters that a key id must not contain.
        characters: &'static [char],
    },
    /// The credentials are to be sent in the query, but the scheme has no such form.
    QueryNotCarried {
        /// The scheme.
        scheme: Scheme,
    },
    /// The credentials are to be sent in the query, and the list has a component that contains the
    /// query. It would be signed without them, and verified with them.
    QuerySigned {
        /// The component's name.
        name: Excerpt,
    },
    /// The list is not the one that the scheme implies. Its credentials do not contain a list, so
    /// the gateway could not know what is signed.
    ListNotCarried {
        /// The scheme.
        scheme: Scheme,
    },
    /// The scheme does not have the algorithm's name `hs2019`.
    Hs2019NotCarried {
        /// The scheme.
        scheme: Scheme,
    },
    /// The list contains `(created)` or `(expires)`, but `hs2019` is not set.
    NeedsHs2019 {
        /// The name.
        name: Excerpt,
    },
    /// The list contains `(expires)`, but no lifetime is set.
    NoLifetime,
    /// The lifetime is less than a second, which `expires` cannot express.
    LifetimeTooShort,
    /// A lifetime is set, but the list does not contain `(expires)`.
    LifetimeNotSigned,
    /// A host pattern is invalid.
    InvalidHostPattern {
        /// The pattern.
        pattern: Excerpt,
    },
    /// The list of host patterns is empty, so no request would ever be signed.
    NoHostPattern,
    /// No host pattern allows the configured authority, so requests that name no host would never
    /// be signed.
    AuthorityExcluded {
        /// The configured authority.
        host: Excerpt,
    },
    /// The scheme's name is empty, has characters other than lower-case letters, digits and `-`, or
    /// is a preset's.
    SchemeName {
        /// The name.
        name: Excerpt,
    },
    /// The word that the credentials begin with is not a token (RFC 9110, section 5.6.2).
    AuthScheme {
        /// The word.
        word: Excerpt,
    },
    /// The name of the key id's parameter is not a token, or another parameter has it.
    KeyIdParameter {
        /// The parameter's name.
        name: Excerpt,
    },
    /// The separator is not a comma, optionally followed by whitespace.
    Separator,
    /// A word, a separator, a rule for parameters, the case of names or a second algorithm is set,
    /// but the preset's credentials are a JSON object, which cannot say them.
    NoParameters,
    /// The scheme has no algorithms.
    NoAlgorithm,
    /// The scheme has no date headers.
    NoDateHeader,
    /// Two derived components have no name in the signing string, so that one could be read as the
    /// other; or one, or a decoded path, beside the lines of [`Scheme::TencentApp`].
    NamelessComponents,
    /// The header has another meaning, so it cannot carry the signature.
    CredentialsHeader {
        /// The header's name.
        name: Excerpt,
    },
    /// The parameter for the nonce is not a token, or its name is already used.
    NonceParameter {
        /// The name.
        name: Excerpt,
    },
    /// The scheme sends a nonce with each signature, and nothing that returns nonces is set.
    NoNonces {
        /// The scheme.
        scheme: Scheme,
    },
    /// The scheme has no parameter for a nonce.
    NonceNotCarried {
        /// The scheme.
        scheme: Scheme,
    },
    /// The gateway does not see this header. It would compute the signature with an empty value.
    NotSeen {
        /// The scheme.
        scheme: Scheme,
        /// The header's name.
        name: Excerpt,
    },
    /// Two derived components have the path decoded. A target could then have two normal forms.
    TwoDecodedComponents,
    /// A derived component is a time, but the preset has no parameters `created` and `expires`.
    TimeNotCarried {
        /// The component's name.
        name: Excerpt,
    },
    /// The name of a derived component is a valid header name, or could be read as two names in a
    /// list.
    DerivedName {
        /// The name.
        name: Excerpt,
    },
    /// The name of a derived component is known from other gateways for another kind of component:
    /// for a time instead of a target, a target instead of a time, or the other time.
    DerivedNameTaken {
        /// The name.
        name: Excerpt,
    },
    /// Requests that sign only `Date` would be refused, but the scheme does not read a date from
    /// another header.
    NoDateAccepted {
        /// The scheme.
        scheme: Scheme,
    },
    /// The header has another meaning, so it cannot carry a nonce.
    NonceHeader {
        /// The name.
        name: Excerpt,
    },
    /// Both a nonce that clients send and the signature as the nonce are configured.
    TwoNonces,
    /// A nonce is required, but the date may have any age. A guard against replays would have to
    /// keep every nonce forever.
    NonceWithoutAge,
    /// A nonce is required, and dates may be more than one day from the clock. A guard against
    /// replays would have to keep every nonce for as long.
    NonceSkew,
    /// The signature is used as the nonce, but signatures need not cover the whole request target
    /// and the body's digest. Two different requests of one second could have the same signature.
    SignatureNotUnique,
    /// The path's prefix does not begin with a slash, ends with one, or has a character that a path
    /// cannot have.
    PathPrefix {
        /// The prefix.
        prefix: Excerpt,
    },
    /// A prefix of paths is set, but the preset does not sign the path without its stage.
    PathPrefixNotCarried,
    /// A set of verifiers is empty.
    NoVerifier,
    /// Credentials of two verifiers' schemes have the same form.
    AmbiguousVerifiers {
        /// The scheme of the first.
        first: Scheme,
        /// The scheme of the other.
        second: Scheme,
    },
    /// Two verifiers of a set take different nonces from a request, so that a copy of it in the
    /// other's words would be another claim.
    DifferentNonces {
        /// The scheme of the first.
        first: Scheme,
        /// The scheme of the other.
        second: Scheme,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignsAuthorization { name } => write!(
                f,
                "{name} cannot be signed, because it contains credentials: remove it from the list"
            ),
            Self::HopByHop { name } => write!(
                f,
                "{name} is for the next peer only and does not arrive as it was sent: remove it \
                 from the list"
            ),
            Self::SignedAnyway { name } => write!(
                f,
                "{name} has its fixed place in front: remove it from the signed headers \
                 (date_header chooses between date and x-date; the default list's other headers \
                 are signed if the request has them)"
            ),
            Self::Ambiguous { name } => write!(
                f,
                "{name} stands for something else than a header at other gateways: use another \
                 header name"
            ),
            Self::NotAName { scheme, name } => {
                write!(
                    f,
                    "{name} is neither a header nor one of {scheme}'s own names"
                )?;
                let own = scheme
                    .dialect()
                    .list
                    .derived_components
                    .iter()
                    .map(|(name, _)| *name);
                write_list(f, " (", own, ")")?;
                f.write_str(": correct or remove it")
            }
            Self::MarksMissing { name, derived } => write!(
                f,
                "{name} is the name of a header that requests do not have: did you mean \
                 \"{derived}\"?"
            ),
            Self::TooManyHeaders => {
                write!(
                    f,
                    "more than {MAX_COMPONENTS} headers are to be signed, with room kept for \
                     digest and content-digest: sign fewer"
                )
            }
            Self::ListTooLong => {
                write!(
                    f,
                    "the names make a list of more than {MAX_PARAMETER_LEN} bytes: name fewer, \
                     or shorter ones"
                )
            }
            Self::NamedTwice { name } => {
                write!(f, "{name} is named twice: name it once")
            }
            Self::TwoDates => {
                f.write_str("date and x-date are both to be signed: name one of them")
            }
            Self::NoDate { scheme } => {
                let dialect = scheme.dialect();
                let names = dialect
                    .date_headers
                    .iter()
                    .map(|header| header.name().as_str());
                let derived = dialect.list.derived_components.iter();
                let mut created = derived
                    .filter(|(_, derived)| *derived == DerivedComponent::Created)
                    .map(|(name, _)| *name)
                    .peekable();
                let under_hs2019 = match created.peek() {
                    Some(_) if dialect.syntax.has_hs2019 => " under hs2019",
                    _ => "",
                };
                write_list(
                    f,
                    "no date is to be signed: name one of ",
                    names.chain(created),
                    under_hs2019,
                )
            }
            Self::AlgorithmNotCarried { scheme, algorithm } => {
                let algorithms = scheme
                    .dialect()
                    .algorithms
                    .iter()
                    .map(|algorithm| algorithm.name());
                write!(f, "{scheme} has no {algorithm}: ")?;
                write_list(f, "choose one of ", algorithms, "")
            }
            Self::DateHeaderNotCarried { scheme, header } => {
                write!(
                    f,
                    "{scheme} takes no date from {}: choose the other date header",
                    header.name()
                )
            }
            Self::KeyIdNotCarried { scheme, characters } => {
                let characters = characters.iter().collect::<String>();
                write!(
                    f,
                    "the key id has one of `{characters}`, which {scheme} cannot carry: use a \
                     pair with another id"
                )
            }
            Self::QueryNotCarried { scheme } => {
                write!(
                    f,
                    "{scheme} has no credentials in the query: leave credentials_in_query out"
                )
            }
            Self::QuerySigned { name } => write!(
                f,
                "{name} contains the query, to which the credentials are added after it is \
                 signed: sign a component without the query, or leave credentials_in_query out"
            ),
            Self::ListNotCarried { scheme } => {
                write!(
                    f,
                    "{scheme} sends no list of what is signed, so that only its date can be: sign \
                     and require nothing else"
                )
            }
            Self::Hs2019NotCarried { scheme } => {
                write!(f, "{scheme} has no hs2019: name the algorithm itself")
            }
            Self::NeedsHs2019 { name } => {
                write!(
                    f,
                    "{name} can be signed under hs2019 only: set hs2019, or remove it"
                )
            }
            Self::NoLifetime => {
                f.write_str("(expires) is to be signed: say with expires_after for how long")
            }
            Self::LifetimeTooShort => {
                f.write_str("expires_after is less than a second: give it one second or more")
            }
            Self::LifetimeNotSigned => f.write_str(
                "expires_after is set, but (expires) is not to be signed: name it in components, \
                 under hs2019",
            ),
            Self::InvalidHostPattern { pattern } => write!(
                f,
                "\"{pattern}\" is not a host: write it like api.example.com, *.example.com, \
                 192.0.2.1:8443 or [2001:db8::1]"
            ),
            Self::NoHostPattern => f.write_str(
                "the list of hosts is empty, so that no request would be signed: name the \
                 gateway's, like api.example.com",
            ),
            Self::AuthorityExcluded { host } => write!(
                f,
                "the configured authority {host} is not one of allowed_hosts: add it there, or \
                 correct it"
            ),
            Self::SchemeName { name } => write!(
                f,
                "\"{name}\" is not a name for a scheme of one's own: use lower-case letters, \
                 digits and -, and no preset's name"
            ),
            Self::AuthScheme { word } => write!(
                f,
                "credentials cannot begin with \"{word}\": use one word of letters, digits and -"
            ),
            Self::KeyIdParameter { name } => write!(
                f,
                "\"{name}\" cannot name the key id's parameter: use one word that no other \
                 parameter has"
            ),
            Self::Separator => f.write_str(
                "parameters cannot be told apart with this separator: use a comma, with spaces \
                 after it if needed",
            ),
            Self::NoParameters => f.write_str(
                "the preset's credentials are a JSON object: set no word, no separator, no nonce, \
                 no rule for parameters, no case of names and one algorithm at most, or start from \
                 another preset",
            ),
            Self::NoAlgorithm => f.write_str("the scheme has no algorithm: name at least one"),
            Self::NoDateHeader => {
                f.write_str("the scheme takes a date from no header: name date, x-date or both")
            }
            Self::CredentialsHeader { name } => write!(
                f,
                "{name} has another meaning and cannot carry the signature: use a header of its \
                 own, such as x-signature"
            ),
            Self::NonceParameter { name } => write!(
                f,
                "\"{name}\" cannot be the parameter of the nonce: use another word, which the \
                 other parameters do not have"
            ),
            Self::NoNonces { scheme } => write!(
                f,
                "{scheme} sends a nonce with each signature: set nonce_parameter"
            ),
            Self::NonceNotCarried { scheme } => write!(
                f,
                "{scheme} has no parameter for a nonce: leave nonce_parameter unset"
            ),
            Self::NotSeen { scheme, name } => write!(
                f,
                "{scheme} does not see {name} and takes its value for empty: do not sign it"
            ),
            Self::TwoDecodedComponents => f.write_str(
                "two derived components have the path decoded, so that a target could have two \
                 normal forms: describe one of them",
            ),
            Self::NamelessComponents => f.write_str(
                "two derived components have no name in the signing string, so that one could be \
                 read as the other: describe one of them (with tencent-app, whose own lines have \
                 none, neither)",
            ),
            Self::TimeNotCarried { name } => write!(
                f,
                "{name} is a time, which the preset has no parameter for: start from draft-cavage, \
                 or leave it out"
            ),
            Self::DerivedName { name } => write!(
                f,
                "\"{name}\" cannot name a derived component: use visible ASCII without spaces, \
                 quotes, commas and semicolons, and with a character that no header's name has, \
                 as in (target)"
            ),
            Self::DerivedNameTaken { name } => write!(
                f,
                "{name} names another component at other gateways: use another name for this one"
            ),
            Self::NoDateAccepted { scheme } => write!(
                f,
                "{scheme} takes dates from Date only, so that DatePolicy::Refuse would refuse \
                 every request: choose CheckAge"
            ),
            Self::NonceHeader { name } => write!(
                f,
                "{name} has another meaning and cannot carry a nonce: use a header of its own, \
                 such as x-nonce"
            ),
            Self::TwoNonces => f.write_str(
                "nonce and signature_as_nonce are both set: use nonce if clients send one",
            ),
            Self::NonceWithoutAge => f.write_str(
                "a nonce is required, but dates may have any age, so nonces would have to be kept \
                 forever: set date_policy to CheckAge or Refuse",
            ),
            Self::NonceSkew => write!(
                f,
                "a nonce is required, and dates may be more than {MAX_SKEW_WITH_NONCE} s from the \
                 clock, so nonces would have to be kept for as long: lower max_skew"
            ),
            Self::SignatureNotUnique => f.write_str(
                "signatures need not cover the target with its query and the body, so that two \
                 requests of one second can have the same one: require the request target and \
                 digest where the scheme signs the query, or use a nonce",
            ),
            Self::PathPrefix { prefix } => write!(
                f,
                "\"{prefix}\" is not what a path begins with: write it like /release"
            ),
            Self::PathPrefixNotCarried => f.write_str(
                "the preset signs whole paths, so it has no path_prefix: start from tencent-app, \
                 or leave it out",
            ),
            Self::NoVerifier => f.write_str("the set of verifiers is empty: give it at least one"),
            Self::AmbiguousVerifiers { first, second } => write!(
                f,
                "credentials of {first} and {second} have the same form, so a request does not \
                 say which it is: give each a host or path of its own"
            ),
            Self::DifferentNonces { first, second } => write!(
                f,
                "{first} and {second} take different nonces from a request, so a copy of it in the \
                 other's words would be accepted: use one name for the nonce, or the signature, in \
                 all of them"
            ),
        }
    }
}

impl std::error::Error for BuildError {}

/// Writes `before`, the names and `after`, or nothing if there are no names.
fn write_list(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    mut names: impl Iterator<Item = &'static str>,
    after: &str,
) -> fmt::Result {
    let Some(first) = names.next() else {
        return Ok(());
    };
    write!(f, "{before}{first}")?;
    for name in names {
        write!(f, ", {name}")?;
    }
    f.write_str(after)
}
