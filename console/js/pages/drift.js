/** How far the latest predictions are from earlier ones. */
import { get } from "../api.js";
import { element } from "../dom.js";
import { card, table } from "../parts.js";
import { Problem } from "../problem.js";

// The usual reading of a population stability index.
const SOME = 0.1;
const MUCH = 0.25;

/** The card, or null where the service does not measure drift. @param {Date} from @param {AbortSignal} signal */
export async function driftCard(from, signal) {
  try {
    const rows = [...indices(await get("/drift", { query: { from: from.toISOString() }, signal }))];
    return card("Drift", rows.length
      ? table("Population stability index", ["Of", "PSI", "Reading"], rows.map(([name, value]) => element("tr", {},
        element("td", {}, name), element("td", { class: "number" }, value.toFixed(3)), element("td", {}, reading(value)))))
      : element("p", { class: "soft" }, "There is too little to compare yet."));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/** @param {number} value */
function reading(value) {
  if (value < SOME) return element("span", { class: "badge good" }, "stable");
  return element("span", { class: value < MUCH ? "badge" : "badge bad" }, value < MUCH ? "some" : "much");
}

/**
 * Every index of the report, under the name of what it is of.
 * @param {any} report @param {string[]} path @returns {Generator<[string, number]>}
 */
function* indices(report, path = []) {
  for (const [name, value] of Object.entries(report ?? {})) {
    if (typeof value === "number" && (name.startsWith("psi") || path.includes("psi"))) {
      yield [[...path, name].filter((part) => part !== "psi").join(" ").replaceAll("_", " ") || "psi", value];
    } else if (value && typeof value === "object") {
      yield* indices(value, [...path, named(name, value)]);
    }
  }
}

/** Entries of lists go by the version or feature they name. @param {string} name @param {any} value */
const named = (name, value) => value.model_version ?? value.version ?? value.feature ?? name;
