-- name: role_exists(role)^
-- Whether the functions' role is there.
SELECT 1 AS found FROM pg_roles WHERE rolname = :role;

-- name: database_exists(database)^
-- Whether the functions' database is there.
SELECT 1 AS found FROM pg_database WHERE datname = :database;
