//! What the end-to-end tests share: the real compiler, the programs it makes, and the processes they become.
//!
//! Nothing here knows what a test is about. Everything is awaited with a limit, nothing is shared between tests but
//! the programs, and every process ends with the test that started it.

mod compiler;
mod cost;
mod http;
mod journal;
mod output;
mod place;
mod process;
mod program;
mod server;
pub mod services;

pub use compiler::{Compiler, Project, workspace};
pub use cost::Cost;
pub use journal::{Journal, Line};
pub use output::Output;
pub use place::Place;
pub use process::{LIMIT, Process, wait_for};
pub use program::{Program, WIDE};
pub use server::{Answer, Server};
