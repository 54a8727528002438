/** Which page the address's fragment names, as in #/history?source=http. */

/**
 * @typedef {object} Place
 * @property {string[]} path  as in ["predictions", "<id>"]
 * @property {URLSearchParams} query
 */

/** @returns {Place} */
export function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    path: path.split("/").filter(Boolean).map(decodeURIComponent),
    query: new URLSearchParams(query),
  };
}

/** @param {string} hash as in "#/history" */
export function go(hash) {
  location.hash = hash;
}

/** @param {string[]} path @param {Record<string, string>} [query] what is empty is left out */
export function address(path, query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== "");
  const search = set.length ? `?${new URLSearchParams(set)}` : "";
  return `#/${path.map(encodeURIComponent).join("/")}${search}`;
}
