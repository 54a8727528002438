/** Starts the console: the frame around the pages, and which of them is shown. */
import { announce } from "./announce.js";
import { element, replace } from "./dom.js";
import { duration, time } from "./format.js";
import { button, problemNotice } from "./parts.js";
import { place } from "./router.js";
import { changes, end, resume, session } from "./session.js";
import { classify } from "./pages/classify.js";
import { dashboard } from "./pages/dashboard.js";
import { events } from "./pages/events.js";
import { history } from "./pages/history.js";
import { model } from "./pages/model.js";
import { models } from "./pages/models.js";
import { prediction } from "./pages/prediction.js";
import { signIn } from "./pages/sign_in.js";

/**
 * @typedef {(place: import("./router.js").Place, signal: AbortSignal) =>
 *           HTMLElement | Promise<HTMLElement>} Page  stops what it does once `signal` is aborted
 * @typedef {{name: string, title: string, show: Page, admin?: boolean, below?: Page}} Entry
 */

/** @type {Entry[]} */
const PAGES = [
  { name: "classify", title: "Classify", show: classify },
  { name: "history", title: "History", show: history, below: prediction },
  { name: "dashboard", title: "Dashboard", show: dashboard },
  { name: "models", title: "Models", show: models, below: model, admin: true },
  { name: "events", title: "Events", show: events, admin: true },
];

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const navigation = /** @type {HTMLElement} */ (document.getElementById("navigation"));
const account = /** @type {HTMLElement} */ (document.getElementById("account"));
let leaving = new AbortController();

/** @param {string} [reason] why the session ended */
async function show(reason = "") {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const here = place();
  const known = PAGES.filter((page) => !page.admin || session()?.admin);
  const entry = known.find((page) => page.name === here.path[0]) ?? known[0];
  frame(known, entry);
  const page = here.path.length > 1 && entry.below ? entry.below : entry.show;
  const node = await shown(() => (session() ? page(here, signal) : signIn(reason)));
  if (!signal.aborted) settle(node, session() ? entry.title : "Sign in");
}

/** @param {() => HTMLElement | Promise<HTMLElement>} page */
async function shown(page) {
  try {
    return await page();
  } catch (error) {
    return problemNotice(error);
  }
}

/** @param {HTMLElement} node @param {string} title */
function settle(node, title) {
  replace(main, node);
  document.title = `${title} · imgclass`;
  const heading = main.querySelector("h1") ?? main;
  /** @type {HTMLElement} */ (heading).focus({ preventScroll: true });
  window.scrollTo(0, 0);
  announce(title);
}

/** @param {Entry[]} known @param {Entry} entry */
function frame(known, entry) {
  const who = session();
  navigation.hidden = account.hidden = !who;
  if (!who) return;
  replace(navigation, element("ul", {}, known.map((page) => element("li", {}, element(
    "a", { href: `#/${page.name}`, "aria-current": page === entry ? "page" : null }, page.title)))));
  replace(account,
    element("span", {}, who.name, who.admin ? " · administrator" : ""),
    element("span", { class: "soft", title: `until ${time(new Date(who.expires).toISOString())}` },
      `token ends in ${duration(who.expires - Date.now())}`),
    button("Sign out", () => end(), "plain"));
}

changes.addEventListener("change", (event) => show(/** @type {CustomEvent} */ (event).detail));
window.addEventListener("hashchange", () => show());
// The fragment names the page here, so that the link's own jump must not happen.
document.getElementById("skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
await resume();
await show();
