//! TLS for every door: one certificate, one provider.

use crate::settings::TlsFiles;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// A certificate and key that fit together.
pub(crate) struct Tls {
    config: ServerConfig,
    /// The certificate's PEM text.
    pub certificate: Vec<u8>,
    /// The key's PEM text.
    pub key: Vec<u8>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, String> {
        let (certificate, key) = (bytes(&files.certificate)?, bytes(&files.key)?);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
        let chain = chain.map_err(|e| format!("{}: {e}", files.certificate.display()))?;
        if chain.is_empty() {
            return Err(format!("{} holds no certificate (PEM)", files.certificate.display()));
        }
        let private = PrivateKeyDer::from_pem_slice(&key).map_err(|e| format!("{}: {e}", files.key.display()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|e| format!("certificate and key do not fit: {e}"))?;
        Ok(Self { config, certificate, key })
    }

    /// For a door whose protocol has this name.
    pub(crate) fn speaking(&self, protocol: &str) -> Arc<ServerConfig> {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config)
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))
}
