//! Changes that make a header invalid.

use super::*;

/// A change of a header's value.
#[derive(Debug, Clone)]
pub(crate) enum Mangle {
    Delete(Index, Index),
    Double(Index, Index),
    /// Puts a piece somewhere else.
    Move(Index, Index, Index),
    /// Puts a piece of another header that is right for another key there.
    Replace(Index, Index, Index, Index),
    DeleteParameter(Index),
    DoubleParameter(Index),
    SwapParameters(Index, Index),
    ReplaceParameter(Index),
}

pub(crate) fn mangle() -> impl Strategy<Value = Mangle> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(a, b)| Mangle::Delete(a, b)),
        (index(), index()).prop_map(|(a, b)| Mangle::Double(a, b)),
        (index(), index(), index()).prop_map(|(a, b, c)| Mangle::Move(a, b, c)),
        (index(), index(), index(), index()).prop_map(|(a, b, c, d)| Mangle::Replace(a, b, c, d)),
        index().prop_map(Mangle::DeleteParameter),
        index().prop_map(Mangle::DoubleParameter),
        (index(), index()).prop_map(|(a, b)| Mangle::SwapParameters(a, b)),
        index().prop_map(Mangle::ReplaceParameter),
    ]
}

impl Mangle {
    pub(crate) fn apply(&self, value: &[u8], donor: &[u8]) -> Vec<u8> {
        fn range(value: &[u8], a: &Index, b: &Index) -> std::ops::Range<usize> {
            let (a, b) = (a.index(value.len() + 1), b.index(value.len() + 1));
            a.min(b)..a.max(b)
        }
        // The scheme's word stands before the first parameter.
        fn word(value: &[u8]) -> usize {
            let end = value.iter().position(|byte| b" =\"{".contains(byte));
            end.filter(|end| value[*end] == b' ')
                .map_or(0, |end| end + 1)
        }
        fn parameters(value: &[u8]) -> Vec<&[u8]> {
            value.split(|byte| *byte == b',').collect()
        }
        let (scheme, rest) = value.split_at(word(value));
        let mut ours = parameters(rest);
        let joined = |parameters: Vec<&[u8]>| [scheme, &parameters.join(&b',')].concat();
        match self {
            Self::Delete(a, b) => {
                let range = range(value, a, b);
                [&value[..range.start], &value[range.end..]].concat()
            }
            Self::Double(a, b) => {
                let range = range(value, a, b);
                [&value[..range.end], &value[range.start..]].concat()
            }
            Self::Move(a, b, c) => {
                let range = range(value, a, b);
                let mut rest = [&value[..range.start], &value[range.end..]].concat();
                let to = c.index(rest.len() + 1);
                rest.splice(to..to, value[range].iter().copied());
                rest
            }
            Self::Replace(a, b, c, d) => {
                let (range, piece) = (range(value, a, b), range(donor, c, d));
                [&value[..range.start], &donor[piece], &value[range.end..]].concat()
            }
            Self::DeleteParameter(index) => {
                ours.remove(index.index(ours.len()));
                joined(ours)
            }
            Self::DoubleParameter(index) => {
                let index = index.index(ours.len());
                ours.insert(index, ours[index]);
                joined(ours)
            }
            Self::SwapParameters(a, b) => {
                let (a, b) = (a.index(ours.len()), b.index(ours.len()));
                ours.swap(a, b);
                joined(ours)
            }
            Self::ReplaceParameter(index) => {
                let theirs = parameters(&donor[word(donor)..]);
                let index = index.index(ours.len());
                ours[index] = theirs[index % theirs.len()];
                joined(ours)
            }
        }
    }
}
