-- Why: the spine. Organizations and their keys, batches, items, jobs, results, events, strays.
--
-- Hand-written, because drizzle-kit cannot: the partitions of `items` and `results`, the storage settings and the
-- comments. Both big tables are partitioned by RANGE of batch_id; ids are UUIDv7, so a range of ids is a month.
-- Their identity begins with (batch_id, position): the thing that would be hardest to change later. They have no
-- foreign keys (25 to 30 % of COPY); their agreement with `batches` is checked instead.
-- Rollout: first migration, nothing ran before it.
CREATE TABLE "batches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"name" text,
	"provider" text NOT NULL,
	"sandbox" boolean NOT NULL,
	"endpoint" text NOT NULL,
	"model" text,
	"completion_window" text NOT NULL,
	"metadata" jsonb NOT NULL,
	"status" text NOT NULL,
	"version" integer NOT NULL,
	"total" integer DEFAULT 0 NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"pending" integer DEFAULT 0 NOT NULL,
	"submitted" integer DEFAULT 0 NOT NULL,
	"succeeded" integer DEFAULT 0 NOT NULL,
	"errored" integer DEFAULT 0 NOT NULL,
	"expired" integer DEFAULT 0 NOT NULL,
	"cancelled" integer DEFAULT 0 NOT NULL,
	"input_tokens" bigint,
	"output_tokens" bigint,
	"cached_input_tokens" bigint,
	"cache_write_input_tokens" bigint,
	"reasoning_tokens" bigint,
	"submit_mode" text NOT NULL,
	"when_requests" integer,
	"when_bytes" bigint,
	"when_seconds" integer,
	"first_request_at" timestamp (3) with time zone,
	"due_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"closed_at" timestamp (3) with time zone,
	"submitted_at" timestamp (3) with time zone,
	"in_progress_at" timestamp (3) with time zone,
	"finalizing_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"failed_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone,
	"expired_at" timestamp (3) with time zone,
	"cancelling_at" timestamp (3) with time zone,
	"cancelled_at" timestamp (3) with time zone,
	"results_expire_at" timestamp (3) with time zone,
	"last_synced_at" timestamp (3) with time zone,
	"next_sync_at" timestamp (3) with time zone,
	"error_code" text,
	"error_message" text,
	"created_by" uuid,
	"last_updated_by" uuid,
	CONSTRAINT "batches_counts_sum_to_total" CHECK (pending + submitted + succeeded + errored + expired + cancelled = total)
);
--> statement-breakpoint
CREATE TABLE "events" (
	"batch_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"organization_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"data" jsonb NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"xid" "xid8" NOT NULL,
	CONSTRAINT "events_pkey" PRIMARY KEY("batch_id","seq")
);
--> statement-breakpoint
CREATE TABLE "items" (
	"batch_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"custom_id" text NOT NULL,
	"endpoint" text NOT NULL,
	"model" text,
	"agent_id" text,
	"bytes" integer NOT NULL,
	"request" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "items_pkey" PRIMARY KEY("batch_id","position"),
	CONSTRAINT "items_custom_id" UNIQUE("batch_id","custom_id")
) PARTITION BY RANGE ("batch_id");
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"batch_id" uuid NOT NULL,
	"organization_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"attempt" integer NOT NULL,
	"provider" text NOT NULL,
	"sandbox" boolean NOT NULL,
	"credential" text NOT NULL,
	"nonce" text NOT NULL,
	"endpoint" text NOT NULL,
	"model" text,
	"agent_id" text,
	"completion_window" text NOT NULL,
	"positions" "int4multirange" NOT NULL,
	"request_count" integer NOT NULL,
	"bytes" bigint NOT NULL,
	"status" text NOT NULL,
	"finalizing" boolean DEFAULT false NOT NULL,
	"collected" boolean DEFAULT false NOT NULL,
	"version" integer NOT NULL,
	"provider_job_id" text,
	"provider_status" text,
	"raw" text,
	"evidence" jsonb,
	"checkpoint" jsonb,
	"provider_total" integer,
	"provider_succeeded" integer,
	"provider_errored" integer,
	"provider_expired" integer,
	"provider_cancelled" integer,
	"input_file_id" text,
	"output_file_id" text,
	"error_file_id" text,
	"cursor" text,
	"error_code" text,
	"error_message" text,
	"intent_at" timestamp (3) with time zone,
	"send_before" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"submitted_at" timestamp (3) with time zone,
	"in_progress_at" timestamp (3) with time zone,
	"finalizing_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"failed_at" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone,
	"expired_at" timestamp (3) with time zone,
	"cancelling_at" timestamp (3) with time zone,
	"cancelled_at" timestamp (3) with time zone,
	"cancel_requested_at" timestamp (3) with time zone,
	"results_expire_at" timestamp (3) with time zone,
	"last_synced_at" timestamp (3) with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"sync_requested" integer DEFAULT 0 NOT NULL,
	"sync_begun" integer DEFAULT 0 NOT NULL,
	"sync_served" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone,
	"lease_until" timestamp (3) with time zone,
	"lease_epoch" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "jobs_nonce_unique" UNIQUE("nonce"),
	CONSTRAINT "jobs_number" UNIQUE("batch_id","number")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"name" text NOT NULL,
	"hash" "bytea" NOT NULL,
	"scope" text NOT NULL,
	"sandbox_only" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "organizations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "results" (
	"batch_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"attempt" integer NOT NULL,
	"job_id" uuid,
	"status" text NOT NULL,
	"seq" integer NOT NULL,
	"error_code" text,
	"error_message" text,
	"retryable" boolean,
	"stop_reason" text,
	"input_tokens" bigint,
	"output_tokens" bigint,
	"cached_input_tokens" bigint,
	"cache_write_input_tokens" bigint,
	"reasoning_tokens" bigint,
	"response" text,
	"finished_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "results_pkey" PRIMARY KEY("batch_id","position","attempt")
) PARTITION BY RANGE ("batch_id");
--> statement-breakpoint
CREATE TABLE "strays" (
	"job_id" uuid NOT NULL,
	"digest" text NOT NULL,
	"batch_id" uuid NOT NULL,
	"reason" text NOT NULL,
	"line" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"seq" integer NOT NULL,
	CONSTRAINT "strays_pkey" PRIMARY KEY("job_id","digest")
);
--> statement-breakpoint
ALTER TABLE "batches" ADD CONSTRAINT "batches_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_batch_id_batches_id_fk" FOREIGN KEY ("batch_id") REFERENCES "public"."batches"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "batches_page" ON "batches" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "batches_page_by_status" ON "batches" USING btree ("organization_id","status","created_at","id");--> statement-breakpoint
CREATE INDEX "batches_due" ON "batches" USING btree ("due_at") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "events_feed" ON "events" USING btree ("organization_id","xid");--> statement-breakpoint
CREATE INDEX "events_age" ON "events" USING btree ("at");--> statement-breakpoint
CREATE INDEX "jobs_page" ON "jobs" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "jobs_due" ON "jobs" USING btree ("due_at") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "jobs_provider_job" ON "jobs" USING btree ("provider","provider_job_id") WHERE provider_job_id is not null;--> statement-breakpoint
CREATE INDEX "api_keys_organization" ON "api_keys" USING btree ("organization_id") WHERE revoked_at is null;--> statement-breakpoint
CREATE INDEX "results_by_seq" ON "results" USING btree ("batch_id","seq","position");--> statement-breakpoint
CREATE INDEX "results_failed" ON "results" USING btree ("batch_id","position") WHERE error_code is not null;--> statement-breakpoint
CREATE INDEX "strays_by_batch" ON "strays" USING btree ("batch_id");
--> statement-breakpoint
CREATE TABLE "items_default" PARTITION OF "items" DEFAULT;--> statement-breakpoint
CREATE TABLE "results_default" PARTITION OF "results" DEFAULT;--> statement-breakpoint
ALTER TABLE "batches" SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);--> statement-breakpoint
ALTER TABLE "jobs" SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);--> statement-breakpoint
COMMENT ON TABLE "items" IS 'Requests, written once. A row counts while its position is below batches.total.';--> statement-breakpoint
COMMENT ON TABLE "results" IS 'Outcomes, written once per (batch, position, attempt); the newest attempt is the item''s.';--> statement-breakpoint
COMMENT ON COLUMN "batches"."version" IS 'The seq of the batch''s newest event; both change in one transaction.';--> statement-breakpoint
COMMENT ON COLUMN "jobs"."lease_until" IS 'On the database''s clock, unlike every other time here.';--> statement-breakpoint
COMMENT ON COLUMN "jobs"."lease_epoch" IS 'Rises with every lease; a write of the worker that held an older one is refused.';--> statement-breakpoint
COMMENT ON COLUMN "results"."seq" IS 'The batch''s event that brought the row; taken under the batch''s row lock, so it rises in commit order.';
