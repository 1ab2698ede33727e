//! The names in a list of what is signed.

/// The parts of a list between its spaces.
#[derive(Debug, Clone)]
pub(crate) struct Names<'h> {
    rest: Option<&'h str>,
}

impl<'h> Names<'h> {
    pub(crate) fn new(list: &'h str) -> Self {
        Self { rest: Some(list) }
    }
}

impl<'h> Iterator for Names<'h> {
    type Item = &'h str;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some((name, behind)) = split_at_byte(rest, b' ') else {
            return Some(rest);
        };
        self.rest = Some(behind);
        Some(name)
    }
}

/// What stands before and behind the first byte of this kind, which is ASCII.
pub(super) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let position = position(text.as_bytes(), byte)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}

/// Eight bytes at a time: a difference of zero is the only one that borrows into its own highest bit.
fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let difference = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        let zeros = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
        if zeros != 0 {
            let within = usize::try_from(zeros.trailing_zeros() / 8).ok()?;
            return Some(8 * index + within);
        }
    }
    let within = rest.iter().position(|other| *other == byte)?;
    Some(bytes.len() - rest.len() + within)
}
