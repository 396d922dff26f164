//! All helpers: names, arguments, what they do, and an example of each that is also its test.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Sub};

use super::{Function, HelperForm, Run, address, list, markdown, number, text, time, url};

macro_rules! functions {
    ($(
        $name:ident($args:literal $([$($named:literal),*])?) $form:ident $run:expr, $doc:literal,
        $example:literal => $gives:literal;
    )*) => {
        /// All helpers, in the order of the reference.
        pub const FUNCTIONS: &[Function] = &[$(Function {
            name: stringify!($name),
            args: $args,
            form: HelperForm::$form,
            named: &[$($($named),*)?],
            doc: $doc,
            example: $example,
            gives: $gives,
            run: $run,
        }),*];
    };
}

functions! {
    if("value" ["includeZero"]) Block Run::Engine,
        "The body where the value is true: not absent, null, false, 0 or empty; else what is \
         after `else`.",
        "{{#if posts}}some{{else}}none{{/if}}" => "some";
    unless("value" ["includeZero"]) Block Run::Engine,
        "The body where `if` would give the other.",
        "{{#unless posts}}nothing yet{{/unless}}" => "";
    each("list") Block Run::Engine,
        "The body for each item of a list or value of a mapping, with `@index`, `@key`, \
         `@first`, `@last`.",
        "{{#each posts}}{{title}} {{/each}}" => "Plums Oats Apples ";
    with("value") Block Run::Engine,
        "The body with the value as the current one, where it is true.",
        "{{#with (find posts \"title\" \"Oats\")}}{{year}}{{/with}}" => "2025";
    raw("") Block Run::Engine, "The body as it stands, braces too.",
        "{{{{raw}}}}{{title}}{{{{/raw}}}}" => "{{title}}";
    lookup("value key") Value Run::Engine, "The value of a key, or the item at an index, from 0.",
        "{{lookup fruit 1}}" => "plum";
    log("value more…" ["level"]) Value Run::Engine,
        "Writes the values to larder's log when the page is made.",
        "{{log \"made\" fruit}}" => "";
    eq("one other") Both Run::Equal(true),
        "Whether two values are equal: by number if one is a number and the other reads as one, \
         else as text.",
        "{{eq 1 \"1.0\"}}" => "true";
    ne("one other") Both Run::Equal(false), "Whether `eq` would not be true.",
        "{{ne \"7\" \"007\"}}" => "true";
    lt("one other") Both Run::Order(Ordering::is_lt),
        "Whether the first is less: by number if both read as numbers, else as text.",
        "{{lt \"9\" \"10\"}}" => "true";
    le("one other") Both Run::Order(Ordering::is_le), "Whether the first is less or equal.",
        "{{le 2 2}}" => "true";
    lte("one other") Both Run::Order(Ordering::is_le),
        "The same as `le`.", "{{lte 3 2}}" => "false";
    gt("one other") Both Run::Order(Ordering::is_gt), "Whether the first is greater.",
        "{{gt \"b\" \"a\"}}" => "true";
    ge("one other") Both Run::Order(Ordering::is_ge), "Whether the first is greater or equal.",
        "{{ge 1 2}}" => "false";
    gte("one other") Both Run::Order(Ordering::is_ge), "The same as `ge`.", "{{gte 2 2}}" => "true";
    and("value more…") Both Run::Engine, "Whether all values are true.",
        "{{and posts fruit}}" => "true";
    or("value more…") Both Run::Engine, "Whether one value is true.",
        "{{or false fruit}}" => "true";
    not("value") Both Run::Engine, "Whether the value is not true.", "{{not posts}}" => "false";
    default("value instead") Value Run::Pure(list::default),
        "The value, or another where it is absent, null or empty text.",
        "{{default subtitle \"none\"}}" => "none";
    json("value") Value Run::Raw(text::json),
        "Any value as JSON, safe inside `<script>`; in text and attributes of HTML it is escaped.",
        "{{json fruit}}" => "[\"fig\",\"plum\"]";
    markdown("text" ["untrusted"]) Value Run::Markup(markdown::markdown),
        "Markdown as HTML, with tables, task lists, footnotes, `id`s of headings, and links of \
         addresses; HTML inside the text stays as it is. With `untrusted=true` tags are text, and \
         of links http, https, mailto and relative ones stay. In XML it is text, and with three \
         braces markup.",
        "{{markdown \"*ripe*\"}}" => "<p><em>ripe</em></p>\n";
    trusted("value") Value Run::Pure(|args| args.get(0).clone()),
        "The value itself: a visitor's may then stand anywhere, because one means it.",
        "{{{trusted note}}}" => "cool & dry";
    date("value:date format?") Value Run::Pure(time::date),
        "A date (RFC 3339, `2026-01-31`, or seconds since 1970) by a strftime format; `%Y-%m-%d`.",
        "{{date \"2026-01-31\" \"%d.%m.%Y\"}}" => "31.01.2026";
    now("") Value Run::Pure(time::now), "When the page was made: RFC 3339, UTC, milliseconds.",
        "{{date (now) \"%Y\"}}" => "…";
    add("one:number other:number") Value Run::Numbers(i64::checked_add, Add::add),
        "The sum of two numbers.",
        "{{add 1 \"2\"}}" => "3";
    sub("one:number other:number") Value Run::Numbers(i64::checked_sub, Sub::sub),
        "The difference of two numbers.",
        "{{sub 3 0.5}}" => "2.5";
    mul("one:number other:number") Value Run::Numbers(i64::checked_mul, Mul::mul),
        "The product of two numbers.",
        "{{mul 2 3}}" => "6";
    div("one:number other:number") Value Run::Numbers(number::exact_quotient, Div::div),
        "The quotient of two numbers; nothing by 0.",
        "{{div 7 2}}" => "3.5";
    mod("one:number other:number") Value Run::Numbers(i64::checked_rem_euclid, f64::rem_euclid),
        "What is left of the first after division by the second, never below 0.",
        "{{mod 7 3}}" => "1";
    round("number:number digits:number?") Value Run::Pure(number::round),
        "The number to so many digits after the point, 0 if none are said.",
        "{{round 3.14159 2}}" => "3.14";
    upper("text") Value Run::Text(str::to_uppercase), "The text in upper case.",
        "{{upper \"fig\"}}" => "FIG";
    lower("text") Value Run::Text(str::to_lowercase), "The text in lower case.",
        "{{lower \"FIG\"}}" => "fig";
    truncate("text length:number end?") Value Run::Pure(text::truncate),
        "The first so many characters, and `…` or another end, where the text is longer.",
        "{{truncate \"a long title\" 6}}" => "a long…";
    replace("text old new") Value Run::Pure(text::replace), "The text with one part for another.",
        "{{replace \"a-b-c\" \"-\" \"/\"}}" => "a/b/c";
    split("text separator") Value Run::Pure(text::split), "The parts of a text as a list.",
        "{{len (split \"fig,plum\" \",\")}}" => "2";
    join("list separator?") Value Run::Pure(text::join),
        "The items of a list as a text, with `, ` or another text between.",
        "{{join fruit \" and \"}}" => "fig and plum";
    concat("value more…") Value Run::Pure(text::concat),
        "The values as one text; where the first is a list, as one list.",
        "{{concat \"no\" \"-\" 7}}" => "no-7";
    contains("value part") Value Run::Pure(list::contains),
        "Whether a list has the item, a mapping the key, or a text the part.",
        "{{contains fruit \"fig\"}}" => "true";
    urlencode("text") Value Run::Text(text::urlencode),
        "The text percent-encoded, to be a part of an address.",
        "{{urlencode \"a/b c\"}}" => "a%2Fb%20c";
    // An address is encoded: nothing in it needs escaping.
    asset("file") Value Run::Raw(address),
        "The address of a file of a `dir` route, with a digest: browsers keep it for ever, and ask \
         anew when the file changes. The name is written in quotes.",
        "{{asset \"site.css\"}}" => "/assets/site.css?v=…";
    url("path") Value Run::Pure(url),
        "The path as the site is asked for from outside, with `server.base` before it.",
        "{{url \"/about\"}}" => "/about";
    find("list field value") Value Run::Pure(list::find),
        "The first item whose field has the value, as `eq` compares; nothing where none has.",
        "{{lookup (find posts \"year\" \"2025\") \"title\"}}" => "Oats";
    where("list field value?") Value Run::Pure(list::filter),
        "The items whose field has the value, or is true where no value is given.",
        "{{len (where posts \"year\" 2025)}}" => "2";
    sort("list field?" ["desc"]) Value Run::Pure(list::sort),
        "The items in order of a field, or of themselves: numbers, then texts, absent ones last; \
         `\"-field\"` or `desc=true` for the greatest first.",
        "{{#each (sort posts \"-year\")}}{{title}} {{/each}}" => "Plums Oats Apples ";
    reverse("list") Value Run::Pure(list::reverse), "The items from the last to the first.",
        "{{join (reverse fruit)}}" => "plum, fig";
    slice("list from:number to:number?") Value Run::Pure(list::slice),
        "The items, or characters, from an index up to another; below 0 counts from the end.",
        "{{join (slice fruit -1)}}" => "plum";
    group("list field") Value Run::Pure(list::group),
        "The items by a field, in order of its first: a list of `key` and `items`. Where the field \
         is a list, an item is in the group of each value in it.",
        "{{#each (group posts \"year\")}}{{key}}: {{len items}} {{/each}}" => "2026: 1 2025: 2 ";
    len("value") Value Run::Pure(list::len), "How many items, keys or characters there are.",
        "{{len posts}}" => "3";
    uuid("") Value Run::Pure(number::uuid),
        "A new UUID (version 4) each time the page is made.", "{{len (uuid)}}" => "36";
    random("from:number? to:number?") Value Run::Pure(number::random),
        "A whole number from one to another, both included, each time the page is made; from 0 to \
         the one that is given; a fraction below 1 without any.",
        "{{random 4 4}}" => "4";
}
