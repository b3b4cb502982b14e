//! Reads the files that a setting, a kubeconfig, a profile or an environment variable names. They can be pipes and
//! devices, so reads have a size limit, and async tasks read on a thread of their own.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file, and the longest output of a program, that is read, in bytes. Kubeconfigs, tokens, keys and
/// certificates have a few KiB.
pub(crate) const LIMIT: u64 = 1 << 20;

/// Returns the content of a file.
///
/// # Errors
/// The file cannot be read, or is larger than [`LIMIT`].
pub(crate) async fn read(path: impl Into<PathBuf>) -> io::Result<Vec<u8>> {
    let path = path.into();
    in_background(move || read_blocking(&path)).await?
}

/// Runs a function that waits for files on a thread of its own.
///
/// # Errors
/// The function panicked.
pub(crate) async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}

/// As [`read`], for a caller whose thread can block.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_blocking(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LIMIT {
        return Err(too_large());
    }
    Ok(content)
}

/// Returns the content of a file to search for credentials, if it is a regular file. The content of a pipe would be
/// missing for its reader.
pub(crate) fn regular(path: &Path) -> Option<Vec<u8>> {
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| read_blocking(path).ok()).flatten()
}

/// Returns the error about a file that is larger than [`LIMIT`].
pub(crate) fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_up_to_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let most = vec![b'a'; usize::try_from(LIMIT).unwrap()];
        std::fs::write(file.path(), &most).unwrap();
        assert_eq!(read(file.path()).await.unwrap(), most);
        std::fs::write(file.path(), [&most[..], b"a"].concat()).unwrap();
        for path in [file.path(), Path::new("/dev/zero")] {
            let error = read(path).await.unwrap_err();
            assert_eq!(error.to_string(), "it is larger than 1 MiB");
        }
        assert_eq!(regular(Path::new("/dev/zero")), None);
    }
}
