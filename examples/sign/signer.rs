//! Builds the signer from the arguments and the environment.

use tower_hmac_auth::{KeyPair, Scheme, Signer, error::BuildError};

use super::{
    Arguments,
    support::{
        Result,
        keys::{self, KEY_ID, PADDED, is_padded},
        warn,
    },
    values::SPECIAL,
};

pub(super) fn signer(arguments: &Arguments) -> Result<Signer> {
    let mut signed = arguments.signed.clone();
    // The other schemes sign the digest by default.
    if arguments.data.is_some() && arguments.scheme == Scheme::Tencent {
        signed.push("digest".to_owned());
    }
    let keys = key_pair()?;
    if let Some(name) = signed.iter().find(|name| SPECIAL.contains(&name.as_str())) {
        return Err(cannot_be_signed(arguments.scheme, name, &keys).into());
    }
    let mut builder = Signer::builder(keys)
        .scheme(arguments.scheme)
        .signed_headers(signed);
    if let Some(algorithm) = arguments.algorithm {
        builder = builder.algorithm(algorithm);
    }
    if let Some(date_header) = arguments.date_header {
        builder = builder.date_header(date_header);
    }
    if let Some(source) = &arguments.source {
        builder = builder.source(source.clone());
    }
    builder.build().map_err(|error| match error {
        BuildError::SignedAnyway { name } => format!(
            "--sign {name}: it is signed anyway: leave it out (--date-header chooses between \
             date and x-date)"
        )
        .into(),
        error => error.into(),
    })
}

fn key_pair() -> Result<KeyPair> {
    let pair = keys::from_environment("sign")?.ok_or_else(|| keys::is_not_set(KEY_ID))?;
    if is_padded(pair.id().as_str()) {
        warn("sign", &format!("{KEY_ID} {PADDED}"));
    }
    Ok(pair)
}

/// Returns the error for `--sign` with the name of a derived component. A scheme either signs the
/// target by default, or cannot sign it.
fn cannot_be_signed(scheme: Scheme, name: &str, keys: &KeyPair) -> String {
    let signs_anyway = |scheme: Scheme, name: &str| {
        let builder = Signer::builder(keys.clone()).scheme(scheme);
        let built = builder.signed_headers([name]).build();
        matches!(built, Err(BuildError::SignedAnyway { .. }))
    };
    let target_of = |scheme: Scheme| {
        let mut names = SPECIAL.into_iter();
        names.find(|name| signs_anyway(scheme, name))
    };
    if matches!(name, "(created)" | "(expires)") {
        return format!("--sign {name}: this tool signs a date instead: leave it out");
    }
    if scheme == Scheme::TencentApp {
        return format!("--sign {name}: {scheme} signs the target anyway: leave it out");
    }
    if let Some(target) = target_of(scheme) {
        return format!(
            "--sign {name}: {scheme} signs the target anyway, as {target}: leave it out"
        );
    }
    let others = Scheme::ALL
        .into_iter()
        .filter(|other| target_of(*other).is_some());
    let others: Vec<_> = others.map(Scheme::name).collect();
    let others = others.join("|");
    format!(
        "--sign {name}: {scheme} cannot sign the target: leave it out, or use --scheme {others}"
    )
}
