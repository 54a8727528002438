"""The embedded stack: Postgres, S3, the three functions and the gateway as local processes."""
