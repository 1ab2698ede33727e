//! Converts other forms of dates that clients send into IMF-fixdates.

use super::{DateError, IMF_FIXDATE_LEN};

/// The length of the longest date that is read, in bytes. It bounds the work, and no common
/// formatter prints a longer date.
const MAX_LEN: usize = 64;

/// A date in the form of an IMF-fixdate. Its parts are in their places but not checked: the weekday
/// can be anything, and numbers can be out of range.
pub(super) struct OtherForm {
    pub(super) imf_fixdate: [u8; IMF_FIXDATE_LEN],
    /// Whether the zone is UTC or missing.
    pub(super) is_utc: bool,
}

impl OtherForm {
    /// Reads the dates that nginx's `ngx_parse_http_time` reads, which Kong's and APISIX's plugins
    /// call: RFC 1123, RFC 850 and asctime dates, with anything in the place of the weekday. nginx
    /// ignores what follows the time. Here it is read, so that a date in another zone is refused
    /// because of the zone instead of being hours off.
    ///
    /// The day may also have one digit, as printed by Java's `RFC_1123_DATE_TIME`.
    pub(super) fn read(value: &[u8]) -> Result<Self, DateError> {
        Self::parts(value).ok_or(DateError::Unreadable)
    }

    fn parts(value: &[u8]) -> Option<Self> {
        if value.len() > MAX_LEN {
            return None;
        }
        let end_of_weekday = value.iter().position(|byte| matches!(byte, b',' | b' '))?;
        let (weekday, rest) = value.split_at_checked(end_of_weekday)?;
        let mut rest = Rest(rest);
        let is_asctime = rest.byte(b',').is_none();
        rest.spaces();
        let (day, month, year, time) = if is_asctime {
            let month = rest.take()?;
            rest.byte(b' ')?;
            // A day of one digit is padded with a second space.
            let _padded = rest.byte(b' ');
            let day = rest.day()?;
            rest.byte(b' ')?;
            let time = rest.take()?;
            rest.byte(b' ')?;
            (day, month, rest.take()?, time)
        } else {
            let day = rest.day()?;
            let is_rfc_850 = rest.byte(b'-').is_some();
            if !is_rfc_850 {
                rest.byte(b' ')?;
            }
            let month = rest.take()?;
            let year = if is_rfc_850 {
                rest.byte(b'-')?;
                let [tens, ones] = rest.take()?;
                let [thousands, hundreds] = if tens < b'7' { *b"20" } else { *b"19" };
                [thousands, hundreds, tens, ones]
            } else {
                rest.byte(b' ')?;
                rest.take()?
            };
            rest.byte(b' ')?;
            (day, month, year, rest.take()?)
        };
        let is_utc = is_utc(rest.0)?;
        Some(Self {
            imf_fixdate: imf_fixdate(weekday, day, month, year, time)?,
            is_utc,
        })
    }
}

fn imf_fixdate(
    weekday: &[u8],
    day: [u8; 2],
    month: [u8; 3],
    year: [u8; 4],
    time: [u8; 8],
) -> Option<[u8; IMF_FIXDATE_LEN]> {
    let mut date = *b"   , 00     0000 00:00:00 GMT";
    let weekday: [u8; 3] = weekday.first_chunk().copied().unwrap_or_default();
    for (start, part) in [
        (0, &weekday[..]),
        (5, &day),
        (8, &month),
        (12, &year),
        (17, &time),
    ] {
        let place = date.get_mut(start..start + part.len())?;
        place.copy_from_slice(part);
    }
    Some(date)
}

/// The part of a date that is not read yet.
struct Rest<'v>(&'v [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    fn spaces(&mut self) {
        while self.byte(b' ').is_some() {}
    }

    /// Reads a day of one or two digits.
    fn day(&mut self) -> Option<[u8; 2]> {
        let [first] = self.take().filter(|[first]| first.is_ascii_digit())?;
        match self.0.first() {
            Some(second) if second.is_ascii_digit() => {
                let [second] = self.take()?;
                Some([first, second])
            }
            _ => Some([b'0', first]),
        }
    }
}

/// Returns `true` if a zone is UTC: missing, one of UTC's names in upper or lower case, an offset
/// of zero, or both (`GMT+00:00`). A comment may follow it as in mail (`+0000 (UTC)`). Returns
/// `None` if the text cannot be a zone.
fn is_utc(zone: &[u8]) -> Option<bool> {
    let mut zone = zone.trim_ascii();
    if let Some(before) = zone.strip_suffix(b")") {
        let comment = before.iter().position(|byte| *byte == b'(')?;
        zone = before.get(..comment)?.trim_ascii_end();
        if zone.is_empty() {
            return None;
        }
    }
    let is_of_name = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_');
    let end_of_name = zone.iter().position(|byte| !is_of_name(byte));
    let (name, offset) = zone.split_at_checked(end_of_name.unwrap_or(zone.len()))?;
    let names = [&b""[..], b"GMT", b"UTC", b"UT", b"Z"];
    let is_utcs_name = names.iter().any(|utc| name.eq_ignore_ascii_case(utc));
    // An offset that cannot be read is an error after any name.
    let is_zero = is_zero(offset)?;
    Some(is_utcs_name && is_zero)
}

/// Returns `true` if an offset (`+0800`, `+08:00`, `+08`, `+8`) is zero or missing. Returns `None`
/// if the text is not an offset.
fn is_zero(offset: &[u8]) -> Option<bool> {
    let digits = match offset {
        [] => return Some(true),
        [b'+' | b'-', digits @ ..] => digits,
        _ => return None,
    };
    let digits = match digits {
        [a, b, b':', c, d] | [a, b, c, d] => [*a, *b, *c, *d],
        [a, b] => [*a, *b, b'0', b'0'],
        [b] => [b'0', *b, b'0', b'0'],
        _ => return None,
    };
    let is_offset = digits.iter().all(u8::is_ascii_digit);
    is_offset.then_some(digits == *b"0000")
}
