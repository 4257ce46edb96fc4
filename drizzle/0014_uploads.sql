-- Why: files of requests of any size come in through a URL of their own (`uploads`). Their rows are copied beyond the
-- batch's total, where nobody reads them, until the whole file is in; `first_position` says that there may be such rows.
-- Rollout: a new table. An older process beside newer ones knows nothing of a file on its way: requests added there to
-- the same batch meanwhile are refused by the key of `items`, and nothing is lost.
CREATE TABLE "uploads" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"batch_id" uuid,
	"draft" jsonb,
	"created_by" uuid NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"dry_run" boolean NOT NULL,
	"submits" boolean NOT NULL,
	"status" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"bytes_expected" bigint,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"lines" integer DEFAULT 0 NOT NULL,
	"requests" integer DEFAULT 0 NOT NULL,
	"issues" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"issue_count" integer DEFAULT 0 NOT NULL,
	"findings" jsonb,
	"error_code" text,
	"error_message" text,
	"first_position" integer,
	"created_at" timestamp (3) with time zone NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"lease_until" timestamp (3) with time zone,
	"lease_epoch" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "uploads_open" ON "uploads" USING btree ("batch_id") WHERE first_position is not null and not dry_run;--> statement-breakpoint
CREATE INDEX "uploads_held" ON "uploads" USING btree ("lease_until") WHERE first_position is not null;--> statement-breakpoint
CREATE INDEX "uploads_of_batch" ON "uploads" USING btree ("batch_id","created_at","id");--> statement-breakpoint
CREATE INDEX "uploads_age" ON "uploads" USING btree ("created_at");--> statement-breakpoint
COMMENT ON COLUMN "uploads"."first_position" IS 'While it is set, items at and beyond it belong to this upload and to nothing else.';
