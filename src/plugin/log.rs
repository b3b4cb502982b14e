//! The log: events of this crate as hclog's JSON lines on stderr, which Terraform reads.
//!
//! Terraform passes on what it is asked for with `TF_LOG` and `TF_LOG_PROVIDER`; the same variables
//! decide here what is worth writing. Events of other crates are never written: at the finest level
//! some of them hold whole requests, credentials included.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::secrets::redact;

/// With this the targets of this crate's events begin.
const CRATE: &str = env!("CARGO_CRATE_NAME");
/// The longest line that Terraform reads in one piece is 64 KiB.
const MAX_LINE: usize = 60 << 10;
/// The longest value that a line is first tried with. What is far beyond is not even looked at.
const MAX_VALUE: usize = 16 << 10;

/// From here on events go to stderr, if the environment asks for any.
pub(super) fn install() {
    let level = level(|variable| std::env::var(variable).ok());
    if level == LevelFilter::OFF {
        return;
    }
    let log = Hclog {
        level,
        write: |line: &str| {
            // With stderr closed there is nobody left to tell.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        },
    };
    // Refused only if there is a subscriber already, which is then the one to ask.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log));
}

/// The level that `TF_LOG_PROVIDER`, and where that is not set `TF_LOG`, asks for. As Terraform has
/// it, `JSON` is the finest level, and so is a word that is not known.
fn level(variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let asked = ["TF_LOG_PROVIDER", "TF_LOG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty());
    match asked.map(|level| level.to_ascii_uppercase()).as_deref() {
        None | Some("OFF") => LevelFilter::OFF,
        Some("ERROR") => LevelFilter::ERROR,
        Some("WARN") => LevelFilter::WARN,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

/// Where an event comes from as hclog names modules: `provider.plugin.serve`. `None`: from elsewhere.
fn module(target: &str) -> Option<String> {
    let within = target.strip_prefix(CRATE)?;
    (within.is_empty() || within.starts_with("::"))
        .then(|| format!("provider{}", within.replace("::", ".")))
}

/// Writes events of this crate up to a level. The fields of the spans around an event are the
/// event's too.
struct Hclog<W> {
    level: LevelFilter,
    write: W,
}

impl<W: Fn(&str)> Hclog<W> {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && module(metadata.target()).is_some()
    }
}

impl<S, W> Layer<S> for Hclog<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: Fn(&str) + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        let around = context.event_scope(event).into_iter();
        for span in around.flat_map(|spans| spans.from_root()) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        (self.write)(&line(event.metadata(), fields, OffsetDateTime::now_utc()));
    }
}

/// Fields by name, each as text: Terraform fails on other types in the names that it reads itself.
#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn set(&mut self, field: &Field, value: &str) {
        let name = match field.name() {
            "message" => "@message".to_owned(),
            // Names with @ are hclog's own.
            name => name.trim_start_matches('@').to_owned(),
        };
        let mut value = Cow::Borrowed(value);
        if value.len() > MAX_LINE {
            cut(value.to_mut(), MAX_LINE);
        }
        self.0.insert(name, redact(&value).into_owned());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, &format!("{value:?}"));
    }
}

/// One line for an event, short enough for Terraform.
fn line(metadata: &Metadata<'_>, fields: Fields, time: OffsetDateTime) -> String {
    let Fields(mut fields) = fields;
    let level = metadata.level().as_str().to_ascii_lowercase();
    let module = module(metadata.target()).unwrap_or_default();
    fields.entry("@message".to_owned()).or_default();
    fields.insert("@level".to_owned(), level);
    fields.insert("@module".to_owned(), module);
    fields.insert("@timestamp".to_owned(), timestamp(time));

    // JSON may need six bytes for one, so what counts is the line as it is written.
    let mut longest = MAX_VALUE;
    loop {
        for value in fields.values_mut() {
            cut(value, longest);
        }
        let line = serde_json::json!(fields).to_string();
        if line.len() < MAX_LINE {
            return line + "\n";
        }
        longest /= 2;
    }
}

fn cut(value: &mut String, longest: usize) {
    if value.len() > longest {
        value.truncate(value.floor_char_boundary(longest));
        value.push('…');
    }
}

/// As Go formats `2006-01-02T15:04:05.000000Z07:00`, in UTC.
fn timestamp(time: OffsetDateTime) -> String {
    let (date, (hour, minute, second, micro)) = (time.date(), time.time().as_hms_micro());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    /// The lines that `events` writes.
    fn lines(level: LevelFilter, events: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Hclog {
            level,
            write: {
                let lines = Arc::clone(&lines);
                move |line: &str| lines.lock().unwrap().push(line.to_owned())
            },
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log), events);
        std::mem::take(&mut *lines.lock().unwrap())
    }

    #[test]
    fn the_providers_own_variable_goes_first() {
        let asked = |provider: &str, all: &str| {
            level(|variable| Some(if variable == "TF_LOG" { all } else { provider }.to_owned()))
        };
        assert_eq!(level(|_| None), LevelFilter::OFF);
        assert_eq!(asked("", ""), LevelFilter::OFF);
        assert_eq!(asked("", "info"), LevelFilter::INFO);
        assert_eq!(asked("WARN", "TRACE"), LevelFilter::WARN);
        assert_eq!(asked("OFF", "TRACE"), LevelFilter::OFF);
        assert_eq!(asked("", "JSON"), LevelFilter::TRACE);
        assert_eq!(asked("", "loud"), LevelFilter::TRACE);
    }

    #[test]
    fn an_event_is_a_line_of_strings() {
        let lines = lines(LevelFilter::TRACE, || {
            let span =
                tracing::info_span!("call", rpc = "ReadResource", status = tracing::field::Empty);
            span.record("status", 200);
            span.in_scope(|| tracing::warn!(count = 3, ok = true, name = "a\nb", "to {}", "you"));
        });
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert!(
            line.ends_with("}\n") && line.matches('\n').count() == 1,
            "{line}"
        );
        let mut fields: BTreeMap<String, String> = serde_json::from_str(line).unwrap();
        let timestamp = fields.remove("@timestamp").unwrap();
        assert_eq!(
            timestamp.len(),
            "2006-01-02T15:04:05.000000Z".len(),
            "{timestamp}"
        );
        let expected = [
            ("@level", "warn"),
            ("@message", "to you"),
            ("@module", "provider.plugin.log.tests"),
            ("count", "3"),
            ("name", "a\nb"),
            ("ok", "true"),
            ("rpc", "ReadResource"),
            ("status", "200"),
        ];
        assert_eq!(
            fields,
            expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        );
    }

    #[test]
    fn other_crates_and_finer_levels_are_left_out() {
        let lines = lines(LevelFilter::INFO, || {
            tracing::info!(target: "hyper::client", "not ours");
            tracing::info!(target: concat!(env!("CARGO_CRATE_NAME"), "_other"), "not ours");
            tracing::debug!("too fine");
        });
        assert_eq!(lines, Vec::<String>::new());
    }

    #[test]
    fn a_credential_is_not_written() {
        let lines = lines(LevelFilter::TRACE, || {
            tracing::info!(
                url = "https://sts/?X-Amz-Signature=5ec4e7&a=1",
                "Bearer 5ec4e7"
            );
        });
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].contains("5ec4e7"), "{}", lines[0]);
    }

    #[test]
    fn a_line_is_never_too_long_for_terraform() {
        let long = "\u{1}é".repeat(100_000);
        let lines = lines(LevelFilter::TRACE, || {
            tracing::info!(a = long, b = long, c = long, d = long, "{long}");
        });
        assert!(lines[0].len() < 64 << 10, "{}", lines[0].len());
        let fields: Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(fields["a"].as_str().unwrap().len() > 1_000);
    }

    #[test]
    fn time_is_written_as_go_does() {
        let time = OffsetDateTime::UNIX_EPOCH + time::Duration::new(1_000_000_000, 4_005_000);
        assert_eq!(timestamp(time), "2001-09-09T01:46:40.004005Z");
    }
}
