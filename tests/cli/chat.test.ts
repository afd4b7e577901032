import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { GenerationResult } from '../../src/contract/api.js';
import type { ChatMessage } from '../../src/text/chat-template.js';
import { flashrow, flashrowJson, start } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

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

describe('chat from a pipe', { timeout: 60_000 }, () => {
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

  test('has statistics, help, and an end', async () => {
    const { exitCode, stdout, stderr } = await flashrow(
      SHORT,
      '/stats\nHello\n/stats\n/help\n/what\n/exit\nnever read\n',
    );
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain('nothing has been answered yet');
    expect(stderr).toMatch(/of 512 tokens of context in use\nran +exact/);
    expect(stderr).toContain('/clear  forget the conversation');
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
    const typed = 'Once upon a time\nOne day\nA dog\n';
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

const noPseudoTerminal = (() => {
  try {
    // util-linux's, not that of macOS.
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
})();

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const quoted = (argument: string) => `'${argument.replaceAll("'", "'\\''")}'`;

/** The command line on a terminal of its own: what is typed, and what has been shown. */
class Terminal {
  shown = '';
  private readonly child: ChildProcess;
  private seen = 0;
  readonly exitCode: Promise<number | null>;

  constructor(args: readonly string[]) {
    const command = [process.execPath, main, ...args].map(quoted).join(' ');
    this.child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null']);
    this.child.stdout!.setEncoding('utf8').on('data', (text) => {
      this.shown += text;
    });
    this.exitCode = new Promise((resolve) => this.child.on('close', resolve));
  }

  type(keys: string): void {
    this.seen = this.shown.length;
    this.child.stdin!.write(keys);
  }

  /** Waits until what came since the last keys matches. */
  async see(pattern: RegExp): Promise<void> {
    await expect.poll(() => this.shown.slice(this.seen), { timeout: 20_000, interval: 20 }).toMatch(pattern);
  }
}

/** Nothing but a story has a comma after a word: neither the echo nor the bar. */
const ANSWERING = /\n[\s\S]*[a-z], [a-z]/;

describe.skipIf(noPseudoTerminal)(
  'chat on a terminal (skipped without the script command)',
  { timeout: 90_000 },
  () => {
    test('Ctrl-C stops the answer and not the program; history, /clear and /stats work; Ctrl-D leaves', async () => {
      const terminal = new Terminal([...CHAT, '--ignore-eos']);
      await terminal.see(/> /);
      terminal.type('Once upon a time\r');
      await terminal.see(ANSWERING);
      terminal.type('\x03');
      await terminal.see(/generated: interrupted[\s\S]*> /);
      terminal.type('/stats\r');
      await terminal.see(/tokens of context in use[\s\S]*> /);
      terminal.type('/clear\r');
      await terminal.see(/forgotten[\s\S]*> /);
      // Up past /clear and /stats to the first message.
      terminal.type('\x1b[A\x1b[A\x1b[A');
      await terminal.see(/Once upon a time/);
      terminal.type('\r');
      await terminal.see(ANSWERING);
      terminal.type('\x03');
      await terminal.see(/generated: interrupted[\s\S]*> /);
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

    test('a message beyond the context is said, and the conversation goes on; Ctrl-C twice leaves', async () => {
      const terminal = new Terminal([...CHAT, '--context', '16', '--max-tokens', '3']);
      await terminal.see(/> /);
      terminal.type('Once upon a time there was a little dog who lived in a big house with a red door and a garden\r');
      await terminal.see(/do not fit the context[\s\S]*\/clear begins a new conversation[\s\S]*> /);
      terminal.type('A dog\r');
      await terminal.see(/the limit was reached[\s\S]*> /);
      terminal.type('\x03');
      await terminal.see(/Ctrl-C again leaves[\s\S]*> /);
      terminal.type('\x03');
      expect(await terminal.exitCode).toBe(0);
    });
  },
);
