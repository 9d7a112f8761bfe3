//! Several instances of one program that share a Postgres database: no run is lost, none is driven by two at once, and
//! nothing is recorded twice, whatever happens to the instances.

mod cluster;
mod commands;
mod crowd;
mod takeover;
