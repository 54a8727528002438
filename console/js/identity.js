/** The user id of a token's subject, as the service derives it. */

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const NAMESPACE_URL = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";

/**
 * A subject that is a UUID is the user id; any other maps to a version 5 UUID (RFC 9562).
 * @param {string} issuer @param {string} subject
 */
export async function userIdOf(issuer, subject) {
  if (UUID.test(subject)) return subject.toLowerCase();
  return named(await named(NAMESPACE_URL, issuer), subject);
}

/** A random UUID; crypto.randomUUID is there over HTTPS and on this machine alone. */
export function randomId() {
  return written(crypto.getRandomValues(new Uint8Array(16)), 4);
}

/** @param {string} namespace @param {string} name */
async function named(namespace, name) {
  if (!crypto.subtle) {
    throw new Error("A token whose subject is no UUID needs the console over HTTPS.");
  }
  const octets = namespace.replaceAll("-", "").match(/../g) ?? [];
  const prefix = Uint8Array.from(octets, (octet) => parseInt(octet, 16));
  const whole = new Uint8Array([...prefix, ...new TextEncoder().encode(name)]);
  return written(new Uint8Array(await crypto.subtle.digest("SHA-1", whole)).slice(0, 16), 5);
}

/** @param {Uint8Array} octets sixteen of them @param {number} version */
function written(octets, version) {
  octets[6] = (octets[6] & 0x0f) | (version << 4);
  octets[8] = (octets[8] & 0x3f) | 0x80;
  const digits = [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
