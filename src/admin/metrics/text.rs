//! Figures → the text that Prometheus reads: its own format, or `OpenMetrics` where that is asked
//! for. The two differ in how counters and facts are named, and in the end.

use std::fmt::{Display, Write as _};

use http::HeaderMap;
use http::header::ACCEPT;

use crate::measure::{STEPS, Taken};

/// How the figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// What a request asks for by its `Accept`: `OpenMetrics` only where it is named, and not less
    /// wanted than the other.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let (mut open, mut plain) = (0.0, 0.0);
        for range in lines.flat_map(|line| line.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            let best = match &*kind {
                "application/openmetrics-text" => &mut open,
                "text/plain" | "text/*" | "*/*" => &mut plain,
                _ => continue,
            };
            *best = f64::max(*best, quality.unwrap_or(1.0));
        }
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows. Its name is written without `_total`.
    Counter,
    Gauge,
    /// A fact in labels, as `NAME_info`.
    Info,
}

/// The text as it grows.
pub(super) struct Text {
    format: Format,
    out: String,
}

/// A name and a value.
pub(super) type Label<'l> = (&'l str, &'l str);

impl Text {
    pub(super) fn new(format: Format) -> Self {
        Self { format, out: String::with_capacity(64 * 1024) }
    }

    /// One figure without labels.
    pub(super) fn number(&mut self, kind: Kind, name: &str, help: &str, value: u64) {
        self.family(kind, name, help, [([], value)]);
    }

    /// One figure for each of some labels.
    pub(super) fn family<'l, const N: usize>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = ([Label<'l>; N], impl Display)>,
    ) {
        let suffix = match kind {
            Kind::Counter => "_total",
            Kind::Gauge => "",
            Kind::Info => "_info",
        };
        self.head(kind, name, suffix, help);
        for (labels, value) in values {
            self.sample(name, suffix, &labels, value);
        }
    }

    /// The same, where it is known.
    pub(super) fn known(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        value: Option<impl Display>,
    ) {
        if let Some(value) = value {
            self.family(kind, name, help, [([], value)]);
        }
    }

    /// How long something took.
    pub(super) fn histogram(&mut self, name: &str, help: &str, taken: &Taken) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} histogram\n"));
        let mut count = 0;
        let bounds = STEPS.iter().map(|bound| format!("{:?}", bound.as_secs_f64()));
        for (bound, more) in bounds.chain(["+Inf".to_owned()]).zip(taken.counts) {
            count += more;
            self.sample(name, "_bucket", &[("le", &bound)], count);
        }
        self.sample(name, "_sum", &[], taken.seconds);
        self.sample(name, "_count", &[], count);
    }

    /// All of it.
    pub(super) fn end(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    fn head(&mut self, kind: Kind, name: &str, suffix: &str, help: &str) {
        let (suffix, kind) = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Counter) => ("", "counter"),
            (Format::OpenMetrics, Kind::Info) => ("", "info"),
            (Format::Prometheus, Kind::Counter) => (suffix, "counter"),
            (_, Kind::Gauge | Kind::Info) => (suffix, "gauge"),
        };
        self.write(format_args!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"));
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        self.out.push_str(name);
        self.out.push_str(suffix);
        for (at, (label, value)) in labels.iter().enumerate() {
            self.out.push(if at == 0 { '{' } else { ',' });
            self.out.push_str(label);
            self.out.push_str("=\"");
            for char in value.chars() {
                match char {
                    '\\' => self.out.push_str("\\\\"),
                    '"' => self.out.push_str("\\\""),
                    '\n' => self.out.push_str("\\n"),
                    char => self.out.push(char),
                }
            }
            self.out.push('"');
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        self.write(format_args!(" {value}\n"));
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _infallible = self.out.write_fmt(what);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::Timings;

    #[test]
    fn open_metrics_is_written_only_where_it_is_wanted() {
        let of_prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                             text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, expected) in [
            (of_prometheus, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain, application/openmetrics-text;q=0.5", Format::Prometheus),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            ("text/html, */*;q=0.8", Format::Prometheus),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Format::wanted(&headers), expected, "{accept}");
        }
        assert_eq!(Format::wanted(&HeaderMap::new()), Format::Prometheus);
    }

    #[test]
    fn each_format_has_its_own_names_and_ends() {
        let written = |format| {
            let mut text = Text::new(format);
            text.family(Kind::Counter, "a", "As", [([("b", "c\"\\\n")], 1)]);
            text.family(Kind::Info, "d", "Ds", [([("e", "f")], 1)]);
            text.number(Kind::Gauge, "g", "Gs", 2);
            text.end()
        };
        let plain = "# HELP a_total As\n# TYPE a_total counter\na_total{b=\"c\\\"\\\\\\n\"} 1\n\
                     # HELP d_info Ds\n# TYPE d_info gauge\nd_info{e=\"f\"} 1\n\
                     # HELP g Gs\n# TYPE g gauge\ng 2\n";
        assert_eq!(written(Format::Prometheus), plain);
        let open = "# HELP a As\n# TYPE a counter\na_total{b=\"c\\\"\\\\\\n\"} 1\n\
                    # HELP d Ds\n# TYPE d info\nd_info{e=\"f\"} 1\n\
                    # HELP g Gs\n# TYPE g gauge\ng 2\n# EOF\n";
        assert_eq!(written(Format::OpenMetrics), open);
    }

    #[test]
    fn a_histogram_ends_with_all_of_it() {
        let timings = Timings::default();
        for millis in [2, 2, 20_000] {
            timings.add(Duration::from_millis(millis));
        }
        let mut text = Text::new(Format::Prometheus);
        text.histogram("t", "Ts", &timings.get());
        let text = text.end();
        for line in [
            "t_bucket{le=\"0.001\"} 0",
            "t_bucket{le=\"0.003\"} 2",
            "t_bucket{le=\"1.0\"} 2",
            "t_bucket{le=\"10.0\"} 2",
            "t_bucket{le=\"+Inf\"} 3",
            "t_sum 20.004",
            "t_count 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
    }
}
