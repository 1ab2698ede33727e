//! Asks Redis for its version and settings.

use std::{fmt, time::Duration};

use ::redis::{ErrorKind, RedisError, ServerErrorKind, Value, aio::ConnectionLike, cmd};

use super::{RedisGuardError, RedisWarning, error::one_line};
use crate::rejection::Excerpt;

pub(super) fn unavailable(error: &dyn fmt::Display) -> RedisGuardError {
    RedisGuardError::Unavailable {
        reason: one_line(error),
    }
}

pub(super) async fn check<C: ConnectionLike>(
    connection: &mut C,
    deadline: Duration,
) -> Result<Vec<RedisWarning>, RedisGuardError> {
    let asked = tokio::time::timeout(deadline, ask(connection)).await;
    let (infos, saves) = asked
        .map_err(|elapsed| unavailable(&elapsed))?
        .map_err(|error| unavailable(&error))?;
    let mut warnings = Vec::new();
    if infos.is_empty() {
        warnings.push(RedisWarning::EvictionUnknown);
    }
    for info in infos {
        if let Some(version) = field(&info, "redis_version")
            && major(version).is_some_and(|major| major < 7)
        {
            let version = Excerpt::new(version);
            return Err(RedisGuardError::TooOld { version });
        }
        match field(&info, "maxmemory_policy") {
            Some("noeviction") => {}
            Some(policy) => {
                let policy = Excerpt::new(policy);
                return Err(RedisGuardError::Evicts { policy });
            }
            None => warnings.push(RedisWarning::EvictionUnknown),
        }
        if saves && field(&info, "aof_enabled") == Some("0") {
            warnings.push(RedisWarning::RestoresSnapshots);
        }
    }
    warnings.sort_unstable();
    warnings.dedup();
    Ok(warnings)
}

/// Returns the texts of `INFO`, and whether snapshots are configured; nothing of what is forbidden.
async fn ask<C: ConnectionLike>(connection: &mut C) -> Result<(Vec<String>, bool), RedisError> {
    let mut infos = Vec::new();
    if let Some(info) = allowed(cmd("INFO").query_async(connection).await)? {
        texts(&info, &mut infos);
    }
    // Some connections to a Cluster add the addresses of the servers.
    infos.retain(|info| info.contains(':') && info.contains('\n'));
    let mut save = Vec::new();
    let mut config = cmd("CONFIG");
    if let Some(answer) = allowed(config.arg("GET").arg("save").query_async(connection).await)? {
        texts(&answer, &mut save);
    }
    // The name and the value, of each server.
    let mut values = save.chunks(2).filter_map(|pair| pair.get(1));
    Ok((infos, values.any(|value| !value.is_empty())))
}

/// Returns nothing if Redis answered that it does not do this: for this user, or at all.
fn allowed(answer: Result<Value, RedisError>) -> Result<Option<Value>, RedisError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError)
            | ErrorKind::Extension => Ok(None),
            _ => Err(error),
        },
    }
}

fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::BulkString(bytes) => into.push(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, into)),
        Value::Map(pairs) => {
            for (name, value) in pairs {
                texts(name, into);
                texts(value, into);
            }
        }
        _ => {}
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}
