//! The names in a list of what is signed.

/// The parts of a list between its spaces. Lists are short, so a plain search is the fastest.
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
    let position = text.bytes().position(|other| other == byte)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}
