/** Modal dialogs. Escape closes them. */

import { find } from "./dom.js";

/** Returns whether the user confirms the deletion. */
export const confirmed = async () => (await answered(find("#confirm"))) === "delete";

/** Asks for an API key and returns it, or null if the user gives none. */
export async function askForKey(complaint) {
  const dialog = find("#ask-key");
  const form = find("form", dialog);
  form.reset();
  find("#key-note").textContent = complaint ?? "";
  const answer = await answered(dialog);
  const given = form.elements.key.value.trim();
  form.reset();
  return answer === "give" && given ? given : null;
}

function answered(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}
