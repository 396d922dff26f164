//! What is wrong with a page that parses: what it calls that is not there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::functions::{self, FUNCTIONS, Function, HelperForm};
use super::node::{Base, Call, Expr, Node, Partial, Target, visit};
use super::reach::Reach;
use super::set::{TemplateId, TemplateSet};
use super::visible;
use crate::diagnostic::{Code, Diagnostic, Report, Span, did_you_mean};

/// Checks a page and all partials that it reaches.
pub(super) fn page(set: &TemplateSet, page: TemplateId) -> Report {
    let mut report = Report::default();
    let reach = Reach::of(set, page);
    let candidates = set.files.values().filter(|_| reach.computed);
    for id in reach.templates.iter().chain(candidates).collect::<BTreeSet<_>>() {
        report.extend(set.unit(*id).wrong.iter().cloned().collect());
    }
    for id in &reach.templates {
        visit(&set.unit(*id).nodes, &mut |node| {
            this_node(node, &mut report);
        });
    }
    visible::check(&reach, page, &mut report);
    let mut cycles = Cycles { reach: &reach, open: Vec::new(), done: BTreeSet::new(), report };
    cycles.enter(Spot::File(page), None);
    cycles.report
}

fn this_node(node: &Node, report: &mut Report) {
    match node {
        Node::Text(_) => {}
        Node::Print(expr, _) => this_expr(expr, report),
        Node::Block(block) => this_call(&block.call, HelperForm::Block, report),
        Node::Inline(inline) => {
            inline.args.iter().for_each(|arg| this_expr(arg, report));
            if inline.decorator != "inline" {
                let message = format!("there is no decorator `{}`", inline.decorator);
                let help = "the only one is `{{#*inline \"name\"}}…{{/inline}}`";
                report
                    .push(Diagnostic::new(Code::UnknownHelper, message, &inline.place).help(help));
            } else if inline.args.len() != 1 {
                let message = "`inline` takes the partial's name".to_owned();
                report.push(Diagnostic::new(Code::TemplateSyntax, message, &inline.place));
            }
        }
        Node::Partial(partial) => this_partial(partial, report),
    }
}

fn this_partial(partial: &Partial, report: &mut Report) {
    partial.exprs().for_each(|arg| this_expr(arg, report));
    if partial.args.len() > 1 {
        let message = "a partial takes one context".to_owned();
        let help = "name further arguments: `{{> card post wide=true}}`";
        report.push(Diagnostic::new(Code::TemplateSyntax, message, &partial.place).help(help));
    }
}

pub(super) fn unknown_partial<'s>(reach: &Reach<'s>, name: &str, place: &Span) -> Diagnostic {
    let message = format!("there is no partial `{name}`");
    let found = Diagnostic::new(Code::UnknownPartial, message, place);
    let other = reach.set.names().find(|file| {
        file.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.') && rest.strip_suffix(".hbs").is_some())
    });
    if let Some(file) = other {
        let help = format!("`{file}` is of another kind than this page: write its whole name");
        return found.help(help);
    }
    let bare = |file: &'s str| -> &'s str {
        let plain = file.strip_suffix(".hbs").unwrap_or(file);
        let ours = reach.kind.extensions.iter().find_map(|ext| plain.strip_suffix(ext.as_str()));
        ours.and_then(|plain| plain.strip_suffix('.')).unwrap_or(plain)
    };
    // From elsewhere: `./nav`, `/nav`, `templates/nav`, `nav.html`, or without its directory.
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let plain = name.strip_suffix(".hbs").unwrap_or(name);
    let kind = reach.kind.extensions.iter().find_map(|ext| plain.strip_suffix(ext.as_str()));
    let wanted = last(kind.and_then(|plain| plain.strip_suffix('.')).unwrap_or(plain));
    let mut same = reach.set.names().map(bare).filter(|known| last(known) == wanted);
    if let (Some(file), None) = (same.next(), same.next()) {
        let help = format!("it is `{{{{> {file}}}}}`: names begin below the templates' directory");
        return found.help(help);
    }
    let inline = reach.inlines.iter().filter_map(|inline| inline.name());
    if let Some(help) = did_you_mean(name, reach.set.names().map(bare).chain(inline)) {
        return found.help(help);
    }
    let first = reach.kind.extensions.first().map_or("html", String::as_str);
    found.help(format!("a partial is a file like `{name}.{first}.hbs` beside the templates"))
}

fn this_expr(expr: &Expr, report: &mut Report) {
    match expr {
        Expr::Call(call) => this_call(call, HelperForm::Value, report),
        Expr::Path(path) if path.base == Base::Local => {
            let name = path.names.first().map(String::as_str).unwrap_or_default();
            let bare = name.trim_start_matches(['@', '.', '/']);
            let first = bare.split(['.', '/']).next().unwrap_or_default();
            if !["index", "key", "first", "last"].contains(&first) {
                let message = format!("nothing provides `{name}`");
                let help = match first {
                    "root" => "`@root` stands before a name: `@root.site`",
                    _ => "there are @index, @key, @first and @last, inside `each`",
                };
                let found = Diagnostic::new(Code::UnknownVariable, message, &path.place);
                report.push(found.help(help));
            }
        }
        Expr::Path(_) | Expr::Literal(_) => {}
    }
}

fn this_call(call: &Call, form: HelperForm, report: &mut Report) {
    call.exprs().for_each(|arg| this_expr(arg, report));
    let Some(function) = functions::find(&call.name) else {
        return report.push(unknown_helper(call, form));
    };
    let wrong = |message: String| Diagnostic::new(Code::TemplateSyntax, message, &call.place);
    let name = function.name;
    match (form, function.form) {
        (HelperForm::Block, HelperForm::Value) => {
            let help = format!("as a condition: `{{{{#if ({name} …)}}}}…{{{{/if}}}}`");
            return report.push(wrong(format!("`{name}` is no block")).help(help));
        }
        (HelperForm::Value, HelperForm::Block) => {
            let message = format!("`{name}` is a block and gives no value");
            return report.push(wrong(message).help(usage(function)));
        }
        _ => {}
    }
    if let Some(words) = function.refuses(call.args.len()) {
        let help = if call.bare {
            format!("a variable stands without parentheses: `{name}`")
        } else {
            usage(function)
        };
        report.push(wrong(words).help(help));
    }
    let other = call.hash.iter().find(|(named, _)| !function.named.contains(&named.as_str()));
    if let Some((named, _)) = other {
        report.push(wrong(format!("`{name}` has no argument `{named}`")).help(usage(function)));
    }
    if let ("date", Some(Expr::Literal(Value::String(format)))) = (name, call.args.get(1))
        && let Some(why) = functions::refuses_format(format)
    {
        let place = call.field.as_ref().unwrap_or(&call.place);
        let help = "a format has the parts of a date behind `%`: `\"%d.%m.%Y\"`; RFC 3339 is \
                    `\"%Y-%m-%dT%H:%M:%S%:z\"`";
        let message = format!("the format `{format}` {why}");
        report.push(Diagnostic::new(Code::BadDate, message, place).help(help));
    }
    if name == "asset" && call.args.len() == 1 && call.asset().is_none() {
        let help = "write its name in quotes, as it stands below a directory that a `dir` route \
                    serves: `{{asset \"site.css\"}}`";
        report.push(
            wrong("`asset` takes the name of a file, not one that is computed".into()).help(help),
        );
    }
}

fn usage(function: &Function) -> String {
    format!("write `{}`", function.usage())
}

fn unknown_helper(call: &Call, form: HelperForm) -> Diagnostic {
    let name = call.name.as_str();
    let found =
        Diagnostic::new(Code::UnknownHelper, format!("there is no helper `{name}`"), &call.place);
    let habit = match name {
        "elif" | "elsif" => Some("write `{{else if x}}`"),
        "for" | "foreach" => Some("write `{{#each list}}…{{/each}}`"),
        "include" | "render" => Some("a partial is `{{> partials/nav}}`"),
        "extends" | "block" => Some("set `layout` at the route"),
        _ => None,
    };
    let place = &call.place;
    let after = place.file().text.get(place.range().end..).unwrap_or_default();
    if let Some((index, _)) = after.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return found.help(format!("write `{name}.[{index}]`"));
    }
    if let Some(habit) = habit {
        return found.help(habit);
    }
    if let Some(help) = did_you_mean(name, FUNCTIONS.iter().map(|function| function.name)) {
        return found.help(help);
    }
    if form == HelperForm::Block {
        return found.help(format!(
            "for a variable write `{{{{#if {name}}}}}`, `{{{{#with {name}}}}}` or `{{{{#each \
             {name}}}}}`"
        ));
    }
    if call.bare {
        return found.help(format!("a variable stands without parentheses: `{name}`"));
    }
    found
}

/// Something that partials are called from: a file, or a partial written in place by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    File(TemplateId),
    Inline(usize),
}

struct Cycles<'s> {
    reach: &'s Reach<'s>,
    /// The way here, each with its name and the call that led to it.
    open: Vec<(Spot, String, Option<Span>)>,
    done: BTreeSet<Spot>,
    report: Report,
}

impl Cycles<'_> {
    fn enter(&mut self, spot: Spot, call: Option<&Span>) {
        if let Some(at) = self.open.iter().position(|(open, ..)| *open == spot) {
            return self.found(at, call);
        }
        if self.done.contains(&spot) || self.open.len() > 256 {
            return;
        }
        let (name, nodes) = match spot {
            Spot::File(id) => {
                let unit = self.reach.set.unit(id);
                (unit.name.as_str(), &unit.nodes)
            }
            Spot::Inline(index) => {
                let inline = self.reach.inlines[index];
                (inline.name().unwrap_or("inline"), &inline.body)
            }
        };
        self.open.push((spot, name.to_owned(), call.cloned()));
        let mut calls: Vec<(Spot, &Span)> = Vec::new();
        always(nodes, &mut |partial| {
            if let Partial { target: Target::Named(name), place, .. } = partial {
                let inlines = self.reach.inlines_named(name).map(|(index, _)| Spot::Inline(index));
                let file = self.reach.set.partial(name, self.reach.kind).map(Spot::File);
                calls.extend(inlines.chain(file).map(|spot| (spot, place)));
            }
        });
        for (spot, place) in calls {
            self.enter(spot, Some(place));
        }
        self.open.pop();
        self.done.insert(spot);
    }

    fn found(&mut self, at: usize, call: Option<&Span>) {
        let Some(place) = call else { return };
        let round = self.open.get(at..).unwrap_or_default();
        let first = round.first().map(|(_, name, _)| name.clone());
        let chain: Vec<_> = round.iter().map(|(_, name, _)| name.clone()).chain(first).collect();
        let who = match chain.as_slice() {
            [one, _] => format!("`{one}` includes itself"),
            chain => format!("partials include each other: {}", chain.join(" → ")),
        };
        let message = format!("{who}, in no `if`, `each` or `with`: that would never end");
        let help = "put the call into the `{{#if …}}` or `{{#each …}}` that ends it";
        let mut found = Diagnostic::new(Code::PartialCycle, message, place).help(help);
        for (_, name, via) in round.iter().skip(1) {
            found = via.iter().fold(found, |found, via| found.label(via, format!("calls {name}")));
        }
        self.report.push(found);
    }
}

/// Calls `see` with the partials that are called whatever the values are: those in no block.
fn always<'n>(nodes: &'n [Node], see: &mut dyn FnMut(&'n Partial)) {
    for node in nodes {
        if let Node::Partial(partial) = node {
            see(partial);
            always(partial.body.as_deref().unwrap_or_default(), see);
        }
    }
}
