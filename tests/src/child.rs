//! Child processes that run this program, controlled through their standard streams and measured through `/proc`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Prefix of lines that are meant for the parent. A test harness writes other lines.
const MARK: &str = "| ";

/// A child process. It is killed when the handle is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts this program with other arguments.
    pub fn start(arguments: &[&str]) -> Process {
        Process::with(this_program().args(arguments))
    }

    /// Starts a program.
    ///
    /// # Panics
    /// Panics if it cannot be started.
    pub fn with(command: &mut Command) -> Process {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program should start");
        let input = child.stdin.take().expect("standard input should be piped");
        let output = BufReader::new(
            child
                .stdout
                .take()
                .expect("standard output should be piped"),
        );
        Process {
            child,
            input,
            output,
        }
    }

    /// Sends a line.
    ///
    /// # Panics
    /// Panics if the process has ended.
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the process should read its input");
    }

    /// Returns the next line that the process prints for its parent, or an empty string at the end of its output.
    ///
    /// # Panics
    /// Panics if the line is not UTF-8.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.read_line(&mut line);
            if read.expect("the process should write text") == 0 {
                return String::new();
            }
            if let Some(said) = line.strip_prefix(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    /// Returns the resident memory in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// Returns the maximum of [`Process::memory`] since [`Process::forget_peak`].
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Restarts the measurement of [`Process::peak_memory`].
    pub fn forget_peak(&self) {
        // If this fails, the peak of an earlier time counts too. It is still an upper bound.
        drop(std::fs::write(self.proc("clear_refs"), "5"));
    }

    /// Returns the number of open descriptors.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(self.proc("fd")).map_or(0, Iterator::count)
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).unwrap_or_default();
        status
            .lines()
            .find_map(|line| {
                let value = line.strip_prefix(name)?.trim();
                value.strip_suffix(" kB")?.parse().ok()
            })
            .unwrap_or(0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns a command that runs the current program.
///
/// # Panics
/// Panics if the path of the program is unknown.
pub fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("this program should have a path"))
}

/// Reads a line of standard input. Returns an empty string at its end.
///
/// # Panics
/// Panics if the line is not UTF-8.
pub fn hear() -> String {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .expect("standard input should be text");
    line.trim_end().to_owned()
}

/// Prints a line for the parent and flushes it.
///
/// # Panics
/// Panics if the parent has ended.
pub fn say(line: &str) {
    // A test harness may have printed half a line.
    println!("\n{MARK}{line}");
    std::io::stdout().flush().expect("somebody reads");
}
