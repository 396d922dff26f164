//! What a render has used up: bytes, time, depth of partials.
//!
//! The engine has no bounds of its own and hands nothing of ours to helpers, but a render runs from
//! start to end on one thread: its meter is kept there. Compiled templates are instrumented, so
//! that the meter is read where the engine would go on silently: at the start of each template and
//! inline partial (depth, stack), in each turn of `each` (time: a loop may print nothing), and
//! around the body of a partial block (bytes: the engine renders it into a string of its own).
//!
//! The clock is looked at before each step that may take long by itself, a partial (whose context
//! the engine copies) or one of larder's helpers (which may sort a list), and among all others
//! once for so many: a render ends one such step after its time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use handlebars::template::{Parameter, Subexpression, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason,
    Renderable, Template,
};

use super::{chosen, merge};
use crate::clock::{Clock, Moment};

/// What one render may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of output; 8 MiB.
    pub bytes: usize,
    /// How long it may run; 2 s.
    pub time: Duration,
    /// How deep partials may be inside each other; 64. What is deeper is left out.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 8 << 20, time: Duration::from_secs(2), depth: 64 }
    }
}

/// A render that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct RenderError {
    /// Where, as a person knows it: `templates/hello.html.hbs:3:1`, or the template's name alone.
    pub place: String,
    /// What went wrong, one sentence without a full stop.
    pub message: String,
    /// Whether it was that [`Bounds::time`] had passed.
    pub out_of_time: bool,
}

/// Names that no template can call: they hold a space.
const FRAME: &str = "larder frame";
const TURN: &str = "larder turn";
const BODY: &str = "larder body";

/// How much of its thread's stack a render may have used where a partial begins, in bytes: half of
/// what a thread has where nothing else is said. What is deeper is left out.
const USUAL_STACK: usize = 1 << 20;
/// The stack of threads that render partials as deep as they may be, in bytes.
pub(crate) const DEEP_STACK: usize = 8 << 20;

/// How many turns of loops, writes and KiB written go by between two looks at the clock.
const STEPS_PER_LOOK: usize = 16;

thread_local! {
    static STACK: Cell<usize> = const { Cell::new(USUAL_STACK) };
    static CUT: Cell<bool> = const { Cell::new(false) };
    static METER: RefCell<Option<Meter>> = const { RefCell::new(None) };
    static UNWANTED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

struct Meter {
    clock: Clock,
    deadline: Moment,
    out_of_time: bool,
    steps: usize,
    depth_left: usize,
    stack_at_start: usize,
    /// Whether something was left out for its depth.
    is_cut: bool,
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
        stack_at_start: stack_here(),
        is_cut: false,
        body_bytes_left: bounds.bytes,
        bounds: *bounds,
    };
    let outer = METER.replace(Some(meter));
    let result = render();
    let used = METER.replace(outer);
    let out_of_time = used.as_ref().is_some_and(|meter| meter.out_of_time);
    CUT.set(used.is_some_and(|meter| meter.is_cut));
    result.map_err(|why| RenderError { out_of_time, ..why })
}

/// Says that this thread has a stack of [`DEEP_STACK`].
pub(crate) fn on_deep_stack() {
    STACK.set(DEEP_STACK - (2 << 20));
}

/// About where the stack of this thread ends now.
#[inline(never)]
fn stack_here() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// Whether the last render of this thread left out partials that were too deep inside each other.
pub(crate) fn was_cut() -> bool {
    CUT.get()
}

/// Runs what is worth going on with until `unwanted` is set: then renders end as if their time had
/// passed, and a site that is being compiled is left as it is, which is of no use.
pub(crate) fn while_wanted<T>(unwanted: &Arc<AtomicBool>, work: impl FnOnce() -> T) -> T {
    let outer = UNWANTED.replace(Some(Arc::clone(unwanted)));
    let result = work();
    UNWANTED.set(outer);
    result
}

/// Whether nobody waits any more for what this thread makes.
pub(crate) fn is_unwanted() -> bool {
    let is_set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
    UNWANTED.with_borrow(|flag| flag.as_ref().is_some_and(is_set))
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
        let words = if is_unwanted() {
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
    wrapped(template, FRAME)
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
                    body.elements.insert(0, call_of(TURN));
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
            TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                chosen::named(call);
                merge::ordered(call);
                if let Some(mut body) = call.template.take() {
                    marks_within(&mut body, name);
                    call.template = Some(wrapped(body, BODY));
                }
            }
            _ => {}
        }
    }
}

/// A template that is one block of the helper `mark`, with `inner` as its body.
fn wrapped(inner: Template, mark: &str) -> Template {
    let mut outer = Template::new();
    outer.name.clone_from(&inner.name);
    outer.mapping.extend(inner.mapping.first().cloned());
    outer.elements.push(match call_of(mark) {
        TemplateElement::Expression(mut call) => {
            (call.block, call.template) = (true, Some(inner));
            TemplateElement::HelperBlock(call)
        }
        other => other,
    });
    outer
}

/// `{{mark}}`: the engine's tree has no other way in than such an expression.
fn call_of(mark: &str) -> TemplateElement {
    let name = Parameter::Name(mark.to_owned());
    *Subexpression::new(name, Vec::new(), HashMap::new()).element
}

/// Renders a template or an inline partial one level deeper.
fn frame<'reg, 'rc>(
    call: &Helper<'rc>,
    registry: &'reg Handlebars<'reg>,
    context: &'rc Context,
    rc: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    let here = stack_here();
    let enter = |meter: &mut Meter| {
        let used = meter.stack_at_start.abs_diff(here);
        let deeper = meter.depth_left.checked_sub(1).filter(|_| used <= STACK.get());
        let Some(deeper) = deeper else {
            meter.is_cut = true;
            return Ok(true);
        };
        meter.depth_left = deeper;
        meter.look().map(|()| false)
    };
    if measure(enter).map_err(refused)? {
        return Ok(());
    }
    let result = call.template().map_or(Ok(()), |body| body.render(registry, context, rc, out));
    let leave = |meter: &mut Meter| {
        meter.depth_left += 1;
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
