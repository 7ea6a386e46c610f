//! The tables, as Diesel sees them on every database.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::Text;
    use crate::types::SqlUuid;

    regions (id) {
        id -> SqlUuid,
        name -> Text,
        display_name -> Text,
    }
}

table! {
    use diesel::sql_types::{Bool, Integer, Text};
    use crate::types::{SqlTimestamp, SqlUuid};

    environments (id) {
        id -> SqlUuid,
        name -> Text,
        domain -> Text,
        tenant_domain -> Text,
        authorization_server_domain -> Text,
        deployment_model -> Text,
        region_id -> SqlUuid,
        is_default -> Bool,
        version -> Integer,
        created_at -> SqlTimestamp,
        updated_at -> SqlTimestamp,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Text};
    use crate::types::{SqlTimestamp, SqlUuid};

    tenants (number) {
        number -> BigInt,
        id -> SqlUuid,
        environment_id -> SqlUuid,
        label -> Text,
        name -> Text,
        status -> Text,
        version -> Integer,
        created_at -> SqlTimestamp,
        updated_at -> SqlTimestamp,
        data -> Text,
        name_folded -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer};

    tenant_counts (level, block) {
        level -> Integer,
        block -> BigInt,
        tenants -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::types::{SqlTimestamp, SqlUuid};

    clients (key) {
        key -> SqlUuid,
        client_id -> Text,
        tenant_number -> Nullable<BigInt>,
        bound -> Bool,
        name -> Text,
        status -> Text,
        scopes -> Text,
        created_at -> SqlTimestamp,
        last_used_at -> Nullable<SqlTimestamp>,
    }
}

table! {
    use crate::types::SqlUuid;

    client_environments (client_key, environment_id) {
        client_key -> SqlUuid,
        environment_id -> SqlUuid,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::{SqlTimestamp, SqlUuid};

    client_secrets (id) {
        id -> SqlUuid,
        client_key -> SqlUuid,
        hash -> Text,
        created_at -> SqlTimestamp,
        expires_at -> Nullable<SqlTimestamp>,
        last_used_at -> Nullable<SqlTimestamp>,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::{SqlTimestamp, SqlUuid};

    system_accounts (id) {
        id -> SqlUuid,
        username -> Text,
        password_hash -> Text,
        created_at -> SqlTimestamp,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::types::SqlTimestamp;

    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        sealed -> Binary,
        public_jwk -> Text,
        created_at -> SqlTimestamp,
        signs_from -> SqlTimestamp,
        expires_at -> Nullable<SqlTimestamp>,
        token_ttl -> Integer,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::SqlTimestamp;

    revoked_tokens (id) {
        id -> Text,
        expires_at -> SqlTimestamp,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::types::{SqlTimestamp, SqlUuid};

    changes (sequence) {
        sequence -> BigInt,
        #[sql_name = "type"]
        kind -> Text,
        time -> SqlTimestamp,
        tenant_id -> Nullable<SqlUuid>,
        client_id -> Nullable<Text>,
        environment_id -> Nullable<SqlUuid>,
        version -> Nullable<Integer>,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        request_id -> Nullable<Text>,
        subject -> Text,
        previous_tenant_id -> Nullable<SqlUuid>,
        webhook_id -> Nullable<SqlUuid>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
    use crate::types::SqlUuid;

    events (id) {
        id -> SqlUuid,
        name -> Text,
        request_id -> Text,
        client_id -> Nullable<Text>,
        tenant_id -> Nullable<SqlUuid>,
        environment_id -> Nullable<SqlUuid>,
        status -> Nullable<SmallInt>,
        micros -> Nullable<BigInt>,
        slow_end -> Nullable<SqlUuid>,
    }
}

table! {
    use diesel::sql_types::Binary;
    use crate::types::SqlTimestamp;

    kept_answers (id) {
        id -> Binary,
        fingerprint -> Binary,
        sealed -> Binary,
        expires_at -> SqlTimestamp,
    }
}

table! {
    use diesel::sql_types::{Binary, Text};

    server_secrets (name) {
        name -> Text,
        sealed -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::types::{SqlTimestamp, SqlUuid};

    webhooks (id) {
        id -> SqlUuid,
        url -> Text,
        types -> Nullable<Text>,
        environment_ids -> Nullable<Text>,
        state -> Text,
        version -> Integer,
        created_at -> SqlTimestamp,
        updated_at -> SqlTimestamp,
        position -> BigInt,
        due_at -> Nullable<SqlTimestamp>,
        failing_since -> Nullable<SqlTimestamp>,
        lease_token -> Nullable<SqlUuid>,
        lease_until -> Nullable<SqlTimestamp>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::types::{SqlTimestamp, SqlUuid};

    webhook_secrets (id) {
        id -> SqlUuid,
        webhook_id -> SqlUuid,
        sealed -> Binary,
        created_at -> SqlTimestamp,
        expires_at -> Nullable<SqlTimestamp>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{SqlTimestamp, SqlUuid};

    webhook_deliveries (id) {
        id -> SqlUuid,
        webhook_id -> SqlUuid,
        sequence -> BigInt,
        #[sql_name = "type"]
        kind -> Text,
        status -> Text,
        attempts -> Integer,
        is_repeat -> Bool,
        created_at -> SqlTimestamp,
        first_attempt_at -> Nullable<SqlTimestamp>,
        last_attempt_at -> Nullable<SqlTimestamp>,
        next_attempt_at -> Nullable<SqlTimestamp>,
        last_status_code -> Nullable<Integer>,
        last_error -> Nullable<Text>,
        finished_at -> Nullable<SqlTimestamp>,
    }
}

table! {
    use diesel::sql_types::Text;

    // Diesel's own table of the migrations that were applied.
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

joinable!(environments -> regions (region_id));
joinable!(clients -> tenants (tenant_number));
joinable!(webhook_deliveries -> webhooks (webhook_id));

joinable!(tenants -> environments (environment_id));
joinable!(client_secrets -> clients (client_key));
joinable!(client_environments -> clients (client_key));

allow_tables_to_appear_in_same_query!(
    clients,
    client_environments,
    client_secrets,
    environments,
    regions,
    revoked_tokens,
    tenants,
);
allow_tables_to_appear_in_same_query!(webhook_deliveries, webhooks);
