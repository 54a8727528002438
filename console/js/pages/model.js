/** One version: its validation report, its share of the traffic, who serves it. */
import { announce } from "../announce.js";
import { get, post, put, remove } from "../api.js";
import { element, replace } from "../dom.js";
import { bytes, percent, shortDigest, time } from "../format.js";
import { attempt, button, card, factList, field, pageHead, table } from "../parts.js";
import { comparisonCard } from "./comparison.js";
import { roleBadges, stateBadge } from "./models.js";

const POLL_MILLISECONDS = 1000;
const REPLICA_MILLISECONDS = 2000;

/** @type {import("../main.js").Page} */
export async function model(place, signal) {
  const version = place.path[1];
  const path = `/models/${encodeURIComponent(version)}`;
  const body = element("div", { class: "page" });
  const load = async () => {
    const row = await get(path, { signal });
    const [{ replicas }, { models }] = await Promise.all([
      get(`${path}/replicas`, { signal }), get("/models", { signal })]);
    replace(body, ...parts(row, replicas, models, path, load, signal));
    if (row.state === "validating") wait(load, signal);
  };
  await load();
  return element("div", { class: "page" },
    element("p", {}, element("a", { href: "#/models" }, "← Models")),
    pageHead(version), body);
}

/** Look again while the version is being validated. @param {() => Promise<void>} load @param {AbortSignal} signal */
function wait(load, signal) {
  setTimeout(() => { if (!signal.aborted) load().catch(() => {}); }, POLL_MILLISECONDS);
}

function* parts(
  /** @type {any} */ row, /** @type {any[]} */ replicas, /** @type {any[]} */ models,
  /** @type {string} */ path, /** @type {() => Promise<void>} */ load, /** @type {AbortSignal} */ signal,
) {
  yield element("p", { class: "row", role: "status" }, stateBadge(row.state), roleBadges(row));
  yield element("div", { class: "columns" },
    element("div", { class: "stack" }, trafficCard(row, path, load), replicaCard(replicas, path, signal)),
    element("div", { class: "stack" }, aboutCard(row), reportCard(row.report)));
  const others = models.filter((each) => each.version !== row.version && each.state !== "rejected");
  if (others.length && row.state !== "rejected") yield comparisonCard(row.version, others);
}

/** @param {any} row @param {string} path @param {() => Promise<void>} load */
function trafficCard(row, path, load) {
  const trouble = element("div", {});
  const act = (/** @type {string} */ text, /** @type {() => Promise<any>} */ request) => attempt(trouble, async () => {
    await request();
    announce(text);
    await load();
  });
  const idle = !row.is_active && !row.canary_percent && !row.shadow;
  return card("Traffic",
    element("div", { class: "row" },
      row.state === "ready" && !row.is_active
        ? button("Activate", () => act(`${row.version} is active.`, () => post(`${path}/activate`)), "primary") : null,
      idle ? null : button("Deactivate", () => act(`${row.version} answers nobody.`, () => post(`${path}/deactivate`))),
      idle && ["ready", "rejected"].includes(row.state)
        ? button("Delete", () => act(`${row.version} is deleted.`, () => remove(path)), "danger") : null),
    row.state === "ready" && !row.is_active ? shareForm(row, path, act) : null,
    trouble);
}

/** @param {any} row @param {string} path @param {(text: string, request: () => Promise<any>) => void} act */
function shareForm(row, path, act) {
  const share = /** @type {HTMLInputElement} */ (element("input", { type: "range", min: 0, max: 100, value: row.canary_percent }));
  const shown = element("output", { class: "number" }, `${row.canary_percent} %`);
  share.addEventListener("input", () => { shown.textContent = `${share.value} %`; });
  const shadow = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", checked: row.shadow }));
  return element("form", {
    class: "stack",
    onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      act(`${row.version} answers ${share.value} % of the users.`, () => put(`${path}/traffic`, {
        json: { canary_percent: share.valueAsNumber, shadow: shadow.checked },
      }));
    },
  },
  field("Canary: share of the users it answers", share, shown),
  element("label", { class: "check" }, shadow, "Shadow: it watches and never answers"),
  element("div", { class: "row" }, element("button", {}, "Set traffic")));
}

/** Who serves it, looked at again and again: processes take their time to change. */
function replicaCard(/** @type {any[]} */ replicas, /** @type {string} */ path, /** @type {AbortSignal} */ signal) {
  const holder = element("div", {}, replicaTable(replicas));
  const again = async () => {
    if (signal.aborted || !holder.isConnected) return;
    const now = await get(`${path}/replicas`, { signal }).catch(() => null);
    if (now) replace(holder, replicaTable(now.replicas));
    setTimeout(again, REPLICA_MILLISECONDS);
  };
  setTimeout(again, REPLICA_MILLISECONDS);
  return card("Replicas", holder);
}

/** @param {any[]} replicas */
function replicaTable(replicas) {
  if (!replicas.length) return element("p", { class: "soft" }, "No process serves it at the moment.");
  return table("Replicas", ["Host", "Serving", "Seen"], replicas.map((each) => element("tr", {},
    element("td", {}, each.host),
    element("td", {}, Object.entries(each.serving).map(([role, served]) => element("div", {}, `${role}: ${/** @type {any} */ (served).version} (${/** @type {any} */ (served).engine})`)),
      each.problem ? element("div", { class: "badge bad" }, each.problem) : null),
    element("td", {}, time(each.seen_at)))));
}

/** @param {any} row */
function aboutCard(row) {
  const { manifest } = row;
  return card("About", factList([
    ["Name", row.name],
    ["Archive", `${bytes(row.size_bytes)}, ${shortDigest(row.digest)}`],
    ["Registered", time(row.created_at)],
    ["Validated", time(row.validated_at)],
    ["Activated", time(row.activated_at)],
    ["Source", manifest?.source ?? "–"],
    ["Licence", manifest?.licence ?? manifest?.license ?? "–"],
  ]));
}

/** @param {any} report */
function reportCard(report) {
  if (!report) return card("Validation", element("p", { class: "soft" }, "Under way: it takes some seconds."));
  return card("Validation",
    report.reason ? element("p", { class: "notice bad" }, report.reason) : factList(verdicts(report)),
    element("details", {}, element("summary", {}, "The whole report"), element("pre", {}, JSON.stringify(report, null, 2))));
}

/** @param {any} report @returns {[string, any][]} */
function verdicts(report) {
  const { twin = {}, golden, quantize } = report;
  return [
    ["Twin", `${twin.kind ?? "?"}, ${bytes(twin.size_bytes)}`],
    ["Largest difference", twin.max_abs_difference?.toExponential(1) ?? "–"],
    ["Same class", twin.top_1_agreement === undefined ? "–" : percent(twin.top_1_agreement)],
    ["Golden pictures", golden ? (golden.passed ? "passed" : "missed") : "none"],
    ...(quantize ? [/** @type {[string, any]} */ (["Quantised", quantize.accepted ? "accepted" : quantize.reason])] : []),
  ];
}
