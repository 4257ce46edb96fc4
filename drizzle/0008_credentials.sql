-- Why: providers' credentials that organizations bring (`credentials`), encrypted for their row, and what is pinned to one
-- (`credential_id`; null: the service's own, as for everything until now).
-- Rollout: a new table and columns that may be null; nothing is rewritten. An older process beside it sends every batch
-- with the service's own credential; stop it before organizations bring any.
CREATE TABLE "credentials" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"name" text NOT NULL,
	"sandbox" boolean NOT NULL,
	"sealed" "bytea",
	"sealed_by" text NOT NULL,
	"fingerprint" text NOT NULL,
	"last_four" text,
	"settings" text[] NOT NULL,
	"callback_token" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"created_by" uuid,
	"last_used_at" timestamp (3) with time zone,
	"failing_since" timestamp (3) with time zone,
	"failure" text,
	"revoked_at" timestamp (3) with time zone,
	"replaced_by" uuid
);
--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "credential_id" uuid;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "credential_id" uuid;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "credential_id" uuid;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "credentials_page" ON "credentials" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "credentials_called" ON "credentials" USING btree ("provider","callback_token") WHERE callback_token is not null;--> statement-breakpoint
CREATE INDEX "jobs_credential" ON "jobs" USING btree ("credential_id") WHERE credential_id is not null and not collected;--> statement-breakpoint
COMMENT ON COLUMN "credentials"."sealed" IS 'AES-256-GCM of key and settings, bound to organization, provider and id; null once nothing needs it.';--> statement-breakpoint
COMMENT ON COLUMN "credentials"."fingerprint" IS 'Tells accounts apart as jobs.credential does; from it no key can be had.';
