/** Numbers, times and sizes as people read them. */

const whole = new Intl.NumberFormat();
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {number | null | undefined} value */
export const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));

/** @param {number} share from 0 to 1 */
export const percent = (share) => `${(share * 100).toFixed(1)}\u00a0%`;

/** @param {number | null | undefined} value in milliseconds */
export const milliseconds = (value) =>
  (value === null || value === undefined ? "–" : `${whole.format(Math.round(value))}\u00a0ms`);

/** @param {string | null | undefined} iso */
export const time = (iso) => (iso ? moment.format(new Date(iso)) : "–");

/** @param {string} iso */
export const date = (iso) => day.format(new Date(iso));

/** @param {number | null | undefined} size */
export function bytes(size) {
  if (size === null || size === undefined) return "–";
  const units = ["B", "kB", "MB", "GB"];
  const step = size < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(size) / 3));
  return `${(size / 1000 ** step).toFixed(step && size / 1000 ** step < 100 ? 1 : 0)} ${units[step]}`;
}

/** @param {string | null | undefined} digest SHA-256 in hexadecimal */
export const shortDigest = (digest) => (digest ? `${digest.slice(0, 12)}…` : "–");

/** @param {number} milliseconds until something ends */
export function duration(milliseconds) {
  const minutes = Math.max(0, Math.round(milliseconds / 60000));
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
