// What the service in Node did for a request, without its frameworks: PORT=4000 node old.mjs
//
//     POST / {"type", "seed"} -> {"id"}    GET /{id}?size=&filter=
//
// Every pixel is drawn as RGBA, in six sizes, each a PNG by sharp; an avatar is a JSON file with its pictures in
// base64, and a row. Nothing is synced to disk.

import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

import sqlite from 'node-sqlite3-wasm';
import sharp from 'sharp';

import { serve } from './http.mjs';

const PRIMARY = [0x3b, 0x82, 0xf6];
const FOREIGN = [0x60, 0xa5, 0xfa];
const EXPONENTS = [4, 5, 6, 7, 8, 9];
const CHANNELS = 4;

function pixelize() {
  const cells = Array.from({ length: 7 }, () => Array.from({ length: 4 }, () => Math.random() < 0.5));
  return (x, y) => {
    const column = Math.floor(x * 7);
    return cells[Math.floor(y * 7)][Math.min(column, 6 - column)] ? PRIMARY : FOREIGN;
  };
}

function wave() {
  const [f1, f2, a1, a2] = [0.1 + Math.random() * 0.2, 0.15 + Math.random() * 0.25, 0.5, 0.4];
  const [p1, p2] = [Math.random() * 2 * Math.PI, Math.random() * 2 * Math.PI];
  return (x, y) => {
    const across = a1 * Math.sin(2 * Math.PI * f1 * x + p1);
    const down = a2 * Math.sin(2 * Math.PI * f2 * y + p2);
    const around = Math.sin(4 * Math.PI * Math.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2));
    return (across + down) / 2 + 0.3 * around > 0 ? PRIMARY : FOREIGN;
  };
}

function gradient() {
  const mixed = Array.from({ length: 256 }, (_, step) => PRIMARY.map((c, i) => c + ((FOREIGN[i] - c) * step) / 255));
  return (_, y) => mixed[Math.round(y * 255)];
}

const STYLES = { pixelize, wave, gradient };

function draw(colourAt, px) {
  const pixels = Buffer.alloc(px * px * CHANNELS);
  for (let y = 0; y < px; y += 1) {
    for (let x = 0; x < px; x += 1) {
      const colour = colourAt(x / px, y / px);
      const offset = (y * px + x) * CHANNELS;
      pixels[offset] = colour[0];
      pixels[offset + 1] = colour[1];
      pixels[offset + 2] = colour[2];
      pixels[offset + 3] = 255;
    }
  }
  return sharp(pixels, { raw: { width: px, height: px, channels: CHANNELS } }).png().toBuffer();
}

const FILTERS = {
  grayscale: (image) => image.grayscale(),
  negative: (image) => image.negate({ alpha: false }),
  sepia: (image) => image.modulate({ saturation: 0.8, hue: 40 }),
};

mkdirSync('objects');
const database = new sqlite.Database('avatars.db');
database.exec('PRAGMA synchronous = OFF; CREATE TABLE avatars (id TEXT PRIMARY KEY, path TEXT, createdAt TEXT)');
const insert = database.prepare('INSERT INTO avatars VALUES (?, ?, ?)');
const select = database.prepare('SELECT * FROM avatars WHERE id = ?');

async function generate({ type = 'pixelize' }) {
  const colourAt = STYLES[type]();
  const pictures = {};
  for (const exponent of EXPONENTS) pictures[exponent] = (await draw(colourAt, 2 ** exponent)).toString('base64');
  const row = [randomUUID(), '', new Date().toISOString()];
  row[1] = `objects/${row[0]}.json`;
  await writeFile(row[1], JSON.stringify({ id: row[0], createdAt: row[2], pictures }));
  insert.run(row);
  return { status: 201, type: 'application/json', body: JSON.stringify({ id: row[0] }) };
}

async function picture(id, { size = 6, filter }) {
  const { path } = select.get([id]);
  const png = Buffer.from(JSON.parse(await readFile(path)).pictures[size], 'base64');
  return { type: 'image/png', body: filter ? await FILTERS[filter](sharp(png)).png().toBuffer() : png };
}

serve(process.env.PORT, (url, body) => {
  if (body.length) return generate(JSON.parse(body));
  return picture(url.pathname.slice(1), Object.fromEntries(url.searchParams));
});
