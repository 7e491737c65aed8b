//! Tests of the binaries, run as a user runs them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// Output that does not depend on when `streamrangeSquare` responds.
const ALIKE: &str = "\
square(12.3) = 151.29
rangeSquare(12) = [0.0, 1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0, 64.0, 81.0, 100.0, 121.0, 144.0]
sumSquare(0..12) = 506
";
const EACH: &str = "\
streamrangeSquare(0..12), each answered as it comes = \
[0.0, 1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0, 64.0, 81.0, 100.0, 121.0]
";
const COLLECTED: &str = "\
streamrangeSquare(0..12), answered at the end = \
[0.0, 1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0, 64.0, 81.0, 100.0, 121.0]
";

#[test]
fn square_serves_and_calls_all_forms() {
    let output = run(env!("CARGO_BIN_EXE_square"), &[]);
    assert!(output.status.success(), "{output:?}");
    let printed = stdout(&output);
    let (first, rest) = printed.split_once('\n').unwrap();
    assert!(first.starts_with("serving on 127.0.0.1:"), "{first}");
    assert_eq!(rest, format!("{ALIKE}{EACH}{COLLECTED}"));
}

#[test]
fn the_client_gets_a_response_after_each_request() {
    let server = Server::start(&[]);
    let output = server.client();
    let order = "the first response came before the second request was sent\n";
    assert_eq!(stdout(&output), format!("{ALIKE}{EACH}{order}"));
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_client_gets_all_responses_at_the_end() {
    let server = Server::start(&["--collect"]);
    let output = server.client();
    let order = "no response came before the second request\n";
    assert_eq!(stdout(&output), format!("{ALIKE}{order}{COLLECTED}"));
    assert!(output.status.success(), "{output:?}");
}

#[cfg(unix)]
#[test]
fn the_server_stops_when_it_is_terminated() {
    let mut server = Server::start(&[]);
    let id = server.process.id().to_string();
    assert!(run("kill", &["-TERM", &id]).status.success());
    assert!(server.process.wait().unwrap().success());
}

/// The client waits on its main thread, and a signal ends it like any program.
///
/// SIGINT would do as well, but programs that a shell runs in the background ignore it.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_waiting_blocking_client() {
    use std::os::unix::process::ExitStatusExt;

    // Accepts connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut client = Command::new(env!("CARGO_BIN_EXE_square-blocking-client"))
        .args(["--addr", &address])
        .spawn()
        .unwrap();
    let (_connection, _) = silent.accept().unwrap();
    assert!(client.try_wait().unwrap().is_none());
    let id = client.id().to_string();
    assert!(run("kill", &["-TERM", &id]).status.success());
    // SIGTERM
    assert_eq!(client.wait().unwrap().signal(), Some(15));
}

#[test]
fn a_client_without_a_server_prints_an_error() {
    for (name, client) in [
        ("square-client", env!("CARGO_BIN_EXE_square-client")),
        (
            "square-blocking-client",
            env!("CARGO_BIN_EXE_square-blocking-client"),
        ),
    ] {
        // Nothing listens on port 1 of the loopback interface.
        let output = run(client, &["--addr", "127.0.0.1:1"]);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        let expected = format!("{name}: UNAVAILABLE");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn wrong_arguments_print_the_usage() {
    let server = env!("CARGO_BIN_EXE_square-server");
    let client = env!("CARGO_BIN_EXE_square-client");
    for (binary, arguments) in [
        (server, &[][..]),
        (server, &["--collect"]),
        (server, &["--addr"]),
        (server, &["--addr", "127.0.0.1:0", "--colect"]),
        (client, &[]),
        (client, &["--addr"]),
        (client, &["127.0.0.1:5000"]),
        (client, &["--address", "127.0.0.1:5000"]),
    ] {
        let output = run(binary, arguments);
        assert_eq!(output.status.code(), Some(2), "{binary} {arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("usage: square-"), "{error}");
    }
}

/// A `square-server` on a free port. It is killed when this is dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_square-server"))
            .args(["--addr", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut printed = BufReader::new(process.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap();
        Server {
            address: address.to_owned(),
            process,
        }
    }

    fn client(&self) -> Output {
        run(
            env!("CARGO_BIN_EXE_square-client"),
            &["--addr", &self.address],
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killing a server that has ended already fails, which is fine.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
