/** Columns side by side: counts per day, histograms, indices against their limits. */
import { element, svg } from "../dom.js";
import { count } from "../format.js";

const WIDTH = 360;
const HEIGHT = 150;
const TOP = 16;
const BOTTOM = 20;
const GAP = 0.15;
const MARGIN = 40;

/**
 * @typedef {{label: string, value: number, alarm?: boolean}} Column
 * @typedef {{value: number, label: string}} Mark  a line across, for columns to be held against
 */

/**
 * A chart, with its values as a table for those who cannot see it.
 * @param {Column[]} columns
 * @param {{title: string, ticks?: (label: string, index: number) => boolean,
 *          text?: (value: number) => string, marks?: Mark[], top?: number}} options
 *   `ticks` says which labels are written below; columns beyond `top` end there
 */
export function columnChart(columns, {
  title, ticks = () => true, text = count, marks = [],
  top = Math.max(1, ...columns.map(({ value }) => value)),
}) {
  const width = WIDTH - (marks.length ? MARGIN : 0);
  const step = width / Math.max(1, columns.length);
  const base = HEIGHT - BOTTOM;
  const scale = (base - TOP) / top;
  return element("figure", { class: "stack" },
    svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": true },
      columns.map((one, index) => column(
        one, text(one.value),
        { x: index * step, width: step, base, height: Math.min(one.value, top) * scale },
        ticks(one.label, index))),
      svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: base, y2: base }),
      marks.map(({ value, label }) => mark(label, base - value * scale))),
    values(title, columns, text));
}

/**
 * @param {Column} column @param {string} text its value
 * @param {{x: number, width: number, base: number, height: number}} box @param {boolean} ticked
 */
function column({ label, value, alarm }, text, { x, width, base, height }, ticked) {
  const middle = x + width / 2;
  return svg("g", {},
    svg("title", {}, `${label}: ${text}`),
    svg("rect", {
      class: alarm ? "bar alarm" : "bar", x: x + width * GAP, width: width * (1 - 2 * GAP),
      y: base - height, height, rx: Math.min(3, width / 6),
    }),
    value && width > 24
      ? svg("text", { class: "value", x: middle, y: base - height - 4, "text-anchor": "middle" }, text)
      : null,
    ticked ? svg("text", { x: middle, y: base + 14, "text-anchor": "middle" }, label) : null);
}

/** @param {string} label @param {number} y */
const mark = (label, y) => svg("g", {},
  svg("line", { class: "mark", x1: 0, x2: WIDTH, y1: y, y2: y }),
  svg("text", { x: WIDTH, y: y - 4, "text-anchor": "end" }, label));

/** @param {string} title @param {Column[]} columns @param {(value: number) => string} text */
function values(title, columns, text) {
  return element("div", { class: "unseen" }, element("table", {},
    element("caption", {}, title),
    element("tbody", {}, columns.map(({ label, value }) => element("tr", {},
      element("th", { scope: "row" }, label), element("td", {}, text(value)))))));
}
