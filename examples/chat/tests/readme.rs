//! Runs the commands of the README.

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let binaries = [
        ("chat-server", env!("CARGO_BIN_EXE_chat-server")),
        ("chat-client", env!("CARGO_BIN_EXE_chat-client")),
    ];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
