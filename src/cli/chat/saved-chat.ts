import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from '../../disk/replace-file.js';
import { FlashrowError, shown } from '../../errors.js';
import { type ContentPart, regionFault } from '../../text/chat-message.js';
import type { ChatMessage } from '../../text/chat-template.js';

const FORMAT = 'flashrow-chat';
const VERSION = 1;
const FIELDS = ['format', 'version', 'model', 'messages'];
const MESSAGE_FIELDS = ['role', 'content'];

/**
 * A conversation as `/save` writes it, in JSON: {format: "flashrow-chat", version: 1, model, messages: [{role,
 * content}, ...]}. `model` is what the program was given, for the eye.
 */
export interface SavedChat {
  model: string;
  messages: ChatMessage[];
}

/** A path as it is typed, or dropped on a terminal: quotes around it are none of its own, `~/` is the home folder. */
export function typedPath(text: string): string {
  const path = /^(["'])(.+)\1$/.exec(text)?.[2] ?? text;
  return /^~[/\\]/.test(path) ? join(homedir(), path.slice(2)) : path;
}

/**
 * Writes a conversation: the file is there whole, or as it was. Throws BAD_USAGE where it holds something else than a
 * saved conversation, and NOT_WRITABLE.
 */
export function saveChat(path: string, { model, messages }: SavedChat): void {
  refuseOther(path);
  const text = `${JSON.stringify({ format: FORMAT, version: VERSION, model, messages }, null, 2)}\n`;
  try {
    replaceFile(path, (file) => writeFileSync(file, text), 'wx');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new FlashrowError(
      'NOT_WRITABLE',
      `cannot write ${path}: ${message}`,
      { path, errno: code },
      { cause: error },
    );
  }
}

/** Throws BAD_USAGE where there is a file of another kind: a typing mistake would else destroy it. */
function refuseOther(path: string): void {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // It is not there, or the write below says why it cannot be.
    return;
  }
  if (fieldsOf(parsed(text))?.format === FORMAT) return;
  throw new FlashrowError('BAD_USAGE', `${path} exists, and is no saved conversation; choose another name`, { path });
}

/**
 * Reads a conversation that `saveChat` wrote. Throws NOT_FOUND, IO, CORRUPT where the file is no saved conversation,
 * and UNSUPPORTED where it holds what this version does not know; each names the field.
 */
export function loadChat(path: string): SavedChat {
  const fields = fieldsOf(parsed(readWhole(path)));
  if (fields?.format !== FORMAT) throw damaged(path, 'it is no saved conversation');
  if (fields.version !== VERSION)
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} is of version ${shown(fields.version)}, and this flashrow reads version ${VERSION}; update flashrow`,
      { path, version: fields.version, supported: VERSION },
    );
  refuseUnknown(path, '', fields, FIELDS);
  const { model, messages } = fields;
  if (typeof model !== 'string') throw damaged(path, `model is ${shown(model)}, not a text`);
  if (!Array.isArray(messages)) throw damaged(path, `messages is ${shown(messages)}, not a list`);
  return { model, messages: messages.map((message, at) => checkMessage(path, message, `messages[${at}]`)) };
}

function checkMessage(path: string, message: unknown, where: string): ChatMessage {
  const fields = fieldsOf(message);
  if (fields === null) throw damaged(path, `${where} is ${shown(message)}, not a message`);
  refuseUnknown(path, `${where}.`, fields, MESSAGE_FIELDS);
  const { role, content } = fields;
  if (typeof role !== 'string') throw damaged(path, `${where}.role is ${shown(role)}, not a text`);
  if (typeof content !== 'string' && !isContentWithPictures(content))
    throw damaged(path, `${where}.content is ${shown(content)}, not a text or a list of texts and pictures`);
  return { role, content };
}

/** Pictures and masks are saved by their paths. */
const isContentWithPictures = (content: unknown): content is ContentPart[] =>
  Array.isArray(content) &&
  content.every((part) => {
    const { type, text, image, mask } = fieldsOf(part) ?? {};
    if (type === 'region') return regionFault(part) === null && (mask === undefined || typeof mask === 'string');
    return (type === 'text' && typeof text === 'string') || (type === 'image' && typeof image === 'string');
  });

function refuseUnknown(path: string, where: string, fields: object, known: readonly string[]): void {
  const stranger = Object.keys(fields).find((name) => !known.includes(name));
  if (stranger === undefined) return;
  const message = `${path} has ${where}${stranger}, which this chat cannot keep`;
  throw new FlashrowError('UNSUPPORTED', message, { path, key: where + stranger });
}

function readWhole(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new FlashrowError('NOT_FOUND', `${path}: there is no such file`, { path });
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw damaged(path, 'it is not UTF-8');
    throw new FlashrowError('IO', `cannot read ${path}: ${message}`, { path, errno: code }, { cause: error });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;

const damaged = (path: string, reason: string) =>
  new FlashrowError('CORRUPT', `${path} cannot be read: ${reason}`, { path });
