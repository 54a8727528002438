/** Pieces that several pages are made of. */
import { alertUser } from "./announce.js";
import { element } from "./dom.js";
import { Problem } from "./problem.js";

/** @param {string} title @param {...import("./dom.js").Child} actions */
export const pageHead = (title, ...actions) => element(
  "div", { class: "page-head" },
  element("h1", { tabindex: -1 }, title),
  actions.length ? element("div", { class: "row" }, ...actions) : null);

/** @param {string} title @param {...any} children */
export const card = (title, ...children) => element(
  "section", { class: "card stack", "aria-label": title }, element("h2", {}, title), ...children);

/** What went wrong, also for a screen reader. @param {unknown} error */
export function problemNotice(error) {
  const problem = error instanceof Problem ? error : new Problem(0, "The console failed", String(error));
  alertUser(problem.message);
  return element(
    "div", { class: "notice bad stack" },
    element("p", { class: "title" }, problem.title),
    problem.detail ? element("p", {}, problem.detail) : null,
    problem.requestId ? element("p", { class: "small soft" }, "Request ", element("code", {}, problem.requestId)) : null);
}

/** @param {[string, any][]} facts names and values */
export const factList = (facts) => element("dl", { class: "facts" }, facts.flatMap(
  ([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));

/** @param {[string, string][]} figures names and values */
export const figureList = (figures) => element("dl", { class: "figures" }, figures.map(
  ([name, value]) => element("div", { class: "card figure" },
    element("dt", {}, name), element("dd", {}, value))));

/** @param {string} label @param {HTMLElement} control @param {...any} more */
export function field(label, control, ...more) {
  control.id ||= `field-${label.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return element("div", { class: "field" },
    element("label", { for: control.id }, label), control, ...more);
}

/** @param {string} text @param {() => void | Promise<void>} act @param {string} [kind] a class */
export const button = (text, act, kind = "") =>
  element("button", { type: "button", class: kind || null, onclick: () => act() }, text);

/** @param {string} name of the table @param {string[]} heads @param {Element[]} rows */
export const table = (name, heads, rows) => element(
  "div", { class: "table", role: "group", "aria-label": name, tabindex: 0 },
  element("table", {},
    element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, rows)));

/**
 * Do what a button asks for; what goes wrong is shown in `place`.
 * @param {Element} place @param {() => Promise<any>} act
 */
export async function attempt(place, act) {
  place.replaceChildren();
  try {
    await act();
  } catch (error) {
    place.replaceChildren(problemNotice(error));
  }
}
