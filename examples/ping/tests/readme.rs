//! Runs the commands of the README.

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let binaries = [
        ("ping-server", env!("CARGO_BIN_EXE_ping-server")),
        ("ping-client", env!("CARGO_BIN_EXE_ping-client")),
    ];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
