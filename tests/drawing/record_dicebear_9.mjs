// The options of DiceBear 9 and their values, by style, from DiceBear's own packages for Node.
//
//     npm install --prefix FOLDER @dicebear/core@9.4.3 @dicebear/collection@9.4.3
//     node tests/drawing/record_dicebear_9.mjs FOLDER > tests/golden/dicebear-9.json

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(resolve(process.argv[2], 'package.json')));
const load = async (name) => await import(pathToFileURL(require.resolve(`@dicebear/${name}`)));
const [{ schema }, collection] = [await load('core'), await load('collection')];

const kebab = (name) => name.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
const values = ({ type, items, enum: names, minimum, maximum }) =>
  (items ?? {}).enum ?? names ?? [(items ?? {}).type === 'string' ? 'transparent' : type === 'boolean' ? true : maximum ?? (items ?? {}).maximum ?? 1];
const options = (properties = {}) => Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, values(each)]));

const styles = Object.entries(collection).filter(([, style]) => style.create);
const found = styles.map(([name, style]) => [kebab(name), options(style.schema?.properties)]);
const lines = [['', options(schema.properties)], ...found].map((entry) => entry.map((each) => JSON.stringify(each)).join(':'));
process.stdout.write(`{\n${lines.join(',\n')}\n}\n`);
