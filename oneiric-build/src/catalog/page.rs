//! The reference page of a kind of adapter, in Markdown: what `oneiric adapters ID` prints and `docs/adapters` holds.

use std::fmt::Write as _;

use super::{Additional, Property, Provider, Schema};
use crate::settings::example;

/// The page.
pub fn page(provider: &Provider) -> String {
    let mut out = format!("# {}\n\n{}\n", provider.id, provider.docs.trim());
    let able: Vec<String> = provider.capabilities.iter().map(|one| format!("`{one}`")).collect();
    _ = write!(out, "\nIt can: {}. ", able.join(", "));
    match &provider.feature {
        Some(feature) => _ = writeln!(out, "Its cargo feature is `{feature}`."),
        None => out.push_str("It is part of every program.\n"),
    }
    let schema = provider.schema();
    // A page with an example of its own has a better one.
    if !provider.docs.contains("```yaml") {
        shortest(&mut out, provider, schema);
    }
    if schema.properties().next().is_some() {
        out.push_str("\n## Settings\n");
        list(&mut out, schema, 0);
    }
    out
}

/// The shortest manifest that can have the adapter.
fn shortest(out: &mut String, provider: &Provider, schema: Schema<'_>) {
    let required: Vec<String> = schema
        .required()
        .filter_map(|name| Some(format!("{name}: {}", example(schema.property(name)?.schema))))
        .collect();
    let settings = if required.is_empty() {
        String::new()
    } else {
        format!(", settings: {{ {} }}", required.join(", "))
    };
    _ = write!(out, "\n```yaml\nadapters:\n  name: {{ provider: {}{settings} }}\n```\n", provider.id);
}

/// The settings of one mapping: those that have to be there first. As deep as the schema.
fn list(out: &mut String, schema: Schema<'_>, depth: usize) {
    let required: Vec<&str> = schema.required().collect();
    let mut properties: Vec<(&str, Property<'_>)> = schema.properties().collect();
    properties.sort_by_key(|(name, _)| !required.contains(name));
    if depth == 0 {
        out.push('\n');
    }
    for (name, property) in properties {
        let indent = "  ".repeat(depth);
        let fallback = match property.default() {
            _ if required.contains(&name) => ", required".to_owned(),
            Some(value) if !value.is_null() => format!(", `{value}` where it is left out"),
            _ => String::new(),
        };
        _ = write!(out, "{indent}- `{name}`: {}{fallback}.", property.schema.phrase());
        for line in property.about().unwrap_or_default().split_whitespace() {
            _ = write!(out, " {line}");
        }
        out.push('\n');
        for form in property.schema.forms() {
            if !matches!(form.additional(), Additional::Of(_)) {
                list(out, form, depth + 1);
            }
            for (word, meaning) in form.words() {
                if let Some(meaning) = meaning {
                    _ = writeln!(out, "{indent}  - `{word}`: {meaning}");
                }
            }
        }
    }
}
