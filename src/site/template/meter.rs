//! What a render has used up: bytes, time, depth of partials.
//!
//! The engine has no bounds of its own and hands nothing of ours to helpers, but a render runs from
//! start to end on one thread: its meter is kept there. Compiled templates are instrumented, so
//! that the meter is read where the engine would go on silently: at the start of each template and
//! inline partial (depth), in each turn of `each` (time: a loop may print nothing), and around the
//! body of a partial block (bytes: the engine renders it into a string of its own).
//!
//! The clock is looked at before each step that may take long by itself, a partial (whose context
//! the engine copies) or one of larder's helpers (which may sort a list), and among all others
//! once for so many: a render ends one such step after its time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};

use handlebars::template::{Parameter, Subexpression, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason,
    Renderable, Template,
};

use super::merge;
use crate::clock::{Clock, Moment};

/// What one render may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of output; 8 MiB.
    pub bytes: usize,
    /// How long it may run; 2 s.
    pub time: Duration,
    /// How deep partials may be inside each other; 32.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 8 << 20, time: Duration::from_secs(2), depth: 32 }
    }
}

/// A render that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// Where, as a person knows it: `templates/hello.html.hbs:3:1`, or the template's name alone.
    pub place: String,
    /// What went wrong, one sentence without a full stop.
    pub message: String,
    /// Whether it was that [`Bounds::time`] had passed.
    pub out_of_time: bool,
}

impl fmt::Display for RenderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.message)
    }
}

/// Names that no template can call: they hold a space.
const FRAME: &str = "larder frame";
const TURN: &str = "larder turn";
const BODY: &str = "larder body";

/// How many blocks and partials may be open at once, through all partials: each takes some of the
/// thread's stack (some 10 KiB in a debug build).
const LEVELS: usize = 64;

/// How many turns of loops, writes and KiB written go by between two looks at the clock.
const STEPS_PER_LOOK: usize = 16;

thread_local! {
    static METER: RefCell<Option<Meter>> = const { RefCell::new(None) };
    static UNWANTED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

struct Meter {
    clock: Clock,
    deadline: Moment,
    out_of_time: bool,
    steps: usize,
    depth_left: usize,
    levels_left: usize,
    body_bytes_left: usize,
    bounds: Bounds,
}

/// Runs `render` under `bounds`.
pub(super) fn under<T>(
    bounds: &Bounds,
    clock: &Clock,
    render: impl FnOnce() -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    let meter = Meter {
        clock: clock.clone(),
        deadline: clock.now().after(bounds.time),
        out_of_time: false,
        steps: 0,
        depth_left: bounds.depth,
        levels_left: LEVELS,
        body_bytes_left: bounds.bytes,
        bounds: *bounds,
    };
    let outer = METER.replace(Some(meter));
    let result = render();
    let used = METER.replace(outer);
    let out_of_time = used.is_some_and(|meter| meter.out_of_time);
    result.map_err(|why| RenderError { out_of_time, ..why })
}

/// Runs renders that are worth going on with until `unwanted` is set: then they end as if their
/// time had passed.
pub(crate) fn while_wanted<T>(unwanted: &Arc<AtomicBool>, render: impl FnOnce() -> T) -> T {
    let outer = UNWANTED.replace(Some(Arc::clone(unwanted)));
    let result = render();
    UNWANTED.set(outer);
    result
}

/// Ends a render whose time has passed, before a helper that may take long.
pub(super) fn look() -> Result<(), String> {
    measure(Meter::look)
}

fn measure<T: Default>(look: impl FnOnce(&mut Meter) -> Result<T, String>) -> Result<T, String> {
    METER.with_borrow_mut(|slot| slot.as_mut().map_or_else(|| Ok(T::default()), look))
}

impl Meter {
    fn write(&mut self, bytes: usize) -> Result<(), String> {
        self.work(1 + bytes / 1024)
    }

    fn work(&mut self, steps: usize) -> Result<(), String> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps < STEPS_PER_LOOK { Ok(()) } else { self.look() }
    }

    fn look(&mut self) -> Result<(), String> {
        self.steps = 0;
        let is_set = |flag: &Option<Arc<AtomicBool>>| {
            flag.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
        };
        let words = if UNWANTED.with_borrow(is_set) {
            "nobody waits for it".to_owned()
        } else if self.clock.now() > self.deadline {
            format!("it takes longer than {:?}", self.bounds.time)
        } else {
            return Ok(());
        };
        self.out_of_time = true;
        Err(words)
    }
}

/// A bounded string that a page is rendered into.
pub(super) struct BoundedOutput {
    pub(super) text: String,
    bytes_left: usize,
    bound: usize,
}

impl BoundedOutput {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { text: String::new(), bytes_left: bounds.bytes, bound: bounds.bytes }
    }
}

impl Output for BoundedOutput {
    fn write(&mut self, text: &str) -> io::Result<()> {
        let Some(left) = self.bytes_left.checked_sub(text.len()) else {
            return Err(io::Error::other(too_long(self.bound)));
        };
        self.bytes_left = left;
        measure(|meter| meter.write(text.len())).map_err(io::Error::other)?;
        self.text.push_str(text);
        Ok(())
    }
}

fn too_long(bound: usize) -> String {
    format!("it prints more than {bound} bytes")
}

/// The body of a partial block on its way into the engine's string.
struct Body<'o>(&'o mut dyn Output);

impl Output for Body<'_> {
    fn write(&mut self, text: &str) -> io::Result<()> {
        let take = |meter: &mut Meter| {
            let left = meter.body_bytes_left.checked_sub(text.len());
            meter.body_bytes_left = left.ok_or_else(|| too_long(meter.bounds.bytes))?;
            meter.write(text.len())
        };
        measure(take).map_err(io::Error::other)?;
        self.0.write(text)
    }
}

/// Makes the marks known to an engine.
pub(super) fn register(registry: &mut Handlebars<'static>) {
    registry.register_helper(FRAME, Box::new(frame));
    registry.register_helper(TURN, Box::new(turn));
    registry.register_helper(BODY, Box::new(body));
}

/// Puts the marks into a compiled template.
pub(super) fn instrument(mut template: Template) -> Template {
    let name = template.name.clone();
    marks_within(&mut template, name.as_deref());
    let levels = Parameter::Literal(levels(&template).into());
    wrapped(template, FRAME, vec![levels])
}

/// How deep a template's blocks are inside each other, counted from 1.
fn levels(template: &Template) -> usize {
    let below = template.elements.iter().map(|element| match element {
        TemplateElement::HelperBlock(call) => {
            call.template.iter().chain(call.inverse.iter()).map(levels).max()
        }
        // Its body runs inside a mark.
        TemplateElement::PartialBlock(call) => call.template.as_ref().map(|b| 1 + levels(b)),
        _ => None,
    });
    1 + below.max().flatten().unwrap_or_default()
}

/// `name` is that of the file: parts that run on their own keep it, so that errors name it.
fn marks_within(template: &mut Template, name: Option<&str>) {
    for element in &mut template.elements {
        match element {
            TemplateElement::HelperBlock(call) => {
                for inner in call.template.iter_mut().chain(call.inverse.iter_mut()) {
                    marks_within(inner, name);
                }
                if call.name.as_name() == Some("each")
                    && let Some(body) = &mut call.template
                {
                    body.elements.insert(0, call_of(TURN, Vec::new()));
                    if let Some(place) = body.mapping.first().cloned() {
                        body.mapping.insert(0, place);
                    }
                }
            }
            TemplateElement::DecoratorBlock(call) => {
                if let Some(mut body) = call.template.take() {
                    body.name = name.map(ToOwned::to_owned);
                    call.template = Some(instrument(body));
                }
            }
            TemplateElement::PartialExpression(call) => merge::ordered(call),
            TemplateElement::PartialBlock(call) => {
                merge::ordered(call);
                if let Some(mut body) = call.template.take() {
                    marks_within(&mut body, name);
                    call.template = Some(wrapped(body, BODY, Vec::new()));
                }
            }
            _ => {}
        }
    }
}

/// A template that is one block of the helper `mark`, with `inner` as its body.
fn wrapped(inner: Template, mark: &str, params: Vec<Parameter>) -> Template {
    let mut outer = Template::new();
    outer.name.clone_from(&inner.name);
    outer.mapping.extend(inner.mapping.first().cloned());
    outer.elements.push(match call_of(mark, params) {
        TemplateElement::Expression(mut call) => {
            (call.block, call.template) = (true, Some(inner));
            TemplateElement::HelperBlock(call)
        }
        other => other,
    });
    outer
}

/// `{{mark params}}`: the engine's tree has no other way in than such an expression.
fn call_of(mark: &str, params: Vec<Parameter>) -> TemplateElement {
    let name = Parameter::Name(mark.to_owned());
    *Subexpression::new(name, params, HashMap::new()).element
}

/// Renders a template or an inline partial one level deeper.
fn frame<'reg, 'rc>(
    call: &Helper<'rc>,
    registry: &'reg Handlebars<'reg>,
    context: &'rc Context,
    rc: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    let levels = call.param(0).and_then(|levels| levels.value().as_u64()).unwrap_or(1);
    let levels = usize::try_from(levels).unwrap_or(usize::MAX);
    let enter = |meter: &mut Meter| {
        let deeper = meter.depth_left.checked_sub(1);
        let inside = meter.levels_left.checked_sub(levels);
        meter.depth_left =
            deeper.ok_or_else(|| format!("partials go deeper than {}", meter.bounds.depth))?;
        meter.levels_left =
            inside.ok_or_else(|| format!("partials and blocks go deeper than {LEVELS}"))?;
        meter.look()
    };
    measure(enter).map_err(refused)?;
    let result = call.template().map_or(Ok(()), |body| body.render(registry, context, rc, out));
    let leave = |meter: &mut Meter| {
        meter.depth_left += 1;
        meter.levels_left += levels;
        Ok(())
    };
    measure(leave).map_err(refused)?;
    result
}

fn turn(
    _: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    _: &mut dyn Output,
) -> HelperResult {
    measure(|meter| meter.work(1)).map_err(refused)
}

fn body<'reg, 'rc>(
    call: &Helper<'rc>,
    registry: &'reg Handlebars<'reg>,
    context: &'rc Context,
    rc: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    let mut body = Body(out);
    call.template().map_or(Ok(()), |inner| inner.render(registry, context, rc, &mut body))
}

fn refused(words: String) -> handlebars::RenderError {
    RenderErrorReason::Other(words).into()
}
