-- How many tenants there are, by their numbers, so that a numbered page and the total cost
-- the same at any depth: docs/adr/0008.
--
-- Level 0 counts blocks of 128 numbers, level 1 blocks of 4,096, level 2 blocks of 131,072; a
-- block that never had a tenant has no row. Only complete blocks are counted: those below the
-- open block, whose number is the `block` of the one row of level 3. The tenants in it and behind
-- it count themselves: numbers only rise, so there are rarely more than 128. The insert that
-- begins a new block counts the complete ones, and every other insert costs nothing.
CREATE TABLE tenant_counts (
    level   INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3),
    block   INTEGER NOT NULL CHECK (block >= 0),
    tenants INTEGER NOT NULL CHECK (tenants >= 0),
    PRIMARY KEY (level, block)
) STRICT, WITHOUT ROWID;

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

-- The first number of a block closes all blocks before it. Where that number was never committed, the
-- next first number does.
CREATE TRIGGER tenants_close_blocks AFTER INSERT ON tenants WHEN (new.number & 127) = 0
BEGIN
    INSERT INTO tenant_counts (level, block, tenants)
        SELECT 0, number >> 7, count(*) FROM tenants
        WHERE number >= (SELECT block << 7 FROM tenant_counts WHERE level = 3) AND number < new.number
        GROUP BY number >> 7;
    INSERT INTO tenant_counts (level, block, tenants)
        SELECT 1, block >> 5, sum(tenants) FROM tenant_counts
        WHERE level = 0 AND block >= (SELECT block FROM tenant_counts WHERE level = 3)
        GROUP BY block >> 5
        ON CONFLICT (level, block) DO UPDATE SET tenants = tenants + excluded.tenants;
    INSERT INTO tenant_counts (level, block, tenants)
        SELECT 2, block >> 10, sum(tenants) FROM tenant_counts
        WHERE level = 0 AND block >= (SELECT block FROM tenant_counts WHERE level = 3)
        GROUP BY block >> 10
        ON CONFLICT (level, block) DO UPDATE SET tenants = tenants + excluded.tenants;
    UPDATE tenant_counts SET block = new.number >> 7 WHERE level = 3;
END;

CREATE TRIGGER tenants_leave_blocks AFTER DELETE ON tenants
    WHEN old.number < (SELECT block << 7 FROM tenant_counts WHERE level = 3)
BEGIN
    UPDATE tenant_counts SET tenants = tenants - 1 WHERE level = 0 AND block = old.number >> 7;
    UPDATE tenant_counts SET tenants = tenants - 1 WHERE level = 1 AND block = old.number >> 12;
    UPDATE tenant_counts SET tenants = tenants - 1 WHERE level = 2 AND block = old.number >> 17;
END;

-- For what no count can find: orders and ranges of the last change.
CREATE INDEX tenants_by_change ON tenants (updated_at);
