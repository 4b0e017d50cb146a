-- Tenants, as xoorgd asks for them.
CREATE TABLE tenant (
	name TEXT PRIMARY KEY
);
-- A domain of kind `org` may begin with `*.`, but not the first of a tenant.
CREATE TABLE domain (
	tenant TEXT NOT NULL REFERENCES tenant (name),
	kind TEXT NOT NULL CHECK (kind IN ('org', 'sender', 'recipient')),
	domain TEXT NOT NULL CHECK (domain = lower(domain)),
	place INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, kind, domain)
);
CREATE INDEX by_domain ON domain (kind, domain);
-- An organisation is one tenant's.
CREATE UNIQUE INDEX one_org ON domain (domain) WHERE kind = 'org';
