//! Where a Redis is, from the text in `cache.store`.

use std::fmt;
use std::str::FromStr;

use redis::{Client, IntoConnectionInfo as _, ProtocolVersion};

/// Why the text in `cache.store` names no store; the text itself is not repeated, since it may
/// hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreUrlError(String);

/// A Redis server's address, with what it takes to log in; never shown with its password.
#[derive(Clone)]
pub(crate) struct Address {
    /// Speaks RESP3, which tracking needs.
    pub(crate) resp3: Client,
    /// Speaks RESP2, for servers and proxies that know no other.
    pub(crate) resp2: Client,
    shown: String,
}

impl FromStr for Address {
    type Err = StoreUrlError;

    fn from_str(url: &str) -> Result<Self, StoreUrlError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        check_scheme(scheme)?;
        let wrong = || StoreUrlError(format!("not a {scheme}: address that can be read"));
        let info = url.into_connection_info().map_err(|_| wrong())?;
        let login = info.redis_settings().clone();
        let shown = format!("{scheme}://{}", info.addr());
        let open = |protocol| {
            let info = info.clone().set_redis_settings(login.clone().set_protocol(protocol));
            Client::open(info).map_err(|_| wrong())
        };
        let (resp3, resp2) = (open(ProtocolVersion::RESP3)?, open(ProtocolVersion::RESP2)?);
        Ok(Self { resp3, resp2, shown })
    }
}

fn check_scheme(scheme: &str) -> Result<(), StoreUrlError> {
    match scheme {
        "redis" | "rediss" | "redis+unix" => Ok(()),
        _ => Err(StoreUrlError(
            "a store is `memory`, or an address that begins with redis:, rediss: or redis+unix:"
                .into(),
        )),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}
