//! What templates may call: one table from which come the checks, the engine's registry, the
//! nearest word for a wrong one, and the reference.
//!
//! `if unless each with lookup raw log` and `and or not` are the engine's own, the rest is ours.
//! Each is a function of its arguments alone, but for `now`, which tells when the page was made,
//! `uuid` and `random` (a page that calls them is cached like any other), and `log`, which writes a
//! line to the log when the page is made and prints nothing. What a helper can make nothing of
//! gives nothing: no argument fails a page.

mod compare;
mod list;
mod markdown;
mod number;
mod table;
mod text;
mod time;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy as _, Output, PathAndJson,
    RenderContext, RenderErrorReason, Renderable as _, ScopedJson,
};
use serde_json::{Value, json};

pub use self::table::FUNCTIONS;

use super::kind::Escape;
use super::markup::ESCAPED_JSON;
use super::meter;
use crate::clock::Clock;

/// Raised whenever a helper or the engine gives other bytes for the same arguments: pages made
/// before are then made again.
pub(super) const VERSION: &str = "handlebars-6.4/4";

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

/// What an argument must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A number, or a text that reads as one.
    Number,
    /// A date in text, or seconds.
    Date,
    /// Equal to this: it is compared with it.
    Equal(Value),
}

/// A helper: its name, arguments and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name.
    pub name: &'static str,
    /// The arguments; those that may be left out end with `?`, a last one of which there may be any
    /// number with `…`. After a colon what it must be: `number` or `date`.
    pub args: &'static str,
    /// Where it may stand.
    pub form: HelperForm,
    /// The arguments by name that it takes.
    pub named: &'static [&'static str],
    /// What it does, one sentence.
    pub doc: &'static str,
    /// A call of it.
    pub example: &'static str,
    /// What the example prints; `…` where it is never the same.
    pub gives: &'static str,
    run: Run,
}

/// A function of the arguments.
type Pure = fn(&Args<'_>) -> Value;

/// Who does the work.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// The engine.
    Engine,
    /// A function of the arguments.
    Pure(Pure),
    /// The same, and what it prints is not escaped.
    Raw(Pure),
    /// The same: HTML, which is not escaped in HTML, and is text in XML.
    Markup(Pure),
    /// Whether two arguments are equal, or are not.
    Equal(bool),
    /// Whether two arguments are in one of these orders.
    Order(fn(Ordering) -> bool),
    /// What is computed of two numbers: of whole ones, where it can be whole, else of others.
    Numbers(fn(i64, i64) -> Option<i64>, fn(f64, f64) -> f64),
    /// A text made from one.
    Text(fn(&str) -> String),
}

impl Run {
    fn value(self, args: &Args<'_>) -> Value {
        match self {
            Self::Engine => Value::Null,
            Self::Pure(run) | Self::Raw(run) | Self::Markup(run) => run(args),
            Self::Equal(wanted) => (compare::same(args.get(0), args.get(1)) == wanted).into(),
            Self::Order(wanted) => compare::ordered(args, wanted),
            Self::Numbers(whole, fraction) => number::arithmetic(args, whole, fraction),
            Self::Text(make) => text::made(args, make),
        }
    }
}

impl Function {
    /// The least and the greatest number of arguments; no greatest where any number will do.
    pub(crate) fn arity(&self) -> (usize, Option<usize>) {
        let words = self.args.split_whitespace();
        let least = words.clone().filter(|word| !word.ends_with(['?', '…'])).count();
        let most = if self.args.ends_with('…') { None } else { Some(words.count()) };
        (least, most)
    }

    /// Whether what it prints is not escaped.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self.run, Run::Raw(_) | Run::Markup(_))
    }

    /// Whether the name alone calls it; that of any other is a variable's.
    pub(crate) fn takes_name(&self) -> bool {
        self.form == HelperForm::Value && matches!(self.arity(), (0, Some(_)))
    }

    /// The helper's call as one writes it.
    #[must_use]
    pub fn usage(&self) -> String {
        let words = self.args.split_whitespace().map(|word| match word.split_once(':') {
            Some((name, kind)) if kind.ends_with('?') => format!("{name}?"),
            Some((name, _)) => name.to_owned(),
            None => word.to_owned(),
        });
        let call = std::iter::once(self.name.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
        match self.form {
            HelperForm::Block if self.name == "raw" => "{{{{raw}}}}…{{{{/raw}}}}".to_owned(),
            HelperForm::Block => format!("{{{{#{call}}}}}…{{{{/{}}}}}", self.name),
            HelperForm::Value | HelperForm::Both => format!("{{{{{call}}}}}"),
        }
    }

    /// What the argument at an index must be.
    pub(super) fn wants(&self, index: usize) -> Option<Wanted> {
        let (_, kind) = self.args.split_whitespace().nth(index)?.split_once(':')?;
        Some(if kind.starts_with("date") { Wanted::Date } else { Wanted::Number })
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

/// Whether a name without arguments calls a helper, and means no variable.
pub(crate) fn is_name_alone(name: &str) -> bool {
    find(name).is_some_and(Function::takes_name)
}

pub(super) use self::time::{is_date, refuses_format};

/// The helper of that name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The addresses of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// What stands before every one.
    pub(crate) base: String,
    /// Those of files, by name.
    pub(crate) files: BTreeMap<String, String>,
}

/// The same, given once, when all that pages name is known.
///
/// They are no part of a page's context, for they are nothing of the request: a page's fingerprint
/// holds the addresses of all files that its templates name, and the base where they print it.
pub(super) type GivenAddresses = Arc<OnceLock<Addresses>>;

/// The address of the file that is named; that there is one was checked when the file was loaded.
fn address(args: &Args<'_>) -> Value {
    let name = args.get(0).as_str().unwrap_or_default();
    let found = args.addresses.get().and_then(|addresses| addresses.files.get(name));
    found.map_or(Value::Null, |address| address.as_str().into())
}

/// A path of the site as it is asked for from outside; what is no path stays as it is.
fn url(args: &Args<'_>) -> Value {
    let Some(text) = args.get(0).as_str() else { return args.get(0).clone() };
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let base = args.addresses.get().map(|addresses| &*addresses.base).filter(|_| is_path);
    format!("{}{text}", base.unwrap_or_default()).into()
}

/// Makes the helpers known to an engine, which escapes so.
pub(super) fn register(
    registry: &mut Handlebars<'static>,
    escape: Escape,
    clock: &Clock,
    addresses: &GivenAddresses,
) {
    for function in FUNCTIONS {
        let (clock, addresses) = (clock.clone(), Arc::clone(addresses));
        let raw = match function.run {
            Run::Engine => continue,
            Run::Raw(_) => true,
            Run::Markup(_) => escape != Escape::Xml,
            _ => false,
        };
        let run = move |call: &Helper<'_>| {
            let list = call.params().iter().map(PathAndJson::value).collect();
            let is_set =
                |name| call.hash_get(name).is_some_and(|flag| flag.value() == &json!(true));
            let (desc, untrusted) = (is_set("desc"), is_set("untrusted"));
            function.run.value(&Args {
                list,
                desc,
                untrusted,
                clock: &clock,
                addresses: &addresses,
            })
        };
        registry.register_helper(function.name, Box::new(Gives { run, raw }));
    }
    let escaped =
        |call: &Helper<'_>| text::json_of(call.param(0).map_or(&Value::Null, PathAndJson::value));
    registry.register_helper(ESCAPED_JSON, Box::new(Gives { run: escaped, raw: false }));
}

/// The arguments of a call; an absent value is null.
struct Args<'a> {
    list: Vec<&'a Value>,
    desc: bool,
    untrusted: bool,
    clock: &'a Clock,
    addresses: &'a GivenAddresses,
}

impl Args<'_> {
    fn get(&self, index: usize) -> &Value {
        self.list.get(index).copied().unwrap_or(&Value::Null)
    }
}

/// A helper that gives a value made from its arguments.
pub(super) struct Gives<F> {
    pub(super) run: F,
    /// Whether what it prints is not escaped.
    pub(super) raw: bool,
}

impl<F> HelperDef for Gives<F>
where
    F: Fn(&Helper<'_>) -> Value + Send + Sync,
{
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, handlebars::RenderError> {
        let refused = |words| RenderErrorReason::Other(words).into();
        meter::look().map(|()| ScopedJson::Derived((self.run)(call))).map_err(refused)
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = self.call_inner(call, registry, context, rc)?;
        if call.is_block() {
            let holds = value.as_json().is_truthy(false);
            let body = if holds { call.template() } else { call.inverse() };
            return body.map_or(Ok(()), |body| body.render(registry, context, rc, out));
        }
        let text = value.render();
        let as_it_stands = self.raw || rc.is_disable_escape();
        out.write(&if as_it_stands { text } else { registry.get_escape_fn()(&text) })?;
        Ok(())
    }
}
