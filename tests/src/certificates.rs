//! Certificates for tests, good ones and bad ones.

pub use rcgen::ExtendedKeyUsagePurpose;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// An authority that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its private key, both PEM.
pub struct Issued {
    /// The certificate.
    pub chain: String,
    /// The key.
    pub key: String,
}

impl Authority {
    /// An authority of this name, with a certificate that is signed by itself.
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

    /// The authority's own certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names: DNS names and IP addresses.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.sign(params(names))
    }

    /// The same with a common name.
    pub fn issue_named(&self, common_name: &str, names: &[&str]) -> Issued {
        let mut params = params(names);
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, "tests");
        name.push(DnType::CommonName, common_name);
        self.sign(params)
    }

    /// A certificate that was good until the end of the year 2020.
    pub fn issue_expired(&self, names: &[&str]) -> Issued {
        let mut params = params(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
        self.sign(params)
    }

    /// A certificate for one name that says that it is an authority's.
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

/// A certificate that nobody but its own key has signed, as tutorials have it made.
#[derive(Clone, Copy)]
pub struct SelfSigned<'a> {
    /// `CA:TRUE`, which `openssl req -x509` writes unless it is told not to.
    pub is_authority: bool,
    /// The common name.
    pub common_name: &'a str,
    /// The subject alternative names.
    pub names: &'a [&'a str],
    /// The first days of these years are when it begins and ends to be good.
    pub years: (i32, i32),
    /// Its purposes, if it names any.
    pub purposes: &'a [ExtendedKeyUsagePurpose],
}

impl SelfSigned<'_> {
    /// What `openssl req -x509 -nodes -subj /CN=localhost` makes.
    pub const DEFAULT: SelfSigned<'static> = SelfSigned {
        is_authority: true,
        common_name: "localhost",
        names: &[],
        years: (2020, 2999),
        purposes: &[],
    };

    /// Makes it.
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

/// A certificate of version 1 for the common name localhost: what `openssl x509 -req -signkey` makes without an `-extfile`. It
/// is good for a hundred years.
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
