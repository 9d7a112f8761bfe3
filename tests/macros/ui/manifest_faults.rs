//! Faults of a manifest, each with its line.

mod faulty {
    oneiric::manifest!("ui/faulty.yaml");
}

mod unquoted {
    oneiric::manifest!(faulty);
}

fn main() {
    // What has faults is there all the same, so that its users have none.
    let _ = faulty::app();
}
