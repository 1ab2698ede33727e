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
        let Some((name, behind)) = rest.split_once(' ') else {
            return Some(rest);
        };
        self.rest = Some(behind);
        Some(name)
    }
}
