/** All model versions, what each does, and how a new one gets in. */
import { announce } from "../announce.js";
import { get, post, upload } from "../api.js";
import { element, replace } from "../dom.js";
import { bytes, time } from "../format.js";
import { attempt, button, field, pageHead, table } from "../parts.js";
import { address, go } from "../router.js";

/** @type {import("../main.js").Page} */
export async function models(_place, signal) {
  const list = element("div", {});
  const trouble = element("div", {});
  const load = async () => replace(list, versions((await get("/models", { signal })).models));
  const rollback = () => attempt(trouble, async () => {
    const active = await post("/models/rollback");
    announce(`Version ${active.version} is active again.`);
    await load();
  });
  await load();
  return element("div", { class: "page" },
    pageHead("Models", button("Roll back to the last good version", rollback)),
    trouble,
    element("section", { class: "card", "aria-label": "Versions" }, list),
    pushForm());
}

/** @param {any[]} rows */
function versions(rows) {
  if (!rows.length) return element("p", { class: "empty" }, "No model is registered yet.");
  return table("Model versions", ["Version", "State", "Role", "Size", "Registered", "Last activated"], rows.map((row) =>
    element("tr", {},
      element("td", {}, element("a", { href: address(["models", row.version]) }, row.version)),
      element("td", {}, stateBadge(row.state)),
      element("td", {}, roleBadges(row)),
      element("td", {}, bytes(row.size_bytes)),
      element("td", {}, time(row.created_at)),
      element("td", {}, time(row.activated_at)))));
}

/** @param {string} state */
export const stateBadge = (state) => element("span", {
  class: `badge ${{ ready: "good", rejected: "bad" }[state] ?? ""}`,
}, state);

/** @param {any} row */
export function roleBadges(row) {
  const roles = [
    row.is_active ? element("span", { class: "badge strong" }, "active") : null,
    row.canary_percent ? element("span", { class: "badge" }, `canary ${row.canary_percent} %`) : null,
    row.shadow ? element("span", { class: "badge" }, "shadow") : null,
  ].filter(Boolean);
  return roles.length ? element("span", { class: "row" }, roles) : "–";
}

/** Sending an archive; its validation is then watched on the version's own page. */
function pushForm() {
  const archive = /** @type {HTMLInputElement} */ (element("input", { type: "file", accept: ".zip,application/zip", required: true }));
  const bar = /** @type {HTMLProgressElement} */ (element("progress", { max: 1, value: 0, "aria-label": "Sending the archive", hidden: true }));
  const outcome = element("div", {});
  const submit = /** @type {HTMLButtonElement} */ (element("button", { class: "primary" }, "Push"));
  const push = async (/** @type {File} */ file) => {
    bar.hidden = false;
    submit.disabled = true;
    const form = new FormData();
    form.append("archive", file, file.name);
    await attempt(outcome, async () => {
      const row = await upload("/models", form, { progress: (share) => { bar.value = share; } });
      go(address(["models", row.version]));
    });
    bar.hidden = true;
    submit.disabled = false;
  };
  return element("form", {
    class: "card stack", "aria-label": "Push a version",
    onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      if (archive.files?.length) push(archive.files[0]);
    },
  },
  element("h2", {}, "Push a version"),
  element("p", { class: "soft" }, "A zip file with a SavedModel, manifest.json and the labels. It is compiled and checked before it may answer."),
  field("Archive", archive), bar, outcome,
  element("div", { class: "row" }, submit));
}
