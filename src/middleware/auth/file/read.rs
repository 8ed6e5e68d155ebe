use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use secrecy::zeroize::Zeroizing;

use super::FileError;
use super::format::parse;
use crate::middleware::auth::Credentials;

/// The most that a file with credentials is, in bytes.
const LARGEST: u64 = 64 * 1024;

/// What tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// Device and inode: a file that was renamed into place is another, whatever its time.
    place: (u64, u64),
}

pub(super) enum Found {
    /// It is as it was.
    Same,
    Changed {
        stamp: Stamp,
        credentials: Credentials,
        /// Others than its owner may read or write it.
        is_open: bool,
    },
}

/// Reads a file, unless it is as it was. Blocks.
pub(super) fn read(path: &Path, known: Option<&Stamp>) -> Result<Found, FileError> {
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    let stamp = Stamp::of(&before);
    if known == Some(&stamp) {
        return Ok(Found::Same);
    }
    if stamp.length > LARGEST {
        return Err(FileError::too_large());
    }
    // Its final size from the start: a buffer that grows leaves copies behind that nobody wipes.
    let room = usize::try_from(stamp.length).unwrap_or(usize::MAX).saturating_add(1);
    let mut text = Zeroizing::new(vec![0; room]);
    let mut filled = 0;
    while let Some(rest) = text.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    // Longer than it was, or touched meanwhile: somebody is writing it.
    if filled == room || Stamp::of(&file.metadata()?) != stamp {
        return Err(FileError::unsteady());
    }
    let credentials = parse(text.get(..filled).unwrap_or_default())?;
    Ok(Found::Changed { stamp, credentials, is_open: is_open(&before) })
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len(), place: place(metadata) }
    }
}

#[cfg(unix)]
fn place(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn place(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(unix)]
fn is_open(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &Metadata) -> bool {
    false
}
