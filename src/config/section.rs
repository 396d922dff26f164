//! What a section of the file is: declared once, as a struct whose fields say how they are read.
//!
//! [`section!`] makes of such a declaration the struct, its defaults, its decoding and a
//! [`Section`], from which come the check for unknown fields and the JSON Schema. A new option is a
//! new field in `model`; where it takes something that no other takes, a new kind in
//! `decode::kind` too.
//!
//! The macros are for `model`, which has the names in scope that they use.

use serde_json::Value;

use super::decode::{Decoder, Entry, Fields};

/// A mapping whose fields are known.
#[derive(Debug)]
pub(super) struct Section {
    /// What the mapping is called in messages: `route`.
    pub(super) title: &'static str,
    /// What it is, in a sentence.
    pub(super) doc: &'static str,
    /// The fields that decide what it is about.
    pub(super) lead: Option<Lead>,
    /// All other fields.
    pub(super) fields: &'static [Field],
    /// Another section, whose fields stand in the same mapping.
    pub(super) rest: Option<&'static Section>,
}

/// The fields that decide what a mapping is about, such as the source of a route.
#[derive(Debug)]
pub(super) struct Lead {
    /// The fields.
    pub(super) fields: &'static [Field],
    /// Whether exactly one of them has to be there.
    pub(super) required: bool,
    /// The schema of what may stand in the mapping's place and means one of them.
    pub(super) short: fn() -> Value,
}

/// A field of a [`Section`].
#[derive(Debug)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// What it does, in a sentence or two, and what holds where it is not there.
    pub(super) doc: &'static str,
    /// The schema of what it takes.
    pub(super) schema: fn() -> Value,
}

/// How a value is read, and what the schema says of it.
pub(super) struct Kind<T> {
    /// The schema.
    pub(super) schema: fn() -> Value,
    /// Reads a value that is there; what is wrong with it is in the report then.
    pub(super) read: fn(&mut Decoder, &Entry) -> T,
}

impl Section {
    /// All its fields.
    pub(super) fn all(&self) -> impl Iterator<Item = &'static Field> {
        let lead = self.lead.as_ref().map_or(&[][..], |lead| lead.fields);
        let rest = self.rest.map_or(&[][..], |rest| rest.fields);
        lead.iter().chain(self.fields).chain(rest)
    }

    /// The names of all its fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all().map(|field| field.name)
    }
}

/// A struct that [`section!`] made of fields alone.
pub(super) trait Standalone: Default {
    /// The declaration.
    const SECTION: &'static Section;
    /// Reads the fields; those that are wrong are as if they were not there.
    fn read(decoder: &mut Decoder, fields: &Fields) -> Self;
    /// The names of the fields that differ.
    fn differing(&self, other: &Self) -> Vec<&'static str>;
}

/// A value that is one of some words.
pub(super) trait Word: Copy + PartialEq + 'static {
    /// Every word and what it means.
    const WORDS: &'static [(&'static str, Self)];
}

/// Declares an enum whose values are words of the file.
macro_rules! words {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $($(#[doc = $value_doc:literal])+ $value:ident = $word:literal,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $value_doc])+ $value,)+ }

        impl Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$value)),+];
        }
    };
}

/// Declares an enum of which each value is a field of its own, and a mapping has one of them:
/// `name: Value(Type) as kind`, the kinds being those of `decode::kind`.
macro_rules! one_of {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $($(#[doc = $field_doc:literal])+
            $field:ident: $value:ident($type:ty) as $kind:ident,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name { $($(#[doc = $field_doc])+ $value($type),)+ }

        impl $name {
            pub(super) const FIELDS: &'static [Field] = &[
                $(Field {
                    name: stringify!($field),
                    doc: concat!($($field_doc),+),
                    schema: kind::$kind().schema,
                },)+
            ];

            /// Reads one of the fields; nothing where its value is wrong.
            pub(super) fn read(decoder: &mut Decoder, entry: &Entry) -> Option<Self> {
                match entry.name() {
                    $(stringify!($field) => {
                        let kind = kind::$kind();
                        (kind.read)(decoder, entry).map(Self::$value)
                    })+
                    _ => None,
                }
            }
        }
    };
}

/// Declares a section: its title in messages, and a struct whose fields are those of the mapping,
/// `name: Type as kind`, or `name: Type as kind = default`. The documentation of a field is what
/// the schema says of it, its default too. A field whose name is a word of Rust is written
/// `"type" kind: …`.
///
/// Before the fields may stand, in round brackets, what the place of the mapping says, `led by` the
/// fields that decide what it is about, and `..name: Section;`, a section whose fields stand in the
/// same mapping. A section without round brackets has a default as a whole.
macro_rules! section {
    (
        $(#[doc = $doc:literal])+
        $title:literal $vis:vis struct $name:ident { $($fields:tt)* }
    ) => {
        section! { $(#[doc = $doc])+ $title $vis struct $name () { $($fields)* } }
        section! { @default $name { $($fields)* } }
    };
    (
        $(#[doc = $doc:literal])+
        $title:literal $vis:vis struct $name:ident (
            $($(#[doc = $given_doc:literal])+ $given:ident: $given_type:ty,)*
        ) $(led by $lead:expr =>)? {
            $(..$rest:ident: $rest_type:ty;)?
            $($(#[doc = $field_doc:literal])+
            $($yaml:literal)? $field:ident: $type:ty
                as $kind:ident $(<$($arg:tt),+>)? $(= $default:expr)?,)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[doc = $given_doc])+ pub $given: $given_type,)*
            $(#[doc = "The fields of another section, which stand in the same mapping."]
            pub $rest: $rest_type,)?
            $($(#[doc = $field_doc])+ pub $field: $type,)*
        }

        impl $name {
            pub(super) const SECTION: Section = Section {
                title: $title,
                doc: concat!($($doc),+),
                lead: section!(@option $($lead)?),
                fields: &[$(Field {
                    name: section!(@name $field $($yaml)?),
                    doc: concat!($($field_doc),+),
                    schema: section!(
                        @schema $type, section!(@kind $kind $(<$($arg),+>)?) $(, $default)?
                    ),
                },)*],
                rest: section!(@option $(&<$rest_type>::SECTION)?),
            };

            /// Reads the fields; those that are wrong are as if they were not there.
            pub(super) fn read(
                decoder: &mut Decoder,
                fields: &Fields,
                $($given: $given_type,)*
            ) -> Self {
                Self {
                    $($given,)*
                    $($rest: <$rest_type>::read(decoder, fields),)?
                    $($field: section!(
                        @read
                        fields.read(
                            decoder,
                            section!(@name $field $($yaml)?),
                            &section!(@kind $kind $(<$($arg),+>)?),
                        )
                        $(, $default)?
                    ),)*
                }
            }
        }
    };
    (
        @default $name:ident {
            $(..$rest:ident: $rest_type:ty;)?
            $($(#[doc = $field_doc:literal])+
            $field:ident: $type:ty as $kind:ident $(<$($arg:tt),+>)? $(= $default:expr)?,)*
        }
    ) => {
        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($rest: Default::default(),)?
                    $($field: section!(@absent $($default)?),)*
                }
            }
        }

        impl Standalone for $name {
            const SECTION: &'static Section = &Self::SECTION;

            fn read(decoder: &mut Decoder, fields: &Fields) -> Self {
                Self::read(decoder, fields)
            }

            fn differing(&self, other: &Self) -> Vec<&'static str> {
                let fields = [$((stringify!($field), self.$field == other.$field),)*];
                fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $yaml:literal) => { $yaml };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
    (@kind $kind:ident $(<$($arg:tt),+>)?) => { kind::$kind$(::<$($arg),+>)?() };
    (@schema $type:ty, $kind:expr) => {{
        const KIND: Kind<$type> = $kind;
        KIND.schema
    }};
    (@schema $type:ty, $kind:expr, $default:expr) => {{
        const KIND: Kind<Option<$type>> = $kind;
        KIND.schema
    }};
    (@absent) => { Default::default() };
    (@absent $default:expr) => { $default };
    (@read $value:expr) => { $value.unwrap_or_default() };
    (@read $value:expr, $default:expr) => { $value.flatten().unwrap_or_else(|| $default) };
}

pub(super) use {one_of, section, words};
