//! Where a Redis is, from the text in `cache.store`.

use std::fmt;
use std::str::FromStr;

use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use crate::diagnostic::{did_you_mean, nearest};

/// Why the text in `cache.store` names no store, as what to write instead; the text itself is not
/// repeated, since it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{help}")]
pub struct StoreUrlError {
    /// Whether it is the address of something, which cannot be used as it stands.
    pub(crate) is_address: bool,
    help: String,
}

/// Addresses of stores: the scheme and an example of it.
const STORES: [(&str, &str); 3] = [
    ("redis", "redis://127.0.0.1:6379/0"),
    ("rediss", "rediss://cache.example.com:6380/0"),
    ("redis+unix", "redis+unix:///run/redis.sock"),
];

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
        let (scheme, info, example) = read(url)?;
        let login = info.redis_settings().clone();
        let shown = format!("{scheme}://{}", info.addr());
        let open = |protocol| {
            let info = info.clone().set_redis_settings(login.clone().set_protocol(protocol));
            Client::open(info).map_err(|_| unusable(format!("write it like {example}")))
        };
        let (resp3, resp2) = (open(ProtocolVersion::RESP3)?, open(ProtocolVersion::RESP2)?);
        Ok(Self { resp3, resp2, shown })
    }
}

fn unusable(help: String) -> StoreUrlError {
    StoreUrlError { is_address: true, help }
}

/// Scheme and parts of an address, and an example of such a one.
fn read(url: &str) -> Result<(&str, ConnectionInfo, &'static str), StoreUrlError> {
    let no_store = |help| StoreUrlError { is_address: false, help };
    let Some((scheme, rest)) = url.split_once("://") else {
        let help = did_you_mean(url, ["memory"]);
        let other = || "write `memory`, or redis://127.0.0.1:6379/0".to_owned();
        return Err(no_store(help.unwrap_or_else(other)));
    };
    let Some((_, example)) = STORES.iter().find(|(known, _)| *known == scheme) else {
        let schemes = STORES.map(|(scheme, _)| scheme);
        let list = format!("schemes are {}", schemes.join(", "));
        // Clusters and sentinels are not spelled wrong: they are something else.
        if scheme.ends_with("-cluster") || scheme.ends_with("-sentinel") {
            return Err(unusable(format!("larder keeps responses in one Redis: {list}")));
        }
        let near = nearest(scheme, schemes).map(|word| format!("did you mean `{word}://`?"));
        return Err(no_store(near.unwrap_or(list)));
    };
    let like = || unusable(format!("write it like {example}"));
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(like());
    }
    if scheme == "redis+unix" {
        let info = url.into_connection_info().map_err(|_| like())?;
        return if rest.starts_with('/') { Ok((scheme, info, example)) } else { Err(like()) };
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if path.contains('@') {
        let help = "in a name or password write %2F for /, %3F for ?, %23 for # and %40 for @";
        return Err(unusable(help.to_owned()));
    }
    let database = path.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u32>().is_err() {
        return Err(unusable(format!("a database is a number: {example}")));
    }
    let options = path.split('#').next().and_then(|path| path.split_once('?'));
    let mut options = options.map(|(_, list)| list.split('&')).into_iter().flatten();
    if !options.all(|option| option.starts_with("protocol=")) {
        let help = format!("of options there is `protocol`; a database is in the path: {example}");
        return Err(unusable(help));
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let info = url.into_connection_info().map_err(|_| like())?;
    if host.is_empty() || host.starts_with(':') || host.contains(',') {
        return Err(like());
    }
    Ok((scheme, info, example))
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_one_redis_and_who_writes_another_is_told_what_to_write() {
        let schemes = "schemes are redis, rediss, redis+unix";
        let one = format!("larder keeps responses in one Redis: {schemes}");
        let like = "write it like redis://127.0.0.1:6379/0";
        let options = "of options there is `protocol`; a database is in the path: \
                       redis://127.0.0.1:6379/0";
        let number = "a database is a number: redis://127.0.0.1:6379/0";
        let encoded = "in a name or password write %2F for /, %3F for ?, %23 for # and %40 for @";
        for (url, is_address, help) in [
            ("redis-cluster://h1,h2", true, one.as_str()),
            ("rediss-sentinel://h1:1,h2:2/service", true, &one),
            ("redis://h1,h2", true, like),
            ("redis://", true, like),
            ("redis://:1/0", true, like),
            ("redis://h:99999", true, like),
            ("redis://h:x/0", true, like),
            ("redis://[::1", true, like),
            ("redis://h h", true, like),
            ("redis://h:1/abc", true, number),
            ("redis://h:1/-1", true, number),
            ("redis://h:1/0/1", true, number),
            ("redis://h:1?db=2", true, options),
            ("redis://h:1/0?protocol=resp3&timeout=1#insecure", true, options),
            ("redis://:p/q@h:1", true, encoded),
            ("redis://:p#q@h:1", true, encoded),
            ("redis+unix://run", true, "write it like redis+unix:///run/redis.sock"),
            ("redis+unix:///run?db=x", true, "write it like redis+unix:///run/redis.sock"),
            ("redi://h", false, "did you mean `redis://`?"),
            ("Redis://h", false, "did you mean `redis://`?"),
            ("memcached://h", false, schemes),
            ("memroy", false, "did you mean `memory`?"),
            ("redis:h", false, "write `memory`, or redis://127.0.0.1:6379/0"),
        ] {
            let why = url.parse::<Address>().map(drop).expect_err(url);
            assert_eq!((why.is_address, why.help.as_str()), (is_address, help), "{url}");
        }
        for url in [
            "redis://h",
            "redis://h/",
            "redis://[::1]:1",
            "redis://h:1/15",
            "redis://h:1?protocol=resp3",
            "rediss://u:p%2F@q@h:1/0",
            "rediss://h:1/0#insecure",
            "redis+unix:///run/redis.sock?db=1",
        ] {
            assert_eq!(url.parse::<Address>().map(drop), Ok(()), "{url}");
        }
    }
}
