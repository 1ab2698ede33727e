//! Finds a gateway's documented text in its response.

mod escapes;
mod known_texts;
mod markup;

use self::{escapes::unescaped, markup::Piece};
use crate::{Rejection, rejection::RejectionKind};

/// How many bytes of a response are searched. Refusals are short, and the limit bounds the work.
const MAX_LEN: usize = 16 * 1024;

impl Rejection {
    /// Returns the kind of refusal that a gateway's response describes, or `None` if the response
    /// contains no known text.
    ///
    /// The known texts are those of Tencent Cloud, Kong, APISIX and Tyk, iFlytek's (Kong's with a
    /// reason after a colon), Tencent Cloud Market's two that clients report, and all texts of this
    /// crate's servers ([`Scheme::text`](crate::Scheme::text)). They are found with or without the
    /// final full stop, as the whole response, in JSON, HTML or XML, or in a `grpc-message`.
    ///
    /// If a gateway has one text for several rejections, the kind is that of the most likely one:
    /// `HMAC signature cannot be verified` is [`KeyUnknown`](RejectionKind::KeyUnknown), `HMAC
    /// signature does not match` [`SignatureMismatch`](RejectionKind::SignatureMismatch), `a valid
    /// date or x-date header is required` [`DateMissing`](RejectionKind::DateMissing), `You cannot
    /// consume this service` [`KeyNotBound`](RejectionKind::KeyNotBound), as is APISIX's `The
    /// consumer_name is forbidden.`, and APISIX's `client request can't be validated` and Tyk's
    /// `Authorization field missing, malformed or invalid`
    /// [`Unspecified`](RejectionKind::Unspecified). Texts that other servers send too, such as
    /// Kong's `Unauthorized`, only count where Kong writes them: as the whole response, as
    /// `message` in JSON or XML, or as a paragraph of its HTML page.
    ///
    /// Only the first 16 KiB are searched. Anyone on the way can have written the text, so treat
    /// the result as a hint and not as proof.
    ///
    /// ```
    /// use tower_hmac_auth::{Rejection, error::RejectionKind};
    ///
    /// let page = "<html><body><p>HMAC signature cannot be verified, a valid date or x-date \
    ///             header is required for HMAC Authentication.</p></body></html>";
    /// assert_eq!(Rejection::from_response_text(page), Some(RejectionKind::DateMissing));
    /// assert_eq!(Rejection::from_response_text("no such host"), None);
    /// ```
    #[must_use]
    pub fn from_response_text(text: &str) -> Option<RejectionKind> {
        let mut ends = (0..=MAX_LEN.min(text.len())).rev();
        let end = ends.find(|end| text.is_char_boundary(*end));
        let text = text.get(..end.unwrap_or_default()).unwrap_or_default();
        // A byte order mark is not whitespace to `trim`, so a text after one would not be found.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        markup::pieces(text).find_map(kind_of)
    }
}

/// Returns the kind of the known text that the piece is, or that one of its lines is after its
/// escapes are replaced.
fn kind_of(piece: Piece<'_>) -> Option<RejectionKind> {
    let kind = |text: &str| {
        let known = known_texts::find(text)?;
        (!known.is_common || piece.is_message()).then_some(known.kind)
    };
    if let Some(kind) = kind(piece.text) {
        return Some(kind);
    }
    let text = unescaped(piece.text)?;
    let mut lines = text.lines().filter_map(known_texts::find);
    let of_a_line = || lines.find(|known| !known.is_common).map(|known| known.kind);
    kind(&text).or_else(of_a_line)
}
