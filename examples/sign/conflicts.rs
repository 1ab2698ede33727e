//! Refuses options that contradict each other.

use super::{Arguments, output::title_case, support::Result};

pub(super) fn refuse_conflicts(arguments: &Arguments) -> Result<()> {
    let Arguments {
        components,
        created,
        expires,
        hs2019,
        date_header,
        data,
        digest_header,
        nonce,
        headers,
        curl,
        url,
        ..
    } = arguments;
    let has_components = components.is_some();
    let has_expires = expires.is_some();
    let is_given = |wanted: &str| headers.iter().any(|(name, _)| name == wanted);
    let conflicts = [
        (
            has_components && *created,
            "--components and --created both say what is signed: name (created) in --components",
        ),
        (
            has_components && date_header.is_some(),
            "--components and --date-header both choose the date header: name it in --components",
        ),
        (
            *created && date_header.is_some(),
            "--created signs (created) instead of a date header: leave out --date-header",
        ),
        (
            *created && !hs2019,
            "--created: (created) is signed under the algorithm's name hs2019 only: add --hs2019",
        ),
        (
            has_expires && !hs2019,
            "--expires: (expires) is signed under the algorithm's name hs2019 only: add --hs2019",
        ),
        (
            digest_header.is_some() && data.is_none(),
            "--digest-header is for the digest of a body: add --data",
        ),
        (
            arguments.source.is_some() && is_given("source"),
            "--source and --header 'Source: …' both set the source: give one of them",
        ),
        (
            *curl && url.is_none(),
            "--curl needs a URL: add one, such as https://api.example.com/a",
        ),
    ];
    if let Some((_, text)) = conflicts.iter().find(|(is_true, _)| *is_true) {
        return Err((*text).into());
    }
    if let Some(name) = nonce
        && is_given(name.as_str())
    {
        let title = title_case(name.as_str());
        let text = format!("--nonce {name} and --header '{title}: …' both set the nonce");
        return Err(format!("{text}: give one of them").into());
    }
    let digest = arguments.digest_header().name();
    if data.is_some() && is_given(digest) {
        let title = title_case(digest);
        let text = format!("--data and --header '{title}: …' both set the digest");
        return Err(format!("{text}: give one of them").into());
    }
    Ok(())
}
