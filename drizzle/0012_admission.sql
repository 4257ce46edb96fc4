-- Why: a job that waits says what for (`waiting_for`); jobs of a credential that wait or are at its provider are counted
-- each time that one of them is to be sent (`jobs_turn`), and come by turns over organizations, of which whoever was
-- served longest ago is the first (`jobs_sent`).
-- Rollout: a column without a default, and two indexes. A process of the version before knows no room and takes no
-- notice; jobs that it has told to wait for their turn are not woken by a newer one, and ask by themselves in a minute.
ALTER TABLE "jobs" ADD COLUMN "waiting_for" jsonb;--> statement-breakpoint
CREATE INDEX "jobs_turn" ON "jobs" USING btree ("provider","credential","status") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "jobs_sent" ON "jobs" USING btree ("organization_id","provider","credential","intent_at") WHERE intent_at is not null;--> statement-breakpoint
COMMENT ON COLUMN "jobs"."waiting_for" IS 'As it was when the job last asked; means something while it is CREATED.';
