//! Builds the signer from the arguments and the environment.

use std::time::SystemTime;

use http::{HeaderName, Request};
use tower_hmac_auth::{
    KeyPair, Scheme, Signer, error::BuildError, scheme::DateHeader, sign::SignerBuilder,
};

use super::{
    Arguments,
    digest_header::DigestHeader,
    support::{
        Result,
        keys::{self, KEY_ID, PADDED, is_padded},
        warn,
    },
    values::DERIVED,
};

/// The names that `--created` and `--expires` put into the list.
const CREATED: &str = "(created)";
const EXPIRES: &str = "(expires)";

pub(super) fn signer(
    arguments: &Arguments,
    request: &Request<()>,
    now: SystemTime,
) -> Result<Signer> {
    let keys = key_pair()?;
    let described = |error| described(arguments, &keys, &error);
    let mut builder = Signer::builder(keys.clone()).scheme(arguments.scheme);
    if let Some(source) = &arguments.source {
        builder = builder.source(source.clone());
    }
    // Before the list, because it is found out with trial builds.
    if let Some(nonce) = arguments.nonce_parameter.clone() {
        builder = builder.nonce_parameter(move || nonce.clone());
    }
    if arguments.hs2019 {
        builder = builder.hs2019(true);
        // Before the list, which is about the times that only hs2019 has.
        builder.clone().build().map_err(described)?;
    }
    let mut signed = arguments.signed.clone();
    let with_expires = arguments.expires.is_some() && arguments.components.is_none();
    if let Some(components) = &arguments.components {
        builder = builder.components(&components.0);
    } else if arguments.created {
        let default_list = default_list(&builder, request, now)?;
        let is_date = |name: &String| name.parse::<DateHeader>().is_ok();
        let others = default_list.split(|name| is_date(name));
        let times = match with_expires {
            true => &[CREATED, EXPIRES][..],
            false => &[CREATED],
        };
        let times: Vec<String> = times.iter().map(|name| (*name).to_owned()).collect();
        builder = builder.components(others.collect::<Vec<_>>().join(&times[..]));
    } else if with_expires {
        signed.push(EXPIRES.to_owned());
    }
    let header = arguments.digest_header();
    // `Content-MD5` is signed without being listed.
    let may_be_listed = !matches!(header, DigestHeader::ContentMd5);
    let digest = header.name();
    if arguments.data.is_some() && may_be_listed && !lists(&builder, digest) {
        signed.push(digest.to_owned());
    }
    builder = builder.signed_headers(signed);
    if let Some(algorithm) = arguments.algorithm {
        builder = builder.algorithm(algorithm);
    }
    if let Some(date_header) = arguments.date_header {
        builder = builder.date_header(date_header);
    }
    if let Some(lifetime) = arguments.expires {
        builder = builder.expires_after(lifetime);
    }
    if let Some(name) = &arguments.nonce {
        builder = with_nonce(builder, name)?;
    }
    Ok(builder.build().map_err(described)?)
}

fn key_pair() -> Result<KeyPair> {
    let pair = keys::from_environment("sign")?.ok_or_else(|| keys::is_not_set(KEY_ID))?;
    if is_padded(pair.id().as_str()) {
        warn("sign", &format!("{KEY_ID} {PADDED}"));
    }
    Ok(pair)
}

/// Returns the names that are signed of this request by default.
fn default_list(
    builder: &SignerBuilder,
    request: &Request<()>,
    now: SystemTime,
) -> Result<Vec<String>> {
    let builder = builder.clone().hs2019(false);
    let signed = builder.build()?.sign(request, now)?;
    // The last header is `Authorization`, or the one that the scheme has instead.
    let authorization = signed.iter().last();
    let authorization = authorization.and_then(|(_, value)| value.to_str().ok());
    let (_, list) = authorization
        .and_then(|text| text.split_once("headers=\""))
        .unwrap_or_default();
    let (list, _) = list.split_once('"').unwrap_or_default();
    Ok(list.split(' ').map(str::to_owned).collect())
}

/// Returns `true` if the name is in the builder's list of components, or in the default list if it
/// has none.
fn lists(builder: &SignerBuilder, name: &str) -> bool {
    let built = builder.clone().signed_headers([name]).build();
    matches!(built, Err(BuildError::SignedAnyway { .. }))
}

#[cfg(feature = "nonce")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "without the feature it is an error"
)]
fn with_nonce(builder: SignerBuilder, name: &HeaderName) -> Result<SignerBuilder> {
    Ok(builder.nonce(name.clone()))
}

#[cfg(not(feature = "nonce"))]
fn with_nonce(_builder: SignerBuilder, _name: &HeaderName) -> Result<SignerBuilder> {
    Err("--nonce: this tool was built without nonces: build it with --features nonce".into())
}

/// Returns the error's text with the options' names, where it is about an option.
fn described(arguments: &Arguments, keys: &KeyPair, error: &BuildError) -> String {
    let scheme = arguments.scheme;
    let is_presets = |name: &str| Scheme::ALL.contains(&scheme) && DERIVED.contains(&name);
    match error {
        BuildError::SignedAnyway { name }
            if is_presets(name.as_str()) && arguments.components.is_none() =>
        {
            derived_component(arguments, keys, name.as_str())
        }
        BuildError::SignedAnyway { name } => {
            let hint = match arguments.components {
                Some(_) => "",
                None => " (--date-header chooses between date and x-date)",
            };
            format!("--sign {name}: it is signed anyway: leave it out{hint}")
        }
        BuildError::Hs2019NotCarried { .. } => {
            format!("--hs2019: {scheme} does not have it: leave it out, or use --scheme cavage")
        }
        BuildError::NeedsHs2019 { name } => {
            format!("{name} is signed under the algorithm's name hs2019 only: add --hs2019")
        }
        BuildError::NoLifetime => {
            format!("{EXPIRES} is to be signed: say with --expires for how long")
        }
        BuildError::LifetimeNotSigned => {
            format!("--expires: {EXPIRES} is not in --components: add it there")
        }
        BuildError::NoDate { .. } | BuildError::TwoDates => format!("--components: {error}"),
        BuildError::NoNonces { .. } => {
            format!("{scheme} sends a nonce with each signature: add --nonce-parameter")
        }
        BuildError::NonceNotCarried { .. } => {
            format!("--nonce-parameter: {scheme} has no parameter for a nonce: leave it out")
        }
        BuildError::NonceHeader { .. } => format!("--nonce: {error}"),
        BuildError::NotAName { name, .. } | BuildError::Ambiguous { name }
            if is_presets(name.as_str()) =>
        {
            derived_component(arguments, keys, name.as_str())
        }
        error => error.to_string(),
    }
}

/// Returns the error for a derived component that is signed by default, or that is another
/// preset's.
fn derived_component(arguments: &Arguments, keys: &KeyPair, name: &str) -> String {
    let scheme = arguments.scheme;
    let option = match arguments.signed.iter().any(|signed| signed == name) {
        true => "--sign",
        false => "--components",
    };
    if matches!(name, CREATED | EXPIRES) {
        let builder = Signer::builder(keys.clone()).scheme(scheme);
        if lists(&builder, name) {
            return format!("{option} {name}: {scheme} signs it anyway: leave it out");
        }
        return format!("{option} {name}: {scheme} has no times: use a date, or --scheme cavage");
    }
    if scheme == Scheme::TencentApp {
        return format!("{option} {name}: {scheme} signs the target anyway: leave it out");
    }
    let target_of = |scheme: Scheme| {
        let builder = Signer::builder(keys.clone()).scheme(scheme);
        let mut names = DERIVED.into_iter();
        names.find(|name| lists(&builder, name))
    };
    match target_of(scheme) {
        Some(target) if arguments.components.is_none() => {
            format!("--sign {name}: {scheme} signs the target anyway, as {target}: leave it out")
        }
        Some(target) => format!("{option} {name}: {scheme} names the target {target}: write that"),
        None => {
            let others = Scheme::ALL.into_iter();
            let others = others.filter(|other| target_of(*other).is_some());
            let others: Vec<_> = others.map(Scheme::name).collect();
            let others = others.join("|");
            format!(
                "{option} {name}: {scheme} cannot sign the target: leave it out, or use --scheme \
                 {others}"
            )
        }
    }
}
