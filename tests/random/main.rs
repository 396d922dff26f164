//! Random sites, random edits, and the truth beside them.
//!
//! A larder lives through a series of edits of a made-up site, on a real Redis or with the store in
//! its memory. After each edit a second one is started fresh on the same files, with nothing kept:
//! what that one answers is right. Beside it stand the promises about edits: what one does not
//! touch stays kept, `plan` foretells it, `explain` knows the key, a refused edit changes nothing.
//!
//! All is from a seed. A scenario that fails is made smaller and shown with the command that runs
//! it again. By default a minute of seeds from 1 on;
//!
//! - `LARDER_RANDOM_SECONDS=1200` goes on for longer, `0` runs one seed only;
//! - `LARDER_RANDOM_SEED=7` begins with another seed;
//! - `LARDER_RANDOM_ALL=1` goes on after a failure;
//! - `LARDER_RANDOM_REFUSALS=1` says why versions of sites are refused.

#[cfg(test)]
mod client;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod life;
#[cfg(test)]
mod make;
#[cfg(test)]
mod process;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod rng;
#[cfg(test)]
mod run;
#[cfg(test)]
mod said;
#[cfg(test)]
mod sayings;
#[cfg(test)]
mod shrink;
#[cfg(test)]
mod site;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod touch;
#[cfg(test)]
mod truth;
