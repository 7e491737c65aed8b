//! nginx, in a process and a directory of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Where it may be: users other than root may not have `/usr/sbin` in their path.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// A directory for sockets, which goes when this is dropped.
pub struct Directory(PathBuf);

impl Directory {
    /// A new one.
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
        // What is left of it is in the system's directory for what may go.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Starts nginx with `nginx.conf`; it is killed when the process is dropped. Its socket is `proxy.sock` in the directory.
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
        let message = format!("nginx cannot be run ({error}); Debian has it as nginx-light");
        io::Error::new(error.kind(), message)
    })
}
