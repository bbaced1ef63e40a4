//! Parses values written as in recipes, in RON or JSON, before their type is known.

use serde_json::{Map, Number, Value};

/// Parses `text` as RON, as in a recipe, or JSON; `None` if it is neither.
///
/// The result has the form that serde uses for JSON: a variant is its name (`Heading`), or an
/// object with its name as the only key (`Cosine(steps: 900)` and `{"Cosine": {"steps": 900}}`);
/// `Some(x)` is `x` and `None` is `null`.
#[must_use]
pub fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.value()?;
    reader.rest.is_empty().then_some(value)
}

/// The remaining text, without leading whitespace.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Value> {
        match self.rest.chars().next()? {
            '"' => self.string().map(Value::String),
            '[' => self.list('[', ']', Self::value).map(Value::Array),
            '{' => self.entries('{', '}').map(Value::Object),
            '(' => self.parentheses(),
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
            _ => self.word_and_content(),
        }
    }

    /// `(a: 1)` is an object, `()` an empty one, `(1, 2)` a list; `(1)` is its content.
    fn parentheses(&mut self) -> Option<Value> {
        let start = self.rest;
        if let Some(fields) = self.entries('(', ')') {
            return Some(Value::Object(fields));
        }
        self.rest = start;
        let mut items = self.list('(', ')', Self::value)?;
        Some(if items.len() == 1 { items.remove(0) } else { Value::Array(items) })
    }

    /// `true`, `None`, `Some(x)`, or a variant.
    fn word_and_content(&mut self) -> Option<Value> {
        let word = self.word()?;
        let content = if self.rest.starts_with('(') { Some(self.parentheses()?) } else { None };
        Some(match (word, content) {
            ("true", None) => Value::Bool(true),
            ("false", None) => Value::Bool(false),
            ("None" | "null", None) => Value::Null,
            ("Some", Some(content)) => content,
            (name, None) => Value::String(name.into()),
            (name, Some(content)) => Value::Object(Map::from_iter([(name.into(), content)])),
        })
    }

    fn number(&mut self) -> Option<Value> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
        let text = self.take_while(word)?.replace('_', "");
        let text = text.strip_prefix('+').unwrap_or(&text);
        let whole = || text.parse::<u64>().ok().map(Number::from);
        let signed = || text.parse::<i64>().ok().map(Number::from);
        let real = || text.parse().ok().and_then(Number::from_f64);
        whole().or_else(signed).or_else(real).map(Value::Number)
    }

    /// A string with JSON's escapes.
    fn string(&mut self) -> Option<String> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let (text, rest) = self.rest.split_at(end?.0 + 1);
        self.rest = rest.trim_start();
        serde_json::from_str(text).ok()
    }

    /// Named values, `a: 1` or `"a": 1`.
    fn entries(&mut self, open: char, close: char) -> Option<Map<String, Value>> {
        let entry = |reader: &mut Self| {
            let quoted = reader.rest.starts_with('"');
            let name = if quoted { reader.string()? } else { reader.word()?.to_owned() };
            reader.sign(':')?;
            Some((name, reader.value()?))
        };
        self.list(open, close, entry).map(Map::from_iter)
    }

    /// Items between two delimiters, separated by commas, with an optional trailing comma.
    fn list<T>(
        &mut self,
        open: char,
        close: char,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.sign(open)?;
        let mut items = vec![];
        while self.sign(close).is_none() {
            items.push(item(self)?);
            if self.sign(',').is_none() {
                self.sign(close)?;
                break;
            }
        }
        Some(items)
    }

    fn word(&mut self) -> Option<&'a str> {
        self.take_while(|c| c.is_alphanumeric() || c == '_')
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> Option<&'a str> {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!text.is_empty()).then_some(text)
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?.trim_start();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_every_kind_are_parsed() {
        for (text, expected) in [
            ("7", json!(7)),
            ("-7", json!(-7)),
            ("18446744073709551615", json!(u64::MAX)),
            ("300_000", json!(300_000)),
            ("1.5e-3", json!(1.5e-3)),
            (" true ", json!(true)),
            ("Heading", json!("Heading")),
            ("None", json!(null)),
            ("null", json!(null)),
            ("Some(0.5)", json!(0.5)),
            (r#""a, \"b\" (c)""#, json!("a, \"b\" (c)")),
            ("[0, 1, 3,]", json!([0, 1, 3])),
            ("[]", json!([])),
            ("(0.1, 0.2)", json!([0.1, 0.2])),
            ("()", json!({})),
            (
                "(mirror: true, noise: (seconds: 0.3))",
                json!({"mirror": true, "noise": {"seconds": 0.3}}),
            ),
            ("Cosine(steps: 900)", json!({"Cosine": {"steps": 900}})),
            (
                "Kinest((window: 40, chain: Unified))",
                json!({"Kinest": {"window": 40, "chain": "Unified"}}),
            ),
            ("Some((carried: 60, frames: 60))", json!({"carried": 60, "frames": 60})),
            (r#"{"Cosine": {"steps": 900}}"#, json!({"Cosine": {"steps": 900}})),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn invalid_values_are_none() {
        for text in
            ["", "lists/train.txt", "(a: 1", "[1 2]", "\"open", "Cosine(steps: 1) too", "1e", "-"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
