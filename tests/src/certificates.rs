//! Certificates for tests, valid and invalid ones.

pub use rcgen::ExtendedKeyUsagePurpose;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its private key, both as PEM.
pub struct Issued {
    /// The certificate.
    pub chain: String,
    /// The key.
    pub key: String,
}

impl Authority {
    /// Creates an authority with this name and a self-signed certificate.
    pub fn new(name: &str) -> Authority {
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Returns the authority's own certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate for these DNS names and IP addresses.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.sign(params(names))
    }

    /// Issues a certificate with a common name.
    pub fn issue_named(&self, common_name: &str, names: &[&str]) -> Issued {
        let mut params = params(names);
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, "tests");
        name.push(DnType::CommonName, common_name);
        self.sign(params)
    }

    /// Issues a certificate that expired at the end of the year 2020.
    pub fn issue_expired(&self, names: &[&str]) -> Issued {
        let mut params = params(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
        self.sign(params)
    }

    /// Issues a certificate for one name that claims to be an authority's.
    pub fn issue_authority(&self, name: &str) -> Issued {
        let mut params = params(&[name]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        let key = key.serialize_pem();
        Issued { chain, key }
    }
}

/// A self-signed certificate, as many tutorials create it.
#[derive(Clone, Copy)]
pub struct SelfSigned<'a> {
    /// True for `CA:TRUE`, which `openssl req -x509` writes by default.
    pub is_authority: bool,
    /// The common name.
    pub common_name: &'a str,
    /// The subject alternative names.
    pub names: &'a [&'a str],
    /// Years of the validity: from the first day of the one to the first day of the other.
    pub years: (i32, i32),
    /// Extended key usages. Left out if empty.
    pub purposes: &'a [ExtendedKeyUsagePurpose],
}

impl SelfSigned<'_> {
    /// The certificate that `openssl req -x509 -nodes -subj /CN=localhost` creates.
    pub const DEFAULT: SelfSigned<'static> = SelfSigned {
        is_authority: true,
        common_name: "localhost",
        names: &[],
        years: (2020, 2999),
        purposes: &[],
    };

    /// Creates the certificate.
    pub fn make(&self) -> Issued {
        let mut params = params(self.names);
        params.is_ca = if self.is_authority {
            IsCa::Ca(BasicConstraints::Unconstrained)
        } else {
            IsCa::ExplicitNoCa
        };
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, self.common_name);
        params.not_before = date_time_ymd(self.years.0, 1, 1);
        params.not_after = date_time_ymd(self.years.1, 1, 1);
        params.extended_key_usages = self.purposes.to_vec();
        let key = KeyPair::generate().unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        let key = key.serialize_pem();
        Issued { chain, key }
    }
}

/// An X.509 version 1 certificate for the common name localhost, as `openssl x509 -req -signkey` creates it without
/// an `-extfile`. It is valid for a hundred years.
pub fn of_version_1() -> Issued {
    Issued {
        chain: VERSION_1.into(),
        key: KEY_OF_VERSION_1.into(),
    }
}

const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBJDCBywIUVbNZqvnuBTrAw+f4mMB9KTrXUvcwCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyOTA2MDYxN1oYDzIxMjYxMTA1MDYwNjE3
WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQpzyPaFa2tDki/eL/QzgO1aSvpIIy8aOFbfYBDQbMbwRJtnGWxa/Udh0ajj6Y3
o9KgLYJbzshw+TyFIZF7Y7FOMAoGCCqGSM49BAMCA0gAMEUCIQCFbPU2VXWSfBXy
zQZXSoLTAUgGDBgyybhS215q6AbB9QIgGfsPSOcaOkl75HWB91b74FePOPbaStx7
pcVzBemLQhU=
-----END CERTIFICATE-----
";

const KEY_OF_VERSION_1: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh8UH44KyUGVyQXcR
/GvaGC//m/jccTF7cHpkfJa6+Z+hRANCAAQpzyPaFa2tDki/eL/QzgO1aSvpIIy8
aOFbfYBDQbMbwRJtnGWxa/Udh0ajj6Y3o9KgLYJbzshw+TyFIZF7Y7FO
-----END PRIVATE KEY-----
";

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}
