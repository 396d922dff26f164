//! larder from outside: the real program, a real Redis, real files, plain HTTP.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod serving;
