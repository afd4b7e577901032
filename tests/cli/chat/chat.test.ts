import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { GenerationResult } from '../../../src/contract/generation.js';
import type { ChatMessage } from '../../../src/text/chat-template.js';
import { flashrow, flashrowJson, start } from '../../support/flashrow.js';
import { TALES } from '../../support/shipped.js';
import { haveTerminal, Terminal, withoutTerminal } from '../../support/terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-chat-'));
const template = join(folder, 'story.jinja');
writeFileSync(
  template,
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }} {% else %}{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}",
);
afterAll(() => rmSync(folder, { recursive: true }));

const CHAT = ['chat', TALES, '--chat-template', template, '--context', '512', '--threads', '1'];
const SHORT = [...CHAT, '--max-tokens', '12'];

interface Talk {
  messages: ChatMessage[];
  turns: GenerationResult[];
}

describe('chat from a pipe', () => {
  test('answers line by line; stdout is the answers alone', async () => {
    const { exitCode, stdout, stderr } = await flashrow(SHORT, 'Once upon a time\n\nOne day\n');
    expect(exitCode, stderr).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).not.toContain('>');
  });

  test('keeps the conversation, reuses what was run, and forgets it on /clear', async () => {
    const { exitCode, json } = await flashrowJson<Talk>(SHORT, 'Once upon a time\nOne day\n/clear\nA dog\n');
    expect(exitCode).toBe(0);
    expect(json.turns.map(({ usage }) => usage.completion)).toEqual([12, 12, 12]);
    const [first, second] = json.turns;
    expect(second.usage.cached).toBe(first.usage.prompt + 11);
    expect(json.messages).toEqual([
      { role: 'user', content: 'A dog' },
      { role: 'assistant', content: json.turns[2].text },
    ]);
  });

  test('takes a system message, lines that go on, and blocks', async () => {
    const typed = 'one \\\ntwo\n"""\nthree\n\nfour\n"""\n';
    const { json } = await flashrowJson<Talk>([...SHORT, '--system', 'Be kind.'], typed);
    expect(json.messages.filter(({ role }) => role !== 'assistant')).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'one \ntwo' },
      { role: 'user', content: 'three\n\nfour' },
    ]);
  });

  test('says nothing of an answer that is not there, and takes no answers of no tokens', async () => {
    const { exitCode, stderr } = await flashrow(SHORT, '/retry\n/set max-tokens 0\n');
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('there is no message to answer yet');
    expect(stderr).not.toContain('gives the same answer');
    expect(stderr).toContain('/set max-tokens takes a whole number of at least 1');
    const { json } = await flashrowJson([...SHORT, '--max-tokens', '0']);
    expect(json.error).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining('--max-tokens takes') });
  });

  test('has statistics, help, and an end', async () => {
    const { exitCode, stdout, stderr } = await flashrow(
      SHORT,
      '/stats\nHello\n/stats\n/help\n/what\n/exit\nnever read\n',
    );
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain('nothing has been answered yet');
    expect(stderr).toMatch(/of 512 tokens of context in use\nran +exact/);
    expect(stderr).toMatch(/^\/clear +forget the conversation/m);
    expect(stderr).toContain('there is no /what');
  });

  test('fails as run does: without a template, and beyond the context', async () => {
    const bare = await flashrowJson(['chat', TALES], 'Hello\n');
    expect([bare.exitCode, bare.json.error.code]).toEqual([1, 'UNSUPPORTED']);
    expect(bare.json.error.message).toContain('--chat-template');
    const full = await flashrowJson([...SHORT, '--context', '4'], 'Once upon a time there was a dog\n');
    expect([full.exitCode, full.json.error.code]).toEqual([1, 'CONTEXT_OVERFLOW']);
    const missing = await flashrowJson(['chat', TALES, '--chat-template', join(folder, 'none')]);
    expect([missing.exitCode, missing.json.error.code]).toEqual([1, 'NOT_FOUND']);
  });

  test('run --chat puts one message into the template', async () => {
    const { json } = await flashrowJson<GenerationResult>([
      'run',
      TALES,
      '--chat',
      '--chat-template',
      template,
      '--prompt',
      'Once upon a time',
      '--max-tokens',
      '12',
    ]);
    const chat = await flashrowJson<Talk>(SHORT, 'Once upon a time\n');
    expect(json.tokens).toEqual(chat.json.turns[0].tokens);
  });

  test('an interrupt without a terminal ends the answer and the program, with exit code 130', async () => {
    const { child, outcome } = start([...CHAT, '--ignore-eos'], 'Once upon a time\nOne day\n');
    child.stdout?.once('data', () => child.kill('SIGINT'));
    const { exitCode, signal, stderr } = await outcome;
    expect([exitCode, signal]).toEqual([130, null]);
    expect(stderr.match(/generated: /g)).toHaveLength(1);
    expect(stderr).toContain('generated: interrupted');
  });

  test('an interrupt with --json prints what there is so far', async () => {
    const typed = `Once upon a time\n${'One day\n'.repeat(60)}`;
    const { child, outcome } = start([...CHAT, '--json', '--ignore-eos', '--max-tokens', '150'], typed);
    // The word about the limit is the end of the first answer.
    child.stderr?.once('data', () => child.kill('SIGINT'));
    const { exitCode, stdout } = await outcome;
    const { messages, turns }: Talk = JSON.parse(stdout);
    expect(exitCode).toBe(130);
    expect([turns[0].finishReason, turns.at(-1)!.finishReason]).toEqual(['length', 'abort']);
    expect(messages).toHaveLength(2 * turns.length);
  });

  test('a failure with --json carries the turns before it', async () => {
    const long = 'Once upon a time there was a little dog who lived in a big house. '.repeat(8);
    const args = [...SHORT, '--context', '64'];
    const { exitCode, json } = await flashrowJson(args, `Once upon a time\n${long}\nnever read\n`);
    expect([exitCode, json.error.code]).toEqual([1, 'CONTEXT_OVERFLOW']);
    const { messages, turns } = json.error.details as unknown as Talk;
    expect(turns.map(({ usage }) => usage.completion)).toEqual([12]);
    expect(messages).toEqual([
      { role: 'user', content: 'Once upon a time' },
      { role: 'assistant', content: turns[0].text },
    ]);
  });

  test('only a word after a slash, on a line by itself, is a command', async () => {
    const typed = '"""\n/* some code */\nint main() {}\n"""\n/usr/bin is a folder\n"""\n/clear\n"""\n // not one\n';
    const { json, stderr } = await flashrowJson<Talk>(SHORT, typed);
    expect(json.messages.filter(({ role }) => role === 'user').map(({ content }) => content)).toEqual([
      '/* some code */\nint main() {}',
      '/usr/bin is a folder',
      '/clear',
      ' // not one',
    ]);
    expect(stderr).not.toContain('there is no');
  });

  test('lets the oldest turns go where the context is full, says so, and keeps them in what is saved', async () => {
    const path = join(folder, 'long.json');
    const typed = `Once upon a time\nOne day\nA dog\nA cat\nThe end\n/save ${path}\n`;
    const args = [...SHORT, '--context', '64', '--system', 'Be kind.', '--ignore-eos'];
    const { exitCode, json, stderr } = await flashrowJson<Talk>(args, typed);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/the context is full, so the oldest (turn|2 turns) left it/);
    expect(json.turns.map(({ usage }) => usage.completion)).toEqual([12, 12, 12, 12, 12]);
    for (const { usage } of json.turns) expect(usage.prompt + 12).toBeLessThanOrEqual(64);
    expect(json.messages.filter(({ role }) => role === 'user')).toHaveLength(5);
    expect(JSON.parse(readFileSync(path, 'utf8')).messages).toEqual(json.messages);
  });

  test('goes on with an answer that was cut off as if it had not been', async () => {
    const whole = await flashrowJson<Talk>([...CHAT, '--max-tokens', '24'], 'Once upon a time\n');
    const { json } = await flashrowJson<Talk>(SHORT, 'Once upon a time\n/continue\n/continue x\n');
    expect(json.turns.flatMap(({ tokens }) => tokens)).toEqual(whole.json.turns[0].tokens);
    expect(json.messages).toEqual(whole.json.messages);
  });

  test('retries, changes the system message and options, and goes on with what was saved', async () => {
    const path = join(folder, 'talk.json');
    const typed = ['Once upon a time', '/set max-tokens 5', '/retry', '/system Be brief.', `/save ${path}`, '/clear'];
    const first = await flashrowJson<Talk>(SHORT, `${typed.join('\n')}\n`);
    expect(first.json.turns.map(({ usage }) => usage.completion)).toEqual([12, 5]);
    expect(first.json.turns[1].tokens).toEqual(first.json.turns[0].tokens.slice(0, 5));
    expect(first.json.messages).toEqual([{ role: 'system', content: 'Be brief.' }]);
    const second = await flashrowJson<Talk>(SHORT, `/load ${path}\n/retry\n`);
    expect(second.json.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant']);
  });

  test('a command that fails is told, and loses nothing', async () => {
    const absent = join(folder, 'absent.json');
    const typed = `Once upon a time\n/load ${absent}\n/load ${template}\n/save ${template}\n/set top-p 7\n/sav x\n/save\n`;
    const { exitCode, json, stderr } = await flashrowJson<Talk>(SHORT, typed);
    expect([exitCode, json.messages.length]).toEqual([0, 2]);
    expect(stderr).toContain(`${absent}: there is no such file`);
    expect(stderr).toContain(`${template} cannot be read: it is no saved conversation`);
    expect(stderr).toContain(`${template} exists, and is no saved conversation`);
    expect(stderr).toContain('--top-p takes');
    expect(stderr).toContain('did you mean /save?');
    expect(stderr).toContain('/save needs a file');
  });

  test('after /clear no context is in use', async () => {
    const { stderr } = await flashrow(SHORT, 'Hello\n/clear\n/stats\n');
    expect(stderr).toContain('\n0 of 512 tokens of context in use');
  });

  test('a template that is missing or refuses --system ends it before the first message', async () => {
    const bare = await flashrowJson(['chat', TALES]);
    expect([bare.exitCode, bare.json.error.code]).toEqual([1, 'UNSUPPORTED']);
    const strict = join(folder, 'strict.jinja');
    writeFileSync(
      strict,
      "{% if messages[0].role == 'system' %}{{ raise_exception('no system message') }}{% endif %}{{ messages[0].content }}",
    );
    const refused = await flashrowJson(['chat', TALES, '--chat-template', strict, '--system', 'Be kind.']);
    expect([refused.exitCode, refused.json.error.code]).toEqual([2, 'BAD_USAGE']);
    expect(refused.json.error.message).toContain('no system message');
    expect((await flashrow(['chat', TALES, '--chat-template', strict])).exitCode).toBe(0);
  });
});

/** Nothing but a story has a comma after a word: neither the echo nor the bar. */
const ANSWERING = /\n[\s\S]*[a-z], [a-z]/;

/**
 * Types Ctrl-C into an answer. One that ended by itself meanwhile, as on a loaded machine, is asked for again: Ctrl-C
 * then says how to leave.
 */
async function interruptAnswer(terminal: Terminal, message: string): Promise<void> {
  for (;;) {
    await terminal.see(ANSWERING);
    terminal.type('\x03');
    const seen = await terminal.see(/(generated: interrupted|Ctrl-C again leaves)[\s\S]*> /);
    if (seen.includes('interrupted')) return;
    terminal.type('/clear\r');
    await terminal.see(/forgotten[\s\S]*> /);
    terminal.type(`${message}\r`);
  }
}

describe.skipIf(!haveTerminal)(`chat on a terminal${withoutTerminal}`, () => {
  test('Ctrl-C stops the answer and not the program; history, /clear and /stats work; Ctrl-D leaves', async () => {
    const terminal = new Terminal([...CHAT, '--ignore-eos']);
    await terminal.see(/> /);
    terminal.type('Once upon a time\r');
    await interruptAnswer(terminal, 'Once upon a time');
    terminal.type('/stats\r');
    await terminal.see(/tokens of context in use[\s\S]*> /);
    terminal.type('/clear\r');
    await terminal.see(/forgotten[\s\S]*> /);
    // Up past /clear and /stats to the first message.
    terminal.type('\x1b[A\x1b[A\x1b[A');
    await terminal.see(/Once upon a time/);
    terminal.type('\r');
    await interruptAnswer(terminal, 'Once upon a time');
    terminal.type('half a line\x03');
    await terminal.see(/Ctrl-C again leaves[\s\S]*> /);
    terminal.type('\x04');
    expect(await terminal.exitCode).toBe(0);
    // Whatever prompt comes next has a line of its own.
    expect(terminal.shown).toMatch(/\n$/);
  });

  test('Ctrl-C drops all of a message that has been begun, and leaves only at an empty prompt', async () => {
    const terminal = new Terminal([...SHORT, '--json', '--ignore-eos']);
    await terminal.see(/> /);
    for (const begun of ['one\\\r', '"""\r']) {
      terminal.type(begun);
      await terminal.see(/\. /);
      terminal.type('two\x03');
      await terminal.see(/Ctrl-C again leaves[\s\S]*> /);
    }
    terminal.type('three\r');
    await terminal.see(/the limit was reached[\s\S]*> /);
    terminal.type('\x04');
    expect(await terminal.exitCode).toBe(0);
    const { messages }: Talk = JSON.parse(/\{.*\}/.exec(terminal.shown)![0]);
    expect(messages.map(({ content }) => content)).toEqual(['three', expect.any(String)]);
  });

  test('what is pasted at once is one message, and comes back as one by the arrow key', async () => {
    const terminal = new Terminal([...SHORT, '--json', '--ignore-eos']);
    await terminal.see(/\[\?2004h[\s\S]*> /);
    terminal.type('\x1b[200~one\rtwo\\\r\x1b[201~');
    await terminal.see(/two[\s\S]*\. /);
    terminal.type('\r');
    await terminal.see(/the limit was reached[\s\S]*> /);
    terminal.type('\x1b[200~/exit\r"""\rthree\x1b[201~ four\r');
    await terminal.see(/the limit was reached[\s\S]*> /);
    terminal.type('\x1b[A\x1b[A');
    await terminal.see(/one/);
    terminal.type('\r');
    await terminal.see(/the limit was reached[\s\S]*> /);
    terminal.type('\x04');
    expect(await terminal.exitCode).toBe(0);
    expect(terminal.shown).toMatch(/\[\?2004l[\s\S]*\{"messages"/);
    const { messages }: Talk = JSON.parse(/\{"messages".*\}/.exec(terminal.shown)![0]);
    expect(messages.filter(({ role }) => role === 'user').map(({ content }) => content)).toEqual([
      'one\ntwo\\',
      '/exit\n"""\nthree four',
      'one\ntwo\\',
    ]);
  });

  test('says at first what it runs, and after each answer how fast', async () => {
    const terminal = new Terminal([...SHORT, '--memory', '20MB', '--temperature', '0.5']);
    await terminal.see(
      /tales: 512 tokens of context, 20\.0 MB of memory\r\nAnswers: temperature 0\.5, max-tokens 12\r\n/,
    );
    await terminal.see(/leaves[\s\S]*> /);
    terminal.type('Once upon a time\r');
    await terminal.see(/12 generated: the limit was reached, [\d.]+ tokens\/s; \/continue goes on/);
    terminal.type('/exit\r');
    expect(await terminal.exitCode).toBe(0);
  });

  test('SIGTERM leaves the terminal as it was', async () => {
    const terminal = new Terminal([...CHAT, '--ignore-eos']);
    await terminal.see(/> /);
    terminal.type('Once upon a time\r');
    await terminal.see(ANSWERING);
    terminal.terminate();
    expect(await terminal.exitCode).toBe(143);
    expect(terminal.shown.lastIndexOf('\x1b[?2004l')).toBeGreaterThan(terminal.shown.lastIndexOf('\x1b[?2004h'));
  });

  test('TERM=dumb gets no escapes', async () => {
    const terminal = new Terminal(SHORT, { TERM: 'dumb' });
    await terminal.see(/> /);
    terminal.type('Once upon a time\r');
    await terminal.see(/the limit was reached/);
    terminal.type('/exit\r');
    expect(await terminal.exitCode).toBe(0);
    expect(terminal.shown).not.toContain('\x1b');
  });

  test('a message beyond the context is said, and the conversation goes on; Ctrl-C twice leaves', async () => {
    const terminal = new Terminal([...CHAT, '--context', '16', '--max-tokens', '3']);
    await terminal.see(/> /);
    terminal.type('Once upon a time there was a little dog who lived in a big house with a red door and a garden\r');
    await terminal.see(/this message alone makes \d+ tokens, which do not fit the context of 16[\s\S]*> /);
    terminal.type('A dog\r');
    await terminal.see(/the limit was reached[\s\S]*> /);
    terminal.type('\x03');
    await terminal.see(/Ctrl-C again leaves[\s\S]*> /);
    terminal.type('\x03');
    expect(await terminal.exitCode).toBe(0);
  });
});
