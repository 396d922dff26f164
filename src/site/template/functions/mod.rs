//! What templates may call: one table from which come the checks, the engine's registry, the
//! nearest word for a wrong one, and the reference.
//!
//! `if unless each with lookup raw log`, the comparisons and `and or not` are the engine's own, the
//! rest is larder's. Each is a function of its arguments alone, but for `now`, which tells when the
//! page was made (a page that calls it is cached like any other), and `log`, which writes a line to
//! the log when the page is made and prints nothing.

mod list;
mod text;
mod time;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson, RenderContext,
    RenderErrorReason, ScopedJson,
};
use serde_json::{Value, json};

use super::meter;
use crate::clock::Clock;

/// Raised whenever a helper or the engine gives other bytes for the same arguments: pages made
/// before are then made again.
pub(super) const VERSION: &str = "handlebars-6.4/1";

/// Where a helper may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperForm {
    /// `{{x …}}` and `(x …)`.
    Value,
    /// `{{#x …}}…{{/x}}`.
    Block,
    /// Both.
    Both,
}

/// A helper: its name, arguments and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name.
    pub name: &'static str,
    /// The arguments as shown; those that may be left out end with `?`, a last one of which there
    /// may be any number with `…`.
    pub args: &'static str,
    /// Where it may stand.
    pub form: HelperForm,
    /// The arguments by name that it takes.
    pub named: &'static [&'static str],
    /// What it does, one sentence.
    pub doc: &'static str,
    run: Run,
}

/// A function of the arguments, and why it refuses them.
type Pure = fn(&Args<'_>) -> Result<Value, String>;

/// Who does the work.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// The engine.
    Engine,
    /// A function of the arguments.
    Pure(Pure),
    /// The same, and what it prints is not escaped.
    Raw(Pure),
}

impl Function {
    /// The least and the greatest number of arguments; no greatest where any number will do.
    pub(crate) fn arity(&self) -> (usize, Option<usize>) {
        let words = self.args.split_whitespace();
        let least = words.clone().filter(|word| !word.ends_with(['?', '…'])).count();
        let most = if self.args.ends_with('…') { None } else { Some(words.count()) };
        (least, most)
    }

    /// What is wrong with that many arguments, in words.
    pub(super) fn refuses(&self, count: usize) -> Option<String> {
        let (least, most) = self.arity();
        if count >= least && most.is_none_or(|most| count <= most) {
            return None;
        }
        let wants = match (least, most) {
            (0, Some(0)) => "no arguments".to_owned(),
            (1, Some(1)) => "one argument".to_owned(),
            (least, Some(most)) if least == most => format!("{least} arguments"),
            (least, Some(most)) => format!("{least} to {most} arguments"),
            (least, None) => format!("at least {least} arguments"),
        };
        Some(format!("`{}` takes {wants}, not {count}", self.name))
    }
}

macro_rules! functions {
    ($(
        $name:ident($args:literal $([$($named:literal),*])?) $form:ident $run:expr, $doc:literal;
    )*) => {
        /// All helpers, in the order of the reference.
        pub const FUNCTIONS: &[Function] = &[$(Function {
            name: stringify!($name),
            args: $args,
            form: HelperForm::$form,
            named: &[$($($named),*)?],
            doc: $doc,
            run: $run,
        }),*];
    };
}

functions! {
    if("value" ["includeZero"]) Block Run::Engine,
        "The body where the value is true: not absent, null, false, 0 or empty; else what is \
         after `else`.";
    unless("value" ["includeZero"]) Block Run::Engine, "The body where `if` would give the other.";
    each("list") Block Run::Engine,
        "The body for each item of a list or value of a mapping, with `@index`, `@key`, \
         `@first`, `@last`.";
    with("value") Block Run::Engine,
        "The body with the value as the current one, where it is true.";
    raw("") Block Run::Engine, "`{{{{raw}}}}…{{{{/raw}}}}`: the body as it stands, braces too.";
    lookup("value key") Value Run::Engine, "The value of a key, or the item at an index, from 0.";
    log("value…" ["level"]) Value Run::Engine,
        "Writes the values to larder's log when the page is made.";
    eq("one other") Both Run::Engine,
        "Whether two values are equal, type and all: `\"5\"` is not `5`.";
    ne("one other") Both Run::Engine, "Whether two values differ.";
    lt("one other") Both Run::Engine,
        "Whether the first is less: numbers, or texts by their characters.";
    lte("one other") Both Run::Engine, "Whether the first is less or equal.";
    gt("one other") Both Run::Engine, "Whether the first is greater.";
    gte("one other") Both Run::Engine, "Whether the first is greater or equal.";
    and("value…") Both Run::Engine, "Whether all values are true.";
    or("value…") Both Run::Engine, "Whether one value is true.";
    not("value") Both Run::Engine, "Whether the value is not true.";
    default("value instead") Value Run::Pure(|args| Ok(list::default(args))),
        "The value, or another where it is absent, null or empty text.";
    json("value") Value Run::Raw(text::json),
        "Any value as JSON, safe inside `<script>`; not escaped further.";
    markdown("text") Value Run::Raw(text::markdown),
        "Markdown as HTML; not escaped further, HTML inside the text stays as it is.";
    date("value format?") Value Run::Pure(time::date),
        "A date (RFC 3339, `2026-01-31`, or seconds since 1970) by a strftime format; `%Y-%m-%d`.";
    now("") Value Run::Pure(time::now), "When the page was made: RFC 3339, UTC, milliseconds.";
    add("one other") Value Run::Pure(list::add), "The sum of two numbers.";
    sub("one other") Value Run::Pure(list::sub), "The difference of two numbers.";
    upper("text") Value Run::Pure(text::upper), "The text in upper case.";
    lower("text") Value Run::Pure(text::lower), "The text in lower case.";
    urlencode("text") Value Run::Pure(text::urlencode),
        "The text percent-encoded, to be a part of an address.";
    // An address is encoded: nothing in it needs escaping.
    asset("file") Value Run::Raw(address),
        "The address of a file of a `dir` route, with a digest: browsers keep it for ever, and ask \
         anew when the file changes. The name is written in quotes.";
    find("list field value") Value Run::Pure(list::find),
        "The first item whose field has the value (`7` finds `\"7\"`); nothing where none has.";
    where("list field value?") Value Run::Pure(list::filter),
        "The items whose field has the value, or is true where no value is given.";
    sort("list field?" ["desc"]) Value Run::Pure(list::sort),
        "The items in order of a field, or of themselves; `desc=true` for the reverse.";
    slice("list from to?") Value Run::Pure(list::slice),
        "The items, or characters, from an index up to another; below 0 counts from the end.";
    len("value") Value Run::Pure(|args| Ok(list::len(args))),
        "How many items, keys or characters there are.";
}

/// The helper of that name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The addresses of a site's files by name, given once, when all that pages name is known.
///
/// They are no part of a page's context, for they are nothing of the request: a page's fingerprint
/// holds the addresses of all files that its templates name.
pub(super) type Addresses = Arc<OnceLock<BTreeMap<String, String>>>;

/// The address of the file that is named.
fn address(args: &Args<'_>) -> Result<Value, String> {
    let name = args.get(0).as_str().unwrap_or_default();
    let found = args.files.get().and_then(|addresses| addresses.get(name));
    found.map(|address| Value::from(address.as_str())).ok_or(format!("knows no file `{name}`"))
}

/// Makes the helpers known to an engine.
pub(super) fn register(registry: &mut Handlebars<'static>, clock: &Clock, files: &Addresses) {
    for function in FUNCTIONS {
        let (clock, files) = (clock.clone(), Arc::clone(files));
        let gives = move |run: Pure| {
            Gives(move |call: &Helper<'_>| {
                let list = call.params().iter().map(PathAndJson::value).collect();
                let desc = call.hash_get("desc").is_some_and(|desc| desc.value() == &json!(true));
                let args = Args { list, desc, clock: &clock, files: &files };
                let refused = function.refuses(args.list.len()).map_or(Ok(()), Err);
                let named = |words| format!("`{}` {words}", function.name);
                refused.and_then(|()| run(&args).map_err(named))
            })
        };
        let helper: Box<dyn HelperDef + Send + Sync> = match function.run {
            Run::Engine => continue,
            Run::Pure(run) => Box::new(gives(run)),
            Run::Raw(run) => Box::new(Unescaped(gives(run))),
        };
        registry.register_helper(function.name, helper);
    }
}

/// The arguments of a call; an absent value is null.
struct Args<'a> {
    list: Vec<&'a Value>,
    desc: bool,
    clock: &'a Clock,
    files: &'a Addresses,
}

impl Args<'_> {
    fn get(&self, index: usize) -> &Value {
        self.list.get(index).copied().unwrap_or(&Value::Null)
    }
}

/// A helper that gives a value made from its arguments.
pub(super) struct Gives<F>(pub(super) F);

impl<F> HelperDef for Gives<F>
where
    F: Fn(&Helper<'_>) -> Result<Value, String> + Send + Sync,
{
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, handlebars::RenderError> {
        let refused = |words| RenderErrorReason::Other(words).into();
        meter::look().and_then(|()| self.0(call)).map(ScopedJson::Derived).map_err(refused)
    }
}

/// Prints what a helper gives as it stands.
struct Unescaped<H>(H);

impl<H: HelperDef> HelperDef for Unescaped<H> {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, handlebars::RenderError> {
        self.0.call_inner(call, registry, context, rc)
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let before = rc.is_disable_escape();
        rc.set_disable_escape(true);
        let result = self.0.call(call, registry, context, rc, out);
        rc.set_disable_escape(before);
        result
    }
}

/// A value in words, for saying what was given instead.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
