import { getProxyForUrl } from 'proxy-from-env';
import { FlashrowError, shown } from '../errors.js';

const VARIABLES = ['https_proxy', 'http_proxy', 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);

/**
 * The proxy that the environment names for a URL: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in small letters
 * too, as curl reads them. What is fetched by https goes by HTTP_PROXY where no other one is named. Null without a
 * proxy. Throws BAD_USAGE for what is no URL, UNSUPPORTED for a proxy other than http and https.
 */
export function proxyFor(url: string): URL | null {
  const { protocol, hostname, port } = new URL(url);
  const overHttp = protocol === 'https:' ? getProxyForUrl(`http://${hostname}:${port || 443}`) : '';
  const text = withScheme(getProxyForUrl(url) || overHttp);
  if (text === '') return null;
  if (!URL.canParse(text))
    throw new FlashrowError('BAD_USAGE', `the environment names a proxy that is no URL: ${shown(withoutSecret(text))}`);
  const proxy = new URL(text);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')
    throw new FlashrowError(
      'UNSUPPORTED',
      `the proxy that the environment names is ${toldProxy(proxy)}; proxies by http and https are supported`,
    );
  return proxy;
}

/** A proxy without a scheme is one by http, whatever it is asked for. */
function withScheme(proxy: string): string {
  const bare = proxy.replace(/^\w+:\/\//, '');
  return VARIABLES.some((name) => process.env[name] === bare) ? `http://${bare}` : proxy;
}

/** As messages may tell of it: without the user and the password. */
export const toldProxy = ({ protocol, host }: URL): string => `${protocol}//${host}`;

const withoutSecret = (text: string) => text.replace(/[^/]*@/, '');

/**
 * `fetch` by the proxies that the environment names. Each origin has its own, also where a server redirects to another
 * one. Without a proxy it is Node's own.
 */
export async function fetchByProxy(url: string, init: RequestInit): Promise<Response> {
  if (!VARIABLES.some((name) => process.env[name])) return fetch(url, init);
  // Refused here, where the caller sees it.
  proxyFor(url);
  const undici = await load();
  dispatcher ??= proxying(undici);
  const options = { ...init, dispatcher } as Parameters<typeof undici.fetch>[1];
  return (await undici.fetch(url, options)) as unknown as Response;
}

const load = () => import('undici');
type Undici = Awaited<ReturnType<typeof load>>;
let dispatcher: InstanceType<Undici['Dispatcher']> | undefined;

function proxying({ Agent, Dispatcher, ProxyAgent }: Undici) {
  const direct = new Agent();
  const agents = new Map<string, InstanceType<Undici['Dispatcher']>>();
  return new (class extends Dispatcher {
    override dispatch(...[options, handler]: Parameters<InstanceType<Undici['Dispatcher']>['dispatch']>): boolean {
      const proxy = proxyFor(String(options.origin));
      if (proxy === null) return direct.dispatch(options, handler);
      let agent = agents.get(proxy.href);
      if (agent === undefined) {
        agent = new ProxyAgent({ uri: proxy.href, proxyTunnel: false });
        agents.set(proxy.href, agent);
      }
      return agent.dispatch(options, handler);
    }
  })();
}
