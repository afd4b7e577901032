import { useState } from 'preact/hooks';

/** Asks for the key of the server. It is kept for this tab alone. */
export function KeyForm({ reason, onKey }: { reason: string; onKey: (key: string) => void }) {
  const [key, setKey] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    onKey(key);
  };
  return (
    <form class="key" onSubmit={submit}>
      <label for="key">This server asks for a key</label>
      <input
        id="key"
        type="password"
        autocomplete="off"
        value={key}
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <button type="submit" class="main" disabled={key === ''}>
        Enter
      </button>
      {reason !== '' && (
        <p class="failure" role="alert">
          {reason}
        </p>
      )}
      <p class="faint small">It is kept until this tab is closed.</p>
    </form>
  );
}
