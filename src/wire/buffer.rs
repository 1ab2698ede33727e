//! A buffer of bytes that are stored inline and move to the heap when they grow.
//!
//! With `SmallVec<[u8; 256]>` instead, signatures that cover the target take 14 to 18 % longer: its
//! `extend_from_slice` does more than the one bounds check and one copy that short pieces need.

use arrayvec::ArrayVec;

/// Holds `N` bytes inline. The default is for signing strings, of which nearly all fit.
#[derive(Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "the inline array is meant to be large"
)]
pub(crate) enum Buffer<const N: usize = 256> {
    Inline(ArrayVec<u8, N>),
    Heap(Vec<u8>),
}

impl<const N: usize> Buffer<N> {
    pub(crate) fn new() -> Self {
        Self::Inline(ArrayVec::new())
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if let Self::Inline(array) = self
            && array.try_extend_from_slice(bytes).is_ok()
        {
            return;
        }
        self.extend_heap(bytes);
    }

    #[cold]
    fn extend_heap(&mut self, bytes: &[u8]) {
        if let Self::Inline(array) = self {
            let mut heap = Vec::with_capacity(4 * N + bytes.len());
            heap.extend_from_slice(array);
            *self = Self::Heap(heap);
        }
        if let Self::Heap(heap) = self {
            heap.extend_from_slice(bytes);
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline(array) => array,
            Self::Heap(heap) => heap,
        }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            Self::Inline(array) => array,
            Self::Heap(heap) => heap,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Appends `text` in lower case.
    pub(crate) fn extend_lower_case(&mut self, text: &str) {
        let begin = self.len();
        self.extend(text.as_bytes());
        let added = self.as_mut_slice().get_mut(begin..);
        added.unwrap_or_default().make_ascii_lowercase();
    }
}

impl<const N: usize> PartialEq for Buffer<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<const N: usize> Eq for Buffer<N> {}
