//! The calls as lines on standard error, for `-v` and `-vv`. Headers and bodies are never shown.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::network::call_log;
use crate::secrets::redacted;

/// Shows each call from now on. From a verbosity of 2 on, the host, the attempt, and the request ID are shown as well.
pub(super) fn show(verbosity: u8) {
    let lines = CallLines {
        is_detailed: verbosity > 1,
    };
    // This fails only if there is a subscriber already, which the command does not have.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines));
}

struct CallLines {
    is_detailed: bool,
}

impl<S: Subscriber> Layer<S> for CallLines {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        metadata.target() == call_log::TARGET
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut call = CallLine::default();
        event.record(&mut call);
        // If standard error is closed, nobody can read the line.
        let _ = writeln!(io::stderr(), "{}", redacted(call.line(self.is_detailed)));
    }
}

/// The fields of a call.
#[derive(Default)]
struct CallLine {
    service: String,
    action: String,
    host: String,
    status: Option<u64>,
    request_id: String,
    error: String,
    milliseconds: u64,
    attempt: u64,
}

impl CallLine {
    fn line(&self, is_detailed: bool) -> String {
        let Self {
            service,
            action,
            host,
            status,
            request_id,
            error,
            milliseconds,
            attempt,
        } = self;
        let mut line = format!("{service} {action}: ");
        let _ = match status {
            Some(status) => write!(line, "{status} in {milliseconds} ms"),
            None => write!(line, "no response in {milliseconds} ms"),
        };
        if is_detailed {
            let _ = write!(line, " ({host}, attempt {attempt}");
            if !request_id.is_empty() {
                let _ = write!(line, ", request {request_id}");
            }
            line.push(')');
        }
        if !error.is_empty() {
            let _ = write!(line, ": {error}");
        }
        line
    }

    /// Returns the text of a field.
    fn text(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "service" => Some(&mut self.service),
            "action" => Some(&mut self.action),
            "host" => Some(&mut self.host),
            "request_id" => Some(&mut self.request_id),
            "error" => Some(&mut self.error),
            _ => None,
        }
    }
}

impl Visit for CallLine {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = Some(value),
            "milliseconds" => self.milliseconds = value,
            "attempt" => self.attempt = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(text) = self.text(field.name()) {
            value.clone_into(text);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(text) = self.text(field.name()) {
            *text = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_one_line() {
        let call = CallLine {
            service: "iam".to_owned(),
            action: "GetRole".to_owned(),
            host: "iam.amazonaws.com".to_owned(),
            status: Some(200),
            request_id: "r-1".to_owned(),
            milliseconds: 34,
            attempt: 1,
            ..CallLine::default()
        };
        assert_eq!(call.line(false), "iam GetRole: 200 in 34 ms");
        assert_eq!(
            call.line(true),
            "iam GetRole: 200 in 34 ms (iam.amazonaws.com, attempt 1, request r-1)"
        );
        let failed = CallLine {
            status: None,
            request_id: String::new(),
            error: "refused".to_owned(),
            ..call
        };
        assert_eq!(failed.line(false), "iam GetRole: no response in 34 ms: refused");
    }
}
