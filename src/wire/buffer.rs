//! A buffer of bytes on the stack, which is moved to the heap if it grows long.
//!
//! With `SmallVec<[u8; 256]>` instead, signatures that cover the target take 14 to 18 % longer: its
//! `extend_from_slice` does more than the one bounds check and one copy that short pieces need.

use arrayvec::ArrayVec;

/// The capacity on the stack, in bytes. Nearly every signing string fits.
const ON_THE_STACK: usize = 256;

#[derive(Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "it is what lives on the stack that is large"
)]
pub(crate) enum Buffer {
    Stack(ArrayVec<u8, ON_THE_STACK>),
    Heap(Vec<u8>),
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self::Stack(ArrayVec::new())
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if let Self::Stack(stack) = self
            && stack.try_extend_from_slice(bytes).is_ok()
        {
            return;
        }
        self.extend_heap(bytes);
    }

    #[cold]
    fn extend_heap(&mut self, bytes: &[u8]) {
        if let Self::Stack(stack) = self {
            let mut heap = Vec::with_capacity(4 * ON_THE_STACK + bytes.len());
            heap.extend_from_slice(stack);
            *self = Self::Heap(heap);
        }
        if let Self::Heap(heap) = self {
            heap.extend_from_slice(bytes);
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Stack(stack) => stack,
            Self::Heap(heap) => heap,
        }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            Self::Stack(stack) => stack,
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

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Buffer {}
