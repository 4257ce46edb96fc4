-- Why: keys that people make, tell apart, give an end and take back (`prefix`, `created_by`, `last_used_at`), and the
-- trail of who did what (`audit`).
-- Rollout: columns that may be null and a new table; nothing is rewritten, and older processes go on beside it: they
-- write no trail.
CREATE TABLE "audit" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"api_key_id" uuid,
	"verb" text NOT NULL,
	"outcome" text NOT NULL,
	"batch_id" uuid,
	"job_id" uuid,
	"subject_key_id" uuid
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "prefix" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "created_by" uuid;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "last_used_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "audit_page" ON "audit" USING btree ("organization_id","at","id");--> statement-breakpoint
CREATE INDEX "audit_of_batch" ON "audit" USING btree ("batch_id","at","id") WHERE batch_id is not null;--> statement-breakpoint
CREATE INDEX "audit_age" ON "audit" USING btree ("at");--> statement-breakpoint
COMMENT ON TABLE "audit" IS 'One row per call that could change something, written in the transaction of what it did. Outlives batches; never bodies.';
