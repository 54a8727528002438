/** What was classified, as thumbnails; more of them as one scrolls. */
import { get } from "../api.js";
import { element, replace } from "../dom.js";
import { feedbackExists } from "../features.js";
import { count, date, percent } from "../format.js";
import { attempt, field, pageHead } from "../parts.js";
import { drawStored, frame } from "../pictures.js";
import { address, go } from "../router.js";

const LIMIT = 24;
const SOURCES = [["", "any"], ["http", "request"], ["bucket", "bucket"], ["backfill", "backfill"]];
const FILTERS = ["predicted_class", "min_confidence", "model_version", "source", "from", "to"];

/** @type {import("../main.js").Page} */
export async function history(place, signal) {
  const uncertain = place.query.get("view") === "uncertain";
  const sheet = element("ul", { class: "sheet", "aria-label": "Predictions" });
  const total = element("p", { class: "soft", role: "status" });
  const below = element("div", {});
  const more = paged(uncertain ? "/predictions/uncertain" : "/predictions", query(place.query));
  const load = () => attempt(below, async () => {
    const page = await more(signal);
    sheet.append(...page.predictions.map((/** @type {any} */ row) => item(row, signal)));
    replace(total, summary(page, sheet.childElementCount));
    if (page.next_cursor) watch(below, load, signal);
    else if (!sheet.childElementCount) replace(below, element("p", { class: "empty" }, "Nothing here yet."));
  });
  const views = await viewLinks(uncertain);
  load();
  return element("div", { class: "page" },
    pageHead("History", ...views),
    uncertain ? null : filterForm(place.query), total, sheet, below);
}

/** Pages one after the other. @param {string} path @param {Record<string, string>} filters */
function paged(path, filters) {
  let cursor = "";
  return async (/** @type {AbortSignal} */ signal) => {
    const page = await get(path, { query: { ...filters, limit: LIMIT, cursor }, signal });
    cursor = page.next_cursor ?? "";
    return page;
  };
}

/** @param {any} page @param {number} shown */
function summary(page, shown) {
  return page.total === undefined ? `${count(shown)} shown` : `${count(shown)} of ${count(page.total)}`;
}

/** Load more when the end comes into view, or when asked. */
function watch(
  /** @type {Element} */ below, /** @type {() => void} */ load, /** @type {AbortSignal} */ signal,
) {
  const again = element("button", { type: "button" }, "Show more");
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) next();
  }, { rootMargin: "600px" });
  const next = () => { observer.disconnect(); load(); };
  again.addEventListener("click", next);
  signal.addEventListener("abort", () => observer.disconnect());
  replace(below, element("div", { class: "row" }, again));
  observer.observe(again);
}

/** @param {any} row @param {AbortSignal} signal */
function item(row, signal) {
  const canvas = frame(`Picture of ${row.predicted_class}`);
  drawStored(canvas, row.image_id, signal);
  return element("li", {}, element("a", { class: "frame", href: address(["history", row.prediction_id]) },
    canvas,
    element("span", { class: "name" }, row.predicted_class),
    element("span", { class: "meta" },
      element("span", { class: "number" }, percent(row.confidence_score)),
      element("time", { datetime: row.created_at }, date(row.created_at)))));
}

/** @param {boolean} uncertain */
async function viewLinks(uncertain) {
  if (!await feedbackExists()) return [];
  return [
    element("a", { class: "button", href: "#/history", "aria-current": uncertain ? null : "page" }, "All"),
    element("a", { class: "button", href: "#/history?view=uncertain", "aria-current": uncertain ? "page" : null }, "Least certain"),
  ];
}

/** @param {URLSearchParams} chosen */
function filterForm(chosen) {
  const input = (/** @type {string} */ name, /** @type {object} */ attributes) =>
    element("input", { name, value: chosen.get(name) ?? "", ...attributes });
  return element("form", {
    class: "card filters", role: "search", "aria-label": "Filter",
    onsubmit: (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
      go(address(["history"], Object.fromEntries(FILTERS.map((name) => [name, String(form.get(name) ?? "").trim()]))));
    },
  },
  field("Class", input("predicted_class", { type: "search" })),
  field("Confidence from", input("min_confidence", { type: "number", min: 0, max: 1, step: 0.05 })),
  field("Model version", input("model_version", { type: "search" })),
  field("Source", element("select", { name: "source" }, SOURCES.map(([value, text]) => element(
    "option", { value, selected: chosen.get("source") === value }, text)))),
  field("From day", input("from", { type: "date" })),
  field("To day", input("to", { type: "date" })),
  element("div", { class: "row" },
    element("button", { class: "primary" }, "Filter"),
    element("a", { href: "#/history" }, "Clear")));
}

/** Days here are those of the reader; the last one is meant to its end. @param {URLSearchParams} chosen */
function query(chosen) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, chosen.get(name) ?? ""]));
  return { ...filters, from: midnight(filters.from, 0), to: midnight(filters.to, 1) };
}

/** @param {string} day @param {number} later */
function midnight(day, later) {
  if (!day) return "";
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
