import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the fixture does wrong. */
export interface Faults {
  /** Requests for files that are answered well before anything goes wrong. */
  spared?: number;
  /** Sends so many bytes of an answer, then cuts the connection; so many times. */
  cut?: { after: number; times: number };
  /** Sends so many bytes, then nothing more; so many times. */
  stall?: { after: number; times: number };
  /** Sends whole files, whatever is asked for. */
  ignoresRanges?: boolean;
  /** Answers with this status, listings too where it says so; so many times. */
  status?: { code: number; times: number; headers?: Record<string, string>; listings?: boolean };
  /** Accepts connections, and never answers. */
  silent?: boolean;
  /** Where a listing says that it goes on. */
  nextPage?: string;
  /** Where files are, as the hub keeps them elsewhere; its address. */
  storage?: string;
  /** Digests in the listing are of something else. */
  liesAboutDigests?: boolean;
  /** Sizes in the listing are off by this. */
  liesAboutSizes?: number;
}

/** Speaks as much of the Hugging Face hub's API as is asked of it, over HTTP on this machine. */
export class Hub {
  faults: Faults = {};
  /** Of files, not of listings. */
  bytesSent = 0;
  /** One line per request. */
  readonly log: string[] = [];
  /** Of each request. */
  readonly tokens: (string | undefined)[] = [];
  private readonly server: Server;

  /** By the name of a repository, and `@revision` where that is not main. */
  constructor(private readonly repositories: Record<string, Record<string, Buffer>>) {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(request.url!.split('?')[0]);
    this.log.push(`${request.method} ${path} ${request.headers.range ?? ''}`.trim());
    this.tokens.push(request.headers.authorization);
    if (this.faults.silent) return;
    const [, listed, revision] = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/([^/]+)$/.exec(path) ?? [];
    if (listed) {
      if (!this.faults.status?.listings || !this.fails(response)) this.list(listed, revision, request, response);
      return;
    }
    const [, repo, ofRevision, name] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const file = this.revision(repo, ofRevision)?.[name];
    if (!file) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
      return;
    }
    if (this.faults.storage) {
      response.writeHead(302, { location: `${this.faults.storage}${request.url}` }).end();
      return;
    }
    this.send(file, request, response);
  }

  private revision(repo: string, revision: string): Record<string, Buffer> | undefined {
    return this.repositories[revision === 'main' ? repo : `${repo}@${revision}`];
  }

  private fails(response: ServerResponse): boolean {
    const { status } = this.faults;
    if (!status || status.times-- <= 0) return false;
    response.writeHead(status.code, status.headers).end();
    return true;
  }

  /** The hub's own way: strangers are told of repositories that do not exist what they are told of hidden ones. */
  private list(repo: string, revision: string, request: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number, code: string | null) =>
      response.writeHead(status, code === null ? {} : { 'x-error-code': code }).end('{"error":"no"}');
    const { authorization } = request.headers;
    if (!this.repositories[repo]) {
      refuse(authorization ? 404 : 401, authorization ? 'RepoNotFound' : null);
      return;
    }
    const files = this.revision(repo, revision);
    if (!files) {
      refuse(404, 'RevisionNotFound');
      return;
    }
    if (repo.startsWith('closed/') && authorization !== 'Bearer hf_good') {
      refuse(authorization ? 403 : 401, 'GatedRepo');
      return;
    }
    const { liesAboutDigests, liesAboutSizes = 0 } = this.faults;
    const hash = (algorithm: string, ...parts: (string | Buffer)[]) => {
      const sum = createHash(algorithm);
      for (const part of liesAboutDigests ? ['lie'] : parts) sum.update(part);
      return sum.digest('hex');
    };
    const entries = Object.entries(files).map(([path, bytes]) => {
      const size = bytes.length + liesAboutSizes;
      const oid = hash('sha1', `blob ${bytes.length}\0`, bytes);
      const large = /\.(gguf|safetensors)$/.test(path);
      return {
        type: 'file',
        path,
        size,
        oid,
        ...(large && { lfs: { oid: hash('sha256', bytes), size, pointerSize: 134 } }),
      };
    });
    const { nextPage } = this.faults;
    const headers = { 'content-type': 'application/json', ...(nextPage && { link: `<${nextPage}>; rel="next"` }) };
    response.writeHead(200, headers).end(JSON.stringify(entries));
  }

  private send(file: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const { cut, stall, ignoresRanges } = this.faults;
    if (this.fails(response)) return;
    const [, from, to] = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '') ?? [];
    const ranged = from !== undefined && !ignoresRanges;
    const start = ranged ? Number(from) : 0;
    const end = ranged && to !== undefined ? Math.min(Number(to) + 1, file.length) : file.length;
    const body = file.subarray(start, end);
    response.writeHead(ranged ? 206 : 200, {
      'content-length': body.length,
      etag: '"x"',
      ...(ranged && { 'content-range': `bytes ${start}-${end - 1}/${file.length}` }),
    });
    const spared = (this.faults.spared ?? 0) > 0;
    if (spared) this.faults.spared!--;
    const fault = spared ? null : cut && cut.times > 0 ? cut : stall && stall.times > 0 ? stall : null;
    if (fault && fault.after < body.length) {
      fault.times--;
      this.bytesSent += fault.after;
      response.write(body.subarray(0, fault.after), () => {
        if (fault === cut) setTimeout(() => response.destroy(), 20);
      });
      return;
    }
    this.bytesSent += body.length;
    response.end(body);
  }
}
