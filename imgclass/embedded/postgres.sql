-- name: role_exists(role)^
-- Whether the application's role is there.
SELECT 1 AS found FROM pg_roles WHERE rolname = :role;

-- name: create_role(password)!
-- The role the functions log in as; it owns their database and nothing else.
CREATE ROLE imgclass LOGIN PASSWORD :password;

-- name: database_exists(database)^
-- Whether the application's database is there.
SELECT 1 AS found FROM pg_database WHERE datname = :database;

-- name: create_database()!
-- The application's database.
CREATE DATABASE imgclass OWNER imgclass;
