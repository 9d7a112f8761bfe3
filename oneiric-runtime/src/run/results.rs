//! The results of a run as one flat map, the form that callers of the first Oneiric know.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::Report;
use crate::json::Json;

/// For each node that completed or failed, in that order: `<id>` its output (`null` if it failed), `<id>__duration` its
/// seconds from the beginning of its first attempt, `<id>__attempts` how many it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Results<'a>(pub(crate) &'a Report);

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for node in self.0.in_order() {
            let name = &node.node;
            map.serialize_entry(name, node.output.as_ref().unwrap_or(&Json::null()))?;
            if let (Some(started), Some(ended)) = (node.started_at, node.ended_at) {
                map.serialize_entry(&format!("{name}__duration"), &ended.since(started).as_secs_f64())?;
            }
            map.serialize_entry(&format!("{name}__attempts"), &node.attempts)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::run::{NodeReport, NodeStatus, Status};

    #[test]
    fn nodes_stand_in_the_order_in_which_they_ended() {
        let node = |name: &str, status, output: Option<&str>, ended| NodeReport {
            node: name.to_owned(),
            status,
            attempts: 2,
            started_at: Some(Timestamp(1_000_000)),
            ended_at: Some(Timestamp(ended)),
            until: None,
            output: output.map(|text| Json::from_text(text).unwrap()),
            error: None,
            items: Vec::new(),
            compensation: None,
        };
        let report = Report {
            run_id: "r".to_owned(),
            workflow: "w".to_owned(),
            status: Status::Completed,
            created_at: Timestamp(0),
            ended_at: None,
            error: None,
            parked: None,
            input: Json::null(),
            labels: Json::null(),
            nodes: vec![
                node("late", NodeStatus::Completed, Some(r#"{"n":1.0}"#), 3_500_000),
                node("never", NodeStatus::Skipped, None, 1),
                node("early", NodeStatus::Failed, None, 1_250_000),
            ],
            notifications: Vec::new(),
            finished: vec![2, 0],
        };
        let text = serde_json::to_string(&Results(&report)).unwrap();
        assert_eq!(
            text,
            r#"{"early":null,"early__duration":0.25,"early__attempts":2,"late":{"n":1.0},"late__duration":2.5,"late__attempts":2}"#
        );
    }
}
