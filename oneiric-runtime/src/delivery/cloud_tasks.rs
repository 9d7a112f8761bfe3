//! What Cloud Tasks says of a task in the headers of the request that delivers it.
//!
//! The headers are those of <https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler>. Anybody can send
//! them, so nothing depends on them.

use hyper::HeaderMap;

use super::Delivery;

/// Text of a header that is longer is cut: whoever sends it chooses it.
const MAX_TEXT: usize = 512;

/// The delivery that these headers tell of, if they are those of Cloud Tasks.
pub(crate) fn read(headers: &HeaderMap) -> Option<Delivery> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(|text| text.get(..MAX_TEXT).unwrap_or(text));
    let number = |name: &str| text(name)?.parse::<u32>().ok();
    Some(Delivery {
        queue: text("x-cloudtasks-queuename")?.to_owned(),
        message: text("x-cloudtasks-taskname").unwrap_or_default().to_owned(),
        attempt: number("x-cloudtasks-taskretrycount").map(|retries| retries.saturating_add(1)),
        answered: number("x-cloudtasks-taskexecutioncount"),
        previous_status: text("x-cloudtasks-taskpreviousresponse").and_then(|text| text.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_headers_of_cloud_tasks_are_read() {
        let delivery = read(&headers(&[
            ("x-cloudtasks-queuename", "dag"),
            ("x-cloudtasks-taskname", "one"),
            ("x-cloudtasks-taskretrycount", "2"),
            ("x-cloudtasks-taskexecutioncount", "1"),
            ("x-cloudtasks-taskpreviousresponse", "503"),
        ]));
        let expected = Delivery {
            queue: "dag".to_owned(),
            message: "one".to_owned(),
            attempt: Some(3),
            answered: Some(1),
            previous_status: Some(503),
        };
        assert_eq!(delivery, Some(expected));
    }

    #[test]
    fn headers_that_make_no_sense_are_not_counted() {
        assert_eq!(read(&headers(&[("x-cloudtasks-taskretrycount", "1")])), None);
        let long = "q".repeat(2 * MAX_TEXT);
        let delivery =
            read(&headers(&[("x-cloudtasks-queuename", &long), ("x-cloudtasks-taskretrycount", "-1")]));
        let delivery = delivery.unwrap();
        assert_eq!((delivery.queue.len(), delivery.attempt), (MAX_TEXT, None));
    }
}
