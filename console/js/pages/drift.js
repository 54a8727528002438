/** How far the latest predictions are from earlier ones. */
import { get } from "../api.js";
import { columnChart } from "../charts/columns.js";
import { element } from "../dom.js";
import { card, table } from "../parts.js";
import { Problem } from "../problem.js";

// The usual reading of a population stability index.
const SOME = 0.1;
const MUCH = 0.25;
const LIMITS = [{ value: SOME, label: "some" }, { value: MUCH, label: "much" }];
// Above this it does not matter how much, and the limits would not be told apart.
const TOP = 2 * MUCH;

/** @typedef {{feature: string, value: number}} Index */

/** The card, or null where the service does not measure drift. @param {Date} from @param {AbortSignal} signal */
export async function driftCard(from, signal) {
  try {
    const { models } = await get("/drift", { query: { from: from.toISOString() }, signal });
    const parts = models.flatMap(drifted);
    return card("Drift", parts.length
      ? parts
      : element("p", { class: "soft" }, "There is too little to compare yet."));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/** What is known of one version: a chart, and how it is read. @param {any} model */
function drifted(model) {
  const indices = indicesOf(model);
  if (!indices.length) return [];
  const columns = indices.map(({ feature, value }) => ({ label: feature, value, alarm: value >= MUCH }));
  return [
    columnChart(columns, {
      title: `Population stability index of ${model.model_version}`, text: written, marks: LIMITS, top: TOP,
    }),
    table(`Readings of ${model.model_version}`, ["Of", "PSI", "Reading"], indices.map(({ feature, value }) => element("tr", {},
      element("td", {}, `${model.model_version} ${feature}`), element("td", { class: "number" }, written(value)),
      element("td", {}, reading(value))))),
  ];
}

/** By feature, where there are enough answers to tell. @param {any} model @returns {Index[]} */
function indicesOf(model) {
  return Object.entries(model.psi)
    .filter(([, value]) => value !== null)
    .map(([feature, value]) => ({ feature: feature.replaceAll("_", " "), value }));
}

/** @param {number} value */
const written = (value) => value.toFixed(3);

/** @param {number} value */
function reading(value) {
  if (value < SOME) return element("span", { class: "badge good" }, "stable");
  return element("span", { class: value < MUCH ? "badge" : "badge bad" }, value < MUCH ? "some" : "much");
}
