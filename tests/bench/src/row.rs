//! One promise: what was measured, what it is measured beside, and what it has to be.

use serde_json::{Value, json};

use crate::sample::Sample;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Bytes,
    PerSecond,
    Count,
    Times,
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Most(f64),
    Least(f64),
    MostOfFloor(f64),
    LeastOfFloor(f64),
}

/// A line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) ours: Sample,
    /// What it is measured beside, and its name.
    pub(crate) floor: Option<(&'static str, Sample)>,
    pub(crate) targets: Vec<Target>,
}

impl Row {
    pub(crate) fn new(name: &'static str, unit: Unit, ours: Sample) -> Self {
        Self { name, unit, ours, floor: None, targets: Vec::new() }
    }

    #[must_use]
    pub(crate) fn beside(mut self, name: &'static str, floor: Sample) -> Self {
        self.floor = Some((name, floor));
        self
    }

    #[must_use]
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// How many times the floor it is.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.floor.as_ref().map(|(_, floor)| self.ours.ratio(floor))
    }

    /// Whether the figure is what `target` wants.
    pub(crate) fn meets(&self, target: Target) -> bool {
        match target {
            Target::Most(most) => self.ours.median() <= most,
            Target::Least(least) => self.ours.median() >= least,
            Target::MostOfFloor(most) => self.ratio().is_some_and(|ratio| ratio <= most),
            Target::LeastOfFloor(least) => self.ratio().is_some_and(|ratio| ratio >= least),
        }
    }

    pub(crate) fn is_met(&self) -> bool {
        self.targets.iter().all(|target| self.meets(*target))
    }

    pub(crate) fn json(&self) -> Value {
        let sample =
            |sample: &Sample| json!({ "median": sample.median(), "min": sample.min(), "max": sample.max() });
        let targets = self
            .targets
            .iter()
            .map(|target| json!({ "target": target.text(self.unit), "is_met": self.meets(*target) }));
        json!({
            "name": self.name,
            "unit": self.unit.name(),
            "measured": sample(&self.ours),
            "floor": self.floor.as_ref().map(|(name, floor)| json!({ "name": name, "measured": sample(floor) })),
            "ratio": self.ratio(),
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

impl Target {
    /// The target for people.
    pub(crate) fn text(self, unit: Unit) -> String {
        match self {
            Self::Most(most) => format!("≤ {}", unit.text(most)),
            Self::Least(least) => format!("≥ {}", unit.text(least)),
            Self::MostOfFloor(most) => format!("≤ {most} × floor"),
            Self::LeastOfFloor(least) => format!("≥ {least} × floor"),
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Bytes => "bytes",
            Self::PerSecond => "1/s",
            Self::Count => "count",
            Self::Times => "times",
        }
    }

    /// A figure for people.
    pub(crate) fn text(self, figure: f64) -> String {
        match self {
            Self::Seconds => format!("{figure:.2} s"),
            Self::Milliseconds => format!("{figure:.2} ms"),
            Self::Microseconds => format!("{figure:.2} µs"),
            Self::Bytes if figure >= 1e6 => format!("{:.2} MB", figure / 1e6),
            Self::Bytes if figure >= 1e4 => format!("{:.0} kB", figure / 1e3),
            Self::Bytes => format!("{figure:.0} B"),
            Self::PerSecond => format!("{figure:.0}/s"),
            Self::Count => format!("{figure:.0}"),
            Self::Times => format!("{figure:.2} ×"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_to_be_met() {
        let row = Row::new("start", Unit::Milliseconds, Sample::new(vec![1.2]))
            .beside("bare", Sample::new(vec![1.0]))
            .target(Target::Most(1.5));
        assert!(row.is_met());
        assert!(row.meets(Target::LeastOfFloor(1.1)));
        assert!(!row.target(Target::MostOfFloor(1.1)).is_met());
    }
}
