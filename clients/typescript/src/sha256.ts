// SHA-256 of FIPS 180-4. The browser's own is asynchronous and exists only on pages served by HTTPS.

const MAX = 2 ** 32;

/** The first 32 bits of the fractional part of a number. */
const fraction = (x: number): number => ((x - Math.floor(x)) * MAX) | 0;

const CONSTANTS: number[] = [];
const START: number[] = [];

for (let n = 2; CONSTANTS.length < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
  if (!prime) continue;
  if (START.length < 8) START.push(fraction(n ** (1 / 2)));
  CONSTANTS.push(fraction(n ** (1 / 3)));
}

const rotate = (x: number, bits: number): number => (x >>> bits) | (x << (32 - bits));

/** Return the SHA-256 of a text in UTF-8, in hexadecimal digits. */
export function sha256(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const blocks = Math.ceil((bytes.length + 9) / 64);
  const padded = new DataView(new ArrayBuffer(blocks * 64));
  bytes.forEach((byte, i) => padded.setUint8(i, byte));
  padded.setUint8(bytes.length, 0x80);
  padded.setUint32(blocks * 64 - 8, Math.floor((bytes.length * 8) / MAX));
  padded.setUint32(blocks * 64 - 4, bytes.length * 8);
  const hash = new Int32Array(START);
  for (let block = 0; block < blocks; block++) mix(hash, padded, block * 64);
  return Array.from(hash, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

function mix(hash: Int32Array, data: DataView, offset: number): void {
  const words = new Int32Array(64);
  const word = (i: number): number => words[i]!;
  let [a, b, c, d, e, f, g, h] = hash as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    if (i < 16) {
      words[i] = data.getInt32(offset + i * 4);
    } else {
      const x = word(i - 15);
      const y = word(i - 2);
      const before = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const after = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      words[i] = word(i - 16) + before + word(i - 7) + after;
    }
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const one = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choice + CONSTANTS[i]! + word(i);
    const two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => (hash[i] = hash[i]! + value));
}
