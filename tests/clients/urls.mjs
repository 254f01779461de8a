// What the TypeScript client does without a service or a browser: node urls.mjs URLS
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { avatarUrl, emailHash, gravatarUrl, initials, storedAvatarUrl } from "avatar-gen-client";
import "avatar-gen-client/element";
import { UserAvatar } from "avatar-gen-client/react";

const builders = { avatar: avatarUrl, gravatar: gravatarUrl, stored: storedAvatarUrl };
const cases = JSON.parse(readFileSync(argv[2], "utf8"));
for (const { build, of, options, url } of cases) assert.equal(builders[build](of, options), url);
assert(cases.length > 15);

// Text that was cut in half of a character.
assert.equal(avatarUrl("\ud83d"), avatarUrl("\ufffd"));

// Lengths around the blocks of SHA-256, and characters of one to four bytes.
for (const letter of ["a", "é", "☃", "👩"]) {
  for (let length = 0; length < 260; length++) {
    const text = letter.repeat(length);
    assert.equal(emailHash(text), createHash("sha256").update(text).digest("hex"));
  }
}

for (const [name, letters] of [
  ["Ada Lovelace", "AL"],
  ["ada", "A"],
  ["Ada B. C. Lovelace", "AL"],
  ["ada.lovelace@example.org", "AL"],
  ["Jean-Luc Picard", "JP"],
  ["élodie", "É"],
  ["王小明", "王"],
  ["", ""],
  ["👩", ""],
]) {
  assert.equal(initials(name), letters, name);
}

// Rendered on a server, also when the picture is SVG, which needs no other sizes.
const html = (properties) => renderToStaticMarkup(createElement(UserAvatar, { seed: "7", size: 20, ...properties }));
assert.match(html({ name: "Ada & Co" }), /^<img loading="lazy" decoding="async" src="[^"]*size=20" .*alt="Ada &amp; Co"/);
assert.match(html(), /srcSet="\/api\/render\/pixelize\/7\.webp\?size=20 1x, \S*size=40 2x, \S*size=60 3x"/);
assert.doesNotMatch(html({ format: "svg" }), /srcSet/);
assert.match(html({ size: 600, className: "big" }), /size=1024 3x" .*width="600"|class="big"/);
