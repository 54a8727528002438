-- name: list_lines
-- One page of the audit log, newest first; a cursor is the last line of the page before. An
-- action that ends with a dot stands for all that begin with it.
SELECT audit_id, at, actor, action, subject, detail, request_id, remote_address
FROM audit_log
WHERE (:actor::uuid IS NULL OR actor = :actor)
    AND (:action::text IS NULL OR action = :action
        OR (right(:action, 1) = '.' AND starts_with(action, :action)))
    AND (:subject::text IS NULL OR subject = :subject)
    AND (:since::timestamptz IS NULL OR at >= :since)
    AND (:until::timestamptz IS NULL OR at < :until)
    AND (:before::bigint IS NULL OR audit_id < :before)
ORDER BY audit_id DESC
LIMIT :limit;
