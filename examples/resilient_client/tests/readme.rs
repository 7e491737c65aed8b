//! Runs the commands of the README.

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let binaries = [("resilient_client", env!("CARGO_BIN_EXE_resilient_client"))];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
