//! Every rule that a file can break, each with its code: declared once, here.

macro_rules! codes {
    ($($name:ident $text:literal $severity:literal $doc:literal)*) => {
        /// The rule that was broken; its text is stable and may be searched for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $doc] $name,)* }

        impl Code {
            /// The code as shown: `unknown_field`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// `error` where the file is not used and what was served before stays; `warning`
            /// where it is used as it stands.
            pub(crate) fn severity(self) -> &'static str {
                match self { $(Code::$name => $severity,)* }
            }
        }
    };
}

codes! {
    UnknownField "unknown_field" "error" "A field that larder does not know."
    DuplicateRoute "duplicate_route" "error" "The same path twice."
    AmbiguousRoute "ambiguous_route" "error" "Two paths that match the same requests."
    UnreachableRoute "unreachable_route" "error" "A path whose requests another path takes."
    TemplateMissing "template_missing" "error" "No template of that name."
    TemplateSyntax "template_syntax" "error" "A template that does not parse."
    UnknownVariable "unknown_variable" "error" "A name that nothing provides."
    UnknownHelper "unknown_helper" "error" "A helper that does not exist."
    UnknownPartial "unknown_partial" "error" "A partial that does not exist."
    BadDuration "bad_duration" "error" "A text that is no duration."
    BadSize "bad_size" "error" "A text that is no size."
    KeyIgnoresInput "key_ignores_input" "error" "A key that leaves out what the response reads."
    KeyAmbiguous "key_ambiguous" "error" "A pattern by which two requests could give one key."
    KeyUnknownBuilder "key_unknown_builder" "error" "A word that is no key builder."
    KeyUnbounded "key_unbounded" "warning" "A key that any value of a free input makes anew."
    KeyCollision "key_collision" "error" "Two routes that can build the same key."
    KeyUnknownInput "key_unknown_input" "error" "A key that names an input which is not there."
    NeedsQuotes "needs_quotes" "error" "A value that YAML reads as something else without quotes."
    BodyNotTemplated "body_not_templated" "warning" "Braces in a body, which is sent as it stands."
    LooksLike "looks_like" "warning" "A value that looks like something else was meant."
    CommentAte "comment_ate" "warning" "A value that ends where a comment begins."
    YamlTab "yaml_tab" "error" "A tab where YAML wants spaces."
    YamlDuplicateKey "yaml_duplicate_key" "error" "The same key twice in one mapping."
    YamlIndent "yaml_indent" "error" "Indentation that puts a field in the wrong place."
    YamlBudget "yaml_budget" "error" "A document beyond the bounds on size, depth or aliases."
    BadBool "bad_bool" "error" "A word that is not a boolean of YAML 1.2."
    ForeignSyntax "foreign_syntax" "error" "The path syntax of another framework."
    NoRoutes "no_routes" "error" "A site without a route."
    NoSource "no_source" "error" "A route without a source."
    TwoSources "two_sources" "error" "A route with more than one source."
    EnvMissing "env_missing" "error" "An environment variable that is not set."
    EnvUnclosed "env_unclosed" "error" "A variable of the environment that is not closed."
    IncludeCycle "include_cycle" "error" "Files that include each other."
    IncludeEmpty "include_empty" "error" "An included file with nothing in it."
    GlobEmpty "glob_empty" "warning" "A glob that matches no file."
    PathEscape "path_escape" "error" "A path that leaves the site's directory."
    ReservedPath "reserved_path" "error" "A path that larder keeps for itself."
    ReservedName "reserved_name" "error" "A name that larder keeps for itself."
    BadHeader "bad_header" "error" "A header that cannot be sent."
    BadStatus "bad_status" "error" "A number that is no status for this route."
    BadContentType "bad_content_type" "error" "A text that is no media type."
    BadPattern "bad_pattern" "error" "A path or a parameter's pattern that does not parse."
    BadUrl "bad_url" "error" "A text that is no address."
    ParamUnknown "param_unknown" "error" "A parameter that the path does not have."
    ParamUnused "param_unused" "warning" "A declared parameter that nothing reads."
    DuplicateName "duplicate_name" "error" "Two routes of one name."
    BadType "bad_type" "error" "A value of the wrong type."
    YamlSyntax "yaml_syntax" "error" "A text that is no YAML."
    BadQuery "bad_query" "error" "A declaration of a parameter that makes no sense."
    BadPurge "bad_purge" "error" "A purge of what is no route, or by a request that only reads."
    BadStoreUrl "bad_store_url" "error" "An address that is no store."
    StoreAddress "store_address" "error" "An address of a store that cannot be used."
    TlsFiles "tls_files" "error" "A certificate or a key that cannot be used."
    SameAddress "same_address" "error" "Two listeners at one address."
    RedirectLoop "redirect_loop" "error" "Redirects that lead back to where they began."
    FieldUnused "field_unused" "warning" "A field that does nothing for its source."
    NeverKept "never_kept" "warning" "A response that no cache is going to keep."
    FileMissing "file_missing" "error" "A file that is not there or cannot be read."
    PartialCycle "partial_cycle" "error" "Partials that include each other."
    RestartNeeded "restart_needed" "warning" "A change that needs a restart."
    PublicPrivate "public_private" "warning" "A header that makes a private route public."
    LoadCycle "load_cycle" "error" "Values whose addresses wait for each other."
    LoadFailed "load_failed" "error" "A loaded file that does not parse."
    UnescapedInput "unescaped_input" "error" "What a visitor writes, printed as markup."
    InputInCode "input_in_code" "error" "What a visitor writes, printed as code or an address."
    UntypedInput "untyped_input" "error" "A helper's number or date that a visitor writes as text."
    TextAgainstNumber "text_against_number" "warning" "A number compared with what is none."
    NeverEqual "never_equal" "warning" "A comparison that the site's values can never meet."
    BadDate "bad_date" "warning" "A text that is no date, or no format of one."
    AbsentEverywhere "absent_everywhere" "warning" "A field that no item of a loaded list has."
    NotTemplated "not_templated" "warning" "Braces in a value that is sent as it stands."
    LayoutType "layout_type" "warning" "A layout of HTML around a page that is none."
    LayoutContent "layout_content" "error" "A layout that does not show its page."
    ShadowedName "shadowed_name" "warning" "A value under the name of a helper."
    KeptRandom "kept_random" "warning" "A random value in a page that is kept."
    TemplateUnused "template_unused" "warning" "A template that no route uses, and that is wrong."
    NumberInexact "number_inexact" "error" "A number that 64 bits do not hold."
    InvisibleCharacter "invisible_character" "error" "A character that looks like a space."
    MountStale "mount_stale" "warning" "A file that was mounted alone and replaced outside."
    SaveUnfinished "save_unfinished" "warning" "A file that is written for long and never closed."
    WatchPolled "watch_polled" "warning" "Files whose edits are looked for, for want of events."
}
