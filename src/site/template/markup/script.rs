//! Where in a script a character stands: code, a string, a template literal, a regular expression,
//! a comment. JSON is read as the part of JavaScript that it is.

use super::name::Name;

/// How deep template literals may be inside each other.
const LITERALS: usize = 4;

/// A place in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) mode: Mode,
    last: Last,
    /// The word that is being read, in code.
    word: Name,
    /// Whether a dot stood before that word: then it is no keyword.
    after_dot: bool,
    /// The character before, in code: for `++`, `<!--` and `-->`.
    tail: [char; 3],
    /// Whether nothing but white space and comments stood on this line.
    line_is_empty: bool,
    /// How many braces are open in each `${` of a template literal.
    braces: [u8; LITERALS],
    literals: u8,
    /// How many parentheses are open, and of each, the innermost in the lowest bit, whether it is
    /// of an `if` or a loop.
    parens: u8,
    controls: u64,
}

/// What a place in a script is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Code.
    #[default]
    Code,
    /// After a `/` in code.
    Slash,
    /// A comment to the end of the line.
    Line,
    /// A comment; after a `*`.
    Block { star: bool },
    /// A string in this quote; after a backslash.
    Quoted { quote: char, escaped: bool },
    /// A template literal; after a `$`.
    Literal { escaped: bool, dollar: bool },
    /// A regular expression.
    Regex { escaped: bool, class: bool },
    /// It does not parse, so that nothing in it runs.
    Dead,
    /// It goes deeper than it is followed.
    Lost,
}

/// What the last token was, for telling a division from a regular expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    /// An operator, a keyword, or nothing yet: a `/` begins a regular expression.
    #[default]
    Operator,
    /// `if` and its kin: what is in the parentheses after it is no value.
    Control,
    /// A value: a `/` divides.
    Value,
    /// `}`, `++`: it depends on what stood before.
    Either,
    /// `import`, `import(`: a module's name follows.
    Import,
    /// `from`: so it does, but in parentheses.
    From,
}

/// Words after which a `/` begins a regular expression.
const KEYWORDS: &[&str] = &[
    "break",
    "case",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "extends",
    "in",
    "instanceof",
    "new",
    "return",
    "throw",
    "typeof",
    "void",
];
/// Words before a condition in parentheses.
const CONTROLS: &[&str] = &["for", "if", "while", "with"];
/// Words that are keywords in some places and names in others.
const PERHAPS: &[&str] = &["await", "yield", "of"];

impl Script {
    pub(super) fn new() -> Self {
        Self { line_is_empty: true, ..Self::default() }
    }

    /// Whether a value may stand here as JSON.
    pub(super) fn is_code(&self) -> bool {
        self.mode == Mode::Code || (self.mode == Mode::Slash && self.last == Last::Value)
    }

    /// Whether a value here is the name of a module, which is code.
    pub(super) fn names_module(&self) -> bool {
        self.mode == Mode::Code && matches!(self.last, Last::Import | Last::From)
    }

    /// One more character; the second state where there are two ways of reading it.
    pub(super) fn step(&mut self, c: char) -> Option<Self> {
        let line_ends = matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
        match self.mode {
            Mode::Code => self.code(c),
            Mode::Slash => return self.slash(c),
            Mode::Line if line_ends => self.back(c),
            Mode::Block { star: true } if c == '/' => self.mode = Mode::Code,
            Mode::Block { .. } => {
                self.line_is_empty |= line_ends;
                self.mode = Mode::Block { star: c == '*' };
            }
            Mode::Quoted { quote, escaped } => match c {
                _ if escaped => {
                    self.note(c);
                    self.mode = Mode::Quoted { quote, escaped: false };
                }
                // A line end of two characters is escaped as one.
                '\n' if self.tail[2] == '\r' => self.note(c),
                '\\' => self.mode = Mode::Quoted { quote, escaped: true },
                '\n' | '\r' => self.mode = Mode::Dead,
                c if c == quote => self.value(),
                _ => {}
            },
            Mode::Literal { escaped: true, .. } => {
                self.mode = Mode::Literal { escaped: false, dollar: false };
            }
            Mode::Literal { dollar: true, .. } if c == '{' => self.open_literal(),
            Mode::Literal { .. } if c == '`' => self.value(),
            Mode::Literal { .. } => {
                self.mode = Mode::Literal { escaped: c == '\\', dollar: c == '$' };
            }
            Mode::Regex { .. } if line_ends => self.mode = Mode::Dead,
            Mode::Regex { escaped: true, class } => {
                self.mode = Mode::Regex { escaped: false, class };
            }
            Mode::Regex { class: false, .. } if c == '/' => self.value(),
            Mode::Regex { class, .. } => {
                let class = (class || c == '[') && c != ']';
                self.mode = Mode::Regex { escaped: c == '\\', class };
            }
            Mode::Line | Mode::Dead | Mode::Lost => {}
        }
        None
    }

    /// After a value that was put here by the template.
    pub(super) fn after_value(mut self) -> Self {
        match self.mode {
            Mode::Code | Mode::Slash => {
                self.value();
                self.word = Name::default();
                self.line_is_empty = false;
            }
            Mode::Quoted { quote, .. } => self.mode = Mode::Quoted { quote, escaped: false },
            Mode::Literal { .. } => self.mode = Mode::Literal { escaped: false, dollar: false },
            Mode::Regex { class, .. } => self.mode = Mode::Regex { escaped: false, class },
            _ => {}
        }
        self
    }

    /// At the end of a piece of text: a word ends here.
    pub(super) fn pause(&mut self) {
        if self.mode == Mode::Code {
            self.end_word();
        }
    }

    fn code(&mut self, c: char) {
        if c.is_alphanumeric() || c == '_' || c == '$' || c == '\\' {
            if self.word.is_empty() {
                self.after_dot = matches!(self.tail[2], '.' | '#');
            }
            self.word.push(c);
            self.line_is_empty = false;
            return self.note(c);
        }
        // The dot of `1.` is a part of the number.
        let is_number = self.word.as_str().starts_with(|c: char| c.is_ascii_digit());
        self.end_word();
        let before = self.tail;
        self.note(c);
        match c {
            '.' if is_number => {}
            '"' | '\'' => self.mode = Mode::Quoted { quote: c, escaped: false },
            '`' => self.mode = Mode::Literal { escaped: false, dollar: false },
            '/' => self.mode = Mode::Slash,
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => self.line_is_empty = true,
            '{' => self.open_brace(),
            '}' => self.close_brace(),
            '(' => self.open_paren(),
            ')' => self.close_paren(),
            ']' => self.last = Last::Value,
            '+' | '-' if before[2] == c => self.last = Last::Either,
            '>' if before[1..] == ['-', '-'] && self.line_is_empty => self.mode = Mode::Line,
            c if c.is_whitespace() => {}
            _ => self.last = Last::Operator,
        }
        // `<!--`, and `#!`, which begins a script or nothing that parses.
        if (before == ['<', '!', '-'] && c == '-') || (before[2] == '#' && c == '!') {
            self.mode = Mode::Line;
        }
        self.line_is_empty &= c.is_whitespace() || matches!(c, '-' | '/');
    }

    fn note(&mut self, c: char) {
        self.tail = [self.tail[1], self.tail[2], c];
    }

    fn slash(&mut self, c: char) -> Option<Self> {
        match c {
            '/' => self.mode = Mode::Line,
            '*' => self.mode = Mode::Block { star: false },
            _ => {
                self.line_is_empty = false;
                let mut regex = *self;
                regex.mode = Mode::Regex { escaped: false, class: false };
                regex.step(c);
                let last = self.last;
                self.mode = Mode::Code;
                self.last = Last::Operator;
                match last {
                    Last::Operator | Last::Control => *self = regex,
                    Last::Value | Last::Import | Last::From => self.code(c),
                    Last::Either => {
                        self.code(c);
                        return Some(regex);
                    }
                }
            }
        }
        None
    }

    /// Back in code, at the end of a comment's line.
    fn back(&mut self, c: char) {
        self.mode = Mode::Code;
        self.code(c);
    }

    /// A value has ended.
    fn value(&mut self) {
        self.mode = Mode::Code;
        self.last = Last::Value;
        self.tail = ['\0'; 3];
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        self.last = match (self.after_dot, self.word) {
            (false, word) if word.is_one_of(KEYWORDS) => Last::Operator,
            (false, word) if word.is_one_of(CONTROLS) => Last::Control,
            // `for await (`.
            (false, word) if word.is("await") && self.last == Last::Control => Last::Control,
            (false, word) if word.is_one_of(PERHAPS) => Last::Either,
            (false, word) if word.is_one_of(&["import", "importscripts"]) => Last::Import,
            (false, word) if word.is("from") => Last::From,
            _ => Last::Value,
        };
        self.word = Name::default();
    }

    fn open_literal(&mut self) {
        let Some(braces) = self.braces.get_mut(usize::from(self.literals)) else {
            self.mode = Mode::Lost;
            return;
        };
        *braces = 0;
        self.literals += 1;
        self.mode = Mode::Code;
        self.last = Last::Operator;
        self.tail = ['\0'; 3];
    }

    fn open_paren(&mut self) {
        self.controls = (self.controls << 1) | u64::from(self.last == Last::Control);
        self.last = if self.last == Last::Import { Last::Import } else { Last::Operator };
        self.parens += 1;
        if self.parens > 64 {
            self.mode = Mode::Lost;
        }
    }

    fn close_paren(&mut self) {
        self.last = match (self.parens, self.controls & 1) {
            (0, _) => Last::Either,
            (_, 0) => Last::Value,
            _ => Last::Operator,
        };
        self.parens = self.parens.saturating_sub(1);
        self.controls >>= 1;
    }

    fn open_brace(&mut self) {
        self.last = Last::Operator;
        if let Some(braces) = self.innermost() {
            match braces.checked_add(1) {
                Some(more) => *braces = more,
                None => self.mode = Mode::Lost,
            }
        }
    }

    fn close_brace(&mut self) {
        self.last = Last::Either;
        match self.innermost() {
            Some(0) => {
                self.literals -= 1;
                self.mode = Mode::Literal { escaped: false, dollar: false };
            }
            Some(braces) => *braces -= 1,
            None => {}
        }
    }

    fn innermost(&mut self) -> Option<&mut u8> {
        self.braces.get_mut(usize::from(self.literals).checked_sub(1)?)
    }
}
