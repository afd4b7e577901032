import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodePicture } from '../../dist/src/vision/decode/decode.js';
import { readHeader, uprightSize } from '../../dist/src/vision/decode/header.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { bytesOf, golden, rgbOf, sha256 } from './golden.js';

const photo = () => bytesOf(golden.cases.find(({ name }) => name === 'photo.png')!.data);
const jpeg = () => bytesOf(golden.cases.find(({ name }) => name === 'sampled2.jpg')!.data);

describe('a picture', () => {
  it.each(golden.cases)('$name is decoded as Pillow decodes it', ({ name, data, width, height, rgb }) => {
    const bytes = bytesOf(data);
    expect(uprightSize(readHeader(bytes, name))).toEqual({ width, height });
    const picture = decodePicture(bytes, name);
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect(sha256(rgbOf(picture))).toBe(rgb);
  });

  it.skipIf(!haveSharedData)(`decoded elsewhere is the same${withoutSharedData}`, () => {
    for (const name of ['alpha.png', 'grey.png', 'grey16.png', 'palette.png', 'turned.jpg']) {
      const read = (path: string) => rgbOf(decodePicture(readFileSync(sharedPath(`vision/pictures/${path}`)), path));
      expect(sha256(read(name))).toBe(sha256(read(`decoded/${name.replace('.jpg', '.png')}`)));
    }
  });
});

describe('what is no picture', () => {
  const refused = (bytes: Uint8Array, code: string, message: RegExp) =>
    expect(() => decodePicture(bytes, 'x')).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );

  it('is refused by its name', () => {
    refused(bytesOf(golden.cmyk), 'UNSUPPORTED', /CMYK/);
    refused(Buffer.from('GIF89a'), 'UNSUPPORTED', /is GIF; PNG and JPEG are read/);
    refused(Buffer.from('RIFF\0\0\0\0WEBPVP8 '), 'UNSUPPORTED', /is WebP/);
    refused(Buffer.from('<?xml version="1.0"?><svg>'), 'UNSUPPORTED', /is SVG/);
    refused(Buffer.from('II*\0'), 'UNSUPPORTED', /is TIFF/);
    refused(Buffer.from('\0\0\0 ftypavif'), 'UNSUPPORTED', /is AVIF/);
    refused(Buffer.alloc(0), 'UNSUPPORTED', /is empty/);
    refused(Buffer.from('hello'), 'UNSUPPORTED', /no picture that is known/);
  });

  it('is refused where a JPEG has a frame that is hardly seen', () => {
    const at = Buffer.from(jpeg()).indexOf(Buffer.from([0xff, 0xc0]));
    const changed = (offset: number, value: number) => {
      const bytes = Uint8Array.from(jpeg());
      bytes[at + offset] = value;
      return bytes;
    };
    refused(changed(1, 0xc3), 'UNSUPPORTED', /lossless/);
    refused(changed(1, 0xc9), 'UNSUPPORTED', /arithmetic-coded/);
    refused(changed(4, 12), 'UNSUPPORTED', /12 bits/);
    refused(changed(9, 2), 'CORRUPT', /2 components/);
  });

  it('is CORRUPT where it is cut short', () => {
    for (const bytes of [photo(), jpeg()])
      for (const share of [0.02, 0.3, 0.9])
        refused(bytes.subarray(0, Math.floor(bytes.length * share)), 'CORRUPT', /damaged/);
  });

  it('is refused where small parts without end would take hours, or gigabytes', () => {
    const file = Buffer.from(jpeg());
    const scan = file.indexOf(Buffer.from([0xff, 0xda]));
    const header = file.subarray(scan, scan + 2 + file.readUInt16BE(scan + 2));
    refused(Buffer.concat([file.subarray(0, scan), ...Array(501).fill(header)]), 'UNSUPPORTED', /more than 500 scans/);
    const png = Buffer.from(photo());
    const empty = Buffer.from([0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54, 0x35, 0xaf, 0x06, 0x1e]);
    const chunks = [png.subarray(0, 33), ...Array(70_000).fill(empty), png.subarray(33)];
    refused(Buffer.concat(chunks), 'UNSUPPORTED', /more than 65536 chunks/);
  });

  it('is refused before its pixels take memory', () => {
    const wide = Uint8Array.from(photo());
    new DataView(wide.buffer).setUint32(16, 100_000);
    new DataView(wide.buffer).setUint32(20, 100_000);
    refused(wide, 'UNSUPPORTED', /100000 x 100000 pixels/);
    const flat = Uint8Array.from(photo());
    new DataView(flat.buffer).setUint32(16, 0);
    refused(flat, 'CORRUPT', /0 x 41/);
    refused(new Uint8Array(64 * 2 ** 20 + 1), 'UNSUPPORTED', /at most/);
  });
});
