-- Why: retries (`attempts`, `retry_attempts`, `retry_backoff_seconds`), calls that are made again under the caller's own
-- key (`idempotency`), calling back (`callback_url`, `deliveries`, `delivery_attempts`, `callback_secrets`), and
-- provider batches made elsewhere (`item_keys`).
-- Rollout: columns with constant defaults and new tables; nothing is rewritten, and older processes go on beside it.
CREATE TABLE "callback_secrets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"batch_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"url" text NOT NULL,
	"body" text NOT NULL,
	"status" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"sent_at" timestamp (3) with time zone,
	"status_code" integer,
	"error" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"due_at" timestamp (3) with time zone,
	"lease_until" timestamp (3) with time zone,
	"lease_epoch" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "deliveries_of_batch" UNIQUE("batch_id","seq")
);
--> statement-breakpoint
CREATE TABLE "delivery_attempts" (
	"delivery_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"organization_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"status_code" integer,
	"error" text,
	CONSTRAINT "delivery_attempts_pkey" PRIMARY KEY("delivery_id","number")
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"organization_id" uuid NOT NULL,
	"key" text NOT NULL,
	"operation" text NOT NULL,
	"fingerprint" text NOT NULL,
	"batch_id" uuid NOT NULL,
	"answer" jsonb NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_pkey" PRIMARY KEY("organization_id","key")
);
--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "retry_attempts" integer;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "retry_backoff_seconds" integer;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "attempts" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "callback_url" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "item_keys" text DEFAULT 'OURS' NOT NULL;--> statement-breakpoint
CREATE INDEX "callback_secrets_organization" ON "callback_secrets" USING btree ("organization_id");--> statement-breakpoint
CREATE INDEX "deliveries_due" ON "deliveries" USING btree ("due_at") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "idempotency_age" ON "idempotency" USING btree ("at");--> statement-breakpoint
COMMENT ON TABLE "idempotency" IS 'One row per call under a caller''s key, written in the transaction of what the call did.';--> statement-breakpoint
COMMENT ON COLUMN "deliveries"."lease_until" IS 'On the database''s clock, as that of jobs.';--> statement-breakpoint
COMMENT ON COLUMN "batches"."attempts" IS 'The newest attempt of any of its jobs; where it is 1, no item can have an older result.';
