/** What two versions answered, side by side. */
import { get } from "../api.js";
import { columnChart } from "../charts/columns.js";
import { element, replace } from "../dom.js";
import { count, milliseconds, percent } from "../format.js";
import { attempt, card, field, figureList, table } from "../parts.js";

const BASES = ["all", "shadow", "canary", "backfill"];

/** @param {string} version @param {any[]} others */
export function comparisonCard(version, others) {
  const active = others.find((each) => each.is_active)?.version;
  const other = /** @type {HTMLSelectElement} */ (element("select", {}, others.map((each) => element(
    "option", { selected: each.version === active }, each.version))));
  const basis = /** @type {HTMLSelectElement} */ (element("select", {}, BASES.map((each) => element("option", {}, each))));
  const outcome = element("div", { class: "stack" });
  const compare = () => attempt(outcome, async () => {
    const report = await get(`/models/${encodeURIComponent(version)}/comparison`, { query: { with: other.value, basis: basis.value } });
    replace(outcome, ...shown(report));
  });
  return card("Comparison",
    element("form", { class: "filters", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); compare(); } },
      field("With", other), field("Pictures from", basis),
      element("div", { class: "row" }, element("button", {}, "Compare"))),
    outcome);
}

/** @param {any} report */
function shown(report) {
  return [
    figureList([
      ["Pictures both answered", count(report.pictures)],
      ["Same class", report.agreement_rate === null ? "–" : percent(report.agreement_rate)],
    ]),
    report.class_changes.length ? table("Changed classes", ["Was", "Is", "Pictures"], report.class_changes.map(
      (/** @type {any} */ change) => element("tr", {}, element("td", {}, change.old), element("td", {}, change.new), element("td", {}, count(change.pictures))))) : null,
    element("div", { class: "tiles" }, report.distributions.map(distribution)),
  ];
}

/** @param {any} one */
function distribution(one) {
  return element("div", { class: "stack" },
    element("h3", {}, one.version),
    element("p", { class: "small soft" }, `${count(one.answers)} answers; p50 ${milliseconds(one.latency_ms.p50)}, p95 ${milliseconds(one.latency_ms.p95)}`),
    columnChart(one.confidence.histogram.map((/** @type {any} */ bin) => ({ label: bin.from.toFixed(1), value: bin.count })), { title: `Confidence of ${one.version}` }));
}
