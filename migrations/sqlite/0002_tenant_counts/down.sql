DROP INDEX tenants_by_change;
DROP TRIGGER tenants_leave_blocks;
DROP TRIGGER tenants_close_blocks;
DROP TABLE tenant_counts;
