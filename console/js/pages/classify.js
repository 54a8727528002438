/** Dropping pictures, and what each of them is. */
import { announce } from "../announce.js";
import { upload } from "../api.js";
import { ranking } from "../charts/ranking.js";
import { element, replace } from "../dom.js";
import { bytes, milliseconds, percent } from "../format.js";
import { randomId } from "../identity.js";
import { button, pageHead, problemNotice } from "../parts.js";
import { draw, frame } from "../pictures.js";
import { address } from "../router.js";
import { session } from "../session.js";
import { turns } from "../turns.js";

const TOP_K = 5;
const inTurn = turns(2);
// What was classified stays there while other pages are looked at.
const results = element("ol", { class: "results", "aria-label": "Results" });
let owner = "";

/** @type {import("../main.js").Page} */
export function classify(_place, signal) {
  if (owner !== session()?.userId) replace(results);
  owner = session()?.userId ?? "";
  const chooser = /** @type {HTMLInputElement} */ (element("input", {
    type: "file", class: "unseen", id: "files", multiple: true, tabindex: -1,
    accept: "image/jpeg,image/png,image/webp", "aria-label": "Pictures",
    onchange: () => { add(chooser.files); chooser.value = ""; },
  }));
  document.addEventListener("paste", (event) => add(event.clipboardData?.files), { signal });
  return element("div", { class: "page" },
    pageHead("What is in the picture?"), dropZone(chooser), results);
}

/** @param {HTMLInputElement} chooser */
function dropZone(chooser) {
  const zone = element("section", { class: "drop", "aria-label": "Add pictures" },
    element("h2", {}, "Drop pictures here"),
    element("p", { class: "soft" }, "JPEG, PNG or WebP; one or many. Pasting works, too."),
    chooser,
    button("Choose pictures", () => chooser.click(), "primary"));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    add(event.dataTransfer?.files);
  });
  return zone;
}

/** @param {FileList | null | undefined} files */
function add(files) {
  for (const file of files ?? []) results.prepend(result(file));
}

/** @param {File} file */
function result(file) {
  const preview = frame(file.name);
  preview.classList.add("preview");
  const outcome = element("div", { class: "stack" });
  const key = randomId();
  draw(preview, file);
  start(file, key, outcome);
  return element("li", { class: "card result appears" }, preview, outcome);
}

/** Send one picture; trying again keeps its key, so that it is stored once. */
async function start(
  /** @type {File} */ file, /** @type {string} */ key, /** @type {HTMLElement} */ outcome,
) {
  const state = element("p", { class: "soft" }, "Waiting for its turn");
  const bar = /** @type {HTMLProgressElement} */ (element("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` }));
  replace(outcome, nameOf(file), state, bar);
  try {
    const answer = await inTurn(() => send(file, key, (share) => {
      bar.value = share;
      state.textContent = share < 1 ? "Sending" : "Looking at it";
    }, (seconds) => { state.textContent = `The service is busy: again in ${seconds} s`; }));
    replace(outcome, answered(file, answer));
    announce(`${file.name}: ${answer.predicted_class}, ${percent(answer.confidence_score)}`);
  } catch (error) {
    replace(outcome, nameOf(file), problemNotice(error), element("div", { class: "row" },
      button("Try again", () => start(file, key, outcome))));
  }
}

/**
 * @param {File} file @param {string} key
 * @param {(share: number) => void} progress @param {(seconds: number) => void} waiting
 */
async function send(file, key, progress, waiting) {
  const form = new FormData();
  form.append("file", file, file.name || "picture");
  form.append("user_id", session()?.userId ?? "");
  form.append("top_k", String(TOP_K));
  const began = performance.now();
  const answer = await upload("/predict", form, {
    headers: { "Idempotency-Key": key }, progress, waiting,
  });
  return { ...answer, round_trip_ms: performance.now() - began };
}

/** @param {File} file @param {any} answer */
function answered(file, answer) {
  return [
    nameOf(file),
    element("h2", { class: "title" }, answer.predicted_class),
    ranking(answer.top_k.map((/** @type {any} */ each) => ({
      name: each.class, share: each.confidence, text: percent(each.confidence),
    })), { label: "Most probable classes" }),
    element("p", { class: "row small soft" },
      element("span", {}, "model ", element("span", { class: "number" }, milliseconds(answer.prediction_time_ms))),
      element("span", {}, "there and back ", element("span", { class: "number" }, milliseconds(answer.round_trip_ms))),
      element("span", {}, answer.model_version),
      element("a", { href: address(["history", answer.prediction_id]) }, "Details")),
  ];
}

/** @param {File} file */
const nameOf = (file) => element("p", { class: "small soft" }, `${file.name || "picture"} · ${bytes(file.size)}`);
