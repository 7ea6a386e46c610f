-- How many tenants there are, by their numbers, so that a numbered page and the total cost
-- the same at any depth: docs/adr/0008.
--
-- Level 0 counts blocks of 128 numbers, level 1 blocks of 4,096, level 2 blocks of 131,072; a
-- block that never had a tenant has no row. Only complete blocks are counted: those below the
-- open block, whose number is the `block` of the one row of level 3. The tenants in it and behind
-- it count themselves: numbers only rise, so there are rarely more than 128. The insert that
-- begins a new block counts the complete ones, and every other insert costs nothing.
--
-- It is exact because who writes has the lock of docs/adr/0007: when a block is closed, no other
-- transaction is open that has one of its numbers or deletes one of its tenants.
CREATE TABLE tenant_counts (
    level   integer NOT NULL CHECK (level BETWEEN 0 AND 3),
    block   bigint  NOT NULL CHECK (block >= 0),
    tenants bigint  NOT NULL CHECK (tenants >= 0),
    CONSTRAINT tenant_counts_key PRIMARY KEY (level, block)
) WITH (fillfactor = 50);

INSERT INTO tenant_counts (level, block, tenants)
    SELECT 3, coalesce(max(number), 0) >> 7, 0 FROM tenants;
INSERT INTO tenant_counts (level, block, tenants)
    SELECT 0, number >> 7, count(*) FROM tenants
    WHERE number < (SELECT block << 7 FROM tenant_counts WHERE level = 3)
    GROUP BY number >> 7;
INSERT INTO tenant_counts (level, block, tenants)
    SELECT 1, block >> 5, sum(tenants) FROM tenant_counts WHERE level = 0 GROUP BY block >> 5;
INSERT INTO tenant_counts (level, block, tenants)
    SELECT 2, block >> 5, sum(tenants) FROM tenant_counts WHERE level = 1 GROUP BY block >> 5;

-- A session keeps the plans that it has made for a function. One that began while the tables were
-- small would scan them for as long as it lasts, so scans are out of the question from the start.
CREATE FUNCTION close_tenant_blocks() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    first bigint := (SELECT block FROM tenant_counts WHERE level = 3);
    fresh bigint := NEW.number >> 7;
BEGIN
    INSERT INTO tenant_counts (level, block, tenants)
        SELECT 0, number >> 7, count(*) FROM tenants
        WHERE number >= first << 7 AND number < fresh << 7
        GROUP BY number >> 7;
    INSERT INTO tenant_counts AS stored (level, block, tenants)
        SELECT 1, block >> 5, sum(tenants) FROM tenant_counts
        WHERE level = 0 AND block >= first
        GROUP BY block >> 5
        ON CONFLICT (level, block) DO UPDATE SET tenants = stored.tenants + excluded.tenants;
    INSERT INTO tenant_counts AS stored (level, block, tenants)
        SELECT 2, block >> 10, sum(tenants) FROM tenant_counts
        WHERE level = 0 AND block >= first
        GROUP BY block >> 10
        ON CONFLICT (level, block) DO UPDATE SET tenants = stored.tenants + excluded.tenants;
    UPDATE tenant_counts SET block = fresh WHERE level = 3;
    RETURN NULL;
END
$$;

-- For all rows of a statement at once: a row of counts that is updated again and again in one transaction
-- gets slower each time.
CREATE FUNCTION leave_tenant_blocks() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    first bigint := (SELECT block FROM tenant_counts WHERE level = 3);
    counted record;
BEGIN
    FOR counted IN
        SELECT at.level, gone.number >> at.width AS block, count(*) AS tenants
        FROM gone, (VALUES (0, 7), (1, 12), (2, 17)) AS at (level, width)
        WHERE gone.number < first << 7
        GROUP BY at.level, gone.number >> at.width
    LOOP
        UPDATE tenant_counts SET tenants = tenants - counted.tenants
        WHERE level = counted.level AND block = counted.block;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE FUNCTION empty_tenant_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tenant_counts SET tenants = 0 WHERE tenants > 0;
    RETURN NULL;
END
$$;

-- The first number of a block closes all blocks before it. Where that number was never committed, the
-- next first number does.
CREATE TRIGGER tenants_close_blocks AFTER INSERT ON tenants FOR EACH ROW
    WHEN ((NEW.number & 127) = 0) EXECUTE FUNCTION close_tenant_blocks();
CREATE TRIGGER tenants_leave_blocks AFTER DELETE ON tenants REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION leave_tenant_blocks();
CREATE TRIGGER tenants_empty_blocks AFTER TRUNCATE ON tenants FOR EACH STATEMENT
    EXECUTE FUNCTION empty_tenant_blocks();

-- For what no count can find: orders and ranges of the last change.
CREATE INDEX tenants_by_change ON tenants (updated_at);
