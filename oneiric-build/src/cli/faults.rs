//! The faults that only a build can find, each with its code and its page.

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
    UNKNOWN_ARGUMENT = "O5101", "unknown-argument", "a task is given an argument that it does not take";
    MISSING_ARGUMENT = "O5102", "missing-argument", "a task is not given an argument that it takes";
    MISFIT = "O5103", "type-mismatch", "an argument is of another type than the task takes";
    LITERAL = "O5104", "literal-mismatch", "a value written in the manifest is not of the type that the task takes";
    UNKNOWN_FUNCTION = "O5105", "unknown-function", "a task names a function that is not there, or is no task";
    UNKNOWN_PART = "O5106", "unknown-part", "a reference goes into a value that has no such part";
    UNKNOWN_PACKAGE = "O6001", "unknown-package", "the manifest's package is not in the workspace around it";
    NO_LIBRARY = "O6002", "package-without-library", "the manifest's package has no library";
    NOT_STATIC = "O6003", "not-static", "the program would need something of the system that runs it";
    INTERNAL = "O9001", "internal-error", "the compiler wrote a program that rustc refuses";
}
