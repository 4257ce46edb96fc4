-- Why: providers that give results while a job runs (`results_waiting`), that call us (`callback_url`, `hinted_job_id`,
-- `provider_callbacks`), and that tell of a run and of their own call (`run_type` to `callback_error`).
-- Rollout: columns with constant defaults and one new table; nothing is rewritten, and older processes go on beside it.
CREATE TABLE "provider_callbacks" (
	"provider" text NOT NULL,
	"digest" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "provider_callbacks_pkey" PRIMARY KEY("provider","digest")
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "results_waiting" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "callback_url" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "callback_token" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_callback_token_unique" UNIQUE("callback_token");--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "hinted_job_id" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "run_type" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "background" boolean;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "stop_reason" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "total_duration_ns" bigint;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "ttft_ns" bigint;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "told_callback_url" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "callback_sent_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "callback_status_code" integer;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "callback_error" text;--> statement-breakpoint
CREATE INDEX "provider_callbacks_age" ON "provider_callbacks" USING btree ("at");--> statement-breakpoint
COMMENT ON COLUMN "jobs"."results_waiting" IS 'Results of a job that still runs are there to be copied; the job is due for that and not for a poll.';--> statement-breakpoint
COMMENT ON COLUMN "jobs"."hinted_job_id" IS 'Told by an unverified call to callback_url; only a search may turn it into provider_job_id.';
