//! What a live schema is like, in words that are the same for all databases.

/// What SQLite tells of its schema: tables, columns, indexes and foreign keys, one a
/// line. The tables that draw numbers and record migrations are each database's own.
pub(super) const SQLITE: &str = "
    WITH tables AS (
        SELECT name FROM sqlite_schema WHERE type = 'table'
        AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> '__diesel_schema_migrations'
    ), indexes AS (
        SELECT t.name AS of, i.name, i.\"unique\", i.partial, (
            SELECT group_concat(name, ', ')
            FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)
        ) AS columns
        FROM tables t JOIN pragma_index_list(t.name) i
    )
    SELECT 'table ' || name AS text FROM tables
    UNION ALL
    SELECT 'column ' || t.name || '.' || c.name
        || iif(c.\"notnull\" OR c.pk > 0, ' not null', '')
    FROM tables t JOIN pragma_table_info(t.name) c
    UNION ALL
    SELECT iif(\"unique\", 'unique ', 'index ') || of || ' (' || columns || ')'
        || iif(partial, ' partial', '')
    FROM indexes
    UNION ALL
    -- A row's own number needs no index.
    SELECT 'unique ' || t.name || ' (' || c.name || ')'
    FROM tables t JOIN pragma_table_info(t.name) c
    WHERE c.pk = 1 AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i WHERE i.origin = 'pk')
    UNION ALL
    SELECT 'foreign key ' || t.name || '.' || f.\"from\" || ' to ' || f.\"table\" || '.' || f.\"to\"
        || ' ' || lower(f.on_delete)
    FROM tables t JOIN pragma_foreign_key_list(t.name) f";

/// The same of PostgreSQL.
pub(super) const POSTGRES: &str = "
    WITH tables AS (
        SELECT c.oid, c.relname::text AS name FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
        AND c.relname NOT IN ('__diesel_schema_migrations', 'change_counter')
    )
    SELECT 'table ' || name AS text FROM tables
    UNION ALL
    SELECT 'column ' || t.name || '.' || a.attname
        || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE 'index ' END || t.name || ' (' || (
            SELECT string_agg(a.attname, ', ' ORDER BY k.place)
            FROM unnest(i.indkey) WITH ORDINALITY k (number, place)
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
        ) || ')' || CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END
    FROM tables t JOIN pg_index i ON i.indrelid = t.oid
    UNION ALL
    SELECT 'foreign key ' || t.name || '.' || a.attname || ' to ' || r.relname || '.' || b.attname
        || ' ' || CASE f.confdeltype WHEN 'a' THEN 'no action' WHEN 'c' THEN 'cascade' ELSE 'other' END
    FROM tables t JOIN pg_constraint f ON f.conrelid = t.oid AND f.contype = 'f'
    JOIN pg_class r ON r.oid = f.confrelid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = f.conkey[1]
    JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = f.confkey[1]";

/// The statements that make an SQLite schema.
pub(super) const SQLITE_DEFINITIONS: &str = "
    SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS text
    FROM sqlite_schema";

/// Everything there is in a PostgreSQL schema, with all that makes it what it is.
pub(super) const POSTGRES_DEFINITIONS: &str = "
    SELECT 'column ' || c.relname || '.' || a.attname || ': ' || format_type(a.atttypid, a.atttypmod)
        || ' ' || a.attcollation::regcollation || ' ' || a.attnotnull || ' ' || a.attidentity::text
        || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT 'relation ' || relname || ': ' || relkind::text
        || CASE relkind WHEN 'i' THEN ' ' || pg_get_indexdef(oid) ELSE '' END
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'constraint ' || conname || ': ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'trigger ' || tgname || ': ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function ' || proname || ': ' || pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
