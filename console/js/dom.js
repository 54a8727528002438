/** Making elements: text is always set as text, so nothing that was stored becomes markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | number | null | undefined | false} Child  false and null show nothing
 * @typedef {Record<string, any>} Attributes  on… are listeners, true is an attribute without value
 */

/** @param {string} tag @param {Attributes} attributes @param {(Child | Child[])[]} children */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** @param {string} tag @param {Attributes} attributes @param {(Child | Child[])[]} children */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** @param {Element} parent @param {(Child | Child[])[]} children */
export function replace(parent, ...children) {
  parent.replaceChildren(...shown(children));
}

/** @template {Element} E @param {E} node @param {Attributes} attributes @param {any[]} children */
function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...shown(children));
  return node;
}

/** @param {any[]} children */
function shown(children) {
  return children.flat(2)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
