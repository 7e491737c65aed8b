//! Certificates for tests, good ones and bad ones.

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

    fn sign(&self, params: CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        let key = key.serialize_pem();
        Issued { chain, key }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}
