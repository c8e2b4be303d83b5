// Features: source, Redis, in-process cache.
#include <string>

#include "absl/flags/flag.h"
#include "absl/time/time.h"

ABSL_FLAG(std::string, feature_source, "",
          "where rows come from on a cache miss: sqlite:PATH or "
          "postgresql://[user[:password]@]host[:port]/database; empty = none");
ABSL_FLAG(std::string, feature_table, "user_features", "table or view with one row per user");
ABSL_FLAG(
    std::string, feature_key, "user_id",
    "key column of --feature_table, text or integer; every other numeric or boolean column is "
    "a feature");
ABSL_FLAG(absl::Duration, feature_source_timeout, absl::Seconds(1),
          "longest wait for one row of the source");
ABSL_FLAG(int, postgres_connections, 0,
          "connections to a PostgreSQL --feature_source, shared out between the event loops, at "
          "least one each; one more looks at the table; 0 = two for each event loop");
ABSL_FLAG(std::string, feature_names, "",
          "feature names in order, comma-separated, for packed Redis values without a source");
ABSL_FLAG(std::string, feature_cache, "",
          "redis://[user:password@]host:port[/db], unix:///path, or several servers of a cluster: "
          "redis-cluster://[user:password@]host:port,host:port; with TLS rediss:// or "
          "rediss-cluster://; empty = none");
ABSL_FLAG(
    std::string, feature_cache_ca, "",
    "PEM file with the authorities whose certificates Redis may have, with rediss://; empty = "
    "the system's");
ABSL_FLAG(
    std::string, feature_cache_cert, "",
    "PEM file with the certificate chain that is presented to Redis, which asks for one unless "
    "told otherwise (tls-auth-clients); empty = none");
ABSL_FLAG(std::string, feature_cache_key, "",
          "PEM file with the private key of --feature_cache_cert");
ABSL_FLAG(std::string, feature_cache_prefix,
          "features:", "Redis key = prefix + user_id; not with feast");
ABSL_FLAG(std::string, feature_cache_encoding, "packed",
          "packed (needs --feature_source or --feature_names), hash (field = feature name, value = "
          "decimal text) or feast (a Feast online store, which is only read)");
ABSL_FLAG(std::string, feast_project, "", "project of the Feast store");
ABSL_FLAG(std::string, feast_entity_key, "",
          "join key of the Feast entity whose values are the user ids");
ABSL_FLAG(std::string, feast_entity_type, "STRING",
          "type that the Feast entity was declared with: STRING, INT32, INT64, BYTES or "
          "UNIX_TIMESTAMP");
ABSL_FLAG(std::string, feast_view, "", "Feast feature view that the features belong to");
ABSL_FLAG(absl::Duration, feature_cache_ttl, absl::Hours(1),
          "expiry of what the server itself writes to Redis; 0 = it writes nothing");
ABSL_FLAG(absl::Duration, feature_cache_timeout, absl::Milliseconds(20),
          "longest wait for one Redis answer");
ABSL_FLAG(int, local_cache_mb, 64,
          "in-process row cache in MiB, shared by all event loops; 0 = off");
ABSL_FLAG(absl::Duration, local_cache_ttl, absl::Seconds(5), "longest age of an in-process row");
