/** What became of the pictures put straight into the bucket. */
import { announce } from "../announce.js";
import { get, post } from "../api.js";
import { element, replace } from "../dom.js";
import { bytes, count, time } from "../format.js";
import { attempt, button, card, figureList, pageHead, table } from "../parts.js";
import { address } from "../router.js";

const STATES = ["dead", "pending", "classified", "done", "superseded", "erased"];
const HEADS = ["Object", "State", "Reason", "Attempts", "Received", "Action"];

/** @type {import("../main.js").Page} */
export async function events(place, signal) {
  const state = place.query.get("state") ?? "dead";
  const trouble = element("div", {});
  const list = element("div", { class: "stack" });
  const balance = element("div", {});
  const load = () => listed(list, state, signal);
  const refresh = async () => { await Promise.all([load(), completeness(balance, signal)]); };
  const retryAll = () => attempt(trouble, async () => {
    const { retried } = await post("/events/retry", { json: {} });
    announce(`${count(retried)} events are worked on again.`);
    await refresh();
  });
  await refresh();
  return element("div", { class: "page" },
    pageHead("Events", button("Refresh", () => attempt(trouble, refresh)),
      button("Retry all dead ones", retryAll)),
    trouble, balance, stateLinks(state),
    element("section", { class: "card", "aria-label": "Events" }, list));
}

/** @param {string} chosen */
const stateLinks = (chosen) => element("nav", { "aria-label": "States" }, element("ul", { class: "row" }, STATES.map(
  (state) => element("li", {}, element("a", {
    class: "button", href: address(["events"], { state }), "aria-current": state === chosen ? "true" : null,
  }, state)))));

/** @param {Element} balance @param {AbortSignal} signal */
async function completeness(balance, signal) {
  const counts = await get("/events/completeness", { signal });
  replace(balance, card("Completeness",
    figureList(["seen", "classified", "superseded", "pending", "dead", "erased", "unannounced"]
      .filter((name) => counts[name] !== undefined)
      .map((name) => [name, count(counts[name])])),
    element("p", { class: counts.adds_up ? "notice" : "notice bad" }, verdict(counts))));
}

/** @param {any} counts */
function verdict(counts) {
  if (!counts.adds_up) {
    return `It does not add up: ${Object.entries(counts.differences).map(([name, value]) => `${value} ${name.replaceAll("_", " ")}`).join(", ")}.`;
  }
  return counts.complete ? "Everything that was put into the bucket is accounted for." : "Everything is accounted for; some of it is still to be done.";
}

/** @param {Element} list @param {string} state @param {AbortSignal} signal */
async function listed(list, state, signal) {
  const rows = element("tbody", {});
  const more = element("div", { class: "row" });
  const trouble = element("div", {});
  let cursor = "";
  const load = async () => {
    const page = await get("/events", { query: { state, limit: 50, cursor }, signal });
    cursor = page.next_cursor ?? "";
    rows.append(...page.events.map((/** @type {any} */ row) => eventRow(row, trouble)));
    replace(more, cursor ? button("Show more", () => attempt(trouble, load)) : null);
    if (!rows.childElementCount) replace(list, element("p", { class: "empty" }, `No event is ${state}.`));
  };
  const shown = table(`Events that are ${state}`, HEADS, []);
  shown.querySelector("tbody")?.replaceWith(rows);
  replace(list, shown, trouble, more);
  await load();
}

/** @param {any} row @param {Element} trouble */
function eventRow(row, trouble) {
  const act = element("td", {});
  const state = element("td", {}, stateOf(row));
  const retry = () => attempt(trouble, async () => {
    const now = await post(`/events/${row.event_id}/retry`);
    replace(state, stateOf(now));
    replace(act);
    announce(`${row.object_key} is worked on again.`);
  });
  if (row.state === "dead") act.append(button("Retry", retry));
  return element("tr", {},
    element("td", {}, element("code", {}, row.object_key), element("div", { class: "small soft" }, bytes(row.size_bytes))),
    state, element("td", {}, row.reason ?? "–"),
    element("td", { class: "number" }, row.attempts), element("td", {}, time(row.received_at)), act);
}

/** @param {any} row */
const stateOf = (row) => element("span", { class: row.state === "dead" ? "badge bad" : "badge" },
  row.fault ? `${row.state}: ${row.fault.replaceAll("_", " ")}` : row.state);
