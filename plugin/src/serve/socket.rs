//! The address on which the plugin listens: a Unix socket in a private folder or, on Windows, a port of the loopback
//! interface.

#[cfg(any(windows, test))]
use std::ops::RangeInclusive;

use super::error::ServeError;

/// An accepted connection.
#[cfg(unix)]
pub(super) type Stream = tokio::net::UnixStream;
/// An accepted connection.
#[cfg(windows)]
pub(super) type Stream = tokio::net::TcpStream;

/// The listener for connections.
#[cfg(unix)]
pub(super) type Listener = tokio::net::UnixListener;
/// The listener for connections.
#[cfg(windows)]
pub(super) type Listener = tokio::net::TcpListener;

/// The name of the network in go-plugin: `unix` or `tcp`.
pub(super) const NETWORK: &str = if cfg!(unix) { "unix" } else { "tcp" };

/// The address of a listener. Dropping it removes the socket.
#[derive(Debug)]
pub(super) struct ListenAddress {
    /// A path, or an IP address and a port.
    pub(super) address: String,
    #[cfg(unix)]
    _folder: tempfile::TempDir,
}

/// Listens in a new folder in `PLUGIN_UNIX_SOCKET_DIR` or the temporary directory. Only this user has access to the
/// folder, and the group in `PLUGIN_UNIX_SOCKET_GROUP` if it is set.
///
/// # Errors
/// Returns an error if the folder or the socket cannot be created, or if the group does not exist.
#[cfg(unix)]
pub(super) fn bind() -> Result<(Listener, ListenAddress), ServeError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let within = set("PLUGIN_UNIX_SOCKET_DIR").map_or_else(std::env::temp_dir, Into::into);
    let group = set("PLUGIN_UNIX_SOCKET_GROUP").map(|name| name.to_string_lossy().into_owned());
    bind_within(&within, group.as_deref())
}

#[cfg(unix)]
fn bind_within(within: &std::path::Path, group: Option<&str>) -> Result<(Listener, ListenAddress), ServeError> {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, chown};

    let group = group.map(group_id).transpose()?;
    let folder = tempfile::Builder::new()
        .prefix("plugin-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(within)
        .map_err(|source| ServeError::Folder {
            within: within.to_owned(),
            source,
        })?;
    let path = folder.path().join("socket");
    let refused = |source: std::io::Error| ServeError::Listen {
        address: path.display().to_string(),
        hint: (source.kind() == std::io::ErrorKind::InvalidInput).then_some(
            ". The path might be too long for a socket. Set PLUGIN_UNIX_SOCKET_DIR or TMPDIR to a \
             folder with a shorter path",
        ),
        source,
    };
    // The handshake line is text.
    let address = path
        .to_str()
        .ok_or_else(|| refused(std::io::Error::other("the path is not valid UTF-8")))?
        .to_owned();
    let listener = Listener::bind(&path).map_err(refused)?;
    if let Some(group) = group {
        // The group can reach the socket through its folder, but cannot list the folder.
        for (path, mode) in [(path.as_path(), 0o660), (folder.path(), 0o710)] {
            chown(path, None, Some(group))
                .and_then(|()| set_permissions(path, Permissions::from_mode(mode)))
                .map_err(refused)?;
        }
    }
    Ok((
        listener,
        ListenAddress {
            address,
            _folder: folder,
        },
    ))
}

/// Returns the ID of a group, which is given by its number or its name.
#[cfg(unix)]
fn group_id(group: &str) -> Result<u32, ServeError> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    match nix::unistd::Group::from_name(group) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        _ => Err(ServeError::NoSuchGroup { name: group.to_owned() }),
    }
}

/// Listens on the first free port from `PLUGIN_MIN_PORT` to `PLUGIN_MAX_PORT`.
///
/// # Errors
/// Returns an error if no port is free, or if a variable does not contain a port.
#[cfg(windows)]
pub(super) fn bind() -> Result<(Listener, ListenAddress), ServeError> {
    let set = |name| std::env::var(name).ok();
    let ports = ports(set("PLUGIN_MIN_PORT"), set("PLUGIN_MAX_PORT"))?;
    let (listener, address) = bind_tcp(ports)?;
    let listener = listener
        .set_nonblocking(true)
        .and_then(|()| Listener::from_std(listener))
        .map_err(ServeError::Runtime)?;
    Ok((listener, ListenAddress { address }))
}

/// Returns the ports that are allowed. Without limits, this is 0, with which the system chooses a free port.
#[cfg(any(windows, test))]
fn ports(min: Option<String>, max: Option<String>) -> Result<RangeInclusive<u16>, ServeError> {
    let port = |variable, value: Option<String>, default| match value.filter(|v| !v.is_empty()) {
        None => Ok(default),
        Some(value) => value.parse().map_err(|_| ServeError::Port { variable, value }),
    };
    let min = port("PLUGIN_MIN_PORT", min, 0)?;
    let max = port("PLUGIN_MAX_PORT", max, min)?;
    Ok(min..=max)
}

#[cfg(any(windows, test))]
fn bind_tcp(ports: RangeInclusive<u16>) -> Result<(std::net::TcpListener, String), ServeError> {
    let range = format!("127.0.0.1, ports {} to {}", ports.start(), ports.end());
    let mut refusal = std::io::Error::other("the range of ports is empty");
    for port in ports {
        let bound = std::net::TcpListener::bind(("127.0.0.1", port))
            .and_then(|listener| Ok((listener.local_addr()?.to_string(), listener)));
        match bound {
            Ok((address, listener)) => return Ok((listener, address)),
            Err(error) => refusal = error,
        }
    }
    Err(ServeError::Listen {
        address: range,
        source: refusal,
        hint: Some(". Set PLUGIN_MIN_PORT and PLUGIN_MAX_PORT to a range with a free port"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    mod unix {
        use super::*;
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        use std::path::Path;

        fn mode(path: &Path) -> u32 {
            path.metadata().unwrap().permissions().mode() & 0o777
        }

        #[tokio::test]
        async fn only_this_user_can_connect_and_the_folder_is_removed() {
            let within = tempfile::tempdir().unwrap();
            let (listener, address) = bind_within(within.path(), None).unwrap();
            let path = Path::new(&address.address);
            let folder = path.parent().unwrap().to_owned();
            assert_eq!(folder.parent().unwrap(), within.path());
            assert_eq!(mode(&folder), 0o700);
            drop((listener, address));
            assert!(!folder.exists());
        }

        #[tokio::test]
        async fn a_group_can_connect_and_cannot_list_the_folder() {
            let within = tempfile::tempdir().unwrap();
            let own = within.path().metadata().unwrap().gid();
            let (_listener, address) = bind_within(within.path(), Some(&own.to_string())).unwrap();
            let path = Path::new(&address.address);
            assert_eq!(mode(path), 0o660);
            assert_eq!(mode(path.parent().unwrap()), 0o710);
            assert_eq!(path.metadata().unwrap().gid(), own);
        }

        #[test]
        fn a_group_is_looked_up_by_name() {
            assert_eq!(group_id("4711").unwrap(), 4711);
            let own = nix::unistd::Group::from_gid(nix::unistd::getgid()).unwrap().unwrap();
            assert_eq!(group_id(&own.name).unwrap(), own.gid.as_raw());
            let error = group_id("no-such-group").unwrap_err();
            assert!(error.to_string().contains("\"no-such-group\""), "{error}");
        }

        #[test]
        fn a_path_that_is_too_long_is_explained() {
            let within = tempfile::tempdir().unwrap();
            let long = within.path().join("x".repeat(120));
            std::fs::create_dir(&long).unwrap();
            let error = bind_within(&long, None).unwrap_err().to_string();
            assert!(error.contains("too long"), "{error}");
        }
    }

    #[test]
    fn the_port_is_in_the_range() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(ports(text("10000"), text("25000")).unwrap(), 10000..=25000);
        assert_eq!(ports(None, text("")).unwrap(), 0..=0);
        let error = ports(text("many"), None).unwrap_err().to_string();
        assert!(error.contains("PLUGIN_MIN_PORT"), "{error}");

        let (taken, address) = bind_tcp(0..=0).unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        let port = taken.local_addr().unwrap().port();
        let error = bind_tcp(port..=port).unwrap_err().to_string();
        assert!(error.contains("PLUGIN_MIN_PORT"), "{error}");
    }
}
