-- name: append_audit!
-- Add one line to the audit log.
INSERT INTO audit_log (actor, action, subject, detail, request_id, remote_address)
VALUES (:actor, :action, :subject, :detail, :request_id, :remote_address);
