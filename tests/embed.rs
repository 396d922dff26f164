//! larder as a library: a site inside a program of one's own.

#[cfg(test)]
mod embedding;
