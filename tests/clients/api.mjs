// The TypeScript client against a running service: node api.mjs URL OF_NOTHING PHOTOGRAPH
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { argv } from "node:process";
import {
  AvatarClient,
  AvatarError,
  Conflict,
  InvalidRequest,
  NotAuthenticated,
  NotFound,
  TooLarge,
  Unreachable,
  UnsupportedMedia,
} from "avatar-gen-client";

const [, , base, nothing, photograph] = argv;
const client = new AvatarClient(`${base}/`, { timeout: 60_000 });

const avatar = await client.generate({ type: "gradient", seed: "ada", primaryColor: "gold", angle: 45 });
assert.deepEqual([avatar.generatorType, avatar.seed, avatar.primaryColor], ["gradient", "ada", "gold"]);
const jpeg = await client.picture(avatar.id, { px: 200, format: "jpeg" });
assert.equal(jpeg.type, "image/jpeg");
assert.deepEqual(new Uint8Array(await jpeg.arrayBuffer()).slice(0, 2), new Uint8Array([0xff, 0xd8]));
assert.deepEqual((await client.page({ pick: 1, order: "newest" })).avatars[0].id, avatar.id);
assert((await Array.fromAsync(client.avatars())).some((each) => each.id === avatar.id));
assert.match(await (await client.render("ada", { format: "svg" })).text(), /^<svg/);

await client.link(" Ada@Example.org", avatar.id);
assert.equal(await client.linkedAvatar("ada@example.org"), avatar.id);
assert.match((await client.createPickerLink("ada@example.org", { expiresIn: 60 })).url, /\/pick#/);
await client.unlink("ada@example.org");
await assert.rejects(client.linkedAvatar("ada@example.org"), NotFound);

const photo = await client.upload(readFileSync(photograph), { name: "Ada ☃", gravity: "centre" });
assert.equal(photo.seed, "Ada ☃");
await client.delete(photo.id);

const job = await client.startJob([{ seed: "ada" }], "rings");
await fetch(`${base}/api/jobs/${job.id}/events`).then((events) => events.text());
assert.equal((await client.job(job.id)).state, "done");
const [row] = await client.jobResult(job.id);
await client.delete(row.id);
await assert.rejects(client.cancelJob(job.id), Conflict);

assert.equal((await client.health()).checks.storage.status, "up");
assert((await client.styles()).some(({ name }) => name === "pixelize"));

await assert.rejects(client.generate({ type: "no such style" }), (error) => {
  assert(error instanceof InvalidRequest && error instanceof AvatarError && error instanceof Error);
  assert.deepEqual([error.name, error.status, error.problems[0].field], ["InvalidRequest", 400, "type"]);
  return true;
});
await assert.rejects(client.upload(new TextEncoder().encode("not a photograph")), UnsupportedMedia);
await assert.rejects(client.generate({ seed: "x".repeat(100_000) }), TooLarge);
await assert.rejects(new AvatarClient(nothing).health(), Unreachable);
const late = () => Promise.resolve(new Response("", { status: 401 }));
await assert.rejects(new AvatarClient(base, { fetch: late }).health(), NotAuthenticated);

const portal = () => Promise.resolve(new Response("<html>Log in</html>"));
await assert.rejects(new AvatarClient(base, { fetch: portal }).health(), /not one of an avatar service/);

// A server that sends the head of an answer, and half of its body.
const stalled = createServer((_request, response) => response.write('{"data": '));
await new Promise((started) => stalled.listen(0, "127.0.0.1", started));
const { port } = stalled.address();
await assert.rejects(new AvatarClient(`http://127.0.0.1:${port}`, { timeout: 200 }).health(), Unreachable);
stalled.closeAllConnections();
stalled.close();

await client.delete(avatar.id);
await assert.rejects(client.picture(avatar.id), NotFound);
