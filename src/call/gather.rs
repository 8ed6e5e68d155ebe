use bytes::{Buf, Bytes, BytesMut};
use http_body::SizeHint;

/// How much memory an announcement is worth before any of it has come, in bytes: 256 KiB.
///
/// More than a page of sessions, so that an honest answer is gathered without growing, and little
/// enough that a dishonest one costs nothing.
const TRUSTED: usize = 256 * 1024;

/// The bytes that have come: one frame is kept as it is, several go into one buffer.
#[derive(Default)]
pub(crate) enum Gathered {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(buffer) => buffer.len(),
        }
    }

    /// Adds a frame. `rest` is what the body says of the frames after it.
    pub(crate) fn push(&mut self, frame: Bytes, rest: &SizeHint) {
        if frame.is_empty() {
            return;
        }
        *self = match std::mem::take(self) {
            Self::Nothing => Self::One(frame),
            Self::One(first) => {
                let announced = usize::try_from(rest.lower()).unwrap_or(usize::MAX).min(TRUSTED);
                let mut buffer = BytesMut::with_capacity(first.len() + frame.len() + announced);
                buffer.extend_from_slice(&first);
                buffer.extend_from_slice(&frame);
                Self::Many(buffer)
            }
            Self::Many(mut buffer) => {
                buffer.extend_from_slice(frame.chunk());
                Self::Many(buffer)
            }
        };
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(buffer) => buffer.freeze(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_is_not_copied() {
        let frame = Bytes::from(vec![7; 1000]);
        let mut gathered = Gathered::default();
        gathered.push(frame.clone(), &SizeHint::new());
        // An empty frame, as some servers send at the end, is no second one.
        gathered.push(Bytes::new(), &SizeHint::new());
        assert_eq!(gathered.into_bytes().as_ptr(), frame.as_ptr());
    }

    #[test]
    fn several_frames_fill_one_buffer_of_the_announced_size() {
        let mut gathered = Gathered::default();
        gathered.push(Bytes::from(vec![1; 1000]), &SizeHint::with_exact(4000));
        gathered.push(Bytes::from(vec![2; 1000]), &SizeHint::with_exact(3000));
        let Gathered::Many(buffer) = &gathered else { panic!("one buffer") };
        assert_eq!(buffer.capacity(), 5000);
        let start = buffer.as_ptr();
        for rest in [2000, 1000, 0] {
            gathered.push(Bytes::from(vec![3; 1000]), &SizeHint::with_exact(rest));
        }
        let bytes = gathered.into_bytes();
        assert_eq!((bytes.len(), bytes.as_ptr()), (5000, start), "it never grew");
    }

    #[test]
    fn a_lie_about_the_size_reserves_little() {
        let mut gathered = Gathered::default();
        gathered.push(Bytes::from("a"), &SizeHint::new());
        gathered.push(Bytes::from("b"), &SizeHint::with_exact(u64::MAX));
        let Gathered::Many(buffer) = &gathered else { panic!("one buffer") };
        assert!(buffer.capacity() <= TRUSTED + 2, "{}", buffer.capacity());
    }
}
