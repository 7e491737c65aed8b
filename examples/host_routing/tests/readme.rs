//! Runs the commands of the README with a real nginx. The test is skipped with a message if nginx is not installed.

#[path = "../../../tests/support/readme.rs"]
mod readme;

use std::process::Command;

#[test]
fn the_readme_runs() {
    let runs = |program| Command::new(program).arg("-v").output();
    if let (Err(error), Err(_)) = (runs("nginx"), runs("/usr/sbin/nginx")) {
        eprintln!("skipped: cannot run nginx ({error}); its Debian package is nginx-light");
        return;
    }
    let binaries = [("host_routing", env!("CARGO_BIN_EXE_host_routing"))];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
