//! The log: the events of the provider and of this crate as hclog's JSON lines on stderr, which Terraform reads.
//!
//! Terraform filters these lines by `TF_LOG` and `TF_LOG_PROVIDER`. The same variables decide here which events
//! are written at all. Events of other crates are never written, because at the finest level some of them contain
//! whole requests with their credentials.

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

use crate::redaction::Redact;

/// The first part of the targets of this crate's own events.
const THIS_CRATE: &str = env!("CARGO_CRATE_NAME");
/// The longest line, in bytes. Terraform reads up to 64 KiB as one line.
const MAX_LINE: usize = 60 << 10;
/// The length, in bytes, to which values are cut first.
const MAX_VALUE: usize = 16 << 10;

/// Writes events to stderr from now on, if the environment turns logging on. `provider_crate` is the name of the
/// crate whose events are written, beside those of this one.
pub(crate) fn install(provider_crate: &'static str, redact: Redact) {
    let level = level(|variable| std::env::var(variable).ok());
    if level == LevelFilter::OFF {
        return;
    }
    let log = Hclog {
        level,
        provider_crate,
        redact,
        write: |line: &str| {
            // If stderr is closed, nothing can read the log.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        },
    };
    // This fails only if the provider has set a subscriber of its own, which is then used.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log));
}

/// Returns the level that `TF_LOG_PROVIDER` sets, or `TF_LOG` if that one is not set. As in Terraform, `JSON` and
/// unknown words mean the finest level.
fn level(variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let value = ["TF_LOG_PROVIDER", "TF_LOG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty());
    match value.map(|level| level.to_ascii_uppercase()).as_deref() {
        None | Some("OFF") => LevelFilter::OFF,
        Some("ERROR") => LevelFilter::ERROR,
        Some("WARN") => LevelFilter::WARN,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

/// Returns the hclog name of the module that an event's `target` names: `provider` and the path in the provider's
/// crate, or `provider.plugin` and the path in this crate. Returns `None` for the events of other crates.
fn module(target: &str, provider_crate: &str) -> Option<String> {
    let in_crate = |name, prefix| {
        let path = target.strip_prefix(name)?;
        (path.is_empty() || path.starts_with("::")).then(|| format!("{prefix}{}", path.replace("::", ".")))
    };
    in_crate(THIS_CRATE, "provider.plugin").or_else(|| in_crate(provider_crate, "provider"))
}

/// A layer that writes events up to a level. An event's line also has the fields of the spans around it.
struct Hclog<W> {
    level: LevelFilter,
    provider_crate: &'static str,
    redact: Redact,
    write: W,
}

impl<W: Fn(&str)> Hclog<W> {
    fn is_written(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && self.module(metadata).is_some()
    }

    fn module(&self, metadata: &Metadata<'_>) -> Option<String> {
        module(metadata.target(), self.provider_crate)
    }

    fn visitor<'a>(&self, fields: &'a mut Fields) -> FieldVisitor<'a> {
        FieldVisitor {
            fields,
            redact: self.redact,
        }
    }
}

impl<S, W> Layer<S> for Hclog<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: Fn(&str) + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.is_written(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.is_written(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut self.visitor(&mut fields));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(&mut self.visitor(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        let spans = context.event_scope(event).into_iter();
        for span in spans.flat_map(|spans| spans.from_root()) {
            if let Some(span_fields) = span.extensions().get::<Fields>() {
                fields.0.extend(span_fields.0.clone());
            }
        }
        event.record(&mut self.visitor(&mut fields));
        let module = self.module(event.metadata()).unwrap_or_default();
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        (self.write)(&line(level, module, fields, OffsetDateTime::now_utc()));
    }
}

/// Fields by name. Each value is text, because Terraform fails on other types in the fields that it reads itself.
#[derive(Default)]
struct Fields(BTreeMap<String, String>);

/// Adds the fields of an event or a span to others, redacted.
struct FieldVisitor<'a> {
    fields: &'a mut Fields,
    redact: Redact,
}

impl FieldVisitor<'_> {
    fn set(&mut self, field: &Field, value: &str) {
        let name = match field.name() {
            "message" => "@message".to_owned(),
            // Names that begin with @ are reserved for hclog.
            name => name.trim_start_matches('@').to_owned(),
        };
        let mut value = Cow::Borrowed(value);
        if value.len() > MAX_LINE {
            cut(value.to_mut(), MAX_LINE);
        }
        let redacted = (self.redact)(&value).into_owned();
        self.fields.0.insert(name, redacted);
    }
}

impl Visit for FieldVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, &format!("{value:?}"));
    }
}

/// Returns the line of an event, short enough for Terraform.
fn line(level: String, module: String, fields: Fields, time: OffsetDateTime) -> String {
    let Fields(mut fields) = fields;
    fields.entry("@message".to_owned()).or_default();
    fields.insert("@level".to_owned(), level);
    fields.insert("@module".to_owned(), module);
    fields.insert("@timestamp".to_owned(), timestamp(time));

    // JSON can need six bytes for one byte of a value, so the length of the whole line counts.
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

/// Returns the time in UTC as Go formats it with `2006-01-02T15:04:05.000000Z07:00`.
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

    /// Redacts the text `5ec4e7`.
    fn redact(text: &str) -> Cow<'_, str> {
        Cow::Owned(text.replace("5ec4e7", "(redacted)"))
    }

    /// Returns the lines that `events` writes.
    fn lines(level: LevelFilter, events: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Hclog {
            level,
            provider_crate: "some_provider",
            redact,
            write: {
                let lines = Arc::clone(&lines);
                move |line: &str| lines.lock().unwrap().push(line.to_owned())
            },
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log), events);
        std::mem::take(&mut *lines.lock().unwrap())
    }

    #[test]
    fn the_variable_for_providers_takes_precedence() {
        let level_of = |provider: &str, all: &str| {
            level(|variable| Some(if variable == "TF_LOG" { all } else { provider }.to_owned()))
        };
        assert_eq!(level(|_| None), LevelFilter::OFF);
        assert_eq!(level_of("", ""), LevelFilter::OFF);
        assert_eq!(level_of("", "info"), LevelFilter::INFO);
        assert_eq!(level_of("WARN", "TRACE"), LevelFilter::WARN);
        assert_eq!(level_of("OFF", "TRACE"), LevelFilter::OFF);
        assert_eq!(level_of("", "JSON"), LevelFilter::TRACE);
        assert_eq!(level_of("", "loud"), LevelFilter::TRACE);
    }

    #[test]
    fn an_event_is_a_line_of_strings() {
        let lines = lines(LevelFilter::TRACE, || {
            let span = tracing::info_span!("call", rpc = "ReadResource", status = tracing::field::Empty);
            span.record("status", 200);
            span.in_scope(|| tracing::warn!(count = 3, ok = true, name = "a\nb", "to {}", "you"));
        });
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(line.ends_with("}\n") && line.matches('\n').count() == 1, "{line}");
        let mut fields: BTreeMap<String, String> = serde_json::from_str(line).unwrap();
        let timestamp = fields.remove("@timestamp").unwrap();
        assert_eq!(timestamp.len(), "2006-01-02T15:04:05.000000Z".len(), "{timestamp}");
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
        assert_eq!(fields, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn other_crates_and_finer_levels_are_left_out() {
        let lines = lines(LevelFilter::INFO, || {
            tracing::info!(target: "hyper::client", "another crate");
            tracing::info!(target: concat!(env!("CARGO_CRATE_NAME"), "_other"), "another crate");
            tracing::info!(target: "some_provider_other", "another crate");
            tracing::debug!("too fine");
        });
        assert_eq!(lines, Vec::<String>::new());
    }

    #[test]
    fn the_events_of_the_provider_are_named_by_their_modules() {
        let lines = lines(LevelFilter::INFO, || {
            tracing::info!(target: "some_provider::client", "sent");
        });
        assert!(lines[0].contains(r#""@module":"provider.client""#), "{lines:?}");
    }

    #[test]
    fn messages_fields_and_spans_are_redacted() {
        let lines = lines(LevelFilter::TRACE, || {
            let span = tracing::info_span!("call", token = "5ec4e7");
            span.in_scope(|| tracing::info!(url = "https://sts/?signature=5ec4e7", "Bearer 5ec4e7"));
        });
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].contains("5ec4e7"), "{}", lines[0]);
        assert_eq!(lines[0].matches("(redacted)").count(), 3);
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
    fn times_are_written_as_go_writes_them() {
        let time = OffsetDateTime::UNIX_EPOCH + time::Duration::new(1_000_000_000, 4_005_000);
        assert_eq!(timestamp(time), "2001-09-09T01:46:40.004005Z");
    }
}
