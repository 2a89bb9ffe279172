//! A private certificate authority.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// A certificate authority; dropping it deletes its files.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("signed");
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).expect("written");
        Self { issuer, folder }
    }

    /// The path of its own certificate, for `SSL_CERT_FILE`.
    pub fn file(&self) -> String {
        self.folder.path().join("authority.pem").display().to_string()
    }

    /// The path of a file with a certificate for `name` and its key.
    pub fn certify(&self, name: &str) -> PathBuf {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let file = self.folder.path().join(format!("{name}.pem"));
        std::fs::write(&file, certificate.pem() + &key.serialize_pem()).expect("written");
        file
    }
}
