//! A node is tried again more often than fits into the time that a run may take.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::{NodeDoes, Retry};
use crate::plan::{duration, longest};

pub(super) static RULE: Rule = Rule {
    code: Code("O5003"),
    name: "retries-beyond-deadline",
    summary: "retries that do not fit in the workflow's timeout",
    severity: Severity::Warning,
    page: include_str!("pages/O5003.md"),
};

/// What the runtime takes where a policy does not say.
const BASE_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_mins(1);
const JITTER: f64 = 0.25;

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for graph in &index.graphs {
        let Some(timeout) = graph.workflow.timeout else { continue };
        let wait = |node: usize| match &graph.nodes[node].does {
            Some(NodeDoes::Wait(time)) => time.value,
            _ => Duration::ZERO,
        };
        let Some(ways) = longest::ways(&graph.needs, wait) else { continue };
        for (position, node) in graph.nodes.iter().enumerate() {
            let own = node.retry.map(|retry| retry.value);
            let Some(retry) = own.or_else(|| index.task_of(node)?.retry) else { continue };
            let before = ways.time(position);
            // A wait that is too long for any run is another rule's business.
            if before >= timeout.value || before + least_wait(retry, u32::MAX) <= timeout.value {
                continue;
            }
            let fit = (1..retry.attempts)
                .take_while(|retries| before + least_wait(retry, *retries) < timeout.value);
            let fit = fit.count() + 1;
            let message = format!(
                "of the {} attempts of `{}` only {fit} fit into the {} that a run may take",
                retry.attempts,
                node.name.value,
                duration(timeout.value)
            );
            let span = node.retry.map_or(node.name.span, |retry| retry.span);
            faults.push(
                Diagnostic::warning(&RULE, span, message)
                    .label(format!(
                        "the waits between them alone take {} at least",
                        duration(least_wait(retry, u32::MAX))
                    ))
                    .related(timeout.span, "the run ends here")
                    .help(format!(
                        "allow {fit} attempts, wait less between them, or give the workflow more time"
                    )),
            );
        }
    }
}

/// The least time that is spent waiting between attempts, over so many retries at most.
fn least_wait(retry: Retry, retries: u32) -> Duration {
    let base = retry.base_delay.unwrap_or(BASE_DELAY);
    let most = retry.max_delay.unwrap_or(MAX_DELAY.max(base));
    let share = 1.0 - retry.jitter.unwrap_or(JITTER);
    let retries = retries.min(retry.attempts.saturating_sub(1));
    // Once the longest wait is reached, every further one is as long.
    let growing = (0..retries.min(40))
        .map(|again| base.saturating_mul(1u32.checked_shl(again).unwrap_or(u32::MAX)).min(most));
    let grown: Duration = growing.sum();
    let rest = most.saturating_mul(retries.saturating_sub(40));
    grown.saturating_add(rest).mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = |attempts, jitter| Retry {
            attempts,
            base_delay: Some(Duration::from_secs(1)),
            max_delay: Some(Duration::from_secs(5)),
            jitter: Some(jitter),
        };
        assert_eq!(least_wait(retry(1, 0.0), u32::MAX), Duration::ZERO);
        assert_eq!(least_wait(retry(5, 0.0), u32::MAX), Duration::from_secs(1 + 2 + 4 + 5));
        assert_eq!(least_wait(retry(5, 0.5), u32::MAX), Duration::from_secs(6));
        assert_eq!(least_wait(retry(5, 0.0), 2), Duration::from_secs(3));
        assert_eq!(least_wait(retry(5, 1.0), u32::MAX), Duration::ZERO);
        assert_eq!(least_wait(retry(1_001, 0.0), u32::MAX), Duration::from_secs(7 + 997 * 5));
    }
}
