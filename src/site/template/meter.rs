//! What a render has used up: bytes, time, depth of partials.
//!
//! The engine has no bounds of its own and hands nothing of ours to helpers, but a render runs from
//! start to end on one thread: its meter is kept there. Compiled templates are instrumented, so
//! that the meter is read where the engine would go on silently: at the start of each template and
//! inline partial (depth), in each turn of `each` (time: a loop may print nothing), and around the
//! body of a partial block (bytes: the engine renders it into a string of its own).

use std::cell::RefCell;
use std::io;

use handlebars::template::{Parameter, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, Template,
};

use super::bounds::Bounds;
use super::merge;
use crate::clock::{Clock, Moment};

/// Names that no template can call: they hold a space.
const FRAME: &str = "larder frame";
const TURN: &str = "larder turn";
const BODY: &str = "larder body";

/// How many blocks and partials may be open at once, through all partials: each takes some of the
/// thread's stack (some 10 KiB in a debug build).
const LEVELS: usize = 64;

/// How many turns of loops, or writes, go by between two looks at the clock.
const TURNS_PER_LOOK: u32 = 16;

thread_local! {
    static METER: RefCell<Option<Meter>> = const { RefCell::new(None) };
}

struct Meter {
    clock: Clock,
    deadline: Moment,
    turns: u32,
    depth_left: usize,
    levels_left: usize,
    body_bytes_left: usize,
    bounds: Bounds,
}

/// Runs `render` under `bounds`.
pub(super) fn under<T>(bounds: &Bounds, clock: &Clock, render: impl FnOnce() -> T) -> T {
    let meter = Meter {
        clock: clock.clone(),
        deadline: clock.now().after(bounds.time),
        turns: 0,
        depth_left: bounds.depth,
        levels_left: LEVELS,
        body_bytes_left: bounds.bytes,
        bounds: *bounds,
    };
    let outer = METER.with_borrow_mut(|slot| slot.replace(meter));
    let result = render();
    METER.with_borrow_mut(|slot| *slot = outer);
    result
}

fn measure<T: Default>(look: impl FnOnce(&mut Meter) -> Result<T, String>) -> Result<T, String> {
    METER.with_borrow_mut(|slot| slot.as_mut().map_or_else(|| Ok(T::default()), look))
}

impl Meter {
    fn turn(&mut self) -> Result<(), String> {
        self.turns += 1;
        if self.turns < TURNS_PER_LOOK {
            return Ok(());
        }
        self.turns = 0;
        if self.clock.now() > self.deadline {
            return Err(format!("it takes longer than {:?}", self.bounds.time));
        }
        Ok(())
    }
}

/// A bounded string that a page is rendered into.
pub(super) struct Page {
    text: String,
    bytes_left: usize,
    bound: usize,
}

impl Page {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { text: String::new(), bytes_left: bounds.bytes, bound: bounds.bytes }
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }
}

impl Output for Page {
    fn write(&mut self, text: &str) -> io::Result<()> {
        let Some(left) = self.bytes_left.checked_sub(text.len()) else {
            return Err(io::Error::other(too_long(self.bound)));
        };
        self.bytes_left = left;
        measure(Meter::turn).map_err(io::Error::other)?;
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
            meter.turn()
        };
        measure(take).map_err(io::Error::other)?;
        self.0.write(text)
    }
}

/// Makes the marks known to an engine.
pub(super) fn register(registry: &mut Handlebars<'static>) {
    registry.register_helper(FRAME, Box::new(Frame));
    registry.register_helper(TURN, Box::new(Turn));
    registry.register_helper(BODY, Box::new(BodyMark));
}

/// Puts the marks into a compiled template.
pub(super) fn instrument(mut template: Template) -> Template {
    let name = template.name.clone();
    marks_within(&mut template, name.as_deref());
    let levels = levels(&template);
    let mut framed = wrapped(template, FRAME);
    if let Some(TemplateElement::HelperBlock(call)) = framed.elements.first_mut() {
        call.params = vec![Parameter::Literal(levels.into())];
    }
    framed
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
                    turn_first(body);
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
                    call.template = Some(wrapped(body, BODY));
                }
            }
            _ => {}
        }
    }
}

/// A template that is one block of the helper `mark`, with `inner` as its body.
fn wrapped(inner: Template, mark: &str) -> Template {
    let Ok(mut outer) = Template::compile("{{#mark}}{{/mark}}") else { return inner };
    outer.name.clone_from(&inner.name);
    if let Some(TemplateElement::HelperBlock(call)) = outer.elements.first_mut() {
        call.name = Parameter::Name(mark.to_owned());
        call.template = Some(inner);
    }
    outer
}

fn turn_first(body: &mut Template) {
    let Ok(mark) = Template::compile("{{mark}}") else { return };
    let (Some(mut element), Some(place)) =
        (mark.elements.into_iter().next(), mark.mapping.into_iter().next())
    else {
        return;
    };
    if let TemplateElement::Expression(call) = &mut element {
        call.name = Parameter::Name(TURN.to_owned());
    }
    let place = body.mapping.first().cloned().unwrap_or(place);
    body.elements.insert(0, element);
    body.mapping.insert(0, place);
}

struct Frame;

impl HelperDef for Frame {
    fn call<'reg: 'rc, 'rc>(
        &self,
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
            meter.turn()
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
}

struct Turn;

impl HelperDef for Turn {
    fn call<'reg: 'rc, 'rc>(
        &self,
        _: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        _: &mut dyn Output,
    ) -> HelperResult {
        measure(Meter::turn).map_err(refused)
    }
}

struct BodyMark;

impl HelperDef for BodyMark {
    fn call<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let mut body = Body(out);
        call.template().map_or(Ok(()), |inner| inner.render(registry, context, rc, &mut body))
    }
}

fn refused(words: String) -> RenderError {
    RenderErrorReason::Other(words).into()
}
