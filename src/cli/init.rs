//! `larder init DIR`: a small site that works.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::target::CommandError;
use super::{OK, say};

/// What a new site begins with.
const FILES: &[(&str, &str)] = &[
    ("routes.yaml", include_str!("init/routes.yaml")),
    ("routes.schema.json", include_str!("../../routes.schema.json")),
    ("templates/base.html.hbs", include_str!("init/base.html.hbs")),
    ("templates/home.html.hbs", include_str!("init/home.html.hbs")),
    ("templates/hello.html.hbs", include_str!("init/hello.html.hbs")),
    ("public/site.css", include_str!("init/site.css")),
];

/// Writes the files of a new site into `directory`; nothing where one of them is there already.
pub(super) fn run(directory: &Path) -> Result<u8, CommandError> {
    let there = FILES.iter().map(|(path, _)| directory.join(path)).find(|path| path.exists());
    if let Some(path) = there {
        return Err(format!("{} is there already: nothing was written", path.display()).into());
    }
    for (path, text) in FILES {
        let path = directory.join(path);
        // Never over one that is there.
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::File::create_new(&path)?.write_all(text.as_bytes()))
            .map_err(|why| format!("{} cannot be written: {why}", path.display()))?;
    }
    say(&format!("a new site is in {0}: now `cd {0} && larder dev`\n", directory.display()));
    Ok(OK)
}
