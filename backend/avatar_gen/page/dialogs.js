/** Questions: modal, closed by Escape, and answered once. */

import { find } from "./dom.js";

/** Whether the reader says that it is to be deleted. */
export const confirmed = async () => (await answered(find("#confirm"))) === "delete";

/** A key, or null if none is given. */
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
