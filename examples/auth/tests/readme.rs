//! Runs the commands of the README.

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let binaries = [
        ("auth-certificates", env!("CARGO_BIN_EXE_auth-certificates")),
        ("auth-server", env!("CARGO_BIN_EXE_auth-server")),
        ("auth-client", env!("CARGO_BIN_EXE_auth-client")),
    ];
    let directory = concat!(env!("CARGO_TARGET_TMPDIR"), "/certificates");
    let replaced = [("target/certificates", directory)];
    readme::run(include_str!("../README.md"), &binaries, &replaced);
}
