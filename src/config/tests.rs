use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::fingerprint::Fingerprint;

/// A site's directory in memory.
#[derive(Default)]
struct Memory(BTreeMap<String, String>);

impl Memory {
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }
}

impl Files for Memory {
    fn read(&mut self, path: &str, _bound: u64) -> Result<FileContent, FileError> {
        let text = self.0.get(path).ok_or(FileError::Missing)?;
        let bytes = Bytes::from(text.clone());
        let digest = Fingerprint::of(&bytes);
        Ok(FileContent { path: path.to_owned(), bytes, digest, modified: None })
    }

    fn glob(&mut self, pattern: &str) -> Result<Vec<String>, FileError> {
        let (before, after) = pattern.split_once('*').unwrap();
        let fits = |path: &&String| path.starts_with(before) && path.ends_with(after);
        Ok(self.0.keys().filter(fits).cloned().collect())
    }
}

fn no_env(_: &str) -> Option<String> {
    None
}

fn load_text(text: &str) -> Loaded {
    load("routes.yaml", &mut Memory::of(&[("routes.yaml", text)]), &no_env)
}

/// The contract's own example, whole.
const EXAMPLE: &str = include_str!("example.yaml");

#[test]
fn the_example_of_the_contract_is_read_without_a_complaint() {
    let mut files = Memory::of(&[
        ("routes.yaml", EXAMPLE),
        ("routes.d/a.yaml", "defaults: { ttl: 1h }\nroutes: { /a: { body: a } }\n"),
    ]);
    let env = |name: &str| (name == "API_TOKEN").then(|| "s3cret".to_owned());
    let loaded = load("routes.yaml", &mut files, &env);
    let lines: Vec<String> = loaded.report.iter().map(ToString::to_string).collect();
    assert_eq!(lines, Vec::<String>::new());
    let config = loaded.config.unwrap();
    assert_eq!(config.routes.len(), 11);
    assert_eq!(config.files.len(), 2);
}
