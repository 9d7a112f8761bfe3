//! What the macros write, as files: a test of `oneiric-macros` compares them, and here they are compiled.

use oneiric::{mins, secs};

include!("task.rs");
include!("one_argument.rs");
include!("workflow.rs");
