/** Only so many things at once; the others wait in line. */

/** @param {number} places */
export function turns(places) {
  /** @type {(() => void)[]} */
  const line = [];
  let busy = 0;

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  return async (work) => {
    if (busy >= places) await new Promise((resolve) => { line.push(() => resolve(undefined)); });
    else busy += 1;
    try {
      return await work();
    } finally {
      // A place that somebody waits for is handed on, and never free in between.
      const next = line.shift();
      if (next) next();
      else busy -= 1;
    }
  };
}
