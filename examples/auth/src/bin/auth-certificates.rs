//! Creates the certificates of the example: an authority, and a server certificate that it has issued.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory] = arguments.as_slice() else {
        eprintln!("usage: auth-certificates DIRECTORY");
        return ExitCode::from(2);
    };
    match make(Path::new(directory)) {
        Ok(()) => {
            println!("{directory} has ca.pem, server.pem and server.key");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("auth-certificates: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(directory: &Path) -> Result<(), Box<dyn Error>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let names = vec!["localhost".into(), "127.0.0.1".into(), "::1".into()];
    let server_key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let server = CertificateParams::new(names)?.signed_by(&server_key, &issuer)?;

    fs::create_dir_all(directory)?;
    fs::write(directory.join("ca.pem"), authority_pem)?;
    fs::write(directory.join("server.pem"), server.pem())?;
    fs::write(directory.join("server.key"), server_key.serialize_pem())?;
    Ok(())
}
