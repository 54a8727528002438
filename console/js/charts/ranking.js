/** Names with bars: the most probable classes, or the most frequent. */
import { element, svg } from "../dom.js";

/**
 * @param {{name: string, share: number, text: string}[]} rows  shares from 0 to 1
 * @param {{label: string, even?: boolean}} options  `even` gives the first no weight of its own
 */
export function ranking(rows, { label, even = false }) {
  return element("ol", { class: even ? "bars even" : "bars", "aria-label": label }, rows.map(
    ({ name, share, text }) => element("li", {},
      element("span", { class: "name" }, name),
      element("span", { class: "share" }, text),
      svg("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": true },
        svg("rect", { class: "track", width: 100, height: 6 }),
        svg("rect", { class: "bar", width: Math.max(0.5, share * 100), height: 6 })))));
}
