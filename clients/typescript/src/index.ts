export * from "./api.js";
export * from "./errors.js";
export type * from "./names.js";
export { initials } from "./picture.js";
export * from "./url.js";
