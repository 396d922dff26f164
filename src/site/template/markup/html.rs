//! A tokenizer of HTML and XML (the states of the HTML standard, §13.2.5) whose state is a value:
//! where in a page the next character stands. It makes no tokens.
//!
//! It builds no tree. Inside `<svg>` and `<math>`, and in XML, elements like `script` and `title`
//! are markup or text by what is around them: such a one is followed while both ways of reading
//! come to the same, and is [`At::Undecided`] from there on.

use super::address::{Given, Prefix};
use super::name::Name;
use super::script::{Mode, Script};
use super::tag::{Attribute, Side, Tag};

/// Where in a page the next character stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) at: At,
    /// The tag that is being read, or the element whose text this is.
    pub(super) tag: Tag,
    pub(super) attribute: Attribute,
    pub(super) script: Script,
    /// What was read since the last `<`, inside an element that only its own end tag ends.
    tail: Name,
    /// What `<!--` and `<script` inside a script have done.
    escape: Escape,
    /// How many `<svg>` and how many `<math>` are open.
    foreign: [u8; 2],
    /// Whether a `<select>` is open, in which older browsers know few elements.
    select: bool,
    /// Inside `<![CDATA[` of an element that may be XML.
    cdata: bool,
    xml: bool,
}

/// What a place is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Text,
    /// After `<`.
    Open,
    /// After `</`.
    CloseOpen,
    /// After `<!`; what followed is in the tail.
    Bang,
    /// A comment, after so many dashes; 3 is after `--!`.
    Comment(u8),
    /// `<!DOCTYPE`, `<?x`, and what is taken for a comment.
    Declaration,
    /// A CDATA section, after so many brackets.
    Cdata(u8),
    TagName,
    /// Where the name of an attribute may begin.
    InTag,
    AttributeName,
    AfterName,
    BeforeValue,
    /// A value, in this quote; unquoted where there is none.
    Value(Option<char>),
    /// The text of `title`, `textarea` and their kin: no markup but their end tag.
    Raw,
    Style,
    Script,
    /// After `<plaintext>`.
    Plain,
    /// A file of JavaScript or JSON.
    ScriptFile,
    /// A file of CSS.
    StyleFile,
    Undecided,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After `<!--` and so many dashes since.
    Escaped(u8),
    /// After `<script` in that: a `</script>` ends only this.
    Double(u8),
}

const RAW: &[&str] = &["title", "textarea", "iframe", "xmp", "noembed", "noframes"];

impl Context {
    pub(super) fn new(at: At, xml: bool) -> Self {
        Self {
            at,
            tag: Tag::default(),
            attribute: Attribute::default(),
            script: Script::new(),
            tail: Name::default(),
            escape: Escape::None,
            foreign: [0; 2],
            select: false,
            cdata: false,
            xml,
        }
    }

    /// Whether the characters up to the next `<` change nothing.
    pub(super) fn is_plain_text(&self) -> bool {
        self.at == At::Text
    }

    /// One more character; the second state where there are two ways of reading it.
    pub(super) fn step(&mut self, c: char) -> Option<Self> {
        match self.at {
            At::Text if c == '<' => self.at = At::Open,
            At::Open => self.open(c),
            At::CloseOpen => match c {
                c if self.begins_name(c) => self.begin_tag(c, Side::End),
                '>' => self.at = At::Text,
                _ => self.at = At::Declaration,
            },
            At::Bang => self.bang(c),
            At::Comment(dashes) => self.comment(c, dashes),
            At::Declaration | At::Cdata(2) if c == '>' => self.at = At::Text,
            // A document's own declarations, which hold any signs in quotes.
            At::Declaration if c == '[' && self.xml => self.at = At::Undecided,
            At::Cdata(brackets) => self.cdata(c, brackets),
            At::TagName | At::InTag | At::AttributeName | At::AfterName | At::BeforeValue => {
                self.tag(c);
            }
            At::Value(quote) => self.value(c, quote),
            At::Raw | At::Style => self.raw(c),
            At::Script => {
                let twin = self.script.step(c);
                self.raw(c);
                if self.at == At::Script {
                    return twin.map(|script| Self { script, ..*self });
                }
                self.script = Script::new();
            }
            At::ScriptFile => {
                return self.script.step(c).map(|script| Self { script, ..*self });
            }
            At::Text | At::Plain | At::StyleFile | At::Declaration | At::Undecided => {}
        }
        if self.at == At::Text && self.tag.name.is("noscript") {
            // Text where scripts run, and markup where they do not.
            let tag = Tag { name: self.tag.name, ..Tag::default() };
            let text = Self { at: At::Raw, tag, tail: Name::default(), ..*self };
            self.tag = Tag::default();
            return Some(text);
        }
        None
    }

    /// Whether this is inside of `<svg>` or `<math>`, or XML.
    fn is_foreign(&self) -> bool {
        self.xml || self.foreign != [0; 2]
    }

    /// At the end of a piece of text.
    pub(super) fn pause(&mut self) {
        if matches!(self.at, At::Script | At::ScriptFile) {
            self.script.pause();
        }
    }

    /// Whether this reading of the page does not run: another that does counts.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.at, At::Script | At::ScriptFile) && self.script.mode == Mode::Dead
    }

    /// The places where the text may go on after a value.
    pub(super) fn after_value(mut self, given: Given) -> Vec<Self> {
        let with = |at| Self { at, ..self };
        match self.at {
            // A value may end in dashes or brackets, and may be nothing.
            At::Comment(_) => return [0, 1, 2].map(|dashes| with(At::Comment(dashes))).to_vec(),
            At::Cdata(_) => return [0, 1, 2].map(|dashes| with(At::Cdata(dashes))).to_vec(),
            At::Open => {
                let mut named = self;
                named.begin_tag('?', Side::Start);
                named.tag = Tag { name: Name::default(), dynamic: true, ..named.tag };
                return vec![named];
            }
            At::CloseOpen => self.begin_tag('?', Side::End),
            At::Bang => self.at = At::Declaration,
            At::TagName => self.tag.dynamic = true,
            At::InTag | At::AfterName => {
                let attribute = Attribute { dynamic: true, ..Attribute::default() };
                return vec![self, Self { at: At::AttributeName, attribute, ..self }];
            }
            At::AttributeName => self.attribute.dynamic = true,
            At::BeforeValue => {
                let mut bare = with(At::Value(None));
                bare.attribute.prefix = bare.attribute.prefix.after_value(given);
                bare.attribute.value = Name::of("?");
                return vec![self, bare];
            }
            At::Value(_) => {
                self.attribute.prefix = self.attribute.prefix.after_value(given);
                self.attribute.value = Name::of("?");
            }
            At::Script | At::ScriptFile => {
                self.script = self.script.after_value();
                self.tail = Name::default();
                self.escape = match self.escape {
                    Escape::None => Escape::None,
                    Escape::Escaped(_) => Escape::Escaped(0),
                    Escape::Double(_) => Escape::Double(0),
                };
            }
            _ => self.tail = Name::default(),
        }
        vec![self]
    }

    fn open(&mut self, c: char) {
        self.tail = Name::default();
        match c {
            c if self.begins_name(c) => self.begin_tag(c, Side::Start),
            '/' => self.at = At::CloseOpen,
            '!' => self.at = At::Bang,
            '?' => self.at = At::Declaration,
            '<' => {}
            _ => self.at = At::Text,
        }
    }

    fn begins_name(&self, c: char) -> bool {
        c.is_ascii_alphabetic() || (self.xml && (matches!(c, '_' | ':') || !c.is_ascii()))
    }

    fn begin_tag(&mut self, c: char, side: Side) {
        self.tag = Tag { side, ..Tag::default() };
        self.tag.name.push(c);
        self.at = At::TagName;
    }

    fn bang(&mut self, c: char) {
        self.tail.push(c);
        if self.tail.is("--") {
            // `<!-->` is a whole comment, as `<!--->` is.
            self.at = At::Comment(2);
        } else if self.tail.is("[cdata[") && self.is_foreign() {
            self.at = At::Cdata(0);
        } else if c == '>' {
            self.at = At::Text;
        } else if !("--".starts_with(self.tail.as_str())
            || "[cdata[".starts_with(self.tail.as_str()))
        {
            self.at = At::Declaration;
        }
        if self.at != At::Bang {
            self.tail = Name::default();
        }
    }

    fn comment(&mut self, c: char, dashes: u8) {
        self.at = match (c, dashes) {
            ('>', 2 | 3) => At::Text,
            ('-', 3) => At::Comment(1),
            ('-', _) => At::Comment((dashes + 1).min(2)),
            ('!', 2) => At::Comment(3),
            _ => At::Comment(0),
        };
    }

    fn cdata(&mut self, c: char, brackets: u8) {
        let next = if c == ']' { (brackets + 1).min(2) } else { 0 };
        // Where the parser is not in foreign content after all, `>` ends it.
        self.at = if c == '>' && !self.xml { At::Undecided } else { At::Cdata(next) };
    }

    fn tag(&mut self, c: char) {
        match (self.at, c) {
            (At::BeforeValue, '"' | '\'') => self.at = At::Value(Some(c)),
            (At::BeforeValue, c) if c.is_ascii_whitespace() => {}
            (At::BeforeValue, c) if c != '>' => {
                self.at = At::Value(None);
                self.value(c, None);
            }
            (_, '>') => self.end_tag(),
            (At::TagName, c) if c.is_ascii_whitespace() => self.at = At::InTag,
            (_, '/') => {
                self.at = At::InTag;
                self.tag.slash = true;
            }
            (At::TagName, c) => self.tag.name.push(c),
            (At::AttributeName, c) if c.is_ascii_whitespace() => self.at = At::AfterName,
            (At::AttributeName | At::AfterName, '=') => self.at = At::BeforeValue,
            (At::AttributeName, c) => self.attribute.name.push(c),
            (_, c) if c.is_ascii_whitespace() => self.tag.slash = false,
            (_, c) => {
                self.tag.slash = false;
                self.attribute = Attribute::default();
                self.attribute.name.push(c);
                self.at = At::AttributeName;
            }
        }
    }

    fn value(&mut self, c: char, quote: Option<char>) {
        let ends = match quote {
            Some(quote) => c == quote,
            None => c == '>' || c.is_ascii_whitespace(),
        };
        if !ends {
            let attribute = &mut self.attribute;
            let restarts = attribute.is_list() && (c == ',' || c.is_ascii_whitespace());
            // Of other attributes nobody asks, and it would tell the turns of a loop apart.
            if attribute.is_address() {
                attribute.prefix = if restarts { Prefix::Start } else { attribute.prefix.step(c) };
            }
            let is_type = attribute.name.is("type") && self.tag.name.is("script");
            if is_type && (!c.is_ascii_whitespace() || !attribute.value.is_empty()) {
                attribute.value.push(c);
            }
            return;
        }
        self.end_value();
        self.at = At::InTag;
        if quote.is_none() && c == '>' {
            self.end_tag();
        }
    }

    fn end_value(&mut self) {
        self.tag.note(&self.attribute);
        self.attribute = Attribute::default();
    }

    /// At the `>` of a tag: what its content is.
    fn end_tag(&mut self) {
        let Tag { name, side, dynamic, slash, script_type, .. } = self.tag;
        let is_foreign = self.is_foreign();
        self.attribute = Attribute::default();
        self.tag = Tag::default();
        self.at = At::Text;
        let local = if self.xml { name.as_str().rsplit(':').next() } else { None };
        let local = local.map_or(name, Name::of);
        if local.is("svg") || local.is("math") {
            let open = &mut self.foreign[usize::from(local.is("math"))];
            *open = match (side, slash) {
                (Side::End, _) => open.saturating_sub(1),
                (Side::Start, true) => *open,
                (Side::Start, false) => open.saturating_add(1),
            };
            return;
        }
        if local.is_one_of(&["select", "input", "textarea"]) && !self.xml {
            self.select = side == Side::Start && local.is("select");
        }
        if side == Side::End || (is_foreign && slash) {
            return;
        }
        if dynamic && ["script", "style"].iter().any(|name| name.starts_with(local.as_str())) {
            self.at = At::Undecided;
            return;
        }
        let at = match local.as_str() {
            "script" => At::Script,
            "plaintext" if !is_foreign => At::Plain,
            "noscript" if !is_foreign => At::Text,
            name if self.select && (name == "style" || RAW.contains(&name)) => At::Undecided,
            "style" => At::Style,
            _ if RAW.contains(&local.as_str()) && !self.xml => At::Raw,
            _ => return,
        };
        self.at = at;
        self.tag = Tag { name, script_type, ..Tag::default() };
        self.cdata = false;
        self.tail = Name::default();
        self.escape = Escape::None;
        self.script = Script::new();
    }

    /// A character inside an element that only its own end tag ends.
    fn raw(&mut self, c: char) {
        let is_script = self.at == At::Script;
        let both = self.is_foreign();
        let ends = c.is_ascii_whitespace() || c == '/' || c == '>';
        let (tail, name) = (self.tail, self.tag.name);
        let is_close = |tail: &Name| tail.as_str().strip_prefix("</") == Some(name.as_str());
        if ends && is_close(&tail) && !self.closes_only_escape() {
            if self.cdata {
                self.at = At::Undecided;
                return;
            }
            self.tail = Name::default();
            self.tag = Tag { name, side: Side::End, ..Tag::default() };
            self.at = At::TagName;
            return self.tag(c);
        }
        if is_script {
            self.escapes(c, ends);
        }
        if both && self.cdata {
            self.tail_of_cdata(c);
        } else if c == '<' {
            if both && !tail.is_empty() {
                self.at = At::Undecided;
            }
            self.tail = Name::of("<");
        } else if !tail.is_empty() {
            self.tail.push(c);
            let now = self.tail;
            let close = format!("</{}", name.as_str());
            let fits = |of: &str| of.starts_with(now.as_str());
            if both && now.is("<![cdata[") {
                self.cdata = true;
                self.tail = Name::default();
            } else if !(fits(&close)
                || (both && fits("<![cdata["))
                || (is_script && (fits("<!--") || fits("<script"))))
            {
                self.tail = Name::default();
                if both {
                    self.at = At::Undecided;
                }
            }
        } else if both && c == '&' && self.at != At::Raw {
            self.at = At::Undecided;
        }
    }

    fn tail_of_cdata(&mut self, c: char) {
        self.tail.push(c);
        match c {
            ']' => {}
            '>' if self.tail.as_str().ends_with("]]>") => {
                self.cdata = false;
                self.tail = Name::default();
            }
            // As HTML the end tag would count.
            '<' => self.tail = Name::of("<"),
            _ if self.tail.as_str().starts_with('<') && self.tail.as_str().len() < 12 => {}
            _ => self.tail = Name::default(),
        }
    }

    fn closes_only_escape(&self) -> bool {
        matches!(self.escape, Escape::Double(_)) && self.at == At::Script
    }

    /// `<!--`, `-->`, `<script` and `</script` inside a script.
    fn escapes(&mut self, c: char, ends: bool) {
        let dashes = |count: u8| if c == '-' { (count + 1).min(2) } else { 0 };
        self.escape = match self.escape {
            Escape::None if self.tail.is("<!-") && c == '-' => Escape::Escaped(2),
            Escape::Escaped(_) if ends && self.tail.is("<script") => Escape::Double(0),
            Escape::Double(_) if ends && self.tail.is("</script") => Escape::Escaped(0),
            Escape::Escaped(2) | Escape::Double(2) if c == '>' => Escape::None,
            Escape::Escaped(count) => Escape::Escaped(dashes(count)),
            Escape::Double(count) => Escape::Double(dashes(count)),
            Escape::None => Escape::None,
        };
    }
}
