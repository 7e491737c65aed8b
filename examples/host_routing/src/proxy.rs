//! nginx, in a process and a directory of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Paths of nginx. `/usr/sbin` may not be in the `PATH` of users other than root.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// A directory for sockets. It is removed when this is dropped.
pub struct Directory(PathBuf);

impl Directory {
    /// Creates a directory.
    pub fn new() -> io::Result<Directory> {
        let name = format!("stubwright-hosts-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Directory(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // If this fails, files remain in the system's temporary directory.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Starts nginx with `nginx.conf`. Its socket is `proxy.sock` in the directory. It is killed when the process is
/// dropped.
pub fn start(directory: &Path) -> io::Result<Child> {
    fs::write(directory.join("nginx.conf"), include_str!("../nginx.conf"))?;
    let mut result = Err(io::Error::from(io::ErrorKind::NotFound));
    for program in PROGRAMS {
        result = Command::new(program)
            .arg("-p")
            .arg(directory)
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .current_dir(directory)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        if result.is_ok() {
            break;
        }
    }
    result.map_err(|error| {
        let message = format!("cannot run nginx ({error}); its Debian package is nginx-light");
        io::Error::new(error.kind(), message)
    })
}
