//! Unix sockets of a server, and their files.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf, absolute};

use tokio::net::{UnixListener, UnixStream};

/// Binds a unix socket. A path that begins with a zero byte is an abstract name without a file. An existing socket file is
/// replaced if no server listens on it any more.
///
/// # Errors
/// Fails if a server listens on the file, or if the file is not a socket.
pub(crate) async fn bind(path: &Path) -> io::Result<(UnixListener, Option<SocketFile>)> {
    if path.as_os_str().as_bytes().starts_with(&[0]) {
        return Ok((UnixListener::bind(path)?, None));
    }
    let path = absolute(path)?;
    let listener = match UnixListener::bind(&path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(&path).await => {
            fs::remove_file(&path)?;
            UnixListener::bind(&path)?
        }
        other => other?,
    };
    let identity = identity(&fs::symlink_metadata(&path)?);
    Ok((listener, Some(SocketFile { path, identity })))
}

/// Returns whether a path is a socket that nothing listens on any more.
async fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let connected = UnixStream::connect(path);
    is_socket
        && connected
            .await
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The file of a bound socket. Dropping it removes the file.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The file may have been replaced by another one.
        let is_ours = |file: Metadata| identity(&file) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // If the file cannot be removed, the next server replaces it.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Returns the identity of a file, which differs for another file of the same name.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
