/** Live regions: what happens without the focus being there. */

/** @param {string} text */
export function announce(text) {
  say("polite", text);
}

/** @param {string} text */
export function alertUser(text) {
  say("urgent", text);
}

/** @param {string} region @param {string} text */
function say(region, text) {
  const node = document.getElementById(region);
  if (node) node.textContent = text;
}
