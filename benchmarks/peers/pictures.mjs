// jdenticon, DiceBear and sharp over HTTP, on as many processes as are asked for: PORT=4000 node pictures.mjs 2
//
//     /jdenticon/{png|svg}?seed=&size=    /dicebear/{style}/{format}?seed=&size=    /webp
//     PUT /upload    /photograph?size=

import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as converter from '@dicebear/converter';
import { Avatar, Style } from '@dicebear/core';
import * as jdenticon from 'jdenticon';
import sharp from 'sharp';

import { serve } from './http.mjs';

const require = createRequire(import.meta.url);
const STYLES = Object.fromEntries(
  ['identicon', 'lorelei'].map((name) => [name, new Style(require(`@dicebear/styles/${name}.json`))]),
);
const RASTER = { png: converter.toPng, webp: converter.toWebp, avif: converter.toAvif };
const TYPES = { svg: 'image/svg+xml', png: 'image/png', webp: 'image/webp', avif: 'image/avif' };
const STORED = Buffer.from(jdenticon.toPng('ada', 64));

const folder = mkdtempSync(join(tmpdir(), 'photographs-'));
let photograph;

const BY = {
  jdenticon: ([format], { seed, size }) =>
    format === 'svg' ? jdenticon.toSvg(seed, size) : jdenticon.toPng(seed, size),

  // Without `fonts` it would read all of the system's for each picture. Its API adds EXIF to each raster unless told
  // not to, which takes a program in Perl: that is how it is shipped, without it is how it is tuned.
  dicebear: async ([style, format], { seed, size, exif }) => {
    const avatar = new Avatar(STYLES[style], { seed, size });
    if (format === 'svg') return avatar.toString();
    return Buffer.from(await RASTER[format](avatar, { fonts: [], includeExif: Boolean(exif) }).toArrayBuffer());
  },

  webp: () => sharp(STORED).webp({ lossless: true }).toBuffer(),

  // What the service does with a photograph, and how it stores the result: durably.
  upload: async (path, options, body) => {
    photograph = await sharp(body)
      .rotate()
      .resize(1024, 1024, { fit: 'cover', position: sharp.strategy.attention, withoutEnlargement: true })
      .flatten({ background: '#fff' })
      .toColourspace('srgb')
      .jpeg({ quality: 85 })
      .toBuffer();
    const id = randomUUID();
    await writeFile(join(folder, id), photograph, { flush: true });
    return JSON.stringify({ id });
  },

  photograph: (path, { size }) => sharp(photograph).resize(size, size).png({ compressionLevel: 1 }).toBuffer(),
};

async function answer(url, sent) {
  const [by, ...path] = url.pathname.slice(1).split('/');
  const options = Object.fromEntries(url.searchParams);
  const body = await BY[by](path, { ...options, size: Number(options.size ?? 128) }, sent);
  return { body, type: TYPES[path.at(-1) ?? by] ?? 'application/octet-stream' };
}

const processes = Number(process.argv[2]);
if (cluster.isPrimary) {
  for (let number = 0; number < processes; number += 1) cluster.fork();
  process.on('SIGTERM', () => process.exit(0)); // the others end where the channel to this one does
} else {
  serve(process.env.PORT, answer);
}
