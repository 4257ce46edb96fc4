-- Why: an organization may have so much and no more. What its operator grants and what it holds itself to stand beside
-- it, plans are named sets of the same; as JSON, so that a further limit needs no column.
-- Rollout: a new table, and columns with constant defaults; an older process beside a newer one holds nobody to anything.
CREATE TABLE "plans" (
	"name" text PRIMARY KEY NOT NULL,
	"quotas" jsonb NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "plan" text;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "granted_quotas" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "own_quotas" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_plan_plans_name_fk" FOREIGN KEY ("plan") REFERENCES "public"."plans"("name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
COMMENT ON COLUMN "organizations"."own_quotas" IS 'Can only take away from what granted_quotas, the plan and the settings allow.';
