//! The kinds of adapters and actions that manifests of the Python project may name, so that none of them is taken for a
//! slip.
//!
//! What the catalogue has is described there; for the rest, what it could do is here, so that what names it can be judged.

/// Kinds of adapters by domain, each with what it can do.
pub(super) static LATER: &[(&str, &[&str])] = &[
    ("cache.memory", &["kv", "ttl"]),
    ("cache.redis", &["kv", "ttl", "distributed"]),
    ("cache.multitier", &["kv", "ttl", "distributed", "lru", "metrics"]),
    ("database.sqlite", &["sql"]),
    ("database.mysql", &["sql", "pool"]),
    ("database.duckdb", &["sql", "analytics", "columnar", "embedded"]),
    ("vector.pgvector", &["vector_search", "metadata_filtering", "collections", "sql"]),
    ("vector.qdrant", &["vector_search", "metadata_filtering", "collections", "scroll"]),
    ("vector.pinecone", &["vector_search", "metadata_filtering", "collections", "namespaces"]),
    ("vector.agentdb", &["vector_search", "metadata_filtering", "collections", "real_time"]),
    ("nosql.mongodb", &["documents", "aggregation", "filtering"]),
    ("nosql.dynamodb", &["documents", "key-value", "scan", "conditional_writes"]),
    ("nosql.firestore", &["documents", "query"]),
    ("graph.neo4j", &["nodes", "relationships", "cypher"]),
    ("graph.arangodb", &["vertices", "edges", "aql"]),
    ("graph.duckdb_pgq", &["pgq", "table_edges", "analytics"]),
    ("storage.local", &["blob", "stream", "delete"]),
    ("storage.s3", &["blob", "stream", "delete", "bucket"]),
    ("storage.gcs", &["blob", "stream", "delete", "bucket"]),
    ("storage.azure-blob", &["blob", "stream", "delete", "container"]),
    ("queue.redis-streams", &["enqueue", "pubsub", "fanout"]),
    ("queue.nats", &["enqueue", "pubsub"]),
    ("queue.rabbitmq", &["enqueue", "streaming"]),
    ("queue.kafka", &["enqueue", "streaming", "fanout"]),
    ("queue.lavinmq", &["enqueue", "streaming"]),
    ("http.httpx", &["http", "rest"]),
    ("http.aiohttp", &["http", "rest", "stream"]),
    ("secrets.keyring", &["read_secrets"]),
    ("secrets.infisical", &["read_secrets", "remote", "cache"]),
    ("messaging.teams", &["notify", "chatops"]),
    ("messaging.sendgrid", &["email", "templating"]),
    ("messaging.mailgun", &["email", "templating"]),
    ("messaging.twilio", &["notify", "sms"]),
    ("messaging.webpush", &["notify", "push"]),
    ("messaging.apns", &["notify", "push"]),
    ("messaging.fcm", &["notify", "push"]),
    ("identity.auth0", &["jwt", "jwks", "userinfo"]),
    ("dns.cloudflare", &["record.manage", "record.list"]),
    ("dns.route53", &["record.manage", "record.list"]),
    ("dns.gcdns", &["record.manage", "record.list"]),
    ("file_transfer.ftp", &["upload", "download", "delete", "list"]),
    ("file_transfer.sftp", &["upload", "download", "delete", "list"]),
    ("file_transfer.scp", &["upload", "download", "delete", "list"]),
    ("file_transfer.http", &["download"]),
    ("file_transfer.https-upload", &["upload"]),
    ("monitoring.otel-otlp", &["metrics", "tracing"]),
    ("monitoring.sentry", &["logging", "tracing", "errors"]),
    ("monitoring.logfire", &["logging", "metrics"]),
    ("monitoring.netdata", &["metrics"]),
    ("llm.openai", &["chat_completion", "streaming"]),
    ("llm.anthropic", &["chat_completion", "streaming"]),
    ("embedding.openai", &["batch_embedding"]),
];

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
        let mut ids: Vec<&str> = LATER.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), LATER.len());
        assert!(ACTIONS.is_sorted());
    }
}
