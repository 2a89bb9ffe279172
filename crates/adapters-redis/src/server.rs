//! Where Redis is, and how to connect to it.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion, RedisError};
use thiserror::Error;

/// Limits a connection attempt, handshakes included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a text is not the URL of a Redis server. Completes a sentence that begins with the setting's name, and does
/// not quote the text, which may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    #[error("must start with redis:// or, for TLS, rediss://")]
    Scheme,
    #[error("must have no ? and no #: in a password, write %3F and %23")]
    Options,
    #[error("must have the form redis://user:password@host:port/number")]
    Malformed,
}

/// Checks a URL without connecting.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    Server::parse(url).map(drop)
}

/// A Redis server, and the number of the database in it.
pub(crate) struct Server(Client);

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        if !["redis", "rediss"].contains(&scheme) {
            return Err(UrlError::Scheme);
        }
        if rest.contains(['?', '#']) {
            return Err(UrlError::Options);
        }
        let info = url.into_connection_info().map_err(|_| UrlError::Malformed)?;
        let database = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = info.set_redis_settings(database).set_tcp_settings(tcp);
        Client::open(info).map(Self).map_err(|_| UrlError::Malformed)
    }

    /// The number of the database.
    pub(crate) fn database(&self) -> i64 {
        self.0.get_connection_info().redis_settings().db()
    }

    /// Connects. `timeout` limits each command.
    pub(crate) async fn connect(
        &self,
        config: AsyncConnectionConfig,
        timeout: Duration,
    ) -> Result<MultiplexedConnection, RedisError> {
        let config = config.set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(Some(timeout));
        self.0.get_multiplexed_async_connection_with_config(&config).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server_a_user_and_a_database() {
        let server = Server::parse("rediss://app:h%23ush@redis.example.com:6380/3").expect("valid");
        assert_eq!(server.database(), 3);
        assert_eq!(server.0.get_connection_info().redis_settings().password(), Some("h#ush"));
        for url in ["redis://localhost", "redis://:hush@[::1]:6379/0", "redis://10.0.0.1/"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_named_without_quoting_it() {
        for (url, error) in [
            ("", UrlError::Scheme),
            ("localhost:6379", UrlError::Scheme),
            ("http://localhost", UrlError::Scheme),
            ("redis://:hu#sh@localhost", UrlError::Options),
            ("redis://localhost?protocol=resp2", UrlError::Options),
            ("rediss://localhost/0#insecure", UrlError::Options),
            ("redis://", UrlError::Malformed),
            ("redis://localhost:port", UrlError::Malformed),
            ("redis://localhost/hush", UrlError::Malformed),
        ] {
            assert_eq!(check_url(url), Err(error), "{url}");
        }
    }
}
