//! The commands that look into a site and its store.

use std::process::Command;

use crate::harness::{Larder, Redis, Site, run};

const SITE: &str = r#"
data: { shop: Larder }
routes:
  /: { inline: "{{shop}}" }
  /hello/{name}: { inline: "{{params.name}} {{query.lang}}", summary: A greeting }
"#;

/// What a command says about `site` and `redis`; it has to succeed.
fn said(site: &Site, redis: &Redis, arguments: &[&str]) -> String {
    let (name, rest) = arguments.split_first().expect("a command");
    let output = run(name, site, &[rest, &["--store", &redis.url()]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}{log}");
    text
}

#[tokio::test]
async fn explain_tells_the_key_under_which_redis_holds_the_page() {
    let (site, redis) = (Site::with(SITE), Redis::start());
    let larder = Larder::serve(&site, &redis.url());
    for path in ["/", "/hello/ada", "/hello/ada?lang=no&utm=x", "/hello/a%20b?lang="] {
        let before = said(&site, &redis, &["explain", path]);
        redis.cli(&["FLUSHALL"]);
        larder.get(path).await;
        let key = redis.keys().concat();
        assert!(before.contains(&key), "{path}: {key} is not in\n{before}");
        let told = said(&site, &redis, &["explain", path]);
        assert!(told.contains("stored     yes"), "{path}");
        let pasted = told.lines().find_map(|line| line.strip_prefix("see it")).expect("a line");
        let output = Command::new("sh").args(["-c", pasted]).output().expect("a shell");
        let seen = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(seen.starts_with("HTTP/1.1 200 OK"), "{pasted}: {seen}");
    }
}

#[tokio::test]
async fn keys_lists_and_purge_deletes_exactly_what_is_asked_for() {
    let (site, redis) = (Site::with(SITE), Redis::start());
    let larder = Larder::serve(&site, &redis.url());
    redis.cli(&["SET", "api:other", "theirs"]);
    for (arguments, left) in [
        (&["purge", "--route", "index"][..], 2),
        (&["purge", "--uses", "shop"], 2),
        (&["purge", "--match", "*ada*"], 2),
        (&["purge", "api:cache::hello-name:/hello/bob"], 2),
        (&["purge", "--all"], 0),
    ] {
        for path in ["/", "/hello/ada", "/hello/bob"] {
            larder.get(path).await;
        }
        let listed = said(&site, &redis, &["keys"]);
        assert!(redis.keys().iter().all(|key| key == "api:other" || listed.contains(key)));
        assert!(!listed.contains("api:other"), "{listed}");
        let told = said(&site, &redis, arguments);
        assert!(told.starts_with(&(3 - left).to_string()), "{arguments:?}: {told}");
        assert_eq!(redis.keys().len(), left + 1, "{arguments:?}: {:?}", redis.keys());
    }
    assert_eq!(redis.cli(&["GET", "api:other"]), "theirs");
}

#[tokio::test]
async fn a_template_is_named_as_messages_name_it_and_a_typo_deletes_nothing_aloud() {
    let text = "routes:\n  /: { template: page.html.hbs }\n  /other: { body: other }\n";
    let site = Site::with(text).file("templates/page.html.hbs", "page");
    let redis = Redis::start();
    let larder = Larder::serve(&site, &redis.url());
    for name in ["page.html.hbs", "templates/page.html.hbs", "page", "templates/page"] {
        for path in ["/", "/other"] {
            larder.get(path).await;
        }
        assert!(said(&site, &redis, &["purge", "--uses", name]).starts_with("1 "), "{name}");
    }
    for arguments in [["--route", "indx"], ["--uses", "templates/pag.html.hbs"]] {
        let store = redis.url();
        let output = run("purge", &site, &[&arguments[..], &["--store", &store]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(why.contains(arguments[1]), "{why}");
        assert!(why.contains("no larder answers at 127.0.0.1:"), "{why}");
    }
    assert_eq!(redis.keys().len(), 1);
}

#[tokio::test]
async fn a_plan_says_what_an_edit_would_change_and_changes_nothing() {
    let (site, redis) = (Site::with(SITE), Redis::start());
    let larder = Larder::serve(&site, &redis.url());
    larder.get("/").await;
    larder.get("/hello/ada").await;
    let edit = SITE.replace("shop: Larder", "shop: Pantry") + "  /new: { body: new }\n";
    let site = site.file("new.yaml", &edit);
    let new = site.path("new.yaml").display().to_string();
    let plan = said(&site, &redis, &["plan", &new]);
    for line in ["+ /new", "~ /  1 stored entry"] {
        assert!(plan.lines().any(|said| said == line), "no {line:?} in\n{plan}");
    }
    assert!(!plan.contains("/hello"), "{plan}");
    assert!(plan.contains("1 stored"), "{plan}");
    assert_eq!(redis.keys().len(), 2);
    assert!(larder.get("/").await.is_hit());
}

#[test]
fn a_plan_names_a_route_of_which_only_the_readers_from_elsewhere_change() {
    let (site, redis) =
        (Site::with("routes:\n  /: { body: x }\n  /b: { body: x }\n"), Redis::start());
    let edit = "routes:\n  /: { body: x, cors: \"*\" }\n  /b: { body: x }\n";
    let site = site.file("new.yaml", edit);
    let new = site.path("new.yaml").display().to_string();
    let plan = said(&site, &redis, &["plan", &new]);
    let named: Vec<&str> = plan.lines().filter(|line| line.contains(" /")).collect();
    assert_eq!(named, ["= / (cors)"], "{plan}");
}

/// A main file with an include, a template, posts that parameters choose, and a file.
fn of_many_files() -> Site {
    let main = "include: [routes.d/*.yaml]\nload: { team: team.yaml }\nroutes:\n  \
        /: { template: home.html.hbs }\n  \
        /posts/{slug}: { load: { post: 'posts/{{params.slug}}.md' }, inline: '{{post.body}}' }\n  \
        /site.css: { file: site.css }\n";
    Site::with(main)
        .file("routes.d/a.yaml", "routes:\n  /a: { body: a }\n")
        .file("templates/home.html.hbs", "{{team.name}}\n")
        .file("team.yaml", "name: Jam\n")
        .file("posts/one.md", "# One\n")
        .file("site.css", "b { color: red }\n")
}

#[test]
fn a_plan_is_of_the_file_that_it_names_whichever_of_the_site_it_is() {
    let (site, redis) = (of_many_files(), Redis::start());
    let plan = |arguments: &[&str]| {
        let store = ["--store", &redis.url()];
        let output = run("plan", &site, &[arguments, &store].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("text"))
    };
    let files = ["routes.d/a.yaml", "templates/home.html.hbs", "team.yaml", "posts/one.md"];
    for file in files.into_iter().chain(["site.css", "routes.yaml", "./team.yaml"]) {
        let (code, said) = plan(&[file]);
        assert!(code == Some(0) && said.contains("no answer changes\n"), "{file}: {said}");
    }
    for (file, text, expected) in [
        ("routes.d/a.yaml", "routes:\n  /a: { body: b }\n", "~ /a\n"),
        ("templates/home.html.hbs", "<b>{{team.name}}</b>", "~ /\n"),
        ("team.yaml", "name: Marmalade\n", "~ /\n"),
        ("posts/one.md", "# Uno\n", "~ /posts/{slug}\n"),
        ("site.css", "b { color: blue }\n", "~ /site.css\n"),
        ("posts/two.md", "# Two\n", "~ /posts/{slug}\n"),
        ("routes.d/b.yaml", "routes:\n  /b: { body: b }\n", "+ /b\n"),
    ] {
        site.edit_in_place("copy", text);
        let (code, said) = plan(&["copy", "--as", file]);
        assert!(code == Some(0) && said.contains(expected), "{file}: {said}");
        assert_eq!(said.matches(" /").count(), 1, "{file}: {said}");
    }
    for file in ["x.md", "home.html.hbs", "notes.txt"] {
        site.edit_in_place(file, "# A note\n");
        let (code, said) = plan(&[file]);
        let why = format!("`{file}` is none of the files that the site is made from");
        assert!(code == Some(1) && said.contains(&why), "{file}: {said}");
    }
    for file in ["new.yaml", "routes.yaml.new", "copy"] {
        site.edit_in_place(file, "routes: { /b: { body: b } }\n");
        let (code, said) = plan(&[file]);
        assert!(code == Some(0) && said.contains("+ /b\n- /\n- /a\n"), "{file}: {said}");
    }
    site.edit_in_place("copy", "{{#if");
    let (code, said) = plan(&["copy", "--as", "templates/home.html.hbs"]);
    assert!(code == Some(78) && said.contains("templates/home.html.hbs:1"), "{said}");
}

#[test]
fn nothing_is_said_of_a_store_that_no_larder_answers_for() {
    let site = Site::with(SITE);
    for format in ["human", "json"] {
        let output = run("explain", &site, &["/hello/ada", "--format", format]);
        let said = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && said.contains("api:cache::hello-name:"), "{said}");
        assert!(said.contains("no larder answers at 127.0.0.1:"), "{said}");
        assert!(!said.contains("nothing is stored") && !said.contains("stored     no"), "{said}");
    }
    let output = run("plan", &site, &["routes.yaml"]);
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.contains("no answer changes"), "{said}");
    assert!(said.contains("≥ 0") && said.contains("no larder answers at 127.0.0.1:"), "{said}");
}

#[test]
fn init_writes_a_site_that_works_and_overwrites_nothing() {
    let site = Site::new();
    let dir = site.path("new").display().to_string();
    let output = run("init", &site, &[&dir]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let output = run("check", &site, &["--config", &format!("{dir}/routes.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let before = site.read("new/routes.yaml");
    site.edit("new/routes.yaml", &format!("# mine\n{before}"));
    assert_ne!(run("init", &site, &[&dir]).status.code(), Some(0));
    assert!(site.read("new/routes.yaml").starts_with("# mine"));
}

#[test]
fn routes_lists_each_route_and_what_its_key_follows() {
    let output = run("routes", &Site::with(SITE), &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("/hello/{name}")).expect("the route");
    for part in ["GET", "hello-name", "query.lang", "A greeting", "5m"] {
        assert!(line.contains(part), "no {part:?} in {line:?}");
    }
}

#[test]
fn no_command_shows_the_password_of_the_store() {
    let (site, redis) = (Site::with(SITE), Redis::start());
    redis.cli(&["CONFIG", "SET", "requirepass", "s3cr3t-word"]);
    let store = redis.url().replace("redis://", "redis://:s3cr3t-word@");
    for arguments in [&["explain", "/"][..], &["keys"], &["purge", "--all"]] {
        let (name, rest) = arguments.split_first().expect("a command");
        let output = run(name, &site, &[rest, &["--store", &store]].concat());
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(0), "{name}: {text}");
        assert!(!text.contains("s3cr3t-word"), "{name}: {text}");
    }
}
