/** What this service has; an older one, or one that is only partly deployed, lacks some of it. */
import { get } from "./api.js";
import { Problem } from "./problem.js";

/** @type {Map<string, Promise<boolean>>} */
const known = new Map();

/** Feedback and the queue of what is uncertain come together. */
export const feedbackExists = () => exists("/predictions/uncertain", { limit: 1 });

/** @param {string} path @param {Record<string, any>} query */
function exists(path, query) {
  const asked = known.get(path) ?? answers(path, query);
  known.set(path, asked);
  asked.catch(() => known.delete(path));
  return asked;
}

/** @param {string} path @param {Record<string, any>} query */
async function answers(path, query) {
  try {
    await get(path, { query });
    return true;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return false;
    throw error;
  }
}
