//! Processes of this same program, spoken to over their standard streams, and what Linux says of them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What the lines begin with that are meant for the parent: a test harness writes others.
const MARK: &str = "| ";

/// A process, which is killed with its handle.
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
    /// When it cannot be started.
    pub fn with(command: &mut Command) -> Process {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let input = child.stdin.take().expect("its input is piped");
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        Process {
            child,
            input,
            output,
        }
    }

    /// Sends a line.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the process reads");
    }

    /// The next line that the process said; empty when there is none.
    ///
    /// # Panics
    /// When it is no text.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.read_line(&mut line);
            if read.expect("the process writes text") == 0 {
                return String::new();
            }
            if let Some(said) = line.strip_prefix(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that [`Process::memory`] has been since [`Process::forget_peak`].
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Starts anew to measure [`Process::peak_memory`].
    pub fn forget_peak(&self) {
        // Without it the peak of an earlier time counts too, which is no less of a bound.
        drop(std::fs::write(self.proc("clear_refs"), "5"));
    }

    /// Open descriptors.
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
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program that runs.
///
/// # Panics
/// When it does not know where it is.
pub fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("this program has a path"))
}

/// Reads a line of standard input; empty when there is none.
///
/// # Panics
/// When it is no text.
pub fn hear() -> String {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .expect("standard input is text");
    line.trim_end().to_owned()
}

/// Prints a line for the parent, at once.
///
/// # Panics
/// When the parent is gone.
pub fn say(line: &str) {
    // A test harness may be in the midst of a line.
    println!("\n{MARK}{line}");
    std::io::stdout().flush().expect("somebody reads");
}
