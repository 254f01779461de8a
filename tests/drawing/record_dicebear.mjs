// What DiceBear's own packages for Node draw, as digests: every style, with and without options.
//
//     npm install --prefix FOLDER @dicebear/core@10.7.0 @dicebear/styles@10.6.0
//     node tests/drawing/record_dicebear.mjs FOLDER > tests/golden/dicebear.json

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(resolve(process.argv[2], 'package.json')));
const { Avatar, Style } = await import(pathToFileURL(require.resolve('@dicebear/core')));
const described = (name) =>
  JSON.parse(readFileSync(resolve(process.argv[2], 'node_modules/@dicebear', name, 'package.json')));
const { exports, version: styles } = described('styles');
const { version: core } = described('core');

const SEEDS = ['', 'Felix', 'ada@example.org', 'Ада Лавлейс', 'Zoë O\'Brien', '李 小龙', '👩🏽‍🚀', '<&>"\'', 'a'.repeat(256)];

const digest = (text) => createHash('sha256').update(text).digest('hex').slice(0, 32);

function optionsOf(definition) {
  const parts = Object.entries(definition.components ?? {}).filter(([, part]) => !part.extends);
  const colours = [...Object.keys(definition.colors ?? {}), 'background'];
  const tags = parts.flatMap(([, part]) => Object.values(part.variants).flatMap((variant) => variant.tags ?? []));
  const [weighted, coloured, fixed] = [{}, {}, {}];
  for (const [name, part] of parts) {
    const [first, second] = Object.keys(part.variants).reverse();
    weighted[`${name}Variant`] = second ? { [first]: 3, [second]: 0.5 } : [first];
    weighted[`${name}Probability`] = 62.5;
  }
  for (const name of colours) {
    coloured[`${name}Color`] = ['b6e3f4', '#C0AEDE', 'f00', 'ffdfbf80'];
    coloured[`${name}ColorFill`] = ['linear', 'radial'];
    coloured[`${name}ColorFillStops`] = [2, 4];
    coloured[`${name}ColorAngle`] = [-45, 90.5];
    fixed[`${name}ColorOrder`] = 'fixed';
    fixed[`${name}ColorFill`] = ['radial'];
  }
  return [
    { size: 96, flip: ['horizontal', 'both', 'none'], borderRadius: [50], backgroundColor: ['b6e3f4', 'c0aede'] },
    { scale: [0.8, 1.3], rotate: [-30, 12.5], translateX: [5], translateY: [-7.25, 5], title: '<&>"\' Zoë' },
    { ...weighted, ...coloured },
    { ...fixed, ...(tags.length ? { tags: [tags[0], `!${tags.at(-1)}`] } : {}) },
    { fontFamily: ['Arial', 'Noto Sans'], fontWeight: [300, 700], backgroundColor: [] },
  ];
}

const cases = [];
for (const path of Object.keys(exports).filter((path) => /^\.\/[a-z0-9-]+\.json$/.test(path)).sort()) {
  const name = path.slice(2, -5);
  if (name === 'package') continue;
  const definition = require(`@dicebear/styles/${name}.json`);
  const style = new Style(definition);
  const asked = [
    ...SEEDS.map((seed) => ({ seed })),
    ...optionsOf(definition).flatMap((options) => ['Felix', 'Ада'].map((seed) => ({ seed, ...options }))),
  ];
  for (const options of asked) {
    const avatar = new Avatar(style, options);
    cases.push({ style: name, options, svg: digest(avatar.toString()), json: digest(JSON.stringify(avatar)) });
  }
}
console.log(`{"core": "${core}", "styles": "${styles}", "cases": [`);
console.log(cases.map((each) => JSON.stringify(each)).join(',\n'));
console.log(']}');
