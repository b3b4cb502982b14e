//! Reading the files that a setting, a kubeconfig, a profile or an environment variable names. They can be pipes and
//! devices, so they are read with a limit, and on a thread of their own where a task would wait.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most that is read of a file or of the output of a program. Kubeconfigs, tokens, keys and certificates have a
/// few KiB.
pub(crate) const LIMIT: u64 = 1 << 20;

/// The content of a file.
///
/// # Errors
/// That the file cannot be read, or is larger than [`LIMIT`].
pub(crate) async fn read(path: impl Into<PathBuf>) -> io::Result<Vec<u8>> {
    let path = path.into();
    in_background(move || read_blocking(&path)).await?
}

/// Runs what waits for files on a thread of its own.
///
/// # Errors
/// That it panicked.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)
}

/// As [`read`], for a caller on a thread that can wait.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_blocking(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(LIMIT + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > LIMIT {
        return Err(too_large());
    }
    Ok(content)
}

/// The content of a regular file, to look for credentials in it. Of a pipe it would be gone for its reader.
pub(crate) fn regular(path: &Path) -> Option<Vec<u8>> {
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| read_blocking(path).ok()).flatten()
}

/// The error about a file that is larger than [`LIMIT`].
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
