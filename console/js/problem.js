/** What the service answers when it will not: application/problem+json (RFC 9457). */

export class Problem extends Error {
  /**
   * @param {number} status 0 if nothing was answered
   * @param {string} title @param {string} detail
   * @param {string | null} requestId @param {number | null} retryAfter in seconds
   */
  constructor(status, title, detail, requestId = null, retryAfter = null) {
    super(detail ? `${title}: ${detail}` : title);
    Object.assign(this, { status, title, detail, requestId, retryAfter });
  }

  /** @param {number} status @param {string} text @param {(name: string) => string | null} header */
  static from(status, text, header) {
    /** @type {any} */
    let body = {};
    try {
      body = JSON.parse(text);
    } catch {
      // Something on the way answered in its own words.
    }
    const seconds = Number.parseInt(header("Retry-After") ?? "", 10);
    return new Problem(
      status, String(body.title ?? `The service answered ${status}`), String(body.detail ?? ""),
      header("X-Request-Id"), Number.isNaN(seconds) ? null : seconds);
  }

  static unreachable() {
    return new Problem(0, "No answer", "The service cannot be reached; is it running?");
  }
}
