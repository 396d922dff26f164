//! Redis: a connection shared by all calls, made again when it breaks, and another for values that
//! take long on their way, so that nothing waits behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) mod address;
mod link;

use self::address::Address;
use self::link::Link;
use super::super::lease::lease_key;
use super::super::names::{LOADED_AT_MOST, is_loaded};
use super::super::record::HEAD_BYTES;
use super::super::trouble::{StoreError, Trouble};
use super::{Call, Claim, Remote, Scanned, Stored};

/// The largest value, in bytes, that goes over the connection that all share.
const SMALL: usize = 64 * 1024;

/// How much of a value is asked for there at first, in bytes: more goes over the other one, so that
/// what waits behind it does not wait long.
const FIRST: usize = 16 * 1024;

/// How many probes may get no answer before the connection is taken to be half-open.
const SILENT_AT_MOST: u32 = 2;

/// Writes only while the lease's token stands, and gives the lease back by that.
const SET_UNDER_LEASE: &str = "\
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('UNLINK', KEYS[2])
return 1";
/// Lengthens a lease only where it is still ours.
const RENEW: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0";
/// Deletes a lease only where it is still ours.
const RELEASE: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0";

/// A Redis server.
pub(crate) struct Redis {
    link: Arc<Link>,
    /// For values above [`SMALL`]; connected when the first one comes.
    bulk: Arc<Link>,
    /// How many large values are on their way there.
    bulk_writes: AtomicU32,
    prefix: Box<str>,
    /// How much of a page is read, in bytes: more than any of ours has.
    longest: usize,
    /// How many probes in a row got no answer.
    silent: AtomicU32,
    /// Whether the server runs no scripts for us.
    without_scripts: AtomicBool,
}

impl Redis {
    /// Starts connecting in the background. No value under `prefix` that is ours is longer than
    /// `longest` bytes.
    pub(crate) fn start(
        address: &Address,
        prefix: &str,
        longest: usize,
        tasks: &TaskTracker,
        ended: &CancellationToken,
    ) -> Arc<Self> {
        let link = || Link::new(address.clone(), tasks.clone(), ended.clone());
        let redis = Arc::new(Self {
            link: link(),
            bulk: link(),
            bulk_writes: AtomicU32::new(0),
            prefix: prefix.into(),
            longest,
            silent: AtomicU32::new(0),
            without_scripts: AtomicBool::new(false),
        });
        let asking = Arc::clone(&redis);
        let ended = ended.clone();
        tasks.spawn(async move {
            let asked = asking.script("return 1", &[], &[]);
            ended.run_until_cancelled(asked).await.map(drop)
        });
        redis
    }

    /// The answer to one command.
    async fn run<T: FromRedisValue>(&self, command: &mut Pipeline) -> Result<T, StoreError> {
        self.run_over(&self.link, command).await
    }

    async fn run_over<T: FromRedisValue>(
        &self,
        link: &Arc<Link>,
        command: &mut Pipeline,
    ) -> Result<T, StoreError> {
        let (answer,) = run_all::<(RedisResult<T>,)>(link, command).await?;
        answer.map_err(StoreError::from)
    }

    /// The answer to a script; nothing where the server runs none for us, which is said once.
    async fn script(
        &self,
        script: &str,
        keys: &[&[u8]],
        arguments: &[&[u8]],
    ) -> Result<Option<i64>, StoreError> {
        if self.without_scripts.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut eval = redis::pipe();
        eval.cmd("EVAL").arg(script).arg(keys.len()).arg(keys).arg(arguments);
        let link = self.link_for(arguments.iter().map(|it| it.len()).sum());
        match self.run_over(link, &mut eval).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind == Trouble::Forbidden => {
                if !self.without_scripts.swap(true, Ordering::Relaxed) {
                    let reason = &error;
                    tracing::warn!(%reason, "Redis runs no scripts for us: leases are less exact");
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// How much of a value is read, in bytes: more than one of ours has.
    fn longest(&self, key: &[u8]) -> usize {
        let of_values = usize::try_from(LOADED_AT_MOST).unwrap_or(usize::MAX);
        if is_loaded(&self.prefix, key) {
            return self.longest.max(of_values.saturating_add(HEAD_BYTES));
        }
        self.longest
    }

    fn lease(&self, key: &str) -> Vec<u8> {
        lease_key(&self.prefix, key.as_bytes())
    }

    fn link_for(&self, bytes: usize) -> &Arc<Link> {
        if bytes > SMALL { &self.bulk } else { &self.link }
    }

    /// Whether a lease is held under a token, as far as that can be known without a script.
    async fn holds(&self, lease: &[u8], token: &str) -> Result<bool, StoreError> {
        let held: Option<Bytes> = self.run(redis::pipe().cmd("GET").arg(lease)).await?;
        Ok(held.is_some_and(|held| held == token.as_bytes()))
    }

    async fn write(
        &self,
        key: &str,
        value: &[u8],
        keep_for: Duration,
        lease: Option<&str>,
    ) -> Result<bool, StoreError> {
        let keep_for = milliseconds(keep_for);
        if let Some(token) = lease {
            let lease = self.lease(key);
            let keys = [key.as_bytes(), &lease];
            let arguments = [value, keep_for.as_bytes(), token.as_bytes()];
            if let Some(written) = self.script(SET_UNDER_LEASE, &keys, &arguments).await? {
                return Ok(written == 1);
            }
            if !self.holds(&lease, token).await? {
                return Ok(false);
            }
        }
        let mut set = redis::pipe();
        set.cmd("SET").arg(key).arg(value).arg("PX").arg(keep_for);
        let written = self.run_over(self.link_for(value.len()), &mut set).await?;
        if lease.is_some() {
            self.run::<Value>(redis::pipe().cmd("UNLINK").arg(self.lease(key))).await?;
        }
        Ok(written)
    }

    /// Deletes each key's lease, then the key, over one connection.
    async fn unlink_over(
        &self,
        link: &Arc<Link>,
        keys: &[Vec<u8>],
    ) -> Result<Vec<bool>, StoreError> {
        let mut all = redis::pipe();
        for key in keys {
            all.cmd("UNLINK").arg(lease_key(&self.prefix, key)).cmd("UNLINK").arg(&key[..]);
        }
        let gone = run_all::<Vec<RedisResult<bool>>>(link, &mut all).await?;
        // Leases and keys by turns.
        let gone = gone.into_iter().skip(1).step_by(2).collect::<RedisResult<_>>();
        gone.map_err(StoreError::from)
    }
}

/// Each command's own answer: an error of one is not one of the others.
async fn run_all<T: FromRedisValue>(
    link: &Arc<Link>,
    commands: &mut Pipeline,
) -> Result<T, StoreError> {
    let mut up = link.attempt().await?;
    let asked = commands.ignore_errors().query_async::<Value>(&mut up.connection).await;
    let answers = asked.inspect_err(|error| {
        if error.is_unrecoverable_error() || error.is_connection_dropped() {
            link.lose(&up.lost);
        }
    })?;
    // A primary that has become a replica: the name may lead to the new primary by now.
    if let Value::Array(answers) = &answers
        && answers.iter().any(|it| matches!(it, Value::ServerError(why) if why.code() == READ_ONLY))
    {
        link.replace(&up.lost);
    }
    redis::from_redis_value(answers).map_err(|_| garbled())
}

/// What a replica answers to a write.
const READ_ONLY: &str = "READONLY";

impl Remote for Redis {
    fn get<'a>(&'a self, key: &'a [u8]) -> Call<'a, Option<Stored>> {
        Box::pin(async move {
            let stored = read(&self.link, key, FIRST).await?;
            match stored {
                Some(stored) if stored.value.len() == FIRST => {
                    read(&self.bulk, key, self.longest(key)).await
                }
                stored => Ok(stored),
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
            let is_bulk = value.len() > SMALL;
            self.bulk_writes.fetch_add(u32::from(is_bulk), Ordering::SeqCst);
            let written = self.write(key, &value, keep_for, lease).await;
            self.bulk_writes.fetch_sub(u32::from(is_bulk), Ordering::SeqCst);
            written
        })
    }

    fn claim<'a>(&'a self, key: &'a str, token: &'a str, keep_for: Duration) -> Call<'a, Claim> {
        Box::pin(async move {
            let (lease, keep_for) = (self.lease(key), milliseconds(keep_for));
            // What is no lease of ours is replaced, once.
            for is_first in [true, false] {
                let mut claim = redis::pipe();
                claim.cmd("SET").arg(&lease).arg(token).arg("NX").arg("PX").arg(&keep_for);
                claim.cmd("PTTL").arg(&lease).cmd("STRLEN").arg(&lease);
                let (is_ours, left, len): (RedisResult<bool>, RedisResult<i64>, RedisResult<u64>) =
                    run_all(&self.link, &mut claim).await?;
                if is_ours? {
                    return Ok(Claim::Granted);
                }
                let left = left?;
                if !is_first || (len.is_ok() && left != FOR_EVER) {
                    // It may have ended between the commands.
                    return Ok(Claim::Held { left: life(left).unwrap_or(Duration::ZERO) });
                }
                self.run::<Value>(redis::pipe().cmd("UNLINK").arg(&lease)).await?;
            }
            Ok(Claim::Held { left: Duration::ZERO })
        })
    }

    fn renew<'a>(&'a self, key: &'a str, token: &'a str, keep_for: Duration) -> Call<'a, ()> {
        Box::pin(async move {
            let (lease, keep_for) = (self.lease(key), milliseconds(keep_for));
            let arguments = [token.as_bytes(), keep_for.as_bytes()];
            let renewed = self.script(RENEW, &[&lease], &arguments).await?;
            if renewed.is_none() && self.holds(&lease, token).await? {
                let mut longer = redis::pipe();
                self.run::<Value>(longer.cmd("PEXPIRE").arg(lease).arg(keep_for)).await?;
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Call<'a, ()> {
        Box::pin(async move {
            let lease = self.lease(key);
            let released = self.script(RELEASE, &[&lease], &[token.as_bytes()]).await?;
            if released.is_none() && self.holds(&lease, token).await? {
                self.run::<Value>(redis::pipe().cmd("UNLINK").arg(lease)).await?;
            }
            Ok(())
        })
    }

    fn unlink<'a>(&'a self, keys: &'a [Vec<u8>]) -> Call<'a, Vec<bool>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let mut gone = self.unlink_over(&self.link, keys).await?;
            // A large value that is still on its way would come after this.
            if self.bulk_writes.load(Ordering::SeqCst) > 0 {
                let later = self.unlink_over(&self.bulk, keys).await?;
                gone.iter_mut().zip(later).for_each(|(gone, later)| *gone |= later);
            }
            Ok(gone)
        })
    }

    fn scan<'a>(&'a self, cursor: u64, pattern: &'a str, count: u32) -> Call<'a, Scanned> {
        Box::pin(async move {
            let mut scan = redis::pipe();
            scan.cmd("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count);
            self.run(&mut scan).await
        })
    }

    fn starts<'a>(&'a self, keys: &'a [Vec<u8>], bytes: usize) -> Call<'a, Vec<Stored>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let mut all = redis::pipe();
            for key in keys {
                push_read(&mut all, key, bytes);
            }
            let values = run_all::<Vec<RedisResult<Value>>>(&self.link, &mut all).await?;
            // Other types than strings have no beginning.
            let start = |some: &[_]| read_of(some).ok().flatten().unwrap_or_default();
            Ok(values.chunks_exact(3).map(start).collect())
        })
    }

    fn kind<'a>(&'a self, key: &'a [u8]) -> Call<'a, String> {
        Box::pin(async move { self.run(redis::pipe().cmd("TYPE").arg(key)).await })
    }

    fn about(&self) -> Call<'_, Vec<(String, String)>> {
        Box::pin(async move {
            let text: String = self.run(redis::pipe().cmd("INFO")).await?;
            let pairs = text.lines().filter_map(|line| line.trim_end().split_once(':'));
            Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        })
    }

    fn probe(&self) -> Call<'_, ()> {
        Box::pin(async move {
            if self.silent.fetch_add(1, Ordering::Relaxed) >= SILENT_AT_MOST {
                self.silent.store(0, Ordering::Relaxed);
                self.link.renew();
                self.bulk.renew();
            }
            let answer: String = self.run(redis::pipe().cmd("PING")).await?;
            self.silent.store(0, Ordering::Relaxed);
            if answer == "PONG" { Ok(()) } else { Err(garbled()) }
        })
    }

    fn close(&self) {
        self.link.close();
        self.bulk.close();
    }
}

/// Asks for a value's life, for its first bytes and for its length.
fn push_read(pipe: &mut Pipeline, key: &[u8], bytes: usize) {
    pipe.cmd("PTTL").arg(key).cmd("GETRANGE").arg(key).arg(0).arg(bytes.saturating_sub(1));
    pipe.cmd("STRLEN").arg(key);
}

/// The first bytes of a value, its life and its length; nothing where there is no value.
async fn read(link: &Arc<Link>, key: &[u8], bytes: usize) -> Result<Option<Stored>, StoreError> {
    let mut pipe = redis::pipe();
    push_read(&mut pipe, key, bytes);
    read_of(&run_all::<Vec<RedisResult<Value>>>(link, &mut pipe).await?)
}

/// What the commands of [`push_read`] gave; they fail on other types than strings.
fn read_of(answers: &[RedisResult<Value>]) -> Result<Option<Stored>, StoreError> {
    let [left, value, len] = answers else { return Err(garbled()) };
    let (left, len) = (part::<i64>(left)?, part::<u64>(len)?);
    let value: Bytes = part(value)?;
    // An empty value is as good as none.
    Ok((!value.is_empty()).then(|| Stored { value, left: life(left), len }))
}

fn part<T: FromRedisValue>(answer: &RedisResult<Value>) -> Result<T, StoreError> {
    match answer {
        Ok(value) => redis::from_redis_value_ref(value).map_err(|_| garbled()),
        Err(error) => Err(error.clone().into()),
    }
}

/// PTTL's answer for what has no TTL.
const FOR_EVER: i64 = -1;

/// PTTL's answer: -1 is for ever and -2 is not there, neither of which is a life.
fn life(left: i64) -> Option<Duration> {
    u64::try_from(left).ok().map(Duration::from_millis)
}

/// As Redis takes it: whole, and at least one.
fn milliseconds(span: Duration) -> String {
    span.as_millis().max(1).to_string()
}

fn garbled() -> StoreError {
    StoreError::new(Trouble::Garbled, "an answer that Redis does not give to this command")
}

/// Error codes that say that no command will do for now, whatever it is.
const REFUSALS: &str = "NOAUTH WRONGPASS LOADING MASTERDOWN CLUSTERDOWN TRYAGAIN BUSY DENIED";

/// What is said where a single server's address leads to one of many.
const IS_CLUSTER: &str = "this Redis is a cluster, and cache.store names a single server";

/// What kind of trouble it is; Redis' own words hold no password.
impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        use ServerErrorKind as Server;
        let is_refusal = |code| REFUSALS.split(' ').any(|refusal| refusal == code);
        let kind = match (error.kind(), error.code()) {
            (ErrorKind::Io, _) if error.is_timeout() => Trouble::Slow,
            (ErrorKind::Io | ErrorKind::Client, _) => Trouble::Away,
            (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => Trouble::Garbled,
            (ErrorKind::RESP3NotSupported, _) => Trouble::Forbidden,
            (ErrorKind::Server(Server::ReadOnly), _) | (_, Some("MISCONF" | "NOREPLICAS")) => {
                Trouble::ReadOnly
            }
            (ErrorKind::Server(Server::Moved | Server::Ask | Server::CrossSlot), _) => {
                return Self::new(Trouble::Cluster, IS_CLUSTER);
            }
            (_, Some("OOM")) => Trouble::Full,
            (_, Some("WRONGTYPE")) => Trouble::WrongType,
            _ if error.to_string().contains("OOM command not allowed") => Trouble::Full,
            (_, code) if code.is_none_or(is_refusal) => Trouble::Refused,
            _ => Trouble::Forbidden,
        };
        Self::new(kind, &error.to_string())
    }
}
