//! What there is to be named in a manifest: the kinds of adapters with what they can do, and the kinds of actions.
//!
//! Which settings each of them takes is not here.

/// A kind of adapter.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its domain and its name in it, such as `queue.cloudtasks`.
    pub(crate) id: &'static str,
    /// What it can do.
    pub(crate) capabilities: &'static [&'static str],
}

impl Provider {
    /// What it is for, such as `queue`.
    pub(crate) fn domain(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }

    /// Whether it can do this; what it is for counts too.
    pub(crate) fn can(&self, capability: &str) -> bool {
        self.domain() == capability || self.capabilities.contains(&capability)
    }
}

/// The kind of adapter of this id.
pub(crate) fn provider(id: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// The ids of the kinds of adapters that can do something.
pub(crate) fn providers_that_can(capability: &str) -> Vec<&'static str> {
    PROVIDERS.iter().filter(|provider| provider.can(capability)).map(|provider| provider.id).collect()
}

macro_rules! providers {
    ($($id:literal: $($capability:literal)*;)*) => {
        /// The kinds of adapters, by domain.
        pub(crate) static PROVIDERS: &[Provider] =
            &[$(Provider { id: $id, capabilities: &[$($capability),*] }),*];
    };
}

providers! {
    "cache.memory": "kv" "ttl";
    "cache.redis": "kv" "ttl" "distributed";
    "cache.multitier": "kv" "ttl" "distributed" "lru" "metrics";
    "database.sqlite": "sql";
    "database.postgres": "sql" "pool";
    "database.mysql": "sql" "pool";
    "database.duckdb": "sql" "analytics" "columnar" "embedded";
    "vector.pgvector": "vector_search" "metadata_filtering" "collections" "sql";
    "vector.qdrant": "vector_search" "metadata_filtering" "collections" "scroll";
    "vector.pinecone": "vector_search" "metadata_filtering" "collections" "namespaces";
    "vector.agentdb": "vector_search" "metadata_filtering" "collections" "real_time";
    "nosql.mongodb": "documents" "aggregation" "filtering";
    "nosql.dynamodb": "documents" "key-value" "scan" "conditional_writes";
    "nosql.firestore": "documents" "query";
    "graph.neo4j": "nodes" "relationships" "cypher";
    "graph.arangodb": "vertices" "edges" "aql";
    "graph.duckdb_pgq": "pgq" "table_edges" "analytics";
    "storage.local": "blob" "stream" "delete";
    "storage.s3": "blob" "stream" "delete" "bucket";
    "storage.gcs": "blob" "stream" "delete" "bucket";
    "storage.azure-blob": "blob" "stream" "delete" "container";
    "queue.cloudtasks": "enqueue" "scheduler";
    "queue.pubsub": "enqueue" "fanout" "events";
    "queue.redis-streams": "enqueue" "pubsub" "fanout";
    "queue.nats": "enqueue" "pubsub";
    "queue.rabbitmq": "enqueue" "streaming";
    "queue.kafka": "enqueue" "streaming" "fanout";
    "queue.lavinmq": "enqueue" "streaming";
    "http.httpx": "http" "rest";
    "http.aiohttp": "http" "rest" "stream";
    "secrets.env": "read_secrets";
    "secrets.file": "read_secrets";
    "secrets.keyring": "read_secrets";
    "secrets.gcp-secret-manager": "read_secrets" "remote" "cache";
    "secrets.aws-secret-manager": "read_secrets" "remote" "cache";
    "secrets.infisical": "read_secrets" "remote" "cache";
    "messaging.slack": "notify" "chatops";
    "messaging.teams": "notify" "chatops";
    "messaging.webhook": "notify";
    "messaging.sendgrid": "email" "templating";
    "messaging.mailgun": "email" "templating";
    "messaging.twilio": "notify" "sms";
    "messaging.webpush": "notify" "push";
    "messaging.apns": "notify" "push";
    "messaging.fcm": "notify" "push";
    "identity.auth0": "jwt" "jwks" "userinfo";
    "dns.cloudflare": "record.manage" "record.list";
    "dns.route53": "record.manage" "record.list";
    "dns.gcdns": "record.manage" "record.list";
    "file_transfer.ftp": "upload" "download" "delete" "list";
    "file_transfer.sftp": "upload" "download" "delete" "list";
    "file_transfer.scp": "upload" "download" "delete" "list";
    "file_transfer.http": "download";
    "file_transfer.https-upload": "upload";
    "monitoring.otel-otlp": "metrics" "tracing";
    "monitoring.sentry": "logging" "tracing" "errors";
    "monitoring.logfire": "logging" "metrics";
    "monitoring.netdata": "metrics";
    "llm.openai": "chat_completion" "streaming";
    "llm.anthropic": "chat_completion" "streaming";
    "embedding.openai": "batch_embedding";
}

/// The kinds of actions.
pub(crate) static ACTIONS: &[&str] = &[
    "automation.trigger",
    "compression.encode",
    "compression.hash",
    "data.sanitize",
    "data.transform",
    "debug.console",
    "event.dispatch",
    "http.fetch",
    "security.secure",
    "security.signature",
    "serialization.encode",
    "task.schedule",
    "validation.schema",
    "workflow.audit",
    "workflow.notify",
    "workflow.orchestrate",
    "workflow.retry",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_given_once() {
        let mut ids: Vec<&str> = PROVIDERS.iter().map(|provider| provider.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), PROVIDERS.len());
        assert!(ACTIONS.is_sorted());
    }

    #[test]
    fn what_can_do_something_is_found() {
        assert!(provider("queue.cloudtasks").unwrap().can("enqueue"));
        assert!(!provider("messaging.sendgrid").unwrap().can("notify"));
        assert_eq!(providers_that_can("email"), ["messaging.sendgrid", "messaging.mailgun"]);
    }
}
