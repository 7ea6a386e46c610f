DROP INDEX tenants_by_change;
DROP TRIGGER tenants_empty_blocks ON tenants;
DROP TRIGGER tenants_leave_blocks ON tenants;
DROP TRIGGER tenants_close_blocks ON tenants;
DROP FUNCTION empty_tenant_blocks();
DROP FUNCTION leave_tenant_blocks();
DROP FUNCTION close_tenant_blocks();
DROP TABLE tenant_counts;
