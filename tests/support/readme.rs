//! Runs the commands of an example's README, and compares their output with the README.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Prefix of a server's first line. Its address follows.
const LISTENING: &str = "listening on ";

/// Maximum time to wait for a line.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the `console` blocks of a README in order.
///
/// A command is `cargo run -p NAME [--bin NAME] [-- ARGUMENTS]`, or begins with a name. `binaries` maps names to paths.
/// `replaced` has texts of the README and their replacements.
///
/// A command whose first line begins with `listening on` is a server. It runs until the end and is then terminated. It
/// gets a free port in place of the address in that line, and so do later commands that contain the address.
///
/// In an expected line, `…` stands for any text.
///
/// # Panics
/// Panics if the output differs from the README's.
pub fn run(readme: &str, binaries: &[(&str, &str)], replaced: &[(&str, &str)]) {
    let mut servers: Vec<Server> = Vec::new();
    let mut ran = 0;
    let mut readme = readme.to_owned();
    for (from, to) in replaced {
        readme = readme.replace(from, to);
    }
    for step in steps(&readme) {
        let mut command = step.command(binaries);
        ran += 1;
        for server in &servers {
            replace(&mut command, &server.named, &server.address);
        }
        let first = step.output.first();
        if let Some(named) = first.and_then(|line| line.strip_prefix(LISTENING)) {
            replace(&mut command, named, "127.0.0.1:0");
            servers.push(Server::start(&command, &step, named));
            continue;
        }
        let output = program(&command).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let printed: Vec<&str> = printed.lines().collect();
        assert!(output.status.success(), "{command:?}: {printed:?} {said}");
        assert_eq!(
            printed.len(),
            step.output.len(),
            "{command:?}: {printed:#?}"
        );
        for (line, expected) in printed.iter().zip(&step.output) {
            assert!(
                matches(line, expected),
                "{command:?}: {line:?}, not {expected:?}"
            );
        }
    }
    assert!(ran > 0, "the README has no commands");
    // A proxy is started after its backend, and stopped before it.
    for server in servers.into_iter().rev() {
        server.finish();
    }
}

/// A command of the README and its expected output.
struct Step<'a> {
    command: &'a str,
    output: Vec<&'a str>,
}

fn steps(readme: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            let output = Vec::new();
            steps.push(Step { command, output });
        } else if let (true, Some(step)) = (inside, steps.last_mut()) {
            step.output.push(line);
        }
    }
    steps
}

impl Step<'_> {
    /// Returns the program and its arguments.
    fn command(&self, binaries: &[(&str, &str)]) -> Vec<String> {
        let words: Vec<&str> = self.command.split_whitespace().collect();
        let (name, arguments) = match words.as_slice() {
            ["cargo", "run", "-p", _, "--bin", name, "--", arguments @ ..] => (name, arguments),
            ["cargo", "run", "-p", name, "--", arguments @ ..] => (name, arguments),
            ["cargo", "run", "-p", name] => (name, &[][..]),
            [name, arguments @ ..] => (name, arguments),
            [] => panic!("a command is empty"),
        };
        let binary = binaries.iter().find(|(other, _)| other == name);
        let (_, path) = binary.unwrap_or_else(|| panic!("the program {name} is unknown"));
        let words = [path].into_iter().chain(arguments);
        words.map(|word| (*word).to_owned()).collect()
    }
}

fn replace(command: &mut [String], from: &str, to: &str) {
    for word in command {
        *word = word.replace(from, to);
    }
}

fn program(command: &[String]) -> Command {
    let mut program = Command::new(&command[0]);
    program.args(&command[1..]);
    program
}

/// Returns whether a line matches an expected line, where `…` stands for any text.
fn matches(line: &str, expected: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else {
        return line == expected;
    };
    let Some(mut line) = line.strip_prefix(start) else {
        return false;
    };
    let mut parts = rest.split('…').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return line.ends_with(part);
        }
        match line.split_once(part) {
            Some((_, behind)) => line = behind,
            None => return false,
        }
    }
    true
}

/// A running server. It is killed if the test fails.
struct Server {
    process: Child,
    lines: Receiver<String>,
    /// Its address in the README.
    named: String,
    /// The address that it listens on.
    address: String,
    /// The lines that it has yet to print.
    expected: Vec<String>,
}

impl Server {
    fn start(command: &[String], step: &Step<'_>, named: &str) -> Server {
        let mut process = program(command)
            .stdout(Stdio::piped())
            // Servers log to standard error.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = lines(process.stdout.take().unwrap());
        let first = lines.recv_timeout(PATIENCE);
        let first = first.unwrap_or_else(|_| panic!("{command:?} prints nothing"));
        let address = first.strip_prefix(LISTENING);
        let address = address.unwrap_or_else(|| panic!("{command:?}: {first:?}"));
        Server {
            named: named.to_owned(),
            address: address.to_owned(),
            process,
            lines,
            expected: step.output[1..]
                .iter()
                .map(|&line| line.to_owned())
                .collect(),
        }
    }

    /// Waits for the remaining expected lines, and terminates the server.
    fn finish(mut self) {
        for expected in &self.expected {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{expected:?} was not printed"));
            assert!(matches(&line, expected), "{line:?}, not {expected:?}");
        }
        if cfg!(unix) {
            let id = self.process.id().to_string();
            let killed = Command::new("kill").args(["-TERM", &id]).status();
            assert!(killed.unwrap().success());
            let status = self.process.wait().unwrap();
            assert!(status.success(), "the server ended with {status}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killing a process that has ended already fails, which is fine.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Returns the lines that a process prints, as they arrive.
fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
