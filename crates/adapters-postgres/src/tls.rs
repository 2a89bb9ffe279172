//! TLS to the database, with rustls and aws-lc-rs.
//!
//! The checks follow libpq: `prefer` and `require` encrypt without verifying the server, `verify-ca` verifies
//! that a trusted authority issued the certificate, and `verify-full` also verifies the host name.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use thiserror::Error as ThisError;
use tokio_postgres_rustls::MakeRustlsConnect;
use webpki::RawPublicKeyEntity;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{Decode as _, Encode as _};

/// What to verify about the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    None,
    /// That a trusted authority issued it.
    Chain,
    /// That a trusted authority issued it for the host.
    Full,
}

/// The trusted certificate authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Those of the operating system, or of the file that `SSL_CERT_FILE` names.
    System,
    /// Those in this PEM file.
    File(PathBuf),
}

/// Why TLS can't be set up.
#[derive(Debug, ThisError)]
pub enum TlsError {
    /// The file can't be read, or no authority is found.
    #[error("no certificate authority to trust in {place}: {problem}")]
    Roots { place: String, problem: String },
    /// rustls rejects the configuration.
    #[error("TLS can't be set up: {0}")]
    Rustls(#[from] Error),
}

/// Reads `roots` only if `verification` needs them.
pub(crate) fn connector(verification: Verification, roots: &Roots) -> Result<MakeRustlsConnect, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let any_name = |roots| AnyName { roots, provider: Arc::clone(&provider) };
    let verifier: Arc<dyn ServerCertVerifier> = match verification {
        Verification::None => Arc::new(any_name(None)),
        Verification::Chain => Arc::new(any_name(Some(root_store(roots)?))),
        Verification::Full => {
            let roots = Arc::new(root_store(roots)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
            verifier.build().map_err(|error| Error::General(error.to_string()))?
        }
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

/// Loads at least one authority.
fn root_store(roots: &Roots) -> Result<RootCertStore, TlsError> {
    let (place, problem, certificates) = match roots {
        // Some of the system's certificates may be unreadable.
        Roots::System => {
            let loaded = rustls_native_certs::load_native_certs();
            let problem = loaded.errors.first().map(ToString::to_string);
            ("the system's certificate store".to_owned(), problem, loaded.certs)
        }
        Roots::File(path) => {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let problem = read.as_ref().err().map(ToString::to_string);
            (path.display().to_string(), problem, read.unwrap_or_default())
        }
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    if store.is_empty() {
        let problem = problem.unwrap_or_else(|| "none found".to_owned());
        return Err(TlsError::Roots { place, problem });
    }
    Ok(store)
}

/// Accepts a certificate for any name, provided that the server holds its key.
#[derive(Debug)]
struct AnyName {
    /// The authorities, one of which must have issued the certificate. `None` accepts any certificate.
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let certificate = ParsedCertificate::try_from(certificate)?;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = public_key(certificate)?;
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
        // In TLS 1.2 a signature scheme does not name the curve of the key, so it can mean several algorithms.
        let mapping = self.provider.signature_verification_algorithms.mapping.iter();
        let mut algorithms = mapping
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter().copied());
        if algorithms.any(|algorithm| key.verify_signature(algorithm, message, signed.signature()).is_ok()) {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &public_key(certificate)?, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The public key in a certificate of any version. rustls reads it from version 3 only, but the self-signed
/// certificates of many PostgreSQL servers have version 1.
fn public_key(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    let key = CertificateInner::<Raw>::from_der(certificate)
        .and_then(|certificate| certificate.tbs_certificate.subject_public_key_info.to_der())
        .map_err(|_| CertificateError::BadEncoding)?;
    Ok(key.into())
}
