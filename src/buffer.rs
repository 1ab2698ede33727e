//! Bytes put together on the stack, moved to the heap if they grow long.

use arrayvec::ArrayVec;

/// What nearly every signing string fits into, in bytes.
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
        match self {
            Self::Stack(stack) => {
                if stack.try_extend_from_slice(bytes).is_err() {
                    let mut heap = Vec::with_capacity(4 * ON_THE_STACK + bytes.len());
                    heap.extend_from_slice(stack);
                    heap.extend_from_slice(bytes);
                    *self = Self::Heap(heap);
                }
            }
            Self::Heap(heap) => heap.extend_from_slice(bytes),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Stack(stack) => stack,
            Self::Heap(heap) => heap,
        }
    }

    /// Adds text in lower case.
    pub(crate) fn extend_lower_case(&mut self, text: &str) {
        let begin = self.as_slice().len();
        self.extend(text.as_bytes());
        let added = match self {
            Self::Stack(stack) => stack.get_mut(begin..),
            Self::Heap(heap) => heap.get_mut(begin..),
        };
        added.unwrap_or_default().make_ascii_lowercase();
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Buffer {}
