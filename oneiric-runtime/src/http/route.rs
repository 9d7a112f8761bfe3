//! Which path and method mean what.

use hyper::{Method, StatusCode};

use super::answer::Answer;
use super::door::Door;

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// Is the process alive?
    Health,
    /// Can it take work?
    Readiness,
    /// Run a workflow and answer with its results.
    Workflow,
    /// An order of another process of the same user.
    Control,
    /// How is it, at length? For the same.
    Inspection,
}

/// The path of orders.
pub(crate) const CONTROL: &str = "/control";

/// The path of the question how the program is, and what asks for more than is known already.
pub(crate) const CONTROL_HEALTH: &str = "/control/health";
pub(crate) const PROBE: &str = "probe";

/// Where the program says that it is alive, unless the manifest says otherwise.
pub(crate) const HEALTH: &str = "/healthz";

/// The route of a request, or the answer that there is none. `health` is where the program says that it is alive.
pub(crate) fn find(door: Door, health: &str, method: &Method, path: &str) -> Result<Route, Answer> {
    let (route, allow) = match (path, door) {
        _ if path == health => (Route::Health, "GET, HEAD"),
        ("/readyz", _) => (Route::Readiness, "GET, HEAD"),
        ("/tasks/workflow", _) => (Route::Workflow, "POST"),
        (CONTROL, Door::Control) => (Route::Control, "POST"),
        (CONTROL_HEALTH, Door::Control) => (Route::Inspection, "GET"),
        _ => return Err(Answer::error(StatusCode::NOT_FOUND, "not-found")),
    };
    if allow.split(", ").any(|known| known == method.as_str()) {
        Ok(route)
    } else {
        Err(Answer::method_not_allowed(allow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_are_exact() {
        let public = |method: Method, path| {
            find(Door::Public, HEALTH, &method, path).map_err(|answer| answer.status.as_u16())
        };
        assert_eq!(public(Method::GET, "/healthz"), Ok(Route::Health));
        assert_eq!(public(Method::HEAD, "/readyz"), Ok(Route::Readiness));
        assert_eq!(public(Method::POST, "/tasks/workflow"), Ok(Route::Workflow));
        assert_eq!(public(Method::GET, "/"), Err(404));
        assert_eq!(public(Method::GET, "/healthz/"), Err(404));
        assert_eq!(public(Method::POST, "/healthz"), Err(405));
        assert_eq!(public(Method::GET, "/tasks/workflow"), Err(405));
        let refused = find(Door::Public, HEALTH, &Method::PUT, "/tasks/workflow").unwrap_err();
        assert_eq!(refused.allow, Some("POST"));
    }

    #[test]
    fn orders_come_through_the_socket_alone() {
        assert_eq!(find(Door::Control, HEALTH, &Method::POST, CONTROL), Ok(Route::Control));
        let refused = find(Door::Public, HEALTH, &Method::POST, CONTROL).unwrap_err();
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
        assert_eq!(find(Door::Control, HEALTH, &Method::GET, CONTROL_HEALTH), Ok(Route::Inspection));
        let refused = find(Door::Public, HEALTH, &Method::GET, CONTROL_HEALTH).unwrap_err();
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }

    #[test]
    fn health_is_where_the_manifest_says() {
        assert_eq!(find(Door::Public, "/alive", &Method::GET, "/alive"), Ok(Route::Health));
        let refused = find(Door::Public, "/alive", &Method::GET, HEALTH).unwrap_err();
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }
}
