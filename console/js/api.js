/** Requests to the service: the token, problems as exceptions, Retry-After. */
import { Problem } from "./problem.js";
import { end, session } from "./session.js";

const ROOT = "/api/v1";
const MOST_TRIES = 4;
const LONGEST_WAIT_SECONDS = 60;
const PATIENT = new Set([429, 503]);

/**
 * @typedef {object} Options
 * @property {string} [token]          instead of the session's
 * @property {Record<string, any>} [query]  what is empty is left out
 * @property {any} [json]
 * @property {AbortSignal} [signal]
 */

/** @param {string} path @param {Options} [options] */
export const get = (path, options) => json("GET", path, options);
/** @param {string} path @param {Options} [options] */
export const post = (path, options) => json("POST", path, options);
/** @param {string} path @param {Options} [options] */
export const put = (path, options) => json("PUT", path, options);
/** @param {string} path @param {Options} [options] */
export const remove = (path, options) => json("DELETE", path, options);

/** A stored picture's bytes. @param {string} imageId @param {AbortSignal} [signal] */
export async function pictureOf(imageId, signal) {
  return (await send("GET", `/images/${imageId}/content`, { signal })).blob();
}

/**
 * Send a form, and tell how much has left: fetch cannot.
 * @param {string} path @param {FormData} form
 * @param {{headers?: Record<string, string>, progress?: (share: number) => void,
 *          waiting?: (seconds: number) => void}} [options]
 */
export async function upload(path, form, options = {}) {
  return retried(true, undefined, () => uploadOnce(path, form, options), options.waiting);
}

/** @param {string} method @param {string} path @param {Options} [options] @returns {Promise<any>} */
async function json(method, path, options = {}) {
  const text = await (await send(method, path, options)).text();
  return text ? JSON.parse(text) : null;
}

/** @param {string} method @param {string} path @param {Options} options */
function send(method, path, options) {
  return retried(method === "GET", options.signal, () => sendOnce(method, path, options));
}

/** @param {string} method @param {string} path @param {Options} options */
async function sendOnce(method, path, { token, query, json: body, signal }) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${token ?? session()?.token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(ROOT + path + queryString(query), {
    method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
  }).catch((error) => {
    throw error.name === "AbortError" ? error : Problem.unreachable();
  });
  if (answer.ok) return answer;
  throw refused(Problem.from(
    answer.status, await answer.text(), (name) => answer.headers.get(name)), token);
}

/** @param {string} path @param {FormData} form @param {any} options @returns {Promise<any>} */
function uploadOnce(path, form, { headers = {}, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", ROOT + path);
    request.setRequestHeader("Authorization", `Bearer ${session()?.token}`);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress?.(event.loaded / event.total);
    request.onerror = () => reject(Problem.unreachable());
    request.onload = () => {
      if (request.status < 300) {
        const version = request.getResponseHeader("X-Model-Version");
        resolve({ ...JSON.parse(request.responseText), model_version: version });
      } else {
        reject(refused(Problem.from(
          request.status, request.responseText, (name) => request.getResponseHeader(name))));
      }
    };
    request.send(form);
  });
}

/**
 * Come again when told to, if that can do no harm.
 * @template T
 * @param {boolean} harmless @param {AbortSignal | undefined} signal @param {() => Promise<T>} attempt
 * @param {(seconds: number) => void} [waiting]
 * @returns {Promise<T>}
 */
async function retried(harmless, signal, attempt, waiting) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const seconds = error instanceof Problem && PATIENT.has(error.status) ? error.retryAfter : null;
      const goOn = harmless || error.status === 429;
      if (seconds === null || !goOn || seconds > LONGEST_WAIT_SECONDS || tries === MOST_TRIES) throw error;
      waiting?.(seconds);
      await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
      signal?.throwIfAborted();
    }
  }
}

/** @param {Problem} problem @param {string} [token] one that is only being tried */
function refused(problem, token) {
  if (problem.status === 401 && !token) end(`${problem.detail || problem.title} Sign in again.`);
  return problem;
}

/** @param {Record<string, any>} [query] */
function queryString(query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return set.length ? `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}` : "";
}
