/** Columns side by side: counts per day, histograms. */
import { element, svg } from "../dom.js";
import { count } from "../format.js";

const WIDTH = 360;
const HEIGHT = 150;
const TOP = 16;
const BOTTOM = 20;
const GAP = 0.15;

/**
 * A chart, with its values as a table for those who cannot see it.
 * @param {{label: string, value: number}[]} columns
 * @param {{title: string, ticks?: (label: string, index: number) => boolean}} options
 *   `ticks` says which labels are written below
 */
export function columnChart(columns, { title, ticks = () => true }) {
  const most = Math.max(1, ...columns.map(({ value }) => value));
  const step = WIDTH / Math.max(1, columns.length);
  const scale = (HEIGHT - TOP - BOTTOM) / most;
  const base = HEIGHT - BOTTOM;
  return element("figure", { class: "stack" },
    svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": true },
      columns.map(({ label, value }, index) => column(
        label, value, { x: index * step, width: step, base, height: value * scale },
        ticks(label, index))),
      svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: base, y2: base })),
    values(title, columns));
}

/**
 * @param {string} label @param {number} value
 * @param {{x: number, width: number, base: number, height: number}} box @param {boolean} ticked
 */
function column(label, value, { x, width, base, height }, ticked) {
  const middle = x + width / 2;
  return svg("g", {},
    svg("title", {}, `${label}: ${count(value)}`),
    svg("rect", {
      class: "bar", x: x + width * GAP, width: width * (1 - 2 * GAP), y: base - height, height,
      rx: Math.min(3, width / 6),
    }),
    value && width > 24
      ? svg("text", { class: "value", x: middle, y: base - height - 4, "text-anchor": "middle" }, count(value))
      : null,
    ticked ? svg("text", { x: middle, y: base + 14, "text-anchor": "middle" }, label) : null);
}

/** @param {string} title @param {{label: string, value: number}[]} columns */
function values(title, columns) {
  return element("div", { class: "unseen" }, element("table", {},
    element("caption", {}, title),
    element("tbody", {}, columns.map(({ label, value }) => element("tr", {},
      element("th", { scope: "row" }, label), element("td", {}, value))))));
}
