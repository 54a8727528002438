"""What `make audit` checks: locks, advisories, code, secrets and licences; and SBOMs."""
