//! The faults of syntax and of form, each with its code and its page.
//!
//! What is wrong with the meaning of a well-formed manifest is for `rules`.

use crate::diagnostic::{Code, Rule, Severity};

macro_rules! faults {
    ($($name:ident = $code:literal, $kebab:literal, $summary:literal;)*) => {
        $(pub(crate) static $name: Rule = Rule {
            code: Code($code),
            name: $kebab,
            summary: $summary,
            severity: Severity::Error,
            page: include_str!(concat!("../rules/pages/", $code, ".md")),
        };)*

        /// All of them, by code.
        pub(crate) static ALL: &[&Rule] = &[$(&$name),*];
    };
}

faults! {
    SYNTAX = "O1001", "syntax", "the text is not YAML";
    ENCODING = "O1002", "encoding", "the file is not UTF-8 text";
    TOO_LARGE = "O1003", "too-large", "there is more in the manifest than one may hold";
    TOO_DEEP = "O1004", "too-deep", "values are nested more than 64 deep";
    EMPTY = "O1005", "empty-manifest", "there is nothing in the manifest";
    SECOND_DOCUMENT = "O1006", "second-document", "the file holds more than one document";
    ANCHOR = "O1007", "anchor", "anchors and aliases are not part of a manifest";
    MERGE_KEY = "O1008", "merge-key", "merge keys are not part of a manifest";
    TAG = "O1009", "tag", "tags are not part of a manifest";
    DUPLICATE_KEY = "O1010", "duplicate-key", "a key stands twice in one mapping";
    NUMBER = "O1011", "ambiguous-number", "a number that not all readers take alike, or that is none";
    KEY = "O1012", "complex-key", "a key that is not plain text";
    UNKNOWN_KEY = "O2001", "unknown-key", "a key that means nothing where it stands";
    LATER = "O2002", "not-supported-yet", "a part of the manifest that this version does not compile";
    WRONG_TYPE = "O2003", "wrong-type", "a value of another type than its key takes";
    MISSING_KEY = "O2004", "missing-key", "a key that has to be there is not";
    NAME = "O2005", "invalid-name", "a name that cannot be one";
    DURATION = "O2006", "invalid-duration", "a duration that cannot be read";
    RETRY = "O2007", "invalid-retry", "a retry policy that contradicts itself";
    DOES = "O2008", "what-it-does", "a task or node that says two things to do, or none";
    PATH = "O2009", "invalid-path", "`run` is not the path of a Rust function";
    REFERENCE = "O2010", "invalid-reference", "a `${…}` that cannot be read";
    VERSION = "O2011", "schema-version", "a version of the schema that this compiler does not know";
    NODE_LIST = "O2012", "nodes-as-list", "nodes are written as a list";
    VALUE = "O2013", "invalid-value", "a value outside of what its key allows";
    FILTER = "O2014", "invalid-filter", "a filter or condition that tests nothing, or not what it seems to";
    TOPIC = "O2015", "invalid-topic", "a topic that no event can have";
    CRON = "O2016", "invalid-cron", "a cron expression that cannot be read, or that never comes";
    ZONE = "O2017", "unknown-time-zone", "a time zone that is not in the database of time zones";
    TIE = "O2018", "candidate-tie", "two candidates of the same rank";
    SELECTION = "O2019", "unknown-selection", "a selection of a candidate that is not there";
    NO_CANDIDATE = "O2020", "no-candidate", "a key with no candidate for the profile that is built";
    PYTHON = "O2021", "python-factory", "a factory that is Python";
    NO_COUNTERPART = "O2022", "no-counterpart", "a part of the original's form that nothing here corresponds to";
    LINT = "O2023", "unknown-warning", "`lints` names what is no warning";
    TITLE = "O2024", "invalid-title", "a title with a field that there is not";
}
