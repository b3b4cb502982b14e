//! The shell: quoting, and commands that are built word by word.

use std::fmt;

use serde_json::Value;

use super::yaml;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// A value, which is quoted if the shell would read it as anything else.
    Text(String),
    /// Code that is written as it is, such as the expansion `"$principal"` or a placeholder.
    Code(String),
}

impl Word {
    /// Returns code that is written as it is.
    pub(crate) fn code(code: impl Into<String>) -> Self {
        Self::Code(code.into())
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Word {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quote(text)),
            Self::Code(code) => f.write_str(code),
        }
    }
}

/// A command, ready to be pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShellCommand(String);

impl ShellCommand {
    /// Returns a command that starts with these words, which are written as they are: `aws iam create-role`.
    pub(crate) fn new(start: impl Into<String>) -> Self {
        Self(start.into())
    }

    /// Returns the command with one more word.
    pub(crate) fn word(mut self, word: impl Into<Word>) -> Self {
        if !self.0.ends_with(' ') {
            self.0.push(' ');
        }
        self.0.push_str(&word.into().to_string());
        self
    }

    /// Returns the command with an option and its value.
    pub(crate) fn option(self, name: &str, value: impl Into<Word>) -> Self {
        self.word(Word::code(name)).word(value)
    }

    /// Returns the command with the words that follow on a new line.
    pub(crate) fn next_line(mut self) -> Self {
        self.0.push_str(" \\\n  ");
        self
    }

    /// Returns the command with a comment behind it. No word can follow.
    pub(crate) fn comment(mut self, comment: &str) -> Self {
        self.0.push_str("   # ");
        self.0.push_str(comment);
        self
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)
    }
}

/// Returns a text as one word.
pub(crate) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=,.@:/%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Returns the command that applies manifests. It still works if each of its lines is pasted with an indentation: the
/// end of a here-document would not be found then.
pub(crate) fn kubectl_apply(manifests: &[Value]) -> ShellCommand {
    let text = format!("\n{}", yaml::single_document(manifests));
    ShellCommand::new("echo")
        .word(text)
        .word(Word::code("| kubectl apply -f -"))
}

/// Returns the command that applies manifests, for a script that is not indented.
pub(crate) fn kubectl_apply_here_document(manifests: &[Value]) -> ShellCommand {
    ShellCommand::new(format!("kubectl apply -f - <<'EOF'\n{}EOF", yaml::documents(manifests)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_words_that_need_it_are_quoted() {
        assert_eq!(quote("arn:aws:iam::1:role/x"), "arn:aws:iam::1:role/x");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        let command = ShellCommand::new("aws x")
            .option("--a", "b c")
            .next_line()
            .option("--d", Word::code("\"$e\""))
            .comment("f");
        assert_eq!(command.to_string(), "aws x --a 'b c' \\\n  --d \"$e\"   # f\n");
    }

    #[test]
    fn manifests_are_applied_as_one_text_that_can_be_indented() {
        let manifests = [json!({"kind": "A", "name": "it's me"}), json!({"kind": "B"})];
        let command = kubectl_apply(&manifests).to_string();
        let indented = command.replace('\n', "\n  ");
        let quoted = indented.replace(r"'\''", "\u{1}");
        let text = quoted.split('\'').nth(1).unwrap().replace('\u{1}', "'");
        let list: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(list["items"], json!(manifests));
    }
}
