DROP TRIGGER tenants_leave_blocks;
DROP TRIGGER tenants_close_blocks;
DROP TABLE tenant_counts;
