//! Unix sockets that a server binds, and the files by which clients find them.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf, absolute};

use tokio::net::{UnixListener, UnixStream};

/// Binds a socket at a path, or an abstract one, which has no file. A file that a server left there which is gone is replaced; one that a server listens on, and
/// one that is no socket, is an error.
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

/// Whether nobody listens any more on the socket that is at a path.
async fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let connected = UnixStream::connect(path);
    is_socket
        && connected
            .await
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The file of a socket that is bound here; it is removed with this.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put another one in its place.
        let is_ours = |file: Metadata| identity(&file) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // One that cannot be removed is replaced by the next server.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// What tells a file from one that has taken its name.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
