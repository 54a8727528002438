/** One prediction: the picture, how the answer came about, what people say of it. */
import { announce } from "../announce.js";
import { get, put, remove } from "../api.js";
import { ranking } from "../charts/ranking.js";
import { element, replace } from "../dom.js";
import { feedbackExists } from "../features.js";
import { bytes, milliseconds, percent, time } from "../format.js";
import { attempt, button, card, factList, field, pageHead } from "../parts.js";
import { wholePicture } from "../pictures.js";
import { go } from "../router.js";

/** @type {import("../main.js").Page} */
export async function prediction(place, signal) {
  const id = place.path[1];
  const [row, feedback] = await Promise.all([get(`/predictions/${encodeURIComponent(id)}`, { signal }), feedbackExists()]);
  const image = await get(`/images/${row.image_id}`, { signal });
  return element("div", { class: "page" },
    element("p", {}, element("a", { href: "#/history" }, "← History")),
    pageHead(row.predicted_class),
    element("div", { class: "columns" },
      element("div", { class: "stack" }, picture(row, image, signal), erasing(row)),
      element("div", { class: "stack" },
        card("Most probable classes", ranking(row.top_k.slice(0, 5).map((/** @type {any} */ each) => ({
          name: each.class ?? each.label, share: each.confidence, text: percent(each.confidence),
        })), { label: "Most probable classes" })),
        feedback ? feedbackCard(row) : null,
        card("Lineage", lineage(row, image)))));
}

/** @param {any} row @param {any} image @param {AbortSignal} signal */
function picture(row, image, signal) {
  const holder = element("div", { class: "stack" });
  attempt(holder, async () => {
    replace(holder, await wholePicture(row.image_id, `${image.filename}: ${row.predicted_class}`, signal));
  });
  return element("section", { class: "card stack", "aria-label": "Picture" }, holder,
    element("p", { class: "small soft" },
      `${image.filename} · ${image.width ?? "?"} × ${image.height ?? "?"} · ${bytes(image.size_bytes)}`));
}

/** @param {any} row @param {any} image */
function lineage(row, image) {
  const code = (/** @type {string | null} */ text) => (text ? element("code", {}, text) : "not recorded");
  return factList([
    ["Confidence", percent(row.confidence_score)],
    ["Time taken", milliseconds(row.prediction_time_ms)],
    ["When", time(row.created_at)],
    ["Source", row.source],
    ["Model version", row.model_version],
    ["Engine", row.engine ?? "not recorded"],
    ["Model digest", code(row.model_digest)],
    ["Twin digest", code(row.twin_digest)],
    ["Preprocessing", code(row.preprocessing_digest)],
    ["Picture SHA-256", code(row.image_sha256)],
    ["Object key", code(image.object_key)],
    ["Request", code(row.request_id)],
    ["Prediction", code(row.prediction_id)],
  ]);
}

/** Deleting asks once more, in place. @param {any} row */
function erasing(row) {
  const trouble = element("div", {});
  const place = element("div", { class: "row" });
  const idle = () => {
    replace(place, button("Delete picture", asked, "danger"));
  };
  const asked = () => {
    const certain = button("Delete it", () => attempt(trouble, async () => {
      await remove(`/images/${row.image_id}`);
      announce("The picture is deleted.");
      go("#/history");
    }), "danger");
    replace(place, element("span", {}, "The picture and all its predictions go for good."), certain, button("Keep it", idle));
    certain.focus();
  };
  idle();
  return element("div", { class: "stack" }, place, trouble);
}

/** @param {any} row */
function feedbackCard(row) {
  const path = `/predictions/${row.prediction_id}/feedback`;
  const given = row.feedback;
  const trouble = element("div", {});
  const state = element("p", { role: "status" }, given ? `Labelled ${given.label}.` : "Nobody has said yet whether this is right.");
  const label = /** @type {HTMLInputElement} */ (element("input", { value: given?.label ?? row.predicted_class, maxlength: 255, required: true }));
  const comment = /** @type {HTMLInputElement} */ (element("input", { value: given?.comment ?? "" }));
  const tell = (/** @type {string} */ chosen) => attempt(trouble, async () => {
    await put(path, { json: { label: chosen, comment: comment.value || null } });
    state.textContent = `Labelled ${chosen}.`;
    label.value = chosen;
  });
  const withdraw = () => attempt(trouble, async () => {
    await remove(path);
    state.textContent = "The label is withdrawn.";
  });
  return card("Feedback", state,
    element("div", { class: "row" }, button(`It is ${row.predicted_class}`, () => tell(row.predicted_class), "primary"),
      button("Withdraw", withdraw)),
    element("form", { class: "stack", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); tell(label.value.trim()); } },
      field("It is rather", label), field("Comment", comment),
      element("div", { class: "row" }, element("button", {}, "Correct"))),
    trouble);
}
