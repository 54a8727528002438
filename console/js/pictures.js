/** Pictures on the page: small copies on canvases, whole ones as blobs. */
import { pictureOf } from "./api.js";
import { element } from "./dom.js";
import { turns } from "./turns.js";

const WIDTH = 320;
const HEIGHT = 240;
const inTurn = turns(4);

/** An empty place for a small picture. @param {string} label what a screen reader says */
export function frame(label) {
  return /** @type {HTMLCanvasElement} */ (
    element("canvas", { width: WIDTH, height: HEIGHT, role: "img", "aria-label": label }));
}

/**
 * Draw a small copy that fills the canvas; says whether the browser could read the picture.
 * @param {HTMLCanvasElement} canvas @param {Blob} blob
 */
export async function draw(canvas, blob) {
  try {
    const whole = await createImageBitmap(blob);
    const scale = Math.max(WIDTH / whole.width, HEIGHT / whole.height);
    const [width, height] = [WIDTH / scale, HEIGHT / scale];
    const small = await createImageBitmap(
      whole, (whole.width - width) / 2, (whole.height - height) / 2, width, height,
      { resizeWidth: WIDTH, resizeHeight: HEIGHT, resizeQuality: "medium" });
    whole.close();
    canvas.getContext("2d")?.drawImage(small, 0, 0);
    small.close();
    return true;
  } catch {
    canvas.classList.add("lost");
    return false;
  }
}

/**
 * Draw a stored picture, in its turn.
 * @param {HTMLCanvasElement} canvas @param {string} imageId @param {AbortSignal} signal
 */
export async function drawStored(canvas, imageId, signal) {
  await inTurn(async () => {
    if (signal.aborted) return;
    try {
      await draw(canvas, await pictureOf(imageId, signal));
    } catch {
      canvas.classList.add("lost");
    }
  });
}

/** A stored picture, whole. @param {string} imageId @param {string} alt @param {AbortSignal} signal */
export async function wholePicture(imageId, alt, signal) {
  const url = URL.createObjectURL(await pictureOf(imageId, signal));
  const image = /** @type {HTMLImageElement} */ (element("img", { class: "picture", alt, src: url }));
  await image.decode().catch(() => image.classList.add("lost"));
  URL.revokeObjectURL(url);
  return image;
}
