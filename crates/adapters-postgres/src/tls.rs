//! TLS to the database, with rustls and aws-lc-rs.
//!
//! The checks follow libpq: `prefer` and `require` encrypt without verifying the server, `verify-ca` verifies
//! that a trusted authority issued the certificate, and `verify-full` also verifies the host name.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use thiserror::Error as ThisError;
use tokio_postgres_rustls::MakeRustlsConnect;

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
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
