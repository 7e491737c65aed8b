//! Runs the commands of the README.

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let binaries = [
        ("square", env!("CARGO_BIN_EXE_square")),
        ("square-server", env!("CARGO_BIN_EXE_square-server")),
        ("square-client", env!("CARGO_BIN_EXE_square-client")),
        (
            "square-blocking-client",
            env!("CARGO_BIN_EXE_square-blocking-client"),
        ),
    ];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
