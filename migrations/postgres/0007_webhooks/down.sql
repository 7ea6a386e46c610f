ALTER TABLE changes DROP COLUMN webhook_id;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_secrets;
DROP TABLE webhooks;
