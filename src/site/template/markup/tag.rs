//! What is known of a tag while it is read, and of the attribute in it.

use super::address::Prefix;
use super::name::Name;

/// A tag, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: Name,
    pub(super) side: Side,
    /// Whether a part of its name is a value.
    pub(super) dynamic: bool,
    /// Whether a `/` stood last.
    pub(super) slash: bool,
    /// Of a `script`.
    pub(super) script_type: ScriptType,
    /// Of a `meta`: what a `content` in it is.
    pub(super) meta: Meta,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Side {
    #[default]
    Start,
    End,
}

/// What the type of a script says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ScriptType {
    /// Nothing: it is JavaScript.
    #[default]
    None,
    /// JavaScript or JSON.
    Known,
    /// Anything else.
    Other,
}

/// What is known of a `meta`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Meta {
    /// Not yet whether it acts.
    #[default]
    Unknown,
    /// It has a name: its content is told to whoever asks.
    Named,
    /// `http-equiv`: its content does what a header would.
    Acts,
}

/// An attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: Name,
    /// Whether a part of its name is a value.
    pub(super) dynamic: bool,
    /// How far its value is, as an address.
    pub(super) prefix: Prefix,
    /// Of a script's type: the value.
    pub(super) value: Name,
}

/// The types of scripts that are run, and those that are JSON.
const SCRIPT_TYPES: &[&str] = &[
    "",
    "module",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "text/ecmascript",
    "application/ecmascript",
    "text/jscript",
    "application/x-javascript",
    "text/x-javascript",
    "text/livescript",
    "text/x-ecmascript",
    "application/x-ecmascript",
    "text/json",
];
/// Attributes that are addresses.
const ADDRESSES: &[&str] = &[
    "href",
    "src",
    "action",
    "formaction",
    "poster",
    "data",
    "srcset",
    "ping",
    "background",
    "codebase",
    "imagesrcset",
    "manifest",
    "attributionsrc",
];
/// Those that hold several: a space or a comma in a value begins another.
const LISTS: &[&str] = &["srcset", "imagesrcset", "ping", "attributionsrc"];

impl Attribute {
    pub(super) fn is_address(&self) -> bool {
        let name = self.name.as_str();
        ADDRESSES.contains(&name.rsplit(':').next().unwrap_or(name))
    }

    /// Whether it holds several addresses.
    pub(super) fn is_list(&self) -> bool {
        self.name.is_one_of(LISTS)
    }
}

impl Tag {
    /// At the end of an attribute's value: what it says of the tag.
    pub(super) fn note(&mut self, attribute: &Attribute) {
        let Attribute { name, value, .. } = attribute;
        if name.is("type") && self.name.is("script") && self.script_type == ScriptType::None {
            let essence = value.as_str().split(';').next().unwrap_or_default().trim();
            let is_known = SCRIPT_TYPES.contains(&essence);
            self.script_type = if is_known { ScriptType::Known } else { ScriptType::Other };
        }
        match name.as_str() {
            "http-equiv" => self.meta = Meta::Acts,
            "name" | "property" | "itemprop" if self.meta == Meta::Unknown => {
                self.meta = Meta::Named;
            }
            _ => {}
        }
    }
}
