//! Every rule that a file can break, each with its code: declared once, here.

use std::fmt;

/// Whether a diagnostic stops the file from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file is not used; what was served before stays.
    Error,
    /// The file is used as it stands.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

macro_rules! codes {
    ($($name:ident $text:literal $severity:ident $doc:literal)*) => {
        /// The rule that was broken; its text is stable and may be searched for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $doc] $name,)* }

        impl Code {
            /// The code as shown: `unknown_field`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// Whether it stops the file from being used.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    UnknownField "unknown_field" Error "A field that larder does not know."
    DuplicateRoute "duplicate_route" Error "The same path twice."
    AmbiguousRoute "ambiguous_route" Error "Two paths that match the same requests."
    UnreachableRoute "unreachable_route" Error "A path whose requests another path takes."
    TemplateMissing "template_missing" Error "No template of that name."
    TemplateSyntax "template_syntax" Error "A template that does not parse."
    UnknownVariable "unknown_variable" Error "A name that nothing provides."
    UnknownHelper "unknown_helper" Error "A helper that does not exist."
    UnknownPartial "unknown_partial" Error "A partial that does not exist."
    BadDuration "bad_duration" Error "A text that is no duration."
    BadSize "bad_size" Error "A text that is no size."
    KeyIgnoresInput "key_ignores_input" Error "A key that leaves out what the response reads."
    KeyAmbiguous "key_ambiguous" Error "A pattern by which two requests could give one key."
    KeyUnknownBuilder "key_unknown_builder" Error "A word that is no key builder."
    KeyUnbounded "key_unbounded" Warning "A key that any value of a free input makes anew."
    KeyCollision "key_collision" Error "Two routes that can build the same key."
    KeyUnknownInput "key_unknown_input" Error "A key that names an input which is not there."
    NeedsQuotes "needs_quotes" Error "A value that YAML reads as something else without quotes."
    BodyNotTemplated "body_not_templated" Warning "Braces in a body, which is sent as it stands."
    LooksLike "looks_like" Warning "A value that looks like something else was meant."
    CommentAte "comment_ate" Warning "A value that ends where a comment begins."
    YamlTab "yaml_tab" Error "A tab where YAML wants spaces."
    YamlDuplicateKey "yaml_duplicate_key" Error "The same key twice in one mapping."
    YamlIndent "yaml_indent" Error "Indentation that puts a field in the wrong place."
    YamlBudget "yaml_budget" Error "A document beyond the bounds on size, depth or aliases."
    BadBool "bad_bool" Error "A word that is not a boolean of YAML 1.2."
    ForeignSyntax "foreign_syntax" Error "The path syntax of another framework."
    NoSource "no_source" Error "A route without a source."
    TwoSources "two_sources" Error "A route with more than one source."
    EnvMissing "env_missing" Error "An environment variable that is not set."
    IncludeCycle "include_cycle" Error "Files that include each other."
    IncludeEmpty "include_empty" Error "An include that names no file."
    PathEscape "path_escape" Error "A path that leaves the site's directory."
    ReservedPath "reserved_path" Error "A path that larder keeps for itself."
    ReservedName "reserved_name" Error "A name that larder keeps for itself."
    BadHeader "bad_header" Error "A header that cannot be sent."
    BadStatus "bad_status" Error "A number that is no status for this route."
    BadContentType "bad_content_type" Error "A text that is no media type."
    BadPattern "bad_pattern" Error "A path or a parameter's pattern that does not parse."
    BadUrl "bad_url" Error "A text that is no address."
    ParamUnknown "param_unknown" Error "A parameter that the path does not have."
    ParamUnused "param_unused" Warning "A declared parameter that nothing reads."
    DuplicateName "duplicate_name" Error "Two routes of one name."
    BadType "bad_type" Error "A value of the wrong type."
    YamlSyntax "yaml_syntax" Error "A text that is no YAML."
    BadQuery "bad_query" Error "A declaration of a parameter that makes no sense."
    BadStoreUrl "bad_store_url" Error "An address that is no store."
    FileMissing "file_missing" Error "A file that is not there or cannot be read."
    PartialCycle "partial_cycle" Error "Partials that include each other."
    RestartNeeded "restart_needed" Warning "A change that needs a restart."
    PublicPrivate "public_private" Warning "A header that makes a private route public."
    LoadFailed "load_failed" Error "A loaded file that does not parse."
    MountStale "mount_stale" Warning "A file that was mounted alone and replaced outside."
    WatchPolled "watch_polled" Warning "Files whose edits are looked for, for want of events."
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
