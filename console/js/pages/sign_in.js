/** Signing in: a token, nothing else. */
import { get } from "../api.js";
import { element } from "../dom.js";
import { attempt, field, pageHead } from "../parts.js";
import { begin, read } from "../session.js";
import { Problem } from "../problem.js";

/** @param {string} reason why the last session ended; empty for none */
export function signIn(reason) {
  const token = /** @type {HTMLTextAreaElement} */ (element("textarea", {
    id: "token", rows: 5, required: true, autocomplete: "off", spellcheck: "false",
    "aria-describedby": "token-help",
    // No token has a line break.
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        token.form?.requestSubmit();
      }
    },
  }));
  const trouble = element("div", {});
  const submit = /** @type {HTMLButtonElement} */ (element("button", { class: "primary" }, "Sign in"));
  const enter = () => attempt(trouble, async () => {
    submit.disabled = true;
    try {
      await verified(token.value.trim());
    } finally {
      submit.disabled = false;
    }
  });
  return element("div", { class: "page narrow" },
    pageHead("Sign in"),
    reason ? element("p", { class: "notice" }, reason) : null,
    element("form", {
      class: "card stack",
      onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); enter(); },
    },
    field("Token (JWT)", token),
    element("p", { id: "token-help", class: "small soft" },
      "It stays in this tab and is forgotten with it."),
    trouble,
    element("div", { class: "row" }, submit)),
    element("section", { class: "stack", "aria-label": "Where to get a token" },
      element("h2", {}, "Where to get a token"),
      element("p", {}, "From your identity provider; or, for the stack on your own machine, with"),
      element("pre", {}, ".venv/bin/imgclass token --email you@example.org"),
      element("p", { class: "small soft" },
        "With --admin it also opens the pages for models and events.")));
}

/** Begin a session with a token the service accepts. @param {string} token */
async function verified(token) {
  const session = await read(token).catch((error) => {
    throw new Problem(0, "This token will not do", error.message);
  });
  await get("/predictions", { token, query: { limit: 1 } });
  begin(session);
}
