//! Where a value from outside may not stand, and what is said of it.

use super::address::{Between, Prefix};
use super::html::{At, Context};
use super::script::Mode;
use super::tag::{Meta, ScriptType};
use super::{Coding, Finding, Form, Outside};
use crate::diagnostic::{Code, Diagnostic};
use crate::site::template::Step;

macro_rules! refusals {
    ($(
        $(#[$doc:meta])* $name:ident $(($data:ty))?: $code:ident, $what:literal $(, $help:literal)?;
    )*) => {
        /// Why a value from outside may not be printed somewhere.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Refusal {
            $($(#[$doc])* $name $(($data))?,)*
        }

        impl Refusal {
            /// The code, what is wrong, and how to mend it, with `{value}` for the value; nothing
            /// where only a declaration of the value does.
            fn words(self) -> (Code, &'static str, Option<&'static str>) {
                match self {
                    $(Self::$name { .. } => (Code::$code, $what, None$(.or(Some($help)))?),)*
                }
            }
        }
    };
}

refusals! {
    /// As it stands, where text is wanted.
    Unescaped: UnescapedInput, "this puts it into the page as markup",
        "write `{{{value}}}`; `{{{trusted {value}}}}` if it is meant";
    /// Markdown with the visitor's tags.
    Markdown: UnescapedInput, "this puts the tags in it into the page",
        "`{{markdown {value} untrusted=true}}` writes tags as text";
    /// A value of a `json` that is sent as a page.
    JsonAsPage: UnescapedInput, "JSON that is sent as a page is not escaped",
        "leave out `content_type`, or write a `template`";
    /// JSON, whose quotes end the attribute.
    JsonInAttribute: UnescapedInput, "the quotes of its JSON end this attribute",
        "write `{{json {value}}}` in the template that holds the attribute";
    /// The name of a tag or attribute.
    Name: InputInCode, "it stands where a tag or an attribute is named";
    /// An attribute without quotes.
    Unquoted: InputInCode, "a space in it ends this attribute, which has no quotes",
        "put quotes around it: `=\"{{{value}}}\"`";
    /// `on…`.
    Event: InputInCode, "an `on…` attribute is code: escaping for HTML does not protect it",
        "put it into `data-x=\"{{{value}}}\"`, and read that in a script";
    /// A style: an element, an attribute, a file.
    Style: InputInCode, "a style can load addresses and cover the page";
    /// An attribute that holds a page, or decides what another means.
    Acting: InputInCode, "this attribute decides what the page does";
    /// `content` of a `meta` that acts as a header would.
    Refresh: InputInCode, "a `meta` with `http-equiv` acts as a header does";
    /// `content` of a `meta` before its name.
    MetaOrder: InputInCode, "a `meta` may send the visitor elsewhere",
        "write `name` or `property` before `content`, so that this `meta` is none that does";
    /// An attribute with several addresses, of which the value may begin another.
    AddressList: InputInCode, "a space or a comma in it begins another address here",
        "write `{{urlencode {value}}}`";
    /// An attribute whose name is a value.
    UnknownAttribute: InputInCode, "the name of this attribute is a value too";
    /// An address that the value may choose from its beginning.
    Address: InputInCode, "it can choose where this address leads, `javascript:` too",
        "begin the address in the template: `/search?q={{urlencode {value}}}`";
    /// An address that is the path which was asked for: it may begin with two slashes where the
    /// path of the route begins with a parameter.
    PathAddress: InputInCode, "an address that begins with two slashes leads to another host",
        "write the host: `https://example.com{{{value}}}`";
    /// The host of an address, where the value between the two slashes before it is empty.
    Between(Between): InputInCode,
        "it is the host of this address where what stands between the slashes before it is empty",
        "write a word there: `/x/…`; or a value that is never empty, a `{parameter}` of the path \
         or one of `data`";
    /// `<!…>`, `<?…>`.
    Declaration: InputInCode, "it stands in a declaration";
    /// A script, in code, but not as JSON.
    Script: InputInCode, "it stands in code, where escaping for HTML does not protect",
        "write `{{json {value}}}`, which is a value in quotes of its own";
    /// The name of a module that a script imports.
    Module: InputInCode, "it names a module, which is run";
    /// A string, a regular expression, a comment of a script.
    InsideScript: InputInCode, "it stands inside a string, an expression or a comment of a script",
        "write `{{json {value}}}` outside of it, without quotes around";
    /// A script of a type that is neither JavaScript nor JSON.
    ScriptType: InputInCode, "this script is neither JavaScript nor JSON",
        "put it into `<script type=\"application/json\">{{json {value}}}</script>`";
    /// It cannot be told where it stands.
    Undecided: InputInCode, "it cannot be told where in the page it stands",
        "end the branches of `if` and `each` at the same place: no tag, quote or script open in \
         one and closed in another";
}

/// Attributes that hold a page, or decide what others and what is around them mean.
const ACTING: &[&str] =
    &["srcdoc", "http-equiv", "integrity", "nonce", "sandbox", "attributename", "xmlns"];
/// Attributes of the animations of SVG, which set another attribute to them.
const ANIMATED: &[&str] = &["to", "from", "by", "values"];

/// Why a value may not be printed in a place; nothing where it may.
pub(super) fn refusal(context: &Context, coding: Coding, form: Form) -> Option<Refusal> {
    match context.at {
        At::Text | At::Raw | At::Plain => unescaped(coding, form),
        At::Comment(_) | At::Cdata(_) => match (coding, form) {
            (Coding::Markdown, Form::Raw) => Some(Refusal::Markdown),
            _ => unescaped(coding, form),
        },
        At::Open | At::CloseOpen | At::TagName | At::InTag | At::AttributeName | At::AfterName => {
            Some(Refusal::Name)
        }
        At::Bang | At::Declaration => Some(Refusal::Declaration),
        At::BeforeValue | At::Value(None) => Some(Refusal::Unquoted),
        At::Value(Some(_)) => in_value(context, coding, form),
        At::Style | At::StyleFile => Some(Refusal::Style),
        At::Script if context.tag.script_type == ScriptType::Other => Some(Refusal::ScriptType),
        At::Script | At::ScriptFile => in_script(context, coding, form),
        At::Undecided => Some(Refusal::Undecided),
    }
}

fn unescaped(coding: Coding, form: Form) -> Option<Refusal> {
    match (form, coding) {
        (Form::Raw, Coding::Plain | Coding::Path) => Some(Refusal::Unescaped),
        (Form::Raw, Coding::Html) => Some(Refusal::Markdown),
        _ => None,
    }
}

fn in_value(context: &Context, coding: Coding, form: Form) -> Option<Refusal> {
    let attribute = &context.attribute;
    let name = attribute.name.as_str();
    let local = name.rsplit(':').next().unwrap_or(name);
    let tag = &context.tag.name;
    if attribute.dynamic && !name.starts_with("data-") && !name.starts_with("aria-") {
        return Some(Refusal::UnknownAttribute);
    }
    if name.starts_with("on") {
        return Some(Refusal::Event);
    }
    if local == "style" {
        return Some(Refusal::Style);
    }
    let animates = tag.as_str().starts_with("animate") || tag.is("set");
    let types_script = name == "type" && tag.is("script");
    if ACTING.contains(&local)
        || name.starts_with("xmlns:")
        || types_script
        || (animates && ANIMATED.contains(&name))
    {
        return Some(Refusal::Acting);
    }
    if name == "content" && tag.is("meta") {
        match context.tag.meta {
            Meta::Acts => return Some(Refusal::Refresh),
            Meta::Unknown => return Some(Refusal::MetaOrder),
            Meta::Named => {}
        }
    }
    match (form, coding) {
        (Form::Raw, Coding::Json) if context.at != At::Value(Some('\'')) => {
            return Some(Refusal::JsonInAttribute);
        }
        (Form::Raw, Coding::Markdown) => return Some(Refusal::Markdown),
        _ => {}
    }
    if attribute.is_list() && coding != Coding::Url {
        return Some(unescaped(coding, form).unwrap_or(Refusal::AddressList));
    }
    if attribute.is_address() && !may_follow(attribute.prefix, coding) {
        let unescaped = unescaped(coding, form);
        return unescaped.or(Some(match (coding, attribute.prefix) {
            (Coding::Path, Prefix::Start | Prefix::Given) => Refusal::PathAddress,
            (_, Prefix::Perhaps(between)) => Refusal::Between(between),
            _ => Refusal::Address,
        }));
    }
    unescaped(coding, form)
}

fn may_follow(prefix: Prefix, coding: Coding) -> bool {
    match prefix {
        Prefix::Decided => true,
        Prefix::Host if coding == Coding::Path => true,
        // Encoded it can be no scheme, and no host but after two slashes that are there already.
        Prefix::Start | Prefix::Word(_) | Prefix::Given | Prefix::Slash | Prefix::SlashGiven(_) => {
            coding == Coding::Url
        }
        Prefix::Scheme(_) | Prefix::Host | Prefix::Perhaps(_) | Prefix::Bad => false,
    }
}

fn in_script(context: &Context, coding: Coding, form: Form) -> Option<Refusal> {
    match (coding, form) {
        _ if context.script.mode == Mode::Lost => Some(Refusal::Undecided),
        _ if !context.script.is_code() => Some(Refusal::InsideScript),
        (Coding::Json, Form::Raw) if context.script.names_module() => Some(Refusal::Module),
        (Coding::Json, Form::Raw) => None,
        _ => Some(Refusal::Script),
    }
}

impl Finding {
    /// What is said of it where the value is written `outside`.
    pub(crate) fn diagnostic(&self, outside: Outside) -> Diagnostic {
        let who = match outside {
            Outside::Visitor => "a visitor writes",
            Outside::Server => "another server sends",
        };
        let value = self.value_written();
        let (code, what, help) = self.refusal.words();
        let message = format!("`{value}` is what {who}, and {what}");
        let mut found = Diagnostic::new(code, message, &self.place);
        for via in self.via.iter().rev() {
            found = found.label(via, "through this partial");
        }
        found.help(help.map_or_else(|| self.declared(), |help| help.replace("{value}", &value)))
    }

    /// The value as one writes it: `query.q`, `query.*`.
    fn value_written(&self) -> String {
        let names = self.value.iter().filter_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Any => Some("*"),
            Step::All => None,
        });
        let written = names.collect::<Vec<_>>().join(".");
        if written.is_empty() { "this".to_owned() } else { written }
    }

    /// The declaration that makes a value one of the site's own.
    fn declared(&self) -> String {
        match self.value.as_slice() {
            [Step::Name(root), Step::Name(name), rest @ ..] => {
                let field = match root.as_str() {
                    "query" | "params" => root,
                    "body" if rest.is_empty() => "fields",
                    _ => return "print a value of the site's own that it chooses".to_owned(),
                };
                format!("declare what it may be: `{field}: {{ {name}: {{ enum: [a, b] }} }}`")
            }
            _ => "print a value of the site's own that it chooses".to_owned(),
        }
    }
}
