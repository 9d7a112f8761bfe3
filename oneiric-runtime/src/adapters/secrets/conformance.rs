//! What every source of secrets must do, whatever is behind it.

use futures_util::future::join_all;
use serde_json::Value;

use super::SecretSource;
use crate::adapters::{Adapter, Error, Kind, Setup};

/// A secret that is easily spoilt on its way.
pub(super) const TEXT: &str = "  p\u{e4}\u{df} \"wo\\rd\" ${secret:x} %2F\nsecond line\t";

/// An adapter with these settings.
pub(super) async fn open<A: Adapter>(settings: Value) -> Result<A, Error> {
    let settings = serde_json::from_value(settings).expect("settings of this adapter");
    #[cfg(feature = "client")]
    let client = crate::client::Client::new(crate::client::Policy {
        retry: crate::task::Retry::attempts(1),
        ..crate::client::Policy::default()
    });
    let setup = Setup {
        name: "vault",
        program: "test",
        #[cfg(feature = "client")]
        client: &client,
    };
    A::open(settings, &setup).await
}

/// The source gives `text` for `name`, as it is, and misses whatever else it is asked for.
pub(super) async fn holds(source: &dyn SecretSource, name: &str, text: &str) {
    let found = join_all((0..8).map(|_| source.read(name, None))).await;
    for found in found {
        let secret = found.expect("no fault").expect("no miss");
        assert_eq!(secret.expose(), text);
        assert!(!format!("{secret:?}").contains(text));
    }
    let (longer, shorter, long) = (format!("{name}x"), &name[..name.len() - 1], "x".repeat(3000));
    let beside = format!("../{name}");
    let below = format!("{name}/x");
    for other in [
        &*longer,
        shorter,
        &long,
        &beside,
        &below,
        "none",
        "",
        " ",
        ".",
        "..",
        "..data",
        "../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "%2e%2e%2fx",
        "x?y=z",
        "x#y",
        "x\0y",
        "x\ny",
        "\u{fc}",
    ] {
        let found = source.read(other, None).await;
        assert!(matches!(found, Ok(None)), "{other:?} is missed, and not {found:?}");
    }
}

/// The source cannot say whether it has the secret `name`: that is a fault of this kind, and no miss.
pub(super) async fn fails(source: &dyn SecretSource, name: &str, kind: Kind) {
    let error = source.read(name, None).await.expect_err(name);
    assert_eq!(error.kind(), kind, "{name}: {error}");
    let told = format!("{error} {error:?}");
    assert!(!told.contains("canary") && !told.contains("second line"), "{told}");
}
