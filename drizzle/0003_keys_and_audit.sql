-- Why: keys that people make, tell apart, give an end and take back (`prefix`, `created_by`, `last_used_at`).
-- Rollout: columns that may be null; nothing is rewritten, and older processes go on beside it.
ALTER TABLE "api_keys" ADD COLUMN "prefix" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "created_by" uuid;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "last_used_at" timestamp (3) with time zone;