//! Redis: one connection shared by all calls, made again by a task when it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) mod address;
mod link;

use self::address::Address;
use self::link::Link;
use super::super::lease::LEASE_PREFIX;
use super::super::trouble::{StoreError, Trouble};
use super::{Call, Claim, Remote, Scanned, Start, Stored};

/// How much of a value is read for lists: the lines before the body of nearly all records.
const START_BYTES: u32 = 4096;

/// How many probes may get no answer before the connection is taken to be half-open.
const SILENT_AT_MOST: u32 = 2;

/// Writes only while the lease's token stands, and gives the lease back by that.
const SET_UNDER_LEASE: &str = "\
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('UNLINK', KEYS[2])
return 1";
/// Deletes a lease only where it is still ours.
const RELEASE: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0";

/// A Redis server.
pub(crate) struct Redis {
    link: Arc<Link>,
    /// How many probes in a row got no answer.
    silent: AtomicU32,
}

impl Redis {
    /// Starts connecting in the background.
    pub(crate) fn new(address: Address, tasks: &TaskTracker, ended: CancellationToken) -> Self {
        Self { link: Link::start(address, tasks, ended), silent: AtomicU32::new(0) }
    }

    async fn run(&self, command: Cmd) -> Result<Value, StoreError> {
        let (number, mut connection) = self.link.connection().await?;
        let result = command.query_async::<Value>(&mut connection).await;
        self.link.checked(number, result)
    }

    /// Each command's own result: an error of one is not one of the others.
    async fn run_all(&self, mut commands: Pipeline) -> Result<Vec<Each>, StoreError> {
        let (number, mut connection) = self.link.connection().await?;
        commands.ignore_errors();
        let result = commands.query_async::<Vec<RedisResult<Value>>>(&mut connection).await;
        let each = self.link.checked(number, result)?;
        Ok(each.into_iter().map(|value| value.map_err(|error| store_error(&error))).collect())
    }
}

impl Remote for Redis {
    fn get<'a>(&'a self, key: &'a str) -> Call<'a, Option<Stored>> {
        Box::pin(async move {
            let mut both = redis::pipe();
            both.cmd("PTTL").arg(key).cmd("GET").arg(key);
            let [left, value] = exactly(self.run_all(both).await?)?;
            let left = life(&left?);
            match value? {
                Value::Nil => Ok(None),
                Value::BulkString(value) => Ok(Some(Stored { value: value.into(), left })),
                _ => Err(garbled("GET")),
            }
        })
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        keep_for: Duration,
        lease: Option<&'a str>,
    ) -> Call<'a, bool> {
        Box::pin(async move {
            let keep_for = milliseconds(keep_for);
            let Some(token) = lease else {
                let mut set = redis::cmd("SET");
                set.arg(key).arg(&value[..]).arg("PX").arg(&keep_for);
                return Ok(self.run(set).await? == Value::Okay);
            };
            let mut script = redis::cmd("EVAL");
            script.arg(SET_UNDER_LEASE).arg(2).arg(key).arg(lease_key(key.as_bytes()));
            script.arg(&value[..]).arg(keep_for).arg(token);
            Ok(self.run(script).await? == Value::Int(1))
        })
    }

    fn claim<'a>(&'a self, key: &'a str, token: &'a str, keep_for: Duration) -> Call<'a, Claim> {
        Box::pin(async move {
            let lease = lease_key(key.as_bytes());
            let mut both = redis::pipe();
            both.cmd("SET").arg(&lease).arg(token).arg("NX").arg("PX").arg(milliseconds(keep_for));
            both.cmd("PTTL").arg(&lease);
            let [set, left] = exactly(self.run_all(both).await?)?;
            match set? {
                Value::Okay => Ok(Claim::Granted),
                // It may have ended between the two commands.
                _ => Ok(Claim::Held { left: life(&left?).unwrap_or(Duration::ZERO) }),
            }
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Call<'a, ()> {
        Box::pin(async move {
            let mut script = redis::cmd("EVAL");
            script.arg(RELEASE).arg(1).arg(lease_key(key.as_bytes())).arg(token);
            self.run(script).await.map(drop)
        })
    }

    fn unlink<'a>(&'a self, keys: &'a [Vec<u8>]) -> Call<'a, u64> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(0);
            }
            let mut all = redis::pipe();
            for key in keys {
                all.cmd("UNLINK").arg(lease_key(key)).cmd("UNLINK").arg(&key[..]);
            }
            let values = self.run_all(all).await?;
            let (pairs, []) = values.as_chunks() else { return Err(garbled("a pipeline")) };
            let mut gone = 0;
            for [lease, key] in pairs {
                match (lease, key) {
                    (Ok(Value::Int(_)), Ok(Value::Int(count))) => gone += u64::from(*count > 0),
                    (Err(error), _) | (_, Err(error)) => return Err(error.clone()),
                    _ => return Err(garbled("UNLINK")),
                }
            }
            Ok(gone)
        })
    }

    fn scan<'a>(&'a self, cursor: u64, pattern: &'a str, count: u32) -> Call<'a, Scanned> {
        Box::pin(async move {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count);
            let value = self.run(scan).await?;
            let read = redis::from_redis_value::<(u64, Vec<Vec<u8>>)>(value);
            let (cursor, keys) = read.map_err(|_| garbled("SCAN"))?;
            Ok(Scanned { cursor, keys })
        })
    }

    fn starts<'a>(&'a self, keys: &'a [Vec<u8>]) -> Call<'a, Vec<Start>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let mut all = redis::pipe();
            for key in keys {
                all.cmd("GETRANGE").arg(&key[..]).arg(0).arg(START_BYTES - 1);
                all.cmd("PTTL").arg(&key[..]).cmd("STRLEN").arg(&key[..]);
            }
            let values = self.run_all(all).await?;
            let (triples, []) = values.as_chunks() else { return Err(garbled("a pipeline")) };
            Ok(triples.iter().map(start).collect())
        })
    }

    fn about(&self) -> Call<'_, Vec<(String, String)>> {
        Box::pin(async move {
            let value = self.run(redis::cmd("INFO")).await?;
            let text = redis::from_redis_value::<String>(value).map_err(|_| garbled("INFO"))?;
            let pairs = text.lines().filter_map(|line| line.trim_end().split_once(':'));
            Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        })
    }

    fn probe(&self) -> Call<'_, ()> {
        Box::pin(async move {
            if self.silent.fetch_add(1, Ordering::Relaxed) >= SILENT_AT_MOST {
                self.silent.store(0, Ordering::Relaxed);
                self.link.renew();
            }
            let answer = self.run(redis::cmd("PING")).await?;
            self.silent.store(0, Ordering::Relaxed);
            match answer {
                Value::SimpleString(_) | Value::BulkString(_) => Ok(()),
                _ => Err(garbled("PING")),
            }
        })
    }

    fn close(&self) {
        self.link.close();
    }
}

/// The lease of a key, in the key's own cluster slot: our keys hold no braces.
pub(crate) fn lease_key(key: &[u8]) -> Vec<u8> {
    [LEASE_PREFIX.as_bytes(), key, b"}"].concat()
}

/// What GETRANGE, PTTL and STRLEN said of a key; the outer two fail on other types than strings.
fn start([bytes, left, len]: &[Each; 3]) -> Start {
    Start {
        bytes: match bytes {
            Ok(Value::BulkString(bytes)) => bytes.clone(),
            _ => Vec::new(),
        },
        left: left.as_ref().ok().and_then(life),
        len: match len {
            Ok(Value::Int(len)) => len.unsigned_abs(),
            _ => 0,
        },
    }
}

/// PTTL's answer: -1 is for ever and -2 is not there, neither of which is a life.
fn life(left: &Value) -> Option<Duration> {
    match left {
        Value::Int(ms) => u64::try_from(*ms).ok().map(Duration::from_millis),
        _ => None,
    }
}

/// As Redis takes it: whole, and at least one.
fn milliseconds(span: Duration) -> String {
    span.as_millis().max(1).to_string()
}

fn exactly<const N: usize>(values: Vec<Each>) -> Result<[Each; N], StoreError> {
    values.try_into().map_err(|_| garbled("a pipeline"))
}

fn garbled(command: &str) -> StoreError {
    StoreError::new(Trouble::Garbled, &format!("an answer to {command} that Redis does not give"))
}

/// Error codes that say that no command will do for now, whatever it is.
const REFUSALS: [&str; 9] = [
    "NOAUTH",
    "WRONGPASS",
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "NOPROTO",
    "DENIED",
];

/// What kind of trouble it is; Redis' own words hold no password.
fn store_error(error: &RedisError) -> StoreError {
    use ServerErrorKind as Server;
    let kind = match (error.kind(), error.code()) {
        (ErrorKind::Io | ErrorKind::Client, _) => Trouble::Away,
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => Trouble::Garbled,
        (ErrorKind::Server(Server::ReadOnly), _) | (_, Some("MISCONF" | "NOREPLICAS")) => {
            Trouble::ReadOnly
        }
        (_, Some("OOM")) => Trouble::Full,
        (_, Some("WRONGTYPE")) => Trouble::WrongType,
        _ if error.to_string().contains("OOM command not allowed") => Trouble::Full,
        (_, Some(code)) if !REFUSALS.contains(&code) => Trouble::Forbidden,
        _ => Trouble::Refused,
    };
    StoreError::new(kind, &error.to_string())
}

/// Whether the connection is of no more use.
fn is_broken(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_connection_dropped()
}

type Connection = MultiplexedConnection;
type Each = Result<Value, StoreError>;
