DROP TABLE server_secrets;
DROP TABLE kept_answers;
DROP INDEX tenants_of_environment_suspended_in_order;
DROP INDEX tenants_suspended_in_order;
DROP INDEX tenants_by_name;
ALTER TABLE tenants DROP COLUMN name_folded;
