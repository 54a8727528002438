/** The predictions of a time as numbers and charts. */
import { get } from "../api.js";
import { columnChart } from "../charts/columns.js";
import { ranking } from "../charts/ranking.js";
import { element } from "../dom.js";
import { count, milliseconds, percent } from "../format.js";
import { card, figureList, pageHead } from "../parts.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { driftCard } from "./drift.js";

const PERIODS = [7, 30, 90];
const DAY_MILLISECONDS = 86_400_000;

/** @type {import("../main.js").Page} */
export async function dashboard(place, signal) {
  const days = PERIODS.find((each) => String(each) === place.query.get("days")) ?? 30;
  const from = startOf(days);
  const [stats, drift] = await Promise.all([
    get("/predictions/stats", { query: { from: from.toISOString() }, signal }),
    session()?.admin ? driftCard(from, signal) : null]);
  return element("div", { class: "page" },
    pageHead("Dashboard", ...PERIODS.map((each) => element("a", {
      class: "button", href: address(["dashboard"], { days: String(each) }),
      "aria-current": each === days ? "true" : null,
    }, `${each} days`))),
    figures(stats),
    element("div", { class: "tiles" },
      perDay(stats, from, days), classMix(stats), confidence(stats), latency(stats), drift));
}

/** Midnight, in UTC as the service counts days, of the first of so many days. @param {number} days */
function startOf(days) {
  const today = Math.floor(Date.now() / DAY_MILLISECONDS);
  return new Date((today - days + 1) * DAY_MILLISECONDS);
}

/** @param {any} stats */
const figures = (stats) => figureList([
  ["predictions", count(stats.total)],
  ["classes", count(stats.classes)],
  ["mean confidence", stats.confidence.mean === null ? "–" : percent(stats.confidence.mean)],
  ["median latency", milliseconds(stats.latency_ms.p50)],
  ["95th percentile", milliseconds(stats.latency_ms.p95)],
]);

/** @param {any} stats @param {Date} from @param {number} days */
function perDay(stats, from, days) {
  const counts = new Map(stats.by_day.map((/** @type {any} */ each) => [each.day, each.predictions]));
  const columns = Array.from({ length: days }, (_, index) => {
    const day = new Date(from.getTime() + index * DAY_MILLISECONDS).toISOString().slice(0, 10);
    return { label: day.slice(5), value: counts.get(day) ?? 0 };
  });
  const every = Math.ceil(days / 6);
  return card("Predictions per day", columnChart(columns, {
    title: "Predictions per day", ticks: (_label, index) => (days - 1 - index) % every === 0,
  }));
}

/** @param {any} stats */
function classMix(stats) {
  const rows = stats.by_class.map((/** @type {any} */ each) => ({
    name: each.predicted_class, share: each.predictions / stats.total, text: count(each.predictions),
  }));
  return card("Class mix", rows.length
    ? ranking(rows, { label: "Most frequent classes", even: true })
    : element("p", { class: "empty" }, "Nothing was classified in this time."));
}

/** @param {any} stats */
const confidence = (stats) => card("Confidence", columnChart(
  stats.confidence.histogram.map((/** @type {any} */ bin) => ({ label: bin.from.toFixed(1), value: bin.count })),
  { title: "Predictions by confidence" }));

/** @param {any} stats */
const latency = (stats) => card("Latency in milliseconds", columnChart(
  stats.latency_ms.histogram.map((/** @type {any} */ bin) => ({
    label: bin.to === null ? `${bin.from}+` : `<${bin.to}`, value: bin.count,
  })),
  { title: "Predictions by latency in milliseconds", ticks: (_label, index) => index % 2 === 0 }));
