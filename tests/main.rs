//! larder from outside: the real program, a real Redis, real files, plain HTTP.

#[cfg(test)]
mod abuse;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod caching;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod developing;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod reloading;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod watching;
