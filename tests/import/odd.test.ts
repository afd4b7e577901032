import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../dist/src/errors.js';
import { openCheckpoint, openVocabulary } from '../../dist/src/import/open.js';
import { tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { safetensors, TINY_CONFIG, tinyHeader, writeJson, writeTinyModel } from '../support/tiny-hugging-face.js';
import { expectFailure, scratchFolder } from './support.js';

/* What people have in place of a model. Each is named for what it is; the formats' first bytes are from their specs. */

const scratch = scratchFolder();
const emptyFolder = () => mkdtempSync(join(scratch, 'folder-'));
const GGUF = writeGguf(tinyLlama()).file;
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 4370000000\n`;
const PAGE = '<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>';

/** With the bytes of its version changed. */
function ofVersion(...bytes: number[]): Buffer {
  const file = Buffer.from(GGUF);
  file.set(bytes, 4);
  return file;
}

describe('a file that is given for a GGUF file', () => {
  it.each<[string, Buffer | string, RegExp]>([
    ['a Git LFS pointer', POINTER, /is a Git LFS pointer.*git lfs pull/],
    ['a web page', PAGE, /is a web page/],
    ['an empty file', '', /is empty; fetch it again/],
    ['GGML, ggjt', 'tjgg\x03\0\0\0', /old GGML format/],
    ['GGML, ggml', 'lmgg\0\0\0\0', /old GGML format/],
    ['safetensors', safetensors(tinyHeader()), /is a safetensors file; give the folder/],
    ['JSON', '{"architectures": []}', /is a JSON file/],
    ['a PyTorch archive', Buffer.from('PK\x03\x04....'), /is of PyTorch or an archive/],
    ['a pickle', Buffer.from([0x80, 2, 0x8a]), /is of PyTorch or an archive/],
    ['HDF5', Buffer.from('\x89HDF\r\n', 'latin1'), /is of Keras or TensorFlow/],
    ['gzip', Buffer.from([0x1f, 0x8b, 8]), /is compressed; unpack it/],
    ['something else', 'some text', /is not a GGUF file; give one/],
    ['GGUF, big endian', ofVersion(0, 0, 0, 3), /GGUF version 3, big endian/],
    ['GGUF of version 1', ofVersion(1, 0, 0, 0), /GGUF version 1, of August 2023/],
  ])('%s', (_, content, message) => {
    const path = join(scratch, 'model.gguf');
    writeFileSync(path, content);
    expectFailure('UNSUPPORTED', message, () => openCheckpoint(path));
  });

  it.each([
    ['m.gguf-split-a', 'm.gguf-split-b', 'm.gguf'],
    ['m.gguf.part1of2', 'm.gguf.part2of2', 'm.gguf'],
    ['m.gguf.001', 'm.gguf.002', 'm.gguf'],
    ['m.gguf.aa', 'm.gguf.ab', 'm.gguf'],
    ['m.Q4_0.gguf.part-9', 'm.Q4_0.gguf.part-10', 'm.Q4_0.gguf'],
  ])('a plain piece: %s and %s', (first, second, whole) => {
    const folder = emptyFolder();
    writeFileSync(join(folder, first), GGUF.subarray(0, 900));
    expectFailure('UNSUPPORTED', /the other pieces are not beside it/, () => openCheckpoint(join(folder, first)));
    writeFileSync(join(folder, second), GGUF.subarray(900));
    for (const piece of [first, second])
      expectFailure('UNSUPPORTED', new RegExp(`cat ${first} ${second} > ${whole}$`), () =>
        openCheckpoint(join(folder, piece)),
      );
  });

  it('is read where only its name is odd', () => {
    const path = join(emptyFolder(), 'm.gguf.1');
    writeFileSync(path, GGUF);
    expect(openCheckpoint(path).kind).toBe('gguf');
  });
});

describe('a folder that is given for a model', () => {
  const INSTEAD = 'get the model as safetensors or GGUF';
  it.each<[string, string[], ErrorCode, RegExp]>([
    ['empty', [], 'NOT_FOUND', /it is empty/],
    ['an adapter', ['adapter_config.json', 'adapter_model.safetensors'], 'UNSUPPORTED', /an adapter \(LoRA\)/],
    ['diffusers', ['model_index.json', 'unet/config.json'], 'UNSUPPORTED', /pipeline of diffusers/],
    ['sentence-transformers', ['modules.json', 'config.json', 'model.safetensors'], 'UNSUPPORTED', /gives embeddings/],
    ["the hub's cache", ['refs/main', 'snapshots/1/config.json', 'blobs/2'], 'UNSUPPORTED', /one revision in its snap/],
    ['ONNX', ['model.onnx', 'config.json'], 'UNSUPPORTED', new RegExp(`for ONNX Runtime; ${INSTEAD}`)],
    ['PyTorch', ['pytorch_model.bin', 'config.json'], 'UNSUPPORTED', new RegExp(`weights of PyTorch; ${INSTEAD}`)],
    ['its shards', ['pytorch_model-00001-of-00002.bin', 'config.json'], 'UNSUPPORTED', /weights of PyTorch/],
    ["Meta's own", ['params.json', 'consolidated.00.pth'], 'UNSUPPORTED', /weights of Meta/],
    ['TensorFlow', ['tf_model.h5', 'config.json'], 'UNSUPPORTED', /weights of TensorFlow/],
    ['safetensors without config.json', ['model.safetensors'], 'NOT_FOUND', /fetch config\.json and tokenizer\.json/],
    ['config.json without weights', ['config.json', 'tokenizer.json'], 'NOT_FOUND', /holds neither model\.safetensors/],
    ['a store without its manifest', ['resident.bin', 'rows.bin'], 'NOT_FOUND', /holds manifest\.msgpack/],
    ['something else', ['README.md'], 'NOT_FOUND', /is no model/],
  ])('%s', (_, files, code, message) => {
    const folder = emptyFolder();
    for (const file of files) {
      mkdirSync(join(folder, file, '..'), { recursive: true });
      writeFileSync(join(folder, file), '{}');
    }
    expectFailure(code, message, () => openCheckpoint(folder));
  });

  it('is the GGUF model in it, if that is the only one', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'a-Q8_0.gguf'), GGUF);
    writeFileSync(join(folder, 'mmproj-a.gguf'), GGUF);
    expect(openCheckpoint(folder).path).toBe(join(folder, 'a-Q8_0.gguf'));
    writeFileSync(join(folder, 'b.gguf'), GGUF);
    expectFailure('BAD_USAGE', /holds several GGUF models; give one of them: .*a-Q8_0\.gguf, .*b\.gguf/, () =>
      openCheckpoint(folder),
    );
  });

  it.each(['config.json', 'model.safetensors'])('with a Git LFS pointer for %s says git lfs pull', (name) => {
    const folder = emptyFolder();
    writeTinyModel(folder);
    writeFileSync(join(folder, name), POINTER);
    expectFailure('UNSUPPORTED', new RegExp(`${name} is a Git LFS pointer.*git lfs pull`), () =>
      openCheckpoint(folder),
    );
    writeFileSync(join(folder, name), PAGE);
    expectFailure('UNSUPPORTED', new RegExp(`${name} is a web page`), () => openCheckpoint(folder));
    writeFileSync(join(folder, name), '');
    expectFailure('CORRUPT', /it is empty, fetch it again|has 0 bytes/, () => openCheckpoint(folder));
  });

  it('with a Git LFS pointer for tokenizer.json says so too', () => {
    const folder = emptyFolder();
    writeTinyModel(folder);
    writeFileSync(join(folder, 'tokenizer.json'), POINTER);
    expectFailure('UNSUPPORTED', /tokenizer\.json is a Git LFS pointer/, () => openCheckpoint(folder));
  });

  it.each<[object, RegExp]>([
    [{ quantization: { group_size: 64, bits: 4 } }, /quantized by MLX/],
    [{ quantization_config: { quant_method: 'awq' } }, /quantized \("awq"\)/],
    [{ quantization_config: { quant_method: 'gptq' } }, /quantized \("gptq"\)/],
    [{ quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true } }, /quantized \("bitsandbytes"\)/],
    [{ quantization_config: { bits: 4 } }, /quantized; use the original weights/],
  ])('with weights that are quantized in another way, %j', (more, message) => {
    const folder = emptyFolder();
    writeTinyModel(folder);
    writeJson(folder, 'config.json', { ...TINY_CONFIG, ...more });
    expectFailure('UNSUPPORTED', message, () => openCheckpoint(folder));
  });

  it('gives its vocabulary without weights that can be read', () => {
    const folder = emptyFolder();
    writeTinyModel(folder);
    rmSync(join(folder, 'model.safetensors'));
    writeFileSync(join(folder, 'pytorch_model.bin'), '');
    expect(openVocabulary(folder).kind).toBe('huggingface');
  });
});

/** What transformers 5 does is in its modeling_utils.py, tie_weights. */
describe('a head and an embedding', () => {
  const [HEAD, EMBEDDING] = ['lm_head.weight', 'model.embed_tokens.weight'];
  const names = Object.keys(tinyHeader());

  function open(tie: boolean | undefined, present: string[], change: (file: Buffer) => void = () => {}) {
    const folder = emptyFolder();
    writeTinyModel(folder);
    writeJson(folder, 'config.json', { ...TINY_CONFIG, ...(tie !== undefined && { tie_word_embeddings: tie }) });
    const others = names.filter((name) => name !== HEAD && name !== EMBEDDING);
    const file = safetensors(tinyHeader([...others, ...present]));
    change(file);
    writeFileSync(join(folder, 'model.safetensors'), file);
    return openCheckpoint(folder);
  }
  const bytesOf = (checkpoint: ReturnType<typeof open>, name: string) => {
    const { path, offset, bytes } = checkpoint.tensors.get(name)!;
    return readFileSync(path).subarray(offset, offset + bytes);
  };

  it('are one where they are tied, under either name', () => {
    for (const name of [HEAD, EMBEDDING]) {
      const checkpoint = open(true, [name]);
      expect(checkpoint.spec.tiedEmbeddings).toBe(true);
      expect(checkpoint.tensors.has('head')).toBe(false);
      expect(bytesOf(checkpoint, 'embedding')).toHaveLength(16 * 8 * 4);
    }
  });

  it('are one where both are there and the same', () => {
    expect(open(true, [EMBEDDING, HEAD]).spec.tiedEmbeddings).toBe(true);
  });

  it('are two where they differ, whatever config.json says', () => {
    const checkpoint = open(true, [EMBEDDING, HEAD], (file) => {
      file[file.length - 1] ^= 1;
    });
    expect(checkpoint.spec.tiedEmbeddings).toBe(false);
    expect(bytesOf(checkpoint, 'head').equals(bytesOf(checkpoint, 'embedding'))).toBe(false);
  });

  it.each([false, undefined])('are not tied by %s: a head that is missing is CORRUPT, with a hint', (tie) => {
    expectFailure('CORRUPT', /"tie_word_embeddings" is (false|missing), and there is no lm_head\.weight/, () =>
      open(tie, [EMBEDDING]),
    );
  });
});

it('keeps what is beside a model out of it', () => {
  const folder = emptyFolder();
  writeTinyModel(folder);
  cpSync(join(folder, 'model.safetensors'), join(folder, 'consolidated.safetensors'));
  writeFileSync(join(folder, 'model.onnx'), '');
  writeFileSync(join(folder, 'pytorch_model.bin'), '');
  expect(openCheckpoint(folder).kind).toBe('huggingface');
});
