//! The command as protoc and people run it.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_protoc-gen-rs"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command is built");
    let mut stdin = child.stdin.take().expect("it is piped");
    // With arguments the command does not read, and may have ended by now.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

#[test]
fn answers_a_request() {
    // An empty request asks for no files.
    let output = run(&[], b"");
    assert!(output.status.success());
    assert_eq!(output.stdout, stubwright_codegen::plugin::run(b""));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_damaged_request_is_no_failure_of_the_command() {
    let output = run(&[], b"\x0a\xff");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("the request is damaged"));
}

#[test]
fn says_what_it_is() {
    let output = run(&["--version"], b"");
    assert!(output.status.success());
    let version = format!("protoc-gen-rs {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), version);

    let output = run(&["--help"], b"");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("--rs_opt=PARAMETER"));

    let output = run(&["--unknown"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown arguments: --unknown"));
}
