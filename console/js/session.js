/** Who is signed in: a token in this tab, gone with it. */
import { userIdOf } from "./identity.js";

const KEY = "imgclass-token";
const CHECK_MILLISECONDS = 10_000;

/**
 * @typedef {object} Session
 * @property {string} token
 * @property {string} userId  a UUID
 * @property {string} name    the e-mail address, or else the subject
 * @property {boolean} admin
 * @property {number} expires in milliseconds since 1970
 */

/** Tells "change" when somebody signs in or out; `reason` then says why it ended. */
export const changes = new EventTarget();

/** @type {Session | null} */
let current = null;

export const session = () => current;

/** @param {Session} signedIn */
export function begin(signedIn) {
  current = signedIn;
  sessionStorage.setItem(KEY, signedIn.token);
  tell("");
}

/** @param {string} reason empty if the user asked for it */
export function end(reason = "") {
  if (!current) return;
  current = null;
  sessionStorage.removeItem(KEY);
  tell(reason);
}

/** The session this tab had before it was loaded again. */
export async function resume() {
  const token = sessionStorage.getItem(KEY);
  if (!token) return;
  try {
    current = await read(token);
  } catch {
    sessionStorage.removeItem(KEY);
  }
}

/**
 * What a token says of itself; whether that is true, the service decides at each request.
 * Throws an Error with a sentence for the user.
 * @param {string} token
 * @returns {Promise<Session>}
 */
export async function read(token) {
  const claims = claimsOf(token);
  if (typeof claims.sub !== "string" || typeof claims.exp !== "number") {
    throw new Error("The token names no user (sub) or no end (exp).");
  }
  const expires = claims.exp * 1000;
  if (expires <= Date.now()) throw new Error("The token has expired: take a new one.");
  return {
    token,
    userId: await userIdOf(String(claims.iss), claims.sub),
    name: typeof claims.email === "string" ? claims.email : claims.sub,
    admin: Array.isArray(claims.roles) && claims.roles.includes("admin"),
    expires,
  };
}

/** @param {string} token @returns {Record<string, unknown>} */
function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const octets = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(octets));
  } catch {
    throw new Error("This is no token (a JWT has three parts, separated by dots).");
  }
}

/** @param {string} reason */
function tell(reason) {
  changes.dispatchEvent(new CustomEvent("change", { detail: reason }));
}

setInterval(() => {
  if (current && current.expires <= Date.now()) end("The token has expired: sign in again.");
}, CHECK_MILLISECONDS);
