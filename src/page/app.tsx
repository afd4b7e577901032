import { useEffect, useState } from 'preact/hooks';
import { Chat } from './chat.js';
import { FlashPanel } from './flash-panel.js';
import { KeyForm } from './key-form.js';
import { apiKey, ask, ServerFailure } from './server.js';
import { useActivity } from './use-activity.js';

/** What the server says about a model before it is loaded. */
interface Props {
  chat_template: string;
}

export function App() {
  const [key, setKey] = useState(apiKey.get());
  const [models, setModels] = useState<string[]>([]);
  const [model, setModel] = useState<string | null>(null);
  const [hasTemplate, setHasTemplate] = useState<boolean | null>(null);
  /** Why a key is asked for; null where none is. */
  const [refusal, setRefusal] = useState<string | null>(null);
  const [failure, setFailure] = useState('');
  const refused = ({ status, message }: ServerFailure) => {
    if (status === 401) setRefusal(apiKey.get() === '' ? '' : message);
    else setFailure(message);
  };
  const failed = (error: unknown) => {
    if (error instanceof ServerFailure) refused(error);
    else setFailure(String(error));
  };
  useEffect(() => {
    namesOfModels().then((names) => {
      setModels(names);
      setModel((chosen) => chosen ?? names[0] ?? null);
    }, failed);
  }, [key]);
  useEffect(() => {
    if (model === null) return;
    setHasTemplate(null);
    setFailure('');
    propsOf(model).then(({ chat_template }) => setHasTemplate(chat_template !== ''), failed);
  }, [model, key]);
  const activity = useActivity(model, key, refused);
  const enter = (given: string) => {
    apiKey.set(given);
    setRefusal(null);
    setFailure('');
    setKey(given);
  };
  return (
    <>
      <header>
        <h1>flashrow</h1>
        {models.length > 1 ? (
          <label>
            Model{' '}
            <select value={model ?? ''} onChange={(event) => setModel(event.currentTarget.value)}>
              {models.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        ) : (
          <span>{model}</span>
        )}
      </header>
      {refusal !== null && <KeyForm reason={refusal} onKey={enter} />}
      {failure !== '' && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      {model !== null && (
        <main>
          <Chat key={model} {...{ model, hasTemplate }} onRefused={refused} />
          <aside aria-label="The flash at work">
            <FlashPanel {...{ model, activity }} />
          </aside>
        </main>
      )}
    </>
  );
}

async function namesOfModels(): Promise<string[]> {
  const { data } = (await (await ask('/v1/models')).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

const propsOf = async (model: string): Promise<Props> =>
  (await ask(`/props?model=${encodeURIComponent(model)}`)).json() as Promise<Props>;
