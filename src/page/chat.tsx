import type { TargetedEvent, TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { answer, type Settings, type Turn } from './answers.js';
import { PicturePicker, type Shown } from './picture.js';
import { ServerFailure } from './server.js';
import { TurnView } from './turn.js';

interface ChatProps {
  model: string;
  /** Null while that is not known. */
  hasTemplate: boolean | null;
  onRefused: (failure: ServerFailure) => void;
}

/** A conversation with a model. Nothing of it is kept when the page is closed. */
export function Chat({ model, hasTemplate, onRefused }: ChatProps) {
  const turns = useRef<Turn[]>([]);
  const running = useRef<AbortController | null>(null);
  const [settings, setSettings] = useState<Settings>({ maxTokens: '', temperature: '' });
  const [, draw] = useState(0);
  const changed = () => draw((count) => count + 1);
  const stop = () => running.current?.abort();
  const begin = () => {
    stop();
    turns.current = [];
    changed();
  };
  const send = async (text: string, picture: Shown | null) => {
    const leaving = new AbortController();
    running.current = leaving;
    const asked = [...turns.current, newTurn('user', text, 'done', picture)];
    const last = asked.flatMap((one) => one.picture ?? []).at(-1) ?? null;
    const turn = newTurn('assistant', '', 'waiting', last);
    turns.current = [...asked, turn];
    changed();
    try {
      const chats = hasTemplate ?? true;
      await answer({ model, hasTemplate: chats, turns: asked, settings, signal: leaving.signal }, turn, changed);
      turn.state = 'done';
    } catch (error) {
      turn.state = leaving.signal.aborted ? 'stopped' : 'failed';
      if (!leaving.signal.aborted) turn.failure = error instanceof Error ? error.message : String(error);
      if (error instanceof ServerFailure && error.status === 401) onRefused(error);
    }
    if (running.current === leaving) running.current = null;
    changed();
  };
  useEffect(() => stop, []);
  return (
    <section class="chat" aria-label="Chat">
      <Turns turns={turns.current} />
      {hasTemplate === false && (
        <p class="faint small">This model has no chat template: it goes on with your text, and does not answer it.</p>
      )}
      <Composer
        busy={running.current !== null}
        pictures={hasTemplate !== false}
        {...{ send, stop, begin, settings, setSettings }}
      />
    </section>
  );
}

let turnCount = 0;

function newTurn(role: Turn['role'], text: string, state: Turn['state'], picture: Shown | null): Turn {
  turnCount += 1;
  const nothing = { reasoning: '', finish: null, failure: null, cost: null, usage: null };
  return { id: turnCount, role, text, state, picture, ...nothing };
}

function Turns({ turns }: { turns: readonly Turn[] }) {
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  // Who has scrolled up reads on there.
  useEffect(() => {
    const element = list.current!;
    if (follows.current) element.scrollTop = element.scrollHeight;
  });
  const scrolled = (event: TargetedEvent<HTMLDivElement>) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    follows.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <div class="turns" ref={list} onScroll={scrolled} role="log" aria-label="Conversation" tabIndex={0}>
      {turns.length === 0 && <p class="faint">Ask something, and watch what the flash does.</p>}
      {turns.map((turn) => (
        <TurnView key={turn.id} turn={turn} />
      ))}
    </div>
  );
}

interface ComposerProps {
  busy: boolean;
  /** Whether messages may have pictures: they are parts of a conversation. */
  pictures: boolean;
  send: (text: string, picture: Shown | null) => Promise<void>;
  stop: () => void;
  begin: () => void;
  settings: Settings;
  setSettings: (settings: Settings) => void;
}

function Composer({ busy, pictures, send, stop, begin, settings, setSettings }: ComposerProps) {
  const [text, setText] = useState('');
  const [picture, setPicture] = useState<Shown | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    if (busy || text.trim() === '') return;
    void send(text, picture);
    setText('');
    setPicture(null);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === 'Escape') stop();
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  };
  return (
    <form onSubmit={submit} class="composer">
      <label for="message" class="hidden">
        Your message
      </label>
      <textarea
        id="message"
        rows={3}
        value={text}
        placeholder="Your message. Enter sends it, Shift+Enter is a new line, Escape stops an answer."
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="buttons">
        {busy ? (
          <button type="button" class="main" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="submit" class="main" disabled={text.trim() === ''}>
            Send
          </button>
        )}
        <button type="button" onClick={begin}>
          New chat
        </button>
        <Sampling {...{ settings, setSettings }} />
        {pictures && <PicturePicker {...{ picture, setPicture }} />}
      </div>
    </form>
  );
}

function Sampling({ settings, setSettings }: Pick<ComposerProps, 'settings' | 'setSettings'>) {
  const { maxTokens, temperature } = settings;
  return (
    <details>
      <summary>Settings</summary>
      <label>
        Tokens at most{' '}
        <input
          type="number"
          min={1}
          value={maxTokens}
          placeholder="no limit"
          onInput={(event) => setSettings({ ...settings, maxTokens: event.currentTarget.value })}
        />
      </label>
      <label>
        Temperature{' '}
        <input
          type="number"
          min={0}
          max={2}
          step={0.1}
          value={temperature}
          placeholder="the model's"
          onInput={(event) => setSettings({ ...settings, temperature: event.currentTarget.value })}
        />
      </label>
    </details>
  );
}
